//! The rows of people in a queue, and which of them count.

use diesel::{
    QueryResult, QueryableByName,
    mysql::Mysql,
    sql_query,
    sql_types::{BigInt, Binary, Nullable, Text, TinyInt},
};
use diesel_async::RunQueryDsl;
use frontrow_domain::model::{
    ConcertId, UserId,
    queue::{Arrival, Deadlines, Standing},
};
use jiff::Timestamp;
use serde_json::Value;

use super::instants::{instant, span_us};
use crate::{clock::now_us, errors, session::Session, statement::Fixed};

/// The list of a statement's parameter, a JSON array of users, as a table `j`. One parameter, so that the
/// statement has one text however many they are; in a derived table, since MySQL takes no lock on what a
/// table function gives and refuses to try.
///
/// Lists are sorted by user, which is the order of the primary key: whoever locks several places locks
/// them in that order, so no two can wait for each other.
macro_rules! users_list {
    () => {
        "(SELECT l.user_id FROM JSON_TABLE(?, '$[*]' COLUMNS ( \
             user_id VARCHAR(64) CHARACTER SET utf8mb4 PATH '$')) l) j"
    };
}

pub(super) use users_list;

/// Locks the rows of these users, where there are any.
const LOCK: &str = concat!(
    "SELECT STRAIGHT_JOIN p.user_id, p.arrival, p.seq, p.phase, p.since_us, p.admitted_at_us, \
            p.claimed_at_us, ",
    now_us!(),
    " FROM ",
    users_list!(),
    " JOIN queue_places p FORCE INDEX (PRIMARY) ON p.concert_id = ? AND p.user_id = j.user_id \
     FOR UPDATE"
);

/// Where in its life a place is, as its row says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(i8)]
pub(super) enum Phase {
    /// Waits, having come back after a loss.
    Back = 0,
    /// Waits.
    Waiting = 1,
    /// Was admitted, and has not used it yet.
    Admitted = 2,
    /// Was admitted, and has used it.
    Claimed = 3,
    /// Has left the line, and no tick has counted that yet.
    LeftLine = 4,
    /// Has left an active place, and no tick has counted that yet.
    LeftActive = 5,
    /// Is over, and remembered while people may come back.
    Over = 6,
}

/// A row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PlaceRow {
    pub(super) arrival: Arrival,
    /// The number in the line; none for who came back or was active at once.
    pub(super) seq: Option<i64>,
    pub(super) phase: Phase,
    /// What its end is reckoned from: the last sign of life, the admission, the end itself.
    pub(super) since: Timestamp,
    pub(super) admitted_at: Timestamp,
    pub(super) claimed_at: Timestamp,
}

/// The columns of a row, where there is one.
#[derive(QueryableByName)]
#[diesel(check_for_backend(Mysql))]
pub(super) struct PlaceColumns {
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
    /// The row, if there is one.
    pub(super) fn row(self) -> QueryResult<Option<PlaceRow>> {
        let (Some(arrival), Some(phase), Some(since)) = (self.arrival, self.phase, self.since_us)
        else {
            return Ok(None);
        };
        let never = Timestamp::UNIX_EPOCH;
        Ok(Some(PlaceRow {
            arrival: Arrival::from_micros(arrival),
            seq: self.seq,
            phase: Phase::of(phase)?,
            since: instant(since),
            admitted_at: self.admitted_at_us.map_or(never, instant),
            claimed_at: self.claimed_at_us.map_or(never, instant),
        }))
    }
}

impl Phase {
    /// All of them, by their numbers.
    pub(super) const ALL: [Self; 7] = [
        Self::Back,
        Self::Waiting,
        Self::Admitted,
        Self::Claimed,
        Self::LeftLine,
        Self::LeftActive,
        Self::Over,
    ];

    /// The phase of this number.
    pub(super) fn of(column: i8) -> QueryResult<Self> {
        Self::ALL
            .into_iter()
            .find(|phase| *phase as i8 == column)
            .ok_or_else(|| errors::broken(format!("a place in phase {column}")))
    }

    /// True for a place that ends by itself, some day.
    pub(super) fn ends(self) -> bool {
        self.waits() || self.is_active()
    }

    /// True for a place in the line.
    pub(super) fn waits(self) -> bool {
        matches!(self, Self::Back | Self::Waiting)
    }

    /// True for a place past the line.
    pub(super) fn is_active(self) -> bool {
        matches!(self, Self::Admitted | Self::Claimed)
    }

    /// True for a row that counts among those in the line, until a tick or a join has counted it out.
    pub(super) fn counts_in_line(self) -> bool {
        self.waits() || self == Self::LeftLine
    }

    /// True for a row that counts among the active, until a tick or a join has counted it out.
    pub(super) fn counts_as_active(self) -> bool {
        self.is_active() || self == Self::LeftActive
    }
}

impl PlaceRow {
    /// When the place ends; none where it has ended by itself.
    fn end(&self, lives: &Deadlines<'_>) -> Option<Timestamp> {
        match self.phase {
            Phase::Back | Phase::Waiting => Some(lives.waiting_end(self.since)),
            Phase::Admitted => Some(lives.claim_end(self.since)),
            Phase::Claimed => Some(self.since),
            Phase::LeftLine | Phase::LeftActive | Phase::Over => None,
        }
    }

    /// True where its user has the place at `now`.
    pub(super) fn is_held(&self, lives: &Deadlines<'_>, now: Timestamp) -> bool {
        self.end(lives).is_some_and(|end| now < end)
    }

    /// The row once it is counted out.
    pub(super) fn over(&self) -> Self {
        Self {
            phase: Phase::Over,
            ..*self
        }
    }

    /// Where an active place is.
    pub(super) fn active(&self, lives: &Deadlines<'_>) -> Option<Standing> {
        let until = self.end(lives).filter(|_| self.phase.is_active())?;
        Some(Standing::Active {
            admitted_at: self.admitted_at,
            until,
            claimed: self.phase == Phase::Claimed,
        })
    }
}

/// Up to which `since`, in microseconds, a place is past its end at `now`, for each phase that ends by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cutoffs {
    pub(super) waiting: i64,
    pub(super) admitted: i64,
    pub(super) claimed: i64,
}

impl Cutoffs {
    /// As [`Deadlines`] has it: who was heard of, or admitted, before service began ends with what began then.
    pub(super) fn at(
        now: Timestamp,
        lives: &Deadlines<'_>,
        waiting_ttl: i64,
        claim_ttl: i64,
    ) -> Self {
        let now_us = now.as_microsecond();
        let before = |ttl_us: i64| {
            let cutoff = now_us.saturating_sub(ttl_us);
            if lives.serving_since().as_microsecond() <= cutoff {
                cutoff
            } else {
                i64::MIN
            }
        };
        Self {
            waiting: before(waiting_ttl),
            admitted: before(claim_ttl),
            claimed: now_us,
        }
    }
}

impl super::head::Head {
    /// Up to which `since` places are past their end at `now`.
    pub(super) fn cutoffs(&self, now: Timestamp) -> Cutoffs {
        let policy = self.policy();
        let (waiting, claim) = (span_us(policy.waiting_ttl), span_us(policy.claim_ttl));
        Cutoffs::at(now, &self.lives(now), waiting, claim)
    }
}

/// Locks the rows of these users, in the order of their names, and reads them.
pub(super) async fn lock(
    session: &mut Session,
    concert: ConcertId,
    users: impl Iterator<Item = &UserId>,
) -> QueryResult<Vec<(UserId, PlaceRow)>> {
    let (rows, _) = lock_at(session, concert, users).await?;
    Ok(rows)
}

/// As [`lock`], and tells what time it was when that began, if there are any.
pub(super) async fn lock_at(
    session: &mut Session,
    concert: ConcertId,
    users: impl Iterator<Item = &UserId>,
) -> QueryResult<(Vec<(UserId, PlaceRow)>, Option<Timestamp>)> {
    #[derive(QueryableByName)]
    #[diesel(check_for_backend(Mysql))]
    struct Locked {
        #[diesel(sql_type = Text)]
        user_id: String,
        #[diesel(embed)]
        place: PlaceColumns,
        #[diesel(sql_type = BigInt)]
        now_us: i64,
    }
    let Some(list) = list_of(users) else {
        return Ok((Vec::new(), None));
    };
    let statement = sql_query(LOCK)
        .bind::<Text, _>(list)
        .bind::<Binary, _>(concert.0.as_bytes().as_slice());
    let locked: Vec<Locked> = Fixed(statement).load(session.connection()).await?;
    let now = locked
        .as_slice()
        .first()
        .map(|first| session.now().at(first.now_us));
    let mut rows = Vec::with_capacity(locked.len());
    for locked in locked {
        if let Some(row) = locked.place.row()? {
            rows.push((user_of(&locked.user_id)?, row));
        }
    }
    Ok((rows, now))
}

/// These users as the parameter of a [list](users_list); none where there are none.
pub(super) fn list_of<'a>(users: impl Iterator<Item = &'a UserId>) -> Option<String> {
    let mut names: Vec<&str> = users.map(UserId::as_str).collect();
    names.sort_unstable();
    names.dedup();
    let list: Value = names.iter().copied().collect();
    (!names.is_empty()).then(|| list.to_string())
}

/// The user of a row.
pub(super) fn user_of(column: &str) -> QueryResult<UserId> {
    UserId::try_from(column).map_err(|_| errors::broken("a user that is none"))
}
