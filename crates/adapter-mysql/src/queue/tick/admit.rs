//! Admission: the head of the line becomes active, as many as state and policy allow, in order.
//!
//! The next in line are read from an index, after the last that admission has passed. A move is an
//! update of rows that stay where they are, so at no instant is an admitted user in neither set. Places
//! past their end are passed over and left to expiry: what was passed stays past its end.

use diesel::{
    QueryResult, QueryableByName,
    mysql::Mysql,
    sql_query,
    sql_types::{BigInt, Binary, Nullable, Text, TinyInt},
};
use diesel_async::RunQueryDsl;
use frontrow_domain::{
    model::{ConcertId, queue::Arrival},
    ports::{Stamped, TickOutcome},
};
use jiff::Timestamp;
use serde_json::Value;

use super::{
    Order,
    begin::{self, Tick},
    expired,
};
use crate::{
    calls::Turn,
    errors,
    queue::rows::{
        places::{Phase, users_list},
        queue_row::{self, key},
        units::count,
    },
    session::Session,
    statement::Fixed,
};

/// How many places of the line one tick reads at most: it holds the queue's lock for some tens of
/// milliseconds then.
const READ_MAX: usize = 2_000;

const NEXT: &str = "
    SELECT p.user_id, p.arrival, p.seq, p.since_us
    FROM queue_places p FORCE INDEX (queue_places_line)
    WHERE p.concert_id = ? AND p.phase = ? AND p.arrival > ? ORDER BY p.arrival LIMIT ?";

const ADMIT_RANGE: &str = "
    UPDATE queue_places FORCE INDEX (queue_places_line)
    SET phase = 2, since_us = ?, admitted_at_us = ?
    WHERE concert_id = ? AND phase = 1 AND arrival > ? AND arrival <= ? AND since_us > ?";

/// Users who re-entered may share an arrival with a user who is not admitted yet.
const ADMIT_REENTERED: &str = concat!(
    "UPDATE ",
    users_list!(),
    " STRAIGHT_JOIN queue_places p ON p.concert_id = ? AND p.user_id = j.user_id
     SET p.phase = 2, p.since_us = ?, p.admitted_at_us = ?
     WHERE p.phase = 0"
);

/// A place in the line.
#[derive(Debug, Clone, PartialEq, Eq, QueryableByName)]
#[diesel(check_for_backend(Mysql))]
struct Next {
    #[diesel(sql_type = Text)]
    user_id: String,
    #[diesel(sql_type = BigInt)]
    arrival: i64,
    #[diesel(sql_type = Nullable<BigInt>)]
    seq: Option<i64>,
    #[diesel(sql_type = BigInt)]
    since_us: i64,
}

/// Admits at most `order.limit` users.
pub(in crate::queue) async fn admit(
    session: &mut Session,
    order: Order,
) -> QueryResult<Turn<Stamped<TickOutcome>>> {
    // Most ticks of a quiet queue have nothing to do and need no lock.
    let concert = order.concert;
    let Some((now, queue)) = queue_row::read(session, concert).await? else {
        return Ok(Turn::Done(begin::not_seeded(session).await?));
    };
    if !queue.is_busy() {
        let report = begin::report(&queue, 0, false, now);
        return Ok(Turn::Done(begin::stamped(report, now)));
    }
    let Some(mut tick) = begin::begin(session, concert).await? else {
        return Ok(Turn::Refused(begin::not_seeded(session).await?));
    };
    if tick.queue.waiting == 0 || !tick.queue.terms.state(tick.now).admits() {
        pass_expired_head(session, &mut tick).await?;
        return tick.end(session, 0, false).await;
    }
    let wanted = count(tick.queue.waiting).min(order.limit.into());
    expired::make_room(session, concert, &mut tick.queue, wanted, tick.now).await?;
    let limit = order.limit.min(room_at_best(&tick));
    let mut line = Line::read(session, &tick, limit).await?;
    if line.live.is_empty() {
        // Nobody waits, or everybody who does is behind more places past their end than one tick reads.
        line.pass(&mut tick, &[]);
        let more = line.goes_on && limit > 0;
        return tick.end(session, 0, more).await;
    }
    // A window starts with the first attempt to admit a user.
    let (state, active) = (tick.queue.terms.state(tick.now), tick.queue.active);
    let active = u64::try_from(active).unwrap_or_default();
    let queue = &mut tick.queue;
    let room = queue
        .admission
        .room(state, queue.terms.policy(), active, tick.now);
    let admitted = line.take(limit, room);
    let moved = u32::try_from(admitted.len()).unwrap_or(u32::MAX);
    line.pass(&mut tick, &admitted);
    admit_joined(session, &tick, &line, &admitted).await?;
    admit_reentered(session, &tick, &admitted).await?;
    record(&mut tick, &admitted);
    let more = u64::from(moved) < room && (line.goes_on || !line.live.is_empty());
    tick.end(session, moved, more).await
}

/// How many users may be admitted, as far as that can be said before it is known whether any user waits.
fn room_at_best(tick: &Tick) -> u32 {
    let queue = &tick.queue;
    let (state, active) = (queue.terms.state(tick.now), queue.active);
    // Asked of a copy: only an attempt to admit a user starts a window.
    let mut admission = queue.admission;
    let active = u64::try_from(active).unwrap_or_default();
    let room = admission.room(state, queue.policy(), active, tick.now);
    u32::try_from(room).unwrap_or(u32::MAX)
}

/// Moves on past places that are past their end at the head of the line, so that positions count from
/// the first user who still waits.
async fn pass_expired_head(session: &mut Session, tick: &mut Tick) -> QueryResult<()> {
    if tick.queue.waiting > tick.queue.reentered {
        let line = Line::read(session, tick, 0).await?;
        line.pass(tick, &[]);
    }
    Ok(())
}

/// The head of the line, as one tick reads it.
struct Line {
    /// Places that are not past their end, in order. One more than are wanted, if there is one.
    live: Vec<Next>,
    /// The last numbered place that was read.
    last: Option<Next>,
    /// True where there may be more.
    goes_on: bool,
    passed_before: i64,
    cutoff: i64,
}

impl Line {
    async fn read(session: &mut Session, tick: &Tick, limit: u32) -> QueryResult<Self> {
        let cutoff = tick.queue.cutoffs(tick.now).waiting;
        let mut line = Self {
            live: Vec::new(),
            last: None,
            goes_on: false,
            passed_before: tick.queue.passed_arrival,
            cutoff: cutoff.map_or(i64::MIN, Timestamp::as_microsecond),
        };
        let wanted = usize::try_from(limit).unwrap_or(READ_MAX).min(READ_MAX) + 1;
        let (mut read, mut after) = (0, tick.queue.passed_arrival);
        let mut chunk = wanted;
        while line.live.len() < wanted && read < READ_MAX {
            let next = stretch(session, tick.concert, Phase::Waiting, after, chunk).await?;
            line.goes_on = next.len() == chunk;
            read += next.len();
            line.last = next.last().cloned().or(line.last);
            after = line.last.as_ref().map_or(after, |last| last.arrival);
            let live = next
                .into_iter()
                .filter(|place| place.since_us > line.cutoff);
            line.live.extend(live);
            if !line.goes_on {
                break;
            }
            chunk = READ_MAX;
        }
        if tick.queue.reentered > 0 {
            let reentered =
                stretch(session, tick.concert, Phase::Reentered, i64::MIN, READ_MAX).await?;
            // A place beyond the last one that was read might overtake one that was not.
            let unread = |last: Option<&Next>, goes_on| {
                last.filter(|_| goes_on)
                    .map_or(i64::MAX, |place| place.arrival)
            };
            let horizon = unread(line.last.as_ref(), line.goes_on)
                .min(unread(reentered.last(), reentered.len() == READ_MAX));
            let live = reentered
                .into_iter()
                .filter(|place| place.since_us > line.cutoff);
            line.live.extend(live);
            line.live.retain(|place| place.arrival <= horizon);
            line.live.sort_by(|one, other| {
                (one.arrival, &one.user_id).cmp(&(other.arrival, &other.user_id))
            });
        }
        Ok(line)
    }

    /// Takes as many from the head as limit and room allow.
    fn take(&mut self, limit: u32, room: u64) -> Vec<Next> {
        let most = u64::from(limit).min(room);
        let most = usize::try_from(most).unwrap_or(READ_MAX).min(READ_MAX);
        let rest = self.live.split_off(most.min(self.live.len()));
        std::mem::replace(&mut self.live, rest)
    }

    /// Moves the queue on, up to the first numbered place that still waits.
    fn pass(&self, tick: &mut Tick, admitted: &[Next]) {
        let queue = &mut tick.queue;
        let next = self.live.iter().find(|place| place.seq.is_some());
        let (seq, arrival) = match (next, &self.last) {
            (Some(next), _) => (next.seq.map(|seq| seq - 1), Some(next.arrival - 1)),
            (None, Some(last)) => (last.seq, Some(last.arrival)),
            (None, None) => (None, None),
        };
        let mut numbered = admitted.iter().filter(|place| place.seq.is_some());
        let taken = numbered.next_back();
        queue.passed_seq = queue
            .passed_seq
            .max(seq.unwrap_or_default())
            .max(taken.and_then(|place| place.seq).unwrap_or_default());
        queue.passed_arrival = queue
            .passed_arrival
            .max(arrival.unwrap_or(i64::MIN))
            .max(taken.map_or(i64::MIN, |place| place.arrival));
    }
}

async fn stretch(
    session: &mut Session,
    concert: ConcertId,
    phase: Phase,
    after: i64,
    most: usize,
) -> QueryResult<Vec<Next>> {
    let statement = sql_query(NEXT)
        .bind::<Binary, _>(key(&concert))
        .bind::<TinyInt, _>(phase as i8)
        .bind::<BigInt, _>(after)
        .bind::<BigInt, _>(i64::try_from(most).unwrap_or(i64::MAX));
    Fixed(statement).load(session.connection()).await
}

/// Admits the numbered places of these, which are all in their range that are not past their end.
async fn admit_joined(
    session: &mut Session,
    tick: &Tick,
    line: &Line,
    admitted: &[Next],
) -> QueryResult<()> {
    let joined: Vec<_> = admitted
        .iter()
        .filter(|place| place.seq.is_some())
        .collect();
    let Some(last) = joined.last() else {
        return Ok(());
    };
    let now = tick.now.as_microsecond();
    let statement = sql_query(ADMIT_RANGE)
        .bind::<BigInt, _>(now)
        .bind::<BigInt, _>(now)
        .bind::<Binary, _>(key(&tick.concert))
        .bind::<BigInt, _>(line.passed_before)
        .bind::<BigInt, _>(last.arrival)
        .bind::<BigInt, _>(line.cutoff);
    let moved = Fixed(statement).execute(session.connection()).await?;
    whole(moved, joined.len())
}

/// Admits the places of these that re-entered.
async fn admit_reentered(session: &mut Session, tick: &Tick, admitted: &[Next]) -> QueryResult<()> {
    let users: Vec<_> = admitted
        .iter()
        .filter(|place| place.seq.is_none())
        .map(|place| place.user_id.as_str())
        .collect();
    if users.is_empty() {
        return Ok(());
    }
    let (now, count) = (tick.now.as_microsecond(), users.len());
    let statement = sql_query(ADMIT_REENTERED)
        .bind::<Text, _>(Value::from(users).to_string())
        .bind::<Binary, _>(key(&tick.concert))
        .bind::<BigInt, _>(now)
        .bind::<BigInt, _>(now);
    let moved = Fixed(statement).execute(session.connection()).await?;
    whole(moved, count)
}

/// Counts these admissions.
fn record(tick: &mut Tick, admitted: &[Next]) {
    let queue = &mut tick.queue;
    let moved = i64::try_from(admitted.len()).unwrap_or(i64::MAX);
    let reentered = admitted.iter().filter(|place| place.seq.is_none()).count();
    queue.waiting -= moved;
    queue.reentered -= i64::try_from(reentered).unwrap_or(i64::MAX);
    queue.active += moved;
    queue.departed += moved;
    queue.admitted += moved;
    let last = admitted
        .last()
        .map(|place| Arrival::from_micros(place.arrival));
    queue.admitted_up_to = queue.admitted_up_to.max(last);
    let state = queue.terms.state(tick.now);
    let moved = u32::try_from(admitted.len()).unwrap_or(u32::MAX);
    queue.admission.record(state, queue.terms.policy(), moved);
}

/// Nothing changes the line without the queue's lock. Were it not so, the tick would be undone.
fn whole(moved: usize, meant: usize) -> QueryResult<()> {
    if moved == meant {
        return Ok(());
    }
    Err(errors::broken(format!(
        "the line changed while {meant} users were admitted from it ({moved} were moved)"
    )))
}
