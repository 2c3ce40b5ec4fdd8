//! Counts the answers to polls, and decides when their users poll again.

use std::time::Duration;

use anyhow::{Context, Result};
use hdrhistogram::Histogram;
use serde::Deserialize;

use super::{Answer, load::describe};

/// The time until a client polls again if the answer does not say when.
pub(super) const UNTOLD: Duration = Duration::from_secs(1);

/// The longest lateness that is distinguished, in ms.
const LATEST_MS: u64 = 600_000;

/// The results of the polls in some interval.
#[derive(Debug, Clone)]
pub(crate) struct Polled {
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
    /// By how much polls were sent later than due, in ms.
    late_ms: Histogram<u64>,
}

/// The fields of a place that decide when its user polls again.
#[derive(Deserialize)]
struct Told<'a> {
    state: &'a str,
    poll_after_ms: Option<u64>,
}

/// What a user does after a poll.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    Again(Duration),
    Done,
}

impl Polled {
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

    /// Records by how much a poll was sent later than due.
    pub(super) fn sent_late(&mut self, late: Duration) {
        let millis = u64::try_from(late.as_millis()).unwrap_or(u64::MAX);
        self.late_ms.saturating_record(millis);
    }

    /// The number of polls.
    pub(crate) fn polls(&self) -> u64 {
        self.waiting + self.admitted + self.refused + self.gone + self.unanswered + self.other
    }

    /// A quantile of the lateness of polls: the fraction `part`, such as 0.99, was sent at most
    /// this late.
    pub(crate) fn late(&self, part: f64) -> Duration {
        Duration::from_millis(self.late_ms.value_at_quantile(part))
    }

    /// Counts an answer. Returns what its user does next.
    pub(super) fn count(&mut self, answer: Answer<'_>) -> Next {
        let told = || serde_json::from_slice::<Told<'_>>(answer.body).ok();
        let again = Next::Again(answer.retry_after_s.map_or(UNTOLD, Duration::from_secs));
        match (answer.status, told()) {
            (
                200,
                Some(Told {
                    state: "active", ..
                }),
            ) => {
                self.admitted += 1;
                Next::Done
            }
            (
                200,
                Some(Told {
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
    fn a_client_asks_again_when_it_was_told_to() {
        let waiting = r#"{"state":"waiting","poll_after_ms":1500,"position":3}"#;
        let active = r#"{"state":"active","poll_after_ms":null}"#;
        let millis = |millis| Next::Again(Duration::from_millis(millis));
        let mut polled = Polled::new().unwrap();
        for (answer, next) in [
            (answer(200, None, waiting), millis(1_500)),
            (answer(200, None, active), Next::Done),
            (answer(503, Some(7), ""), millis(7_000)),
            (answer(429, None, ""), millis(1_000)),
            (answer(410, None, ""), Next::Done),
            (answer(500, None, "oops"), millis(1_000)),
        ] {
            assert_eq!(polled.count(answer), next, "{answer:?}");
        }
        assert_eq!((polled.waiting, polled.admitted, polled.refused), (1, 1, 2));
        assert_eq!((polled.gone, polled.other, polled.polls()), (1, 1, 6));
        assert_eq!(polled.first_other.as_deref(), Some("500 oops"));
    }
}
