//! Observations of users in each run of the program, and a check of the order of admission.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicUsize, Ordering},
};

use anyhow::{Context, Result};
use jiff::Timestamp;
use serde_json::Value;

/// Counts the runs of the program. It grows after a kill and before the next start.
#[derive(Debug, Default)]
pub(crate) struct RunCounter(AtomicUsize);

impl RunCounter {
    /// The number of the current run.
    pub(crate) fn now(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }

    /// Records that the program was killed.
    pub(crate) fn record_kill(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// The observations of one user, of one place in one run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Observation {
    pub(crate) joined_at: Timestamp,
    /// The user joined in this run, or came back while the queue recovered. From then on the user
    /// was in the line.
    pub(crate) in_line: bool,
    /// The user waited at least until then.
    pub(crate) waited_until: Option<Timestamp>,
    /// The admission of the user.
    pub(crate) admitted_at: Option<Timestamp>,
}

/// The run of the program in which a request was answered.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AnsweredIn {
    /// The run in which it was sent.
    pub(crate) sent_in: usize,
    /// False if the program was killed before the answer was read. Then the answer may be from a
    /// later run.
    pub(crate) is_certain: bool,
}

/// The observations of one user, by run.
#[derive(Debug, Default)]
pub(crate) struct UserLog {
    runs: BTreeMap<usize, Observation>,
    /// The admissions that answers reported, by the run in which the request was sent.
    admissions: BTreeMap<usize, Timestamp>,
}

impl UserLog {
    /// Records a place in an answer.
    pub(crate) fn record(
        &mut self,
        answered: AnsweredIn,
        place: &Value,
        joined_now: bool,
    ) -> Result<()> {
        let instant = |field: &str| -> Result<Timestamp> {
            let text = place[field].as_str();
            Ok(text
                .with_context(|| format!("no {field}: {place}"))?
                .parse()?)
        };
        let run = answered.sent_in;
        let is_active = place["state"] == "active";
        if is_active {
            self.admissions.insert(run, instant("admitted_at")?);
        }
        if !answered.is_certain {
            return Ok(());
        }
        let joined_at = instant("joined_at")?;
        let observed = self.runs.entry(run).or_insert(Observation {
            joined_at,
            in_line: false,
            waited_until: None,
            admitted_at: None,
        });
        let recovering = place["queue"]["recovering"] == true;
        observed.in_line |= joined_now || (recovering && place["state"] == "waiting");
        if is_active {
            observed.admitted_at = Some(instant("admitted_at")?);
        } else {
            observed.waited_until = observed.waited_until.max(Some(instant("as_of")?));
        }
        Ok(())
    }

    /// The instant until which the user waited in this run, at least.
    ///
    /// A queue that outlives the program may have admitted the user a moment before. That is
    /// visible only once it is committed. After a kill, it is visible in a later run, or in an
    /// answer whose run is not known.
    fn waited_until(&self, run: usize) -> Option<Timestamp> {
        let reported = self.runs.get(&run)?.waited_until?;
        let admission = self.admissions.range(run..).next();
        Some(admission.map_or(reported, |(_, admitted_at)| reported.min(*admitted_at)))
    }

    /// The number of runs in which the user was in the line.
    pub(crate) fn runs_in_line(&self) -> usize {
        self.runs
            .values()
            .filter(|observed| observed.in_line)
            .count()
    }
}

/// Checks that in no run a user was admitted before another user who was in the line and had
/// arrived earlier. Returns the number of admissions that were checked.
pub(crate) fn check_admission_order<'a>(logs: impl Iterator<Item = &'a UserLog>) -> usize {
    let mut runs: BTreeMap<usize, Vec<Observation>> = BTreeMap::new();
    for log in logs {
        for (run, observed) in &log.runs {
            runs.entry(*run).or_default().push(Observation {
                waited_until: log.waited_until(*run),
                ..*observed
            });
        }
    }
    let mut admissions = 0;
    for (run, mut line) in runs {
        line.sort_by_key(|observed| observed.joined_at);
        // The latest instant at which one of the earlier users still waited, or was admitted.
        let mut before: Option<Timestamp> = None;
        for observed in line {
            if let Some(admitted_at) = observed.admitted_at {
                admissions += 1;
                assert!(
                    before <= Some(admitted_at),
                    "run {run}: a user who joined at {} was admitted at {admitted_at}, and an \
                     earlier user still waited at {before:?}",
                    observed.joined_at,
                );
            }
            if observed.in_line {
                before = before.max(observed.admitted_at.or(observed.waited_until));
            }
        }
    }
    admissions
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// An answer that is certainly from this run.
    fn in_run(run: usize) -> AnsweredIn {
        AnsweredIn {
            sent_in: run,
            is_certain: true,
        }
    }

    /// The log of a user who joined in the second `joined` and was admitted in the second
    /// `admitted`.
    fn log(joined: u8, came_back: bool, admitted: u8) -> Result<UserLog> {
        let at = |second: u8| format!("2030-01-01T00:00:{second:02}Z");
        let mut log = UserLog::default();
        let waiting = json!({
            "state": "waiting", "joined_at": at(joined), "as_of": at(10),
            "queue": {"recovering": came_back},
        });
        log.record(in_run(1), &waiting, false)?;
        let active = json!({
            "state": "active", "joined_at": at(joined), "admitted_at": at(admitted), "as_of": at(50),
            "queue": {"recovering": false},
        });
        log.record(in_run(1), &active, false)?;
        Ok(log)
    }

    #[test]
    fn users_who_came_back_late_may_be_overtaken() -> Result<()> {
        let logs = [log(1, false, 20)?, log(2, true, 11)?, log(3, true, 11)?];
        assert_eq!(check_admission_order(logs.iter()), 3);
        Ok(())
    }

    #[test]
    fn an_admission_may_be_reported_after_the_kill() -> Result<()> {
        let across = AnsweredIn {
            sent_in: 1,
            is_certain: false,
        };
        for shown in [in_run(2), across] {
            let mut first = UserLog::default();
            let place = |second: u8, state: &str| {
                json!({
                    "state": state, "joined_at": "2030-01-01T00:00:01Z",
                    "as_of": format!("2030-01-01T00:00:{second}Z"),
                    "admitted_at": "2030-01-01T00:00:11Z", "queue": {"recovering": false},
                })
            };
            first.record(in_run(1), &place(10, "waiting"), true)?;
            first.record(in_run(1), &place(12, "waiting"), false)?;
            first.record(shown, &place(13, "active"), false)?;
            let admissions = 1 + usize::from(shown.is_certain);
            let logs = [first, log(2, false, 11)?];
            assert_eq!(check_admission_order(logs.iter()), admissions);
        }
        Ok(())
    }

    #[test]
    #[should_panic(expected = "still waited")]
    fn users_in_line_may_not_be_overtaken() {
        let logs = [log(1, true, 20), log(2, true, 11)];
        let logs = logs.map(|log| log.expect("a log"));
        check_admission_order(logs.iter());
    }
}
