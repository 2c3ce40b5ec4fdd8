//! Leaving a database alone in which a query has failed.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jiff::Timestamp;

/// For how long a query is not made again after it has failed. That doubles with every failure in a row, up
/// to some times what the query took: what fails at once costs nothing to try again, and one that takes all
/// the time that it may, in vain, is not to be most of what the database does.
#[derive(Debug, Default)]
pub(super) struct FailureBackoff(Mutex<Option<Failure>>);

/// The last that came of the query, if it failed.
#[derive(Debug, Clone, Copy)]
struct Failure {
    at: Timestamp,
    rest: Duration,
}

impl FailureBackoff {
    pub(super) const SHORTEST: Duration = Duration::from_secs(1);
    pub(super) const LONGEST: Duration = Duration::from_secs(30);
    /// How many times as long as the query has taken.
    const LONGER_THAN_QUERY: u32 = 6;

    /// A query that began then has failed.
    pub(super) fn failed(&self, began: Timestamp, now: Timestamp) {
        let took = now.duration_since(began).unsigned_abs();
        let mut last = self.last();
        let doubled = last.map_or(Self::SHORTEST, |last| last.rest * 2);
        let rest = doubled
            .min(took.saturating_mul(Self::LONGER_THAN_QUERY))
            .clamp(Self::SHORTEST, Self::LONGEST);
        *last = Some(Failure { at: now, rest });
    }

    /// A query was answered.
    pub(super) fn answered(&self) {
        *self.last() = None;
    }

    /// A query that another instance made at that time was answered.
    pub(super) fn answered_elsewhere(&self, at: Timestamp) {
        let mut last = self.last();
        *last = last.filter(|last| at < last.at);
    }

    /// True when the database is to be left alone.
    pub(super) fn lasts(&self, now: Timestamp) -> bool {
        self.last()
            .is_some_and(|last| now.duration_since(last.at).unsigned_abs() < last.rest)
    }

    /// True when the last query failed.
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
    use crate::use_cases::testing::at;

    /// Fails so often in a row, each time after so many seconds, and gives the rests, in seconds.
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
