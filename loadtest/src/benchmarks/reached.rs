//! Compares admissions with the rate of the throughput.

use std::time::Duration;

use super::windows::{Limit, filled};
use crate::{
    client::PollTally,
    figures::{exact, grouped, per_second, ratio, short},
    report::{Bar, Due, Row},
};

/// The limit and the interval in which admissions are measured.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ReachedRate {
    pub(crate) limit: Limit,
    /// The beginning of the interval, in µs since 1970.
    pub(crate) from_us: i64,
    pub(crate) watched: Duration,
    /// The number of users who lost their places although they polled when the answers said.
    pub(crate) gone: u64,
}

impl ReachedRate {
    /// Returns the row: admissions divided by the number that the windows allow.
    pub(crate) fn row(self, what: &str, admitted_us: &[i64]) -> Row {
        let watched = i64::try_from(self.watched.as_micros()).unwrap_or(i64::MAX);
        let until = self.from_us.saturating_add(watched);
        let filled = filled(admitted_us, self.limit, self.from_us, until);
        let allowed = self.limit.admit * filled.windows.len() as u64;
        let windows: Vec<_> = filled.windows.iter().map(usize::to_string).collect();
        let fault = (self.gone > 0).then(|| format!("{} users lost their places", self.gone));
        Row::new(what, ratio(exact(filled.admitted()), exact(allowed)))
            .bar(Bar::AtLeast(0.98), Due::Plan(8))
            .behind(format!(
                "{} of {} in {} windows of {}, {} in each: {}",
                grouped(exact(filled.admitted())),
                grouped(exact(allowed)),
                windows.len(),
                short(Duration::from_micros(self.limit.interval_us.unsigned_abs())),
                grouped(exact(self.limit.admit)),
                windows.join(" "),
            ))
            .fault(fault)
    }
}

/// Formats a summary of the polls in an interval.
pub(crate) fn describe(when: &str, tally: &PollTally, duration: Duration) -> String {
    format!(
        "polls {when}: {}, sent late by {} (p50) and {} (p99); {} refused, {} unanswered",
        per_second(exact(tally.polls()) / duration.as_secs_f64()),
        short(tally.late(0.5)),
        short(tally.late(0.99)),
        grouped(exact(tally.refused)),
        grouped(exact(tally.unanswered)),
    )
}

/// Returns the reason why these polls do not count: answers that no client should see. None without
/// such answers.
pub(crate) fn unexpected(tallies: &[&PollTally]) -> Option<String> {
    let bad = tallies.iter().find(|tally| tally.other > 0)?;
    let first = bad.first_other.as_deref().unwrap_or_default();
    Some(format!(
        "{} unexpected answers, the first: {first}",
        bad.other
    ))
}
