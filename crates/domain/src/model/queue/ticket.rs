//! The contents of a queue token, with which a user proves a place.

use std::{fmt, time::Duration};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::{ConcertId, UserId};

/// When a user joined, by the store's clock, in microseconds since 1970-01-01T00:00Z.
///
/// Within one generation of a queue no two users have the same arrival: each is at least one more
/// than the one before, so the order of arrivals is the order of the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Arrival(i64);

impl Arrival {
    /// The arrival at this many microseconds since 1970.
    #[must_use]
    pub fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// The arrival in microseconds since 1970.
    #[must_use]
    pub fn micros(self) -> i64 {
        self.0
    }

    /// The arrival of a user who joins at `now` after the arrival `last`: strictly later than it,
    /// even if the clock stood still or stepped back.
    #[must_use]
    pub fn after(last: Self, now: Timestamp) -> Self {
        Self(now.as_microsecond().max(last.0.saturating_add(1)))
    }

    /// Returns the largest arrival value before `now`. It need not be the arrival of any user.
    #[must_use]
    pub fn before(now: Timestamp) -> Self {
        Self(now.as_microsecond() - 1)
    }

    /// Returns the arrival value one µs before this one. It need not be the arrival of any user.
    #[must_use]
    pub fn just_before(self) -> Self {
        Self(self.0.saturating_sub(1))
    }

    /// The arrival `by` later than this one.
    #[must_use]
    pub fn later(self, by: Duration) -> Self {
        let micros = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
        Self(self.0.saturating_add(micros))
    }

    /// The arrival as an instant, for humans to read.
    #[must_use]
    pub fn at(self) -> Timestamp {
        Timestamp::from_microsecond(self.0).unwrap_or(Timestamp::MAX)
    }
}

/// The life of a queue in its store: a random number that is replaced when the store is found to
/// have lost the queue. It shows which life a token is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Generation(pub u64);

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// The contents of a queue token. It has no expiry: the queue's store decides whether the place
/// still exists.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Ticket {
    /// The concert whose queue it is.
    pub concert: ConcertId,
    /// The user who has the place.
    pub user: UserId,
    /// When the user joined.
    pub arrival: Arrival,
    /// The generation in which the token was issued.
    pub generation: Generation,
}

impl Ticket {
    /// The largest number of tickets in one peek, so that a call does not hold up others for long.
    pub const PEEKS_MAX: usize = 500;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrivals_grow_even_when_the_clock_does_not() {
        let noon = Timestamp::from_microsecond(1_000_000).unwrap();
        let first = Arrival::after(Arrival::before(noon), noon);
        let second = Arrival::after(first, noon);
        let earlier = Timestamp::from_microsecond(999_000).unwrap();
        let third = Arrival::after(second, earlier);
        assert_eq!(first.micros(), 1_000_000);
        assert_eq!(second.micros(), 1_000_001);
        assert_eq!(third.micros(), 1_000_002);
    }
}
