//! The rows of users in a queue: one per user, whatever happens to the place.

use std::collections::BTreeMap;

use diesel::{
    QueryResult, QueryableByName,
    mysql::Mysql,
    sql_query,
    sql_types::{BigInt, Binary, Nullable, Text, TinyInt},
};
use diesel_async::RunQueryDsl;
use frontrow_domain::model::{
    ConcertId, UserId,
    queue::{Arrival, PlaceEnd, Standing},
};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    queue_row::{QueueRow, key},
    units::{count, instant},
};
use crate::{errors, session::Session, statement::Fixed};

/// A statement's list of users, a JSON array, as a table `j`. It is one parameter, so that the
/// statement has one text for any number of users. It is in a derived table because MySQL takes no
/// lock on the rows of a table function and refuses to try.
macro_rules! users_list {
    () => {
        "(SELECT l.user_id FROM JSON_TABLE(?, '$[*]' COLUMNS ( \
             user_id VARCHAR(64) CHARACTER SET utf8mb4 PATH '$')) l) j"
    };
}

pub(in crate::queue) use users_list;

/// A claim at the gate changes a place without the lock of its queue, so this waits for it.
const LOCK: &str = concat!(
    "SELECT STRAIGHT_JOIN p.user_id, p.arrival, p.seq, p.phase, p.since_us, p.admitted_at_us, \
            p.claimed_at_us FROM ",
    users_list!(),
    " JOIN queue_places p FORCE INDEX (PRIMARY) ON p.concert_id = ? AND p.user_id = j.user_id \
     FOR UPDATE"
);

const WRITE: &str = "
    INSERT INTO queue_places
        (concert_id, user_id, arrival, seq, phase, since_us, admitted_at_us, claimed_at_us)
    SELECT ?, j.user_id, j.arrival, j.seq, j.phase, j.since_us, j.admitted_at_us, j.claimed_at_us
    FROM JSON_TABLE(?, '$[*]' COLUMNS (
        user_id VARCHAR(64) CHARACTER SET utf8mb4 PATH '$[0]', arrival BIGINT PATH '$[1]',
        seq BIGINT PATH '$[2]', phase TINYINT PATH '$[3]', since_us BIGINT PATH '$[4]',
        admitted_at_us BIGINT PATH '$[5]', claimed_at_us BIGINT PATH '$[6]')) j
    ON DUPLICATE KEY UPDATE arrival = VALUES(arrival), seq = VALUES(seq), phase = VALUES(phase),
        since_us = VALUES(since_us), admitted_at_us = VALUES(admitted_at_us),
        claimed_at_us = VALUES(claimed_at_us)";

/// The earliest arrival that waits, of users who are next in line and of all others.
const FIRST: &str = "
    SELECT (SELECT MIN(p.arrival) FROM queue_places p FORCE INDEX (queue_places_line)
            WHERE p.concert_id = ? AND p.phase = 0) AS returned,
           (SELECT MIN(p.arrival) FROM queue_places p FORCE INDEX (queue_places_line)
            WHERE p.concert_id = ? AND p.phase = 1) AS waiting";

const DELETE: &str = concat!(
    "DELETE p FROM ",
    users_list!(),
    " STRAIGHT_JOIN queue_places p ON p.concert_id = ? AND p.user_id = j.user_id"
);

/// The phase of a place, as its row has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(i8)]
pub(in crate::queue) enum Phase {
    /// The place waits and is next in line, whatever its number: its user re-entered after a loss,
    /// or stood aside and has sent a heartbeat since.
    Reentered = 0,
    /// The place waits.
    Waiting = 1,
    /// The place was admitted and is not claimed.
    Admitted = 2,
    /// The place was admitted and claimed.
    Claimed = 3,
    /// The place ended, and is remembered while users may re-enter.
    Ended = 6,
}

/// The row of a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::queue) struct PlaceRow {
    pub(in crate::queue) arrival: Arrival,
    /// The number in the line. For a place that is next in line, the [turn](Self::turn) of its
    /// user. None for a place that re-entered or was admitted immediately.
    pub(in crate::queue) seq: Option<i64>,
    pub(in crate::queue) phase: Phase,
    /// The instant of the last heartbeat, of the admission or of the end, depending on the phase.
    pub(in crate::queue) since: Timestamp,
    pub(in crate::queue) admitted_at: Option<Timestamp>,
    pub(in crate::queue) claimed_at: Option<Timestamp>,
}

/// The columns of a row, all null if there is none.
#[derive(QueryableByName)]
#[diesel(check_for_backend(Mysql))]
pub(in crate::queue) struct PlaceColumns {
    #[diesel(sql_type = Nullable<BigInt>)]
    arrival: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    seq: Option<i64>,
    #[diesel(sql_type = Nullable<TinyInt>)]
    phase: Option<i8>,
    #[diesel(sql_type = Nullable<BigInt>)]
    since_us: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    admitted_at_us: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    claimed_at_us: Option<i64>,
}

impl PlaceColumns {
    /// Converts the columns to a row. None if there is none.
    pub(in crate::queue) fn row(self) -> QueryResult<Option<PlaceRow>> {
        let (Some(arrival), Some(phase), Some(since)) = (self.arrival, self.phase, self.since_us)
        else {
            return Ok(None);
        };
        Ok(Some(PlaceRow {
            arrival: Arrival::from_micros(arrival),
            seq: self.seq,
            phase: Phase::of(phase)?,
            since: instant(since),
            admitted_at: self.admitted_at_us.map(instant),
            claimed_at: self.claimed_at_us.map(instant),
        }))
    }
}

impl Phase {
    pub(in crate::queue) fn of(column: i8) -> QueryResult<Self> {
        [
            Self::Reentered,
            Self::Waiting,
            Self::Admitted,
            Self::Claimed,
            Self::Ended,
        ]
        .into_iter()
        .find(|phase| *phase as i8 == column)
        .ok_or_else(|| errors::broken(format!("a place in phase {column}")))
    }

    /// Returns true for a place in the line.
    pub(in crate::queue) fn waits(self) -> bool {
        matches!(self, Self::Reentered | Self::Waiting)
    }
}

impl PlaceRow {
    /// Returns what the end of the place follows from. None if it has ended.
    fn end(&self) -> Option<PlaceEnd> {
        match self.phase {
            Phase::Reentered | Phase::Waiting => Some(PlaceEnd::Waiting {
                heartbeat: self.since,
            }),
            Phase::Admitted => Some(PlaceEnd::Unclaimed {
                admitted_at: self.since,
            }),
            Phase::Claimed => Some(PlaceEnd::Claimed { until: self.since }),
            Phase::Ended => None,
        }
    }

    /// Returns true if admission has passed the place, and its user has sent no heartbeat since.
    pub(in crate::queue) fn stands_aside(&self, queue: &QueueRow) -> bool {
        self.phase == Phase::Waiting && queue.has_passed(self.arrival)
    }

    /// Returns true if the user has the place at `now`. A place that was expired when admission
    /// passed it stays expired, even if an outage would have moved its deadline.
    pub(in crate::queue) fn is_held(&self, queue: &QueueRow, now: Timestamp) -> bool {
        let ended_before = self.stands_aside(queue) && Some(self.since) <= queue.passed_ends;
        let deadlines = queue.terms.deadlines(now);
        !ended_before && self.end().is_some_and(|end| !end.is_over(&deadlines, now))
    }

    /// Returns the standing of the place.
    pub(in crate::queue) fn standing(&self, queue: &QueueRow, now: Timestamp) -> Standing {
        match self.phase {
            Phase::Admitted | Phase::Claimed => Standing::Active {
                admitted_at: self.admitted_at.unwrap_or(self.since),
                until: self
                    .end()
                    .map_or(self.since, |end| end.at(&queue.terms.deadlines(now))),
                claimed: self.phase == Phase::Claimed,
            },
            Phase::Reentered | Phase::Waiting | Phase::Ended => {
                let (position, behind) = self.position(queue);
                Standing::Waiting {
                    position,
                    behind,
                    admitted: count(queue.admitted),
                }
            }
        }
    }

    /// Returns the position, from 1, and how many wait behind. Neither is ever less than the truth.
    ///
    /// Numbers are dense and grow with the arrivals. So a numbered place has ahead of it at most
    /// the numbers between the last that was passed and its own, and every user who was passed or
    /// is next in line. A place that is next in line has a number if its user stood aside:
    /// [`turn`](Self::turn) at their return. Users who re-entered after a loss have none: all of
    /// them may be ahead of each other, and numbered places too if the clock had stepped back.
    fn position(&self, queue: &QueueRow) -> (u64, u64) {
        let behind = count(queue.waiting - 1);
        match (self.phase, self.seq) {
            (Phase::Waiting, Some(seq)) if !self.stands_aside(queue) => {
                let passed = count(queue.reentered + queue.aside);
                let ahead = count(seq - queue.passed_seq).max(1) + passed;
                // Some users who re-entered may be behind instead.
                let reentered = Some(self.arrival) < queue.reentered_up_to;
                let reentered = if reentered { queue.reentered } else { 0 };
                (ahead, count(queue.last_seq - seq + reentered))
            }
            (Phase::Reentered, Some(turn)) => (count(turn - queue.admitted).max(1), behind),
            _ => {
                let before_the_line = queue.line_since.is_none_or(|first| self.arrival < first);
                let ahead = if before_the_line || self.stands_aside(queue) {
                    queue.reentered + queue.aside
                } else {
                    queue.waiting
                };
                (count(ahead).max(1), behind)
            }
        }
    }

    /// Returns how many users at most have been admitted when the turn comes of a user who was
    /// passed and has returned: all so far, and all who were passed or are next in line.
    pub(in crate::queue) fn turn(queue: &QueueRow) -> i64 {
        queue.admitted + queue.reentered + queue.aside
    }
}

/// Returns the earliest arrival that waits, including users who stand aside and expired places.
/// None if no user waits.
pub(in crate::queue) async fn first_arrival(
    session: &mut Session,
    concert: ConcertId,
) -> QueryResult<Option<Arrival>> {
    #[derive(QueryableByName)]
    #[diesel(check_for_backend(Mysql))]
    struct First {
        #[diesel(sql_type = Nullable<BigInt>)]
        returned: Option<i64>,
        #[diesel(sql_type = Nullable<BigInt>)]
        waiting: Option<i64>,
    }
    let statement = sql_query(FIRST)
        .bind::<Binary, _>(key(&concert))
        .bind::<Binary, _>(key(&concert));
    let first: First = Fixed(statement).get_result(session.connection()).await?;
    let arrivals = first.returned.into_iter().chain(first.waiting);
    Ok(arrivals.min().map(Arrival::from_micros))
}

/// Locks and reads the rows of these users.
pub(in crate::queue) async fn lock<'a>(
    session: &mut Session,
    concert: ConcertId,
    users: impl Iterator<Item = &'a UserId>,
) -> QueryResult<Vec<(UserId, PlaceRow)>> {
    #[derive(QueryableByName)]
    #[diesel(check_for_backend(Mysql))]
    struct Locked {
        #[diesel(sql_type = Text)]
        user_id: String,
        #[diesel(embed)]
        place: PlaceColumns,
    }
    let Some(list) = list_of(users) else {
        return Ok(Vec::new());
    };
    let statement = sql_query(LOCK)
        .bind::<Text, _>(list)
        .bind::<Binary, _>(key(&concert));
    let locked: Vec<Locked> = Fixed(statement).load(session.connection()).await?;
    let mut rows = Vec::with_capacity(locked.len());
    for locked in locked {
        if let Some(row) = locked.place.row()? {
            rows.push((user_of(&locked.user_id)?, row));
        }
    }
    Ok(rows)
}

/// Writes the rows of these users, and deletes those of users without one. The caller holds the
/// queue's lock.
pub(in crate::queue) async fn write(
    session: &mut Session,
    concert: ConcertId,
    rows: &BTreeMap<UserId, Option<PlaceRow>>,
) -> QueryResult<()> {
    let micros = |at: Timestamp| at.as_microsecond();
    let written: Vec<Value> = rows
        .iter()
        .filter_map(|(user, row)| Some((user, row.as_ref()?)))
        .map(|(user, row)| {
            json!([
                user.as_str(),
                row.arrival.micros(),
                row.seq,
                row.phase as i8,
                micros(row.since),
                row.admitted_at.map(micros),
                row.claimed_at.map(micros),
            ])
        })
        .collect();
    if !written.is_empty() {
        let statement = sql_query(WRITE)
            .bind::<Binary, _>(key(&concert))
            .bind::<Text, _>(Value::from(written).to_string());
        Fixed(statement).execute(session.connection()).await?;
    }
    let deleted = rows.iter().filter(|(_, row)| row.is_none());
    if let Some(list) = list_of(deleted.map(|(user, _)| user)) {
        let statement = sql_query(DELETE)
            .bind::<Text, _>(list)
            .bind::<Binary, _>(key(&concert));
        Fixed(statement).execute(session.connection()).await?;
    }
    Ok(())
}

/// Returns these users as the parameter of a [list](users_list). None if there are none.
pub(in crate::queue) fn list_of<'a>(users: impl Iterator<Item = &'a UserId>) -> Option<String> {
    let mut names: Vec<&str> = users.map(UserId::as_str).collect();
    names.sort_unstable();
    names.dedup();
    let list: Value = names.iter().copied().collect();
    (!names.is_empty()).then(|| list.to_string())
}

/// Returns the user of a row.
pub(in crate::queue) fn user_of(column: &str) -> QueryResult<UserId> {
    UserId::try_from(column).map_err(|_| errors::broken("a row with an invalid user"))
}
