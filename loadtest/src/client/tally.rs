//! Counts and latencies of the answers to a load.

use std::time::Duration;

use anyhow::{Context, Result};
use hdrhistogram::Histogram;

use crate::figures::exact;

/// The longest latency that is distinguished, in nanoseconds.
const LONGEST_NS: u64 = 60_000_000_000;

/// Counts and latencies of answers.
#[derive(Debug, Clone)]
pub(crate) struct Tally {
    /// Answers that were as intended.
    pub(crate) intended: u64,
    /// Other answers: with another status or another state.
    pub(crate) unintended: u64,
    /// The first of the other answers.
    pub(crate) first_unintended: Option<String>,
    /// Requests that were sent later than due, by more than the error of a timer.
    pub(crate) late: u64,
    /// The time for which requests were sent.
    pub(crate) lasted: Duration,
    /// The time from sending a request to the end of its answer, in nanoseconds, for all answers.
    latency_ns: Histogram<u64>,
}

impl Tally {
    /// A tally without answers.
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

    /// Counts an intended answer with its latency.
    pub(crate) fn intended(&mut self, took: Duration) {
        self.intended += 1;
        self.time(took);
    }

    /// Counts an answer that was not intended, with its latency. `what` describes it.
    pub(crate) fn unintended(&mut self, took: Duration, what: impl FnOnce() -> String) {
        self.unintended += 1;
        self.first_unintended.get_or_insert_with(what);
        self.time(took);
    }

    fn time(&mut self, took: Duration) {
        let ns = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.latency_ns.saturating_record(ns);
    }

    /// Adds the tally of another thread for the same interval.
    pub(crate) fn merge_beside(&mut self, other: &Self) {
        let lasted = self.lasted.max(other.lasted);
        self.merge_after(other);
        self.lasted = lasted;
    }

    /// Adds the tally of another interval.
    pub(crate) fn merge_after(&mut self, other: &Self) {
        self.intended += other.intended;
        self.unintended += other.unintended;
        if self.first_unintended.is_none() {
            self.first_unintended.clone_from(&other.first_unintended);
        }
        self.late += other.late;
        self.lasted += other.lasted;
        // Fails only for histograms with different bounds. Both have the same.
        let _ = self.latency_ns.add(&other.latency_ns);
    }

    /// Intended answers per second.
    pub(crate) fn rate(&self) -> f64 {
        exact(self.intended) / self.lasted.as_secs_f64().max(f64::MIN_POSITIVE)
    }

    /// A quantile of the latency: the fraction `part` of all answers, such as 0.5, took at most
    /// this.
    pub(crate) fn quantile(&self, part: f64) -> Duration {
        Duration::from_nanos(self.latency_ns.value_at_quantile(part))
    }

    /// The number of all answers.
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
