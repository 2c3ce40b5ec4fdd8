//! Counts the answers to polls, and decides when the user of an answer polls again.

use std::time::Duration;

use anyhow::{Context, Result};
use hdrhistogram::Histogram;
use serde::Deserialize;

use super::{Answer, load::describe};

/// The time until a client polls again where the answer does not set it.
pub(super) const DEFAULT_PAUSE: Duration = Duration::from_secs(1);

/// The longest recorded lateness, in ms. A longer one counts as this.
const LATEST_MS: u64 = 600_000;

/// Counts and lateness of the polls in one interval.
#[derive(Debug, Clone)]
pub(crate) struct PollTally {
    /// Answers with a waiting place.
    pub(crate) waiting: u64,
    /// Answers with an active place.
    pub(crate) admitted: u64,
    /// Answers that ask the client to try again later: 429 or 503.
    pub(crate) refused: u64,
    /// Answers that the place is gone.
    pub(crate) gone: u64,
    /// Polls without an answer.
    pub(crate) unanswered: u64,
    /// Other answers, which no client should see.
    pub(crate) other: u64,
    /// The first of the other answers.
    pub(crate) first_other: Option<String>,
    /// The times from the due time of each poll until it was sent, in ms.
    late_ms: Histogram<u64>,
}

/// The fields of a place that decide when its user polls again.
#[derive(Deserialize)]
struct PolledPlace<'a> {
    state: &'a str,
    poll_after_ms: Option<u64>,
}

/// The next step of a user after a poll.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    Again(Duration),
    Done,
}

impl PollTally {
    /// Creates a tally without polls.
    pub(crate) fn new() -> Result<Self> {
        Ok(Self {
            waiting: 0,
            admitted: 0,
            refused: 0,
            gone: 0,
            unanswered: 0,
            other: 0,
            first_other: None,
            late_ms: Histogram::new_with_max(LATEST_MS, 3).context("no such histogram")?,
        })
    }

    /// Records the time from the due time of a poll until it was sent.
    pub(super) fn sent_late(&mut self, late: Duration) {
        let millis = u64::try_from(late.as_millis()).unwrap_or(u64::MAX);
        self.late_ms.saturating_record(millis);
    }

    /// Returns the number of polls.
    pub(crate) fn polls(&self) -> u64 {
        self.waiting + self.admitted + self.refused + self.gone + self.unanswered + self.other
    }

    /// Returns a quantile of the lateness: the fraction `part` of the polls, such as 0.99, was sent
    /// at most this late.
    pub(crate) fn late(&self, part: f64) -> Duration {
        Duration::from_millis(self.late_ms.value_at_quantile(part))
    }

    /// Counts an answer. Returns the next step of its user.
    pub(super) fn count(&mut self, answer: Answer<'_>) -> Next {
        let place = || serde_json::from_slice::<PolledPlace<'_>>(answer.body).ok();
        let again = Next::Again(
            answer
                .retry_after_s
                .map_or(DEFAULT_PAUSE, Duration::from_secs),
        );
        match (answer.status, place()) {
            (
                200,
                Some(PolledPlace {
                    state: "active", ..
                }),
            ) => {
                self.admitted += 1;
                Next::Done
            }
            (
                200,
                Some(PolledPlace {
                    state: "waiting",
                    poll_after_ms: Some(after),
                }),
            ) => {
                self.waiting += 1;
                Next::Again(Duration::from_millis(after))
            }
            (429 | 503, _) => {
                self.refused += 1;
                again
            }
            (410, _) => {
                self.gone += 1;
                Next::Done
            }
            _ => {
                self.other += 1;
                self.first_other.get_or_insert_with(|| describe(answer));
                again
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, retry_after_s: Option<u64>, body: &str) -> Answer<'_> {
        Answer {
            status,
            retry_after_s,
            body: body.as_bytes(),
        }
    }

    #[test]
    fn a_client_polls_again_when_the_answer_says() {
        let waiting = r#"{"state":"waiting","poll_after_ms":1500,"position":3}"#;
        let active = r#"{"state":"active","poll_after_ms":null}"#;
        let millis = |millis| Next::Again(Duration::from_millis(millis));
        let mut tally = PollTally::new().unwrap();
        for (answer, next) in [
            (answer(200, None, waiting), millis(1_500)),
            (answer(200, None, active), Next::Done),
            (answer(503, Some(7), ""), millis(7_000)),
            (answer(429, None, ""), millis(1_000)),
            (answer(410, None, ""), Next::Done),
            (answer(500, None, "oops"), millis(1_000)),
        ] {
            assert_eq!(tally.count(answer), next, "{answer:?}");
        }
        assert_eq!((tally.waiting, tally.admitted, tally.refused), (1, 1, 2));
        assert_eq!((tally.gone, tally.other, tally.polls()), (1, 1, 6));
        assert_eq!(tally.first_other.as_deref(), Some("500 oops"));
    }
}
