//! What was counted while load was on.

use std::time::Duration;

use anyhow::{Context, Result};
use hdrhistogram::Histogram;

use crate::figures::exact;

/// The longest latency that is told apart, in nanoseconds.
const LONGEST_NS: u64 = 60_000_000_000;

/// Answers, counted and timed.
#[derive(Debug, Clone)]
pub(crate) struct Tally {
    /// Answers as they were meant to be.
    pub(crate) intended: u64,
    /// Others: another status, another state.
    pub(crate) unintended: u64,
    /// The first of those others.
    pub(crate) first_unintended: Option<String>,
    /// Requests that were sent later than they were due, by more than a timer's error.
    pub(crate) late: u64,
    /// For how long load was on.
    pub(crate) lasted: Duration,
    /// From sending to the whole answer, in nanoseconds, of all answers.
    latency_ns: Histogram<u64>,
}

impl Tally {
    /// Nothing yet.
    pub(crate) fn new() -> Result<Self> {
        Ok(Self {
            intended: 0,
            unintended: 0,
            first_unintended: None,
            late: 0,
            lasted: Duration::ZERO,
            latency_ns: Histogram::new_with_max(LONGEST_NS, 3).context("no such histogram")?,
        })
    }

    /// Counts one that was as meant, which took so long.
    pub(crate) fn intended(&mut self, took: Duration) {
        self.intended += 1;
        self.time(took);
    }

    /// Counts one that was not; `what` says what it was.
    pub(crate) fn unintended(&mut self, took: Duration, what: impl FnOnce() -> String) {
        self.unintended += 1;
        self.first_unintended.get_or_insert_with(what);
        self.time(took);
    }

    fn time(&mut self, took: Duration) {
        let ns = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.latency_ns.saturating_record(ns);
    }

    /// Adds what another thread counted in the same time.
    pub(crate) fn merge_beside(&mut self, other: &Self) {
        let lasted = self.lasted.max(other.lasted);
        self.merge_after(other);
        self.lasted = lasted;
    }

    /// Adds what was counted at another time.
    pub(crate) fn merge_after(&mut self, other: &Self) {
        self.intended += other.intended;
        self.unintended += other.unintended;
        if self.first_unintended.is_none() {
            self.first_unintended.clone_from(&other.first_unintended);
        }
        self.late += other.late;
        self.lasted += other.lasted;
        // Both have the same bounds, without which this could fail.
        let _ = self.latency_ns.add(&other.latency_ns);
    }

    /// Intended answers a second.
    pub(crate) fn rate(&self) -> f64 {
        exact(self.intended) / self.lasted.as_secs_f64().max(f64::MIN_POSITIVE)
    }

    /// The latency that this part of all answers kept within, such as 0.5.
    pub(crate) fn quantile(&self, part: f64) -> Duration {
        Duration::from_nanos(self.latency_ns.value_at_quantile(part))
    }

    /// All answers.
    pub(crate) fn answers(&self) -> u64 {
        self.intended + self.unintended
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(intended: u64, lasted_s: u64) -> Tally {
        let mut tally = Tally::new().unwrap();
        for _ in 0..intended {
            tally.intended(Duration::from_micros(intended));
        }
        tally.lasted = Duration::from_secs(lasted_s);
        tally
    }

    fn near(found: f64, wanted: f64) -> bool {
        (found - wanted).abs() < 1e-9
    }

    #[test]
    fn threads_share_their_time_and_slices_do_not() {
        let mut beside = tally(10, 2);
        beside.merge_beside(&tally(20, 2));
        assert!(near(beside.rate(), 15.0));
        let mut after = tally(10, 2);
        after.merge_after(&tally(20, 2));
        assert!(near(after.rate(), 7.5));
    }

    #[test]
    fn what_was_not_meant_is_counted_apart_and_timed() {
        let mut tally = tally(1, 1);
        tally.unintended(Duration::from_secs(1), || "429".into());
        tally.unintended(Duration::from_secs(1), || "503".into());
        assert_eq!((tally.intended, tally.unintended), (1, 2));
        assert_eq!(tally.first_unintended.as_deref(), Some("429"));
        assert!(near(tally.rate(), 1.0));
        assert!(tally.quantile(0.5) > Duration::from_millis(900));
    }
}
