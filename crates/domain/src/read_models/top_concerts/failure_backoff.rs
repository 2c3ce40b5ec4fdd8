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
    rest: Duration,
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
        let doubled = last.map_or(Self::SHORTEST, |last| last.rest * 2);
        let rest = doubled
            .min(took.saturating_mul(Self::LONGER_THAN_QUERY))
            .clamp(Self::SHORTEST, Self::LONGEST);
        *last = Some(Failure { at: now, rest });
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
            .is_some_and(|last| now.duration_since(last.at).unsigned_abs() < last.rest)
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

    /// Fails this many times in a row, each time after this many seconds. Returns the back-offs in
    /// seconds.
    fn rests(rest: &FailureBackoff, times: usize, took_s: i64) -> Vec<i64> {
        let mut now = 0;
        let fail = || {
            let began = now;
            now += took_s;
            rest.failed(at(began), at(now));
            let failed = now;
            while rest.lasts(at(now)) {
                now += 1;
            }
            now - failed
        };
        std::iter::repeat_with(fail).take(times).collect()
    }

    #[test]
    fn rests_double_up_to_a_bound() {
        assert_eq!(
            rests(&FailureBackoff::default(), 7, 10),
            [1, 2, 4, 8, 16, 30, 30],
            "of a query that runs out of time"
        );
    }

    #[test]
    fn what_fails_fast_is_tried_again_soon() {
        assert_eq!(rests(&FailureBackoff::default(), 5, 0), [1, 1, 1, 1, 1]);
        assert_eq!(rests(&FailureBackoff::default(), 5, 1), [1, 2, 4, 6, 6]);
    }

    #[test]
    fn after_an_answer_rests_are_short_again() {
        let rest = FailureBackoff::default();
        rests(&rest, 5, 10);
        rest.answered();
        assert!(!rest.lasts(at(0)));
        assert_eq!(rests(&rest, 2, 10), [1, 2]);
    }

    #[test]
    fn a_clock_that_steps_back_makes_no_rest_longer() {
        let rest = FailureBackoff::default();
        rest.failed(at(10_000), at(10_000));
        assert!(!rest.lasts(at(0)));
    }
}
