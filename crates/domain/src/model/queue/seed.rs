//! What a queue's store is given so that it can serve the queue.

use std::{ops::RangeInclusive, time::Duration};

use super::{Arrival, Generation, VersionedPolicy};
use crate::model::ConcertId;

/// What a store needs to serve a queue: taken where the store has nothing, or something older.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueSeed {
    /// Whose queue.
    pub concert: ConcertId,
    /// Its policy.
    pub policy: VersionedPolicy,
    /// The generation to take where the store has none.
    pub generation: Generation,
    /// How to recover where the store has no generation, though the queue was seeded before.
    /// Without it the queue is new and has nothing to recover.
    pub recovery: Option<Recovery>,
}

/// How a queue whose store lost it gets its people back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recovery {
    /// So long nobody is admitted, so that the people who carry their places come back first.
    /// For the waiting time to live after it, late-comers still get their place back.
    pub lasts: Duration,
    /// Users who arrived up to this were served or had gone before the loss, and do not re-enter.
    /// None where everybody does. See [`ServedEntry`](super::ServedEntry).
    pub served_up_to: Option<Arrival>,
}

impl Recovery {
    /// How a queue recovers if the operator configures nothing.
    pub const DEFAULT: Self = Self::lasting(Duration::from_mins(1));

    /// The recovery that lasts so long and in which everybody re-enters.
    #[must_use]
    pub const fn lasting(lasts: Duration) -> Self {
        Self {
            lasts,
            served_up_to: None,
        }
    }

    /// How long an operator may let a recovery last.
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
