//! Admission: makes the first waiting places active, in order, as many as state and policy allow.
//!
//! The next places are read from an index, after the last that admission has passed. A move is an
//! update of rows that stay where they are, so at no instant is an admitted user in neither set.
//! Expired places are passed over and left to expiry: a place that was expired then stays so.
//! Absent users are passed over too: they stand aside, and their heartbeats make them next in line.

use diesel::{
    QueryResult, QueryableByName,
    mysql::Mysql,
    sql_query,
    sql_types::{BigInt, Binary, Nullable, Text, TinyInt},
};
use diesel_async::RunQueryDsl;
use frontrow_domain::{
    model::{
        ConcertId,
        queue::{Arrival, EffectiveState, HeadDecision},
    },
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
    errors,
    queue::rows::{
        places::{Phase, users_list},
        queue_row::{self, QueueRow, key},
        units::{count, instant},
    },
    session::Session,
    statement::Fixed,
    transactions::Verdict,
};

/// Maximum number of places of the line that one tick reads. At this number it holds the queue's
/// lock for some tens of milliseconds.
const READ_MAX: usize = 2_000;

/// The head of the line: numbered places after the last that admission has passed, and the places
/// that are next in line.
const NEXT: &str = "
    (SELECT p.user_id, p.arrival, p.seq, p.phase, p.since_us
     FROM queue_places p FORCE INDEX (queue_places_line)
     WHERE p.concert_id = ? AND p.phase = 1 AND p.arrival > ? ORDER BY p.arrival LIMIT ?)
    UNION ALL
    (SELECT p.user_id, p.arrival, p.seq, p.phase, p.since_us
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

/// Makes users stand aside who were next in line. Numbers of passed places have no meaning.
const STAND_ASIDE: &str = concat!(
    "UPDATE ",
    users_list!(),
    " STRAIGHT_JOIN queue_places p FORCE INDEX (PRIMARY) \
         ON p.concert_id = ? AND p.user_id = j.user_id
     SET p.phase = 1, p.seq = COALESCE(p.seq, 1)
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
    /// The number of a numbered place.
    #[diesel(sql_type = Nullable<BigInt>)]
    seq: Option<i64>,
    #[diesel(sql_type = TinyInt)]
    phase: i8,
    #[diesel(sql_type = BigInt)]
    since_us: i64,
}

/// Admits at most `order.limit` users.
pub(in crate::queue) async fn admit(
    session: &mut Session,
    order: Order,
) -> QueryResult<Verdict<Stamped<TickOutcome>>> {
    // Most ticks of a quiet queue have nothing to do and need no lock.
    let concert = order.concert;
    let Some((now, queue)) = queue_row::read(session, concert).await? else {
        return Ok(Verdict::Commit(begin::not_seeded(session).await?));
    };
    // While no user may be admitted, expired places at the head are passed once a second.
    let none_to_admit = queue.heads(now) == 0 || queue.room(0, now) == 0;
    // A window that starts in the future starts again now: the clock has stepped back.
    let window = queue.admission.window;
    let stepped_back = window.is_some_and(|window| now < window.start);
    let is_due = queue.terms.tick_is_due(now) || stepped_back;
    let idle = !queue.is_busy() || (none_to_admit && !is_due);
    if idle && !queue.is_on_another_server(now) {
        let report = begin::report(&queue, 0, false, now);
        return Ok(Verdict::Commit(begin::stamped(report, now)));
    }
    let Some(mut tick) = begin::begin(session, concert).await? else {
        return Ok(Verdict::Rollback(begin::not_seeded(session).await?));
    };
    let (now, queue) = (tick.now, &mut tick.queue);
    if queue.heads(now) > 0 && queue.room(0, now) > 0 {
        let wanted = count(queue.heads(now)).min(order.limit.into());
        expired::make_room(session, concert, queue, wanted, now).await?;
    }
    let limit = queue.room(queue.active, now).min(order.limit.into());
    // Where no user may be admitted, the head is read all the same, to pass expired places.
    let line = Line::read(session, &tick, limit).await?;
    if line.any_unexpired() {
        // A window starts with the first attempt to admit a user.
        let queue = &mut tick.queue;
        let (state, policy) = (queue.terms.state(now), queue.terms.policy());
        queue
            .admission
            .room(state, policy, count(queue.active), now);
    }
    let changed = line.pass(&mut tick.queue, now);
    stand_aside(session, tick.concert, &line).await?;
    let done = admit_all(session, &mut tick, &line).await?;
    let has_room = limit > 0 && tick.queue.room(tick.queue.active, now) > 0;
    // If this attempt has only read expired places of users who are next in line, another one would
    // read the same places again. Expiry has to remove them first.
    let more = has_room && (!line.undecided.is_empty() || (line.unread && changed));
    tick.end(session, done, more).await
}

impl Next {
    fn arrival(&self) -> Arrival {
        Arrival::from_micros(self.arrival)
    }

    fn heartbeat(&self) -> Timestamp {
        instant(self.since_us)
    }

    /// Returns true if the place is next in line, whatever its number.
    fn is_next(&self) -> bool {
        self.phase == Phase::Reentered as i8
    }

    /// Returns true if admission has passed the place before.
    fn is_aside(&self, queue: &QueueRow) -> bool {
        !self.is_next() && queue.has_passed(self.arrival())
    }
}

/// The head of the line, as one tick reads it.
#[derive(Default)]
struct Line {
    /// The first places, in order, with the decision about each.
    decided: Vec<(Next, HeadDecision)>,
    /// The places behind them, for which there is no room.
    undecided: Vec<Next>,
    /// True if there are places behind those that were read.
    unread: bool,
}

impl Line {
    async fn read(session: &mut Session, tick: &Tick, limit: u64) -> QueryResult<Self> {
        let mut line = Self::default();
        if tick.queue.waiting == 0 {
            return Ok(line);
        }
        let room = usize::try_from(limit).unwrap_or(READ_MAX).min(READ_MAX);
        // If some places were passed over, reads again, as many as one tick may read.
        for most in [room + 1, READ_MAX + 1] {
            let read = next(session, tick, most).await?;
            let unread = read.len() == most;
            line = Self::decide(read, &tick.queue, room, tick.now);
            line.unread = unread;
            if !unread || !line.undecided.is_empty() {
                break;
            }
        }
        Ok(line)
    }

    /// Decides about the places of `read` while there is room. Without room, expired places are
    /// passed all the same.
    fn decide(read: Vec<Next>, queue: &QueueRow, mut room: usize, now: Timestamp) -> Self {
        let (state, deadlines) = (queue.terms.state(now), queue.terms.deadlines(now));
        let mut line = Self::default();
        let mut read = read.into_iter();
        while let Some(place) = read.next() {
            let heartbeat = place.heartbeat();
            let decision = if place.is_aside(queue) && Some(heartbeat) <= queue.passed_ends {
                HeadDecision::Remove
            } else {
                HeadDecision::of(heartbeat, &deadlines, state, now)
            };
            if decision != HeadDecision::Remove && room == 0 {
                line.undecided = std::iter::once(place).chain(read).collect();
                break;
            }
            room -= usize::from(decision == HeadDecision::Admit);
            line.decided.push((place, decision));
        }
        line
    }

    /// Returns true if any of the places is not expired.
    fn any_unexpired(&self) -> bool {
        let mut decisions = self.decided.iter().map(|(_, decision)| *decision);
        !self.undecided.is_empty() || decisions.any(|decision| decision != HeadDecision::Remove)
    }

    /// Returns the places with this decision.
    fn of(&self, decision: HeadDecision) -> impl Iterator<Item = &Next> {
        let decided = self.decided.iter();
        decided
            .filter(move |(_, other)| *other == decision)
            .map(|(place, _)| place)
    }

    /// Moves the queue on, up to the first undecided numbered place, and updates the counts of
    /// users who are next in line and of those who were passed. Returns false if that changes
    /// nothing.
    fn pass(&self, queue: &mut QueueRow, now: Timestamp) -> bool {
        let found = queue.clone();
        for (place, decision) in &self.decided {
            let is_new = !place.is_next() && !place.is_aside(&found);
            match decision {
                HeadDecision::Remove if is_new => {
                    queue.aside += 1;
                    queue.passed_ends = queue.passed_ends.max(found.cutoffs(now).waiting);
                }
                HeadDecision::Remove => continue,
                HeadDecision::StandAside => {
                    queue.reentered -= i64::from(place.is_next());
                    queue.aside += 1;
                    queue.passed_arrival = queue.passed_arrival.max(place.arrival);
                }
                HeadDecision::Admit => {
                    queue.reentered -= i64::from(place.is_next());
                    queue.aside -= i64::from(place.is_aside(&found));
                }
            }
            if *decision != HeadDecision::Remove {
                queue.admitted_up_to = queue.admitted_up_to.max(Some(place.arrival()));
            }
        }
        let is_numbered = |place: &&Next| !place.is_next() && !place.is_aside(&found);
        let next = self.undecided.iter().find(is_numbered);
        let before = next.map(|place| (place.seq.map(|seq| seq - 1), place.arrival - 1));
        let mut decided = self.decided.iter().map(|(place, _)| place);
        let last = decided.rfind(is_numbered);
        let last = last.map(|place| (place.seq, place.arrival));
        if let Some((seq, arrival)) = before.or(last) {
            queue.passed_seq = queue.passed_seq.max(seq.unwrap_or_default());
            queue.passed_arrival = queue.passed_arrival.max(arrival);
        }
        *queue != found
    }
}

/// Returns the first `most` places of the line that admission has not passed, expired or not. In
/// *bypass* also those of users who stand aside.
async fn next(session: &mut Session, tick: &Tick, most: usize) -> QueryResult<Vec<Next>> {
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    let queue = &tick.queue;
    let with_aside = queue.terms.state(tick.now) == EffectiveState::Bypass && queue.aside > 0;
    let after = if with_aside {
        i64::MIN
    } else {
        queue.passed_arrival
    };
    let statement = sql_query(NEXT)
        .bind::<Binary, _>(key(&tick.concert))
        .bind::<BigInt, _>(after)
        .bind::<BigInt, _>(most)
        .bind::<Binary, _>(key(&tick.concert))
        .bind::<BigInt, _>(most.min(queue.reentered))
        .bind::<BigInt, _>(most);
    Fixed(statement).load(session.connection()).await
}

/// Returns these places as the parameter of a [list](users_list), and their number.
fn list_of<'a>(places: impl Iterator<Item = &'a Next>) -> (Value, usize) {
    let users: Vec<Value> = places.map(|place| place.user_id.as_str().into()).collect();
    let len = users.len();
    (users.into(), len)
}

/// Makes absent users stand aside who were next in line. The others stand aside since admission has
/// passed them.
async fn stand_aside(session: &mut Session, concert: ConcertId, line: &Line) -> QueryResult<()> {
    let absent = line.of(HeadDecision::StandAside);
    let (users, len) = list_of(absent.filter(|place| place.is_next()));
    if len == 0 {
        return Ok(());
    }
    let statement = sql_query(STAND_ASIDE)
        .bind::<Text, _>(users.to_string())
        .bind::<Binary, _>(key(&concert));
    let moved = Fixed(statement).execute(session.connection()).await?;
    all_moved(len, moved)
}

/// Makes the admitted places active, and counts them.
async fn admit_all(session: &mut Session, tick: &mut Tick, line: &Line) -> QueryResult<u32> {
    let (users, len) = list_of(line.of(HeadDecision::Admit));
    if len == 0 {
        return Ok(0);
    }
    let now = tick.now.as_microsecond();
    let statement = sql_query(MOVE)
        .bind::<Text, _>(users.to_string())
        .bind::<Binary, _>(key(&tick.concert))
        .bind::<BigInt, _>(now)
        .bind::<BigInt, _>(now);
    let moved = Fixed(statement).execute(session.connection()).await?;
    all_moved(len, moved)?;
    let queue = &mut tick.queue;
    let count = i64::try_from(moved).unwrap_or(i64::MAX);
    queue.waiting -= count;
    queue.active += count;
    queue.departed += count;
    queue.admitted += count;
    let (state, moved) = (queue.terms.state(tick.now), u32::try_from(moved));
    let moved = moved.unwrap_or(u32::MAX);
    queue.admission.record(state, queue.terms.policy(), moved);
    Ok(moved)
}

/// Errors if the line is not as it was read: nothing changes it without the queue's lock.
fn all_moved(meant: usize, moved: usize) -> QueryResult<()> {
    if moved == meant {
        return Ok(());
    }
    Err(errors::broken(format!(
        "the line changed while {meant} users were moved in it ({moved} were)"
    )))
}
