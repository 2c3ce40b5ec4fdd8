//! Counts and latencies of the answers to a load.

use std::time::Duration;

use anyhow::{Context, Result};
use hdrhistogram::Histogram;

use crate::figures::exact;

/// The longest recorded latency, in nanoseconds. A longer one counts as this.
const LATENCY_MAX_NS: u64 = 60_000_000_000;

/// Counts and latencies of answers.
#[derive(Debug, Clone)]
pub(crate) struct Tally {
    /// The number of intended answers.
    pub(crate) intended: u64,
    /// The number of other answers: with another status or another state.
    pub(crate) unintended: u64,
    /// The first of the other answers.
    pub(crate) first_unintended: Option<String>,
    /// The number of requests that were sent later than due, by more than the error of a timer.
    pub(crate) late: u64,
    /// The time for which requests were sent.
    pub(crate) duration: Duration,
    /// The times from sending a request to the end of its answer, in nanoseconds, of all answers.
    latency_ns: Histogram<u64>,
}

impl Tally {
    /// Creates a tally without answers.
    pub(crate) fn new() -> Result<Self> {
        Ok(Self {
            intended: 0,
            unintended: 0,
            first_unintended: None,
            late: 0,
            duration: Duration::ZERO,
            latency_ns: Histogram::new_with_max(LATENCY_MAX_NS, 3).context("no such histogram")?,
        })
    }

    /// Counts an intended answer with its latency.
    pub(crate) fn intended(&mut self, took: Duration) {
        self.intended += 1;
        self.record_latency(took);
    }

    /// Counts an answer that was not intended, with its latency. `what` describes it.
    pub(crate) fn unintended(&mut self, took: Duration, what: impl FnOnce() -> String) {
        self.unintended += 1;
        self.first_unintended.get_or_insert_with(what);
        self.record_latency(took);
    }

    fn record_latency(&mut self, took: Duration) {
        let ns = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.latency_ns.saturating_record(ns);
    }

    /// Adds the tally of another thread for the same interval.
    pub(crate) fn merge_beside(&mut self, other: &Self) {
        let duration = self.duration.max(other.duration);
        self.merge_after(other);
        self.duration = duration;
    }

    /// Adds the tally of another interval.
    pub(crate) fn merge_after(&mut self, other: &Self) {
        self.intended += other.intended;
        self.unintended += other.unintended;
        if self.first_unintended.is_none() {
            self.first_unintended.clone_from(&other.first_unintended);
        }
        self.late += other.late;
        self.duration += other.duration;
        // Fails only for histograms with different bounds. Both have the same.
        let _ = self.latency_ns.add(&other.latency_ns);
    }

    /// Returns the rate of intended answers, per second.
    pub(crate) fn rate(&self) -> f64 {
        exact(self.intended) / self.duration.as_secs_f64().max(f64::MIN_POSITIVE)
    }

    /// Returns a quantile of the latency: the fraction `part` of all answers, such as 0.5, took at
    /// most this time.
    pub(crate) fn quantile(&self, part: f64) -> Duration {
        Duration::from_nanos(self.latency_ns.value_at_quantile(part))
    }

    /// Returns the number of all answers.
    pub(crate) fn answers(&self) -> u64 {
        self.intended + self.unintended
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(intended: u64, duration_s: u64) -> Tally {
        let mut tally = Tally::new().unwrap();
        for _ in 0..intended {
            tally.intended(Duration::from_micros(intended));
        }
        tally.duration = Duration::from_secs(duration_s);
        tally
    }

    fn is_near(found: f64, wanted: f64) -> bool {
        (found - wanted).abs() < 1e-9
    }

    #[test]
    fn threads_share_an_interval_and_slices_have_one_each() {
        let mut beside = tally(10, 2);
        beside.merge_beside(&tally(20, 2));
        assert!(is_near(beside.rate(), 15.0));
        let mut after = tally(10, 2);
        after.merge_after(&tally(20, 2));
        assert!(is_near(after.rate(), 7.5));
    }

    #[test]
    fn an_unintended_answer_is_counted_apart_and_its_latency_is_recorded() {
        let mut tally = tally(1, 1);
        tally.unintended(Duration::from_secs(1), || "429".into());
        tally.unintended(Duration::from_secs(1), || "503".into());
        assert_eq!((tally.intended, tally.unintended), (1, 2));
        assert_eq!(tally.first_unintended.as_deref(), Some("429"));
        assert!(is_near(tally.rate(), 1.0));
        assert!(tally.quantile(0.5) > Duration::from_millis(900));
    }
}
