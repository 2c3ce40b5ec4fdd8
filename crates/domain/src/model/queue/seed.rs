//! The seed of a queue: what its store needs to serve it, and how to recover a lost one.

use std::{ops::RangeInclusive, time::Duration};

use super::{Arrival, Generation, VersionedPolicy};
use crate::model::ConcertId;

/// The data with which a store serves a queue. The store takes it if it has nothing, or something
/// older.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueSeed {
    /// The concert of the queue.
    pub concert: ConcertId,
    /// Its policy.
    pub policy: VersionedPolicy,
    /// The generation that the store takes if it has none.
    pub generation: Generation,
    /// How to recover if the store has no generation although the queue was seeded before. None if
    /// the queue is new and has nothing to recover.
    pub recovery: Option<Recovery>,
}

/// The recovery of a queue that its store lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recovery {
    /// For this time no user is admitted, so that users with a token re-enter first. For
    /// `waiting_ttl` after it late users still re-enter.
    pub lasts: Duration,
    /// Users with an arrival up to this were served or had gone before the loss, and do not
    /// re-enter. None if all users re-enter. See [`ServedEntry`](super::ServedEntry).
    pub served_up_to: Option<Arrival>,
}

impl Recovery {
    /// The recovery if the operator configures nothing.
    pub const DEFAULT: Self = Self::lasting(Duration::from_mins(1));

    /// The recovery that lasts this long and in which all users re-enter.
    #[must_use]
    pub const fn lasting(lasts: Duration) -> Self {
        Self {
            lasts,
            served_up_to: None,
        }
    }

    /// The range of the length of a recovery that an operator may configure.
    pub const RANGE: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_hours(24);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_recovery_is_one_that_may_be_configured() {
        assert!(Recovery::RANGE.contains(&Recovery::DEFAULT.lasts));
    }
}
