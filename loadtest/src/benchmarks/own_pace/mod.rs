//! The longest line that the machine can serve while its users poll when the answers say.

mod trial;

use std::time::Duration;

use anyhow::Result;

use self::trial::{Trial, line_of};
use super::test_bed::Environment;
use crate::{
    cli::Backend,
    figures::{exact, grouped, short},
    report::{Bar, Due, Row},
};

/// The fraction of all processor time that must stay idle.
const IDLE_MIN: f64 = 0.1;

/// The greatest allowed lateness of 99 % of the polls. If users poll later than the answers say,
/// the line is too long for the machine, however idle it is.
const LATE_MAX: Duration = Duration::from_secs(1);

/// The maximum number of times that the length of the line is doubled.
const DOUBLINGS_MAX: u32 = 4;

/// Returns the length of the shortest line for a valid row.
fn shortest(backend: Backend) -> u64 {
    match backend {
        Backend::Redis | Backend::Embedded => 200_000,
        Backend::Mysql => 30_000,
    }
}

/// Measures the rows of this group.
pub(crate) async fn measure(environment: &Environment) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for (instances, bar) in [(1, 0.3), (4, 0.5)] {
        let row = longest_line(environment, instances).await?;
        rows.push(row.bar(Bar::AtMost(bar), Due::Plan(9)));
    }
    Ok(rows)
}

/// Tries lines, each twice as long as the one before. Returns the row of the longest line that left
/// enough processor time idle. If not even the shortest line did, this is the fault of the row.
async fn longest_line(environment: &Environment, instances: usize) -> Result<Row> {
    let what = match instances {
        1 => "own pace, 1 instance: users looked up in the store ÷ look-ups answered".to_owned(),
        _ => format!("the same, {instances} instances without affinity"),
    };
    let first = Trial::run(
        environment,
        instances,
        line_of(environment, shortest(environment.backend)),
    )
    .await?;
    let mut trials = vec![first.describe()];
    let fault = overload(&first);
    let is_single = environment.settings.quick || environment.settings.people.is_some();
    let mut longest = first;
    if fault.is_none() && !is_single && !environment.is_short() {
        for _ in 0..DOUBLINGS_MAX {
            // A line that is too long for the machine may fail in any way.
            match Trial::run(environment, instances, 2 * longest.line).await {
                Ok(next) => {
                    trials.push(next.describe());
                    if overload(&next).is_some() || next.fault().is_some() {
                        break;
                    }
                    longest = next;
                }
                Err(error) => {
                    let line = grouped(exact(2 * longest.line));
                    trials.push(format!("{line} users: {error:#}"));
                    break;
                }
            }
        }
    }
    let row = Row::new(what, longest.ratio()).fault(longest.fault());
    let row = longest.behind().into_iter().fold(row, Row::behind);
    let row = row.behind("lines tried, on this machine with the client:");
    let row = trials
        .into_iter()
        .fold(row, |row, line| row.behind(format!("    {line}")));
    Ok(row.fault(fault))
}

/// Returns the reason why the line is too long for the machine. None if it is not.
fn overload(trial: &Trial) -> Option<String> {
    too_busy(trial.idle).or_else(|| too_late(trial.late()))
}

fn too_late(late: Duration) -> Option<String> {
    (late > LATE_MAX).then(|| {
        format!(
            "polls were late by {} (p99), where {} are allowed",
            short(late),
            short(LATE_MAX)
        )
    })
}

fn too_busy(idle: f64) -> Option<String> {
    (idle < IDLE_MIN).then(|| {
        format!(
            "the line left only {:.0} % of the processors idle, where {:.0} % must be",
            100.0 * idle,
            100.0 * IDLE_MIN
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenth_of_processor_time_must_be_idle() {
        assert_eq!(too_busy(0.1), None);
        let why = too_busy(0.049).unwrap();
        assert!(why.contains("only 5 %") && why.contains("10 %"), "{why}");
    }

    #[test]
    fn polls_must_be_sent_in_time() {
        assert_eq!(too_late(LATE_MAX), None);
        assert!(too_late(LATE_MAX + Duration::from_millis(1)).is_some());
    }
}
