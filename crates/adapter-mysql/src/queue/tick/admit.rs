//! Admission: the head of the line becomes active, as many as state and policy allow, in order.
//!
//! The next in line are read from an index, after the last that admission has passed. A move is an
//! update of rows that stay where they are, so at no instant is an admitted user in neither set. Places
//! past their end are passed over and left to expiry: what was passed stays past its end.

use diesel::{
    QueryResult, QueryableByName,
    mysql::Mysql,
    sql_query,
    sql_types::{BigInt, Binary, Nullable, Text},
};
use diesel_async::RunQueryDsl;
use frontrow_domain::{
    model::queue::Arrival,
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
        places::users_list,
        queue_row::{self, key},
        units::count,
    },
    session::Session,
    statement::Fixed,
};

/// How many places of the line one tick reads at most: it holds the queue's lock for some tens of
/// milliseconds then.
const READ_MAX: usize = 2_000;

/// The head of the line: numbered places after the last that admission has passed, and the places of
/// users who re-entered.
const NEXT: &str = "
    (SELECT p.user_id, p.arrival, p.seq, p.since_us
     FROM queue_places p FORCE INDEX (queue_places_line)
     WHERE p.concert_id = ? AND p.phase = 1 AND p.arrival > ? ORDER BY p.arrival LIMIT ?)
    UNION ALL
    (SELECT p.user_id, p.arrival, p.seq, p.since_us
     FROM queue_places p FORCE INDEX (queue_places_line)
     WHERE p.concert_id = ? AND p.phase = 0 ORDER BY p.arrival LIMIT ?)
    ORDER BY arrival, user_id LIMIT ?";

const MOVE: &str = concat!(
    "UPDATE ",
    users_list!(),
    " STRAIGHT_JOIN queue_places p FORCE INDEX (PRIMARY) \
         ON p.concert_id = ? AND p.user_id = j.user_id
     SET p.phase = 2, p.since_us = ?, p.admitted_at_us = ?
     WHERE p.phase IN (0, 1)"
);

/// A place in the line.
#[derive(Debug, Clone, PartialEq, Eq, QueryableByName)]
#[diesel(check_for_backend(Mysql))]
struct Next {
    #[diesel(sql_type = Text)]
    user_id: String,
    #[diesel(sql_type = BigInt)]
    arrival: i64,
    /// The number. None for a user who re-entered.
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
    // Places past their end at the head are passed once a second where nobody may be admitted.
    let none_to_admit = queue.waiting == 0 || queue.room(0, now) == 0;
    if !queue.is_busy() || (none_to_admit && !queue.terms.tick_is_due(now)) {
        let report = begin::report(&queue, 0, false, now);
        return Ok(Turn::Done(begin::stamped(report, now)));
    }
    let Some(mut tick) = begin::begin(session, concert).await? else {
        return Ok(Turn::Refused(begin::not_seeded(session).await?));
    };
    let (now, queue) = (tick.now, &mut tick.queue);
    if queue.waiting > 0 && queue.room(0, now) > 0 {
        let wanted = count(queue.waiting).min(order.limit.into());
        expired::make_room(session, concert, queue, wanted, now).await?;
    }
    let limit = queue.room(queue.active, now).min(order.limit.into());
    // Where none may be admitted, the head is read all the same: places past their end are passed.
    let mut line = Line::read(session, &tick, limit).await?;
    if !line.live.is_empty() {
        // A window starts with the first attempt to admit a user.
        let queue = &mut tick.queue;
        let (state, policy) = (queue.terms.state(now), queue.terms.policy());
        queue
            .admission
            .room(state, policy, count(queue.active), now);
    }
    let admitted = line.take(limit);
    line.pass(&mut tick);
    admit_all(session, &mut tick, &admitted).await?;
    let done = u32::try_from(admitted.len()).unwrap_or(u32::MAX);
    let more = tick.queue.room(tick.queue.active, now) > 0 && limit > 0 && line.goes_on(done);
    tick.end(session, done, more).await
}

/// The head of the line, as one tick reads it.
struct Line {
    /// Places that are not past their end, in order. One more than are wanted, if there is one.
    live: Vec<Next>,
    /// The last numbered place that was read.
    last: Option<Next>,
    /// True where there are places behind those that were read.
    unread: bool,
}

impl Line {
    async fn read(session: &mut Session, tick: &Tick, limit: u64) -> QueryResult<Self> {
        let mut line = Self {
            live: Vec::new(),
            last: None,
            unread: false,
        };
        if tick.queue.waiting == 0 {
            return Ok(line);
        }
        let cutoff = tick.queue.cutoffs(tick.now).waiting;
        let cutoff = cutoff.map_or(i64::MIN, Timestamp::as_microsecond);
        let wanted = usize::try_from(limit).unwrap_or(READ_MAX).min(READ_MAX) + 1;
        // Once more where places past their end are among them, then as many as one tick may read.
        for most in [wanted, READ_MAX + 1] {
            let read = next(session, tick, most).await?;
            line.unread = read.len() == most;
            line.last = read.iter().rfind(|place| place.seq.is_some()).cloned();
            line.live = read;
            line.live.retain(|place| place.since_us > cutoff);
            if !line.unread || line.live.len() >= wanted {
                break;
            }
        }
        Ok(line)
    }

    /// Takes at most this many from the head.
    fn take(&mut self, most: u64) -> Vec<Next> {
        let most = usize::try_from(most).unwrap_or(READ_MAX).min(READ_MAX);
        let rest = self.live.split_off(most.min(self.live.len()));
        std::mem::replace(&mut self.live, rest)
    }

    /// True where another attempt may find users who were not taken. Where this one admitted nobody and
    /// read only places past their end of users who re-entered, the next would read the same again:
    /// expiry comes first.
    fn goes_on(&self, admitted: u32) -> bool {
        !self.live.is_empty() || (self.unread && (admitted > 0 || self.last.is_some()))
    }

    /// Moves the queue on, up to the first numbered place that still waits.
    fn pass(&self, tick: &mut Tick) {
        let queue = &mut tick.queue;
        let next = self.live.iter().find(|place| place.seq.is_some());
        let before = next.map(|place| (place.seq.map(|seq| seq - 1), place.arrival - 1));
        let last = self.last.as_ref().map(|place| (place.seq, place.arrival));
        if let Some((seq, arrival)) = before.or(last) {
            queue.passed_seq = queue.passed_seq.max(seq.unwrap_or_default());
            queue.passed_arrival = queue.passed_arrival.max(arrival);
        }
    }
}

/// The first `most` of the line that admission has not passed, whether or not they are past their end.
async fn next(session: &mut Session, tick: &Tick, most: usize) -> QueryResult<Vec<Next>> {
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    let queue = &tick.queue;
    let statement = sql_query(NEXT)
        .bind::<Binary, _>(key(&tick.concert))
        .bind::<BigInt, _>(queue.passed_arrival)
        .bind::<BigInt, _>(most)
        .bind::<Binary, _>(key(&tick.concert))
        .bind::<BigInt, _>(most.min(queue.reentered))
        .bind::<BigInt, _>(most);
    Fixed(statement).load(session.connection()).await
}

/// Makes these places active, and counts them.
async fn admit_all(session: &mut Session, tick: &mut Tick, admitted: &[Next]) -> QueryResult<()> {
    let Some(last) = admitted.last() else {
        return Ok(());
    };
    let users: Value = admitted
        .iter()
        .map(|place| place.user_id.as_str())
        .collect();
    let now = tick.now.as_microsecond();
    let statement = sql_query(MOVE)
        .bind::<Text, _>(users.to_string())
        .bind::<Binary, _>(key(&tick.concert))
        .bind::<BigInt, _>(now)
        .bind::<BigInt, _>(now);
    let moved = Fixed(statement).execute(session.connection()).await?;
    if moved != admitted.len() {
        // Nothing changes the line without the queue's lock.
        let meant = admitted.len();
        return Err(errors::broken(format!(
            "the line changed while {meant} users were admitted from it ({moved} were moved)"
        )));
    }
    let queue = &mut tick.queue;
    let moved = i64::try_from(moved).unwrap_or(i64::MAX);
    let reentered = admitted.iter().filter(|place| place.seq.is_none()).count();
    queue.waiting -= moved;
    queue.reentered -= i64::try_from(reentered).unwrap_or(i64::MAX);
    queue.active += moved;
    queue.departed += moved;
    queue.admitted += moved;
    let last = Arrival::from_micros(last.arrival);
    queue.admitted_up_to = queue.admitted_up_to.max(Some(last));
    let (state, moved) = (queue.terms.state(tick.now), u32::try_from(moved));
    queue
        .admission
        .record(state, queue.terms.policy(), moved.unwrap_or(u32::MAX));
    Ok(())
}
