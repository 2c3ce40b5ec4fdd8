//! Logs queues whose ticks fail.

use std::collections::{HashMap, HashSet};

use frontrow_domain::{
    model::ConcertId,
    ports::{Cause, StoreError},
};

const JOB: &str = "queue ticks";

/// Logs a queue once when its ticks fail and once when they succeed again. If the queue store as a
/// whole fails, that is logged instead, once for all queues. A full disk is logged in the same way.
#[derive(Debug, Default)]
pub(super) struct Failures {
    /// The queues that have failed since the last check whether the store answers.
    unexplained: HashMap<ConcertId, StoreError>,
    logged: HashSet<ConcertId>,
    on_full_disk: HashSet<ConcertId>,
    store_fails: bool,
}

impl Failures {
    pub(super) fn failed(&mut self, concert: ConcertId, error: StoreError) {
        if error.cause() == Cause::DiskFull {
            if self.on_full_disk.is_empty() {
                tracing::error!(job = JOB, %error,
                    "disk full: a job cannot write until space is freed");
            }
            self.on_full_disk.insert(concert);
        } else if !self.logged.contains(&concert) {
            self.unexplained.insert(concert, error);
        }
    }

    pub(super) fn worked(&mut self, concert: ConcertId) {
        self.on_full_disk.remove(&concert);
        if let Some(error) = self.unexplained.remove(&concert) {
            tracing::info!(job = JOB, %concert, %error,
                "a tick of a queue failed; the next one succeeded");
        }
        if self.logged.remove(&concert) {
            tracing::info!(job = JOB, %concert, "ticks of a queue succeed again");
        }
    }

    /// Records that the store answers, so the failures are caused by the queues themselves. Removes
    /// queues that are no longer in the schedule.
    pub(super) fn store_answers(&mut self, scheduled: impl Fn(ConcertId) -> bool) {
        if std::mem::take(&mut self.store_fails) {
            tracing::info!(job = JOB, "the queue store answers again");
        }
        for (concert, error) in self.unexplained.drain() {
            tracing::warn!(job = JOB, %concert, %error,
                "ticks of a queue fail while the queue store answers; retrying with back-off");
            self.logged.insert(concert);
        }
        self.logged.retain(|concert| scheduled(*concert));
        self.on_full_disk.retain(|concert| scheduled(*concert));
    }

    /// Records that the store as a whole fails: it did not return the busy queues.
    pub(super) fn store_fails(&mut self, error: &StoreError) {
        if !std::mem::replace(&mut self.store_fails, true) {
            tracing::warn!(job = JOB, %error,
                "the queue store fails; admission may pause until it answers; retrying");
        }
        self.unexplained.clear();
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const A: ConcertId = ConcertId(Uuid::from_u128(1));
    const B: ConcertId = ConcertId(Uuid::from_u128(2));

    fn error() -> StoreError {
        StoreError::not_applied("bad")
    }

    #[test]
    fn a_queue_is_logged_once_the_store_is_known_to_answer() {
        let mut failures = Failures::default();
        failures.failed(A, error());
        assert!(failures.logged.is_empty());
        failures.store_answers(|_| true);
        assert_eq!(failures.logged, HashSet::from([A]));
        failures.failed(A, error());
        assert!(failures.unexplained.is_empty(), "it is logged once");
        failures.worked(A);
        assert!(failures.logged.is_empty());
    }

    #[test]
    fn queues_of_a_store_that_fails_are_not_logged_each() {
        let mut failures = Failures::default();
        for concert in [A, B] {
            failures.failed(concert, error());
        }
        failures.store_fails(&error());
        assert!(failures.unexplained.is_empty() && failures.logged.is_empty());
        failures.store_answers(|_| true);
        assert!(failures.logged.is_empty() && !failures.store_fails);
    }

    #[test]
    fn queues_that_left_the_schedule_are_removed() {
        let mut failures = Failures::default();
        failures.failed(A, error());
        failures.failed(B, StoreError::disk_full("full"));
        failures.store_answers(|_| false);
        assert!(failures.logged.is_empty() && failures.on_full_disk.is_empty());
    }
}
