//! The back-off after a failed query of the database.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jiff::Timestamp;

/// The time for which a query is not made again after it has failed. It doubles with every failure
/// in a row, up to a multiple of the time that the query took. So a query that fails at once is
/// soon tried again, and a query that always runs until its time-out does not become most of the
/// database's load.
#[derive(Debug, Default)]
pub(super) struct FailureBackoff(Mutex<Option<Failure>>);

/// The last failure of the query, if it has not succeeded since.
#[derive(Debug, Clone, Copy)]
struct Failure {
    at: Timestamp,
    backoff: Duration,
}

impl FailureBackoff {
    pub(super) const SHORTEST: Duration = Duration::from_secs(1);
    pub(super) const LONGEST: Duration = Duration::from_secs(30);
    /// The upper bound of the back-off, in multiples of the time that the query took.
    const LONGER_THAN_QUERY: u32 = 6;

    /// Records that a query that began at `began` has failed.
    pub(super) fn failed(&self, began: Timestamp, now: Timestamp) {
        let took = now.duration_since(began).unsigned_abs();
        let mut last = self.last();
        let doubled = last.map_or(Self::SHORTEST, |last| last.backoff * 2);
        let backoff = doubled
            .min(took.saturating_mul(Self::LONGER_THAN_QUERY))
            .clamp(Self::SHORTEST, Self::LONGEST);
        *last = Some(Failure { at: now, backoff });
    }

    /// Records that a query has succeeded.
    pub(super) fn answered(&self) {
        *self.last() = None;
    }

    /// Records that a query of another instance has succeeded at `at`.
    pub(super) fn answered_elsewhere(&self, at: Timestamp) {
        let mut last = self.last();
        *last = last.filter(|last| at < last.at);
    }

    /// True while the database must not be queried.
    pub(super) fn lasts(&self, now: Timestamp) -> bool {
        self.last()
            .is_some_and(|last| now.duration_since(last.at).unsigned_abs() < last.backoff)
    }

    /// True if the last query failed.
    pub(super) fn is_after_failure(&self) -> bool {
        self.last().is_some()
    }

    fn last(&self) -> MutexGuard<'_, Option<Failure>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::at;

    /// Fails `times` times in a row, each time after `took_s` seconds. Returns the back-offs in
    /// seconds.
    fn back_offs(backoff: &FailureBackoff, times: usize, took_s: i64) -> Vec<i64> {
        let mut now = 0;
        let fail = || {
            let began = now;
            now += took_s;
            backoff.failed(at(began), at(now));
            let failed = now;
            while backoff.lasts(at(now)) {
                now += 1;
            }
            now - failed
        };
        std::iter::repeat_with(fail).take(times).collect()
    }

    #[test]
    fn back_offs_double_up_to_a_bound() {
        assert_eq!(
            back_offs(&FailureBackoff::default(), 7, 10),
            [1, 2, 4, 8, 16, 30, 30],
            "the query runs until its time-out"
        );
    }

    #[test]
    fn a_query_that_fails_fast_is_soon_tried_again() {
        assert_eq!(back_offs(&FailureBackoff::default(), 5, 0), [1, 1, 1, 1, 1]);
        assert_eq!(back_offs(&FailureBackoff::default(), 5, 1), [1, 2, 4, 6, 6]);
    }

    #[test]
    fn after_an_answer_back_offs_are_short_again() {
        let backoff = FailureBackoff::default();
        back_offs(&backoff, 5, 10);
        backoff.answered();
        assert!(!backoff.lasts(at(0)));
        assert_eq!(back_offs(&backoff, 2, 10), [1, 2]);
    }

    #[test]
    fn a_clock_that_steps_back_makes_no_back_off_longer() {
        let backoff = FailureBackoff::default();
        backoff.failed(at(10_000), at(10_000));
        assert!(!backoff.lasts(at(0)));
    }
}
