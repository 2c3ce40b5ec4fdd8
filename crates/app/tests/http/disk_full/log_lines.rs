//! The program's log lines about a full disk.

use anyhow::{Context, Result, ensure};
use frontrow_test_harness::App;

use crate::clock::Stopwatch;

/// The text that an operator would search for.
const DISK_FULL: &str = "disk full: requests that write are refused";

/// Checks that there is a line at ERROR that names the database, and at most one for each second
/// that passed.
pub(super) fn check_disk_full_lines(app: &App, database: &str, since: &Stopwatch) -> Result<()> {
    let log = app.log()?;
    let lines: Vec<_> = log
        .lines()
        .filter(|line| line.contains(DISK_FULL))
        .collect();
    let line = lines.first().context("the log has no such line")?;
    for part in [" ERROR ", "is full", database, "nothing was changed"] {
        ensure!(line.contains(part), "no {part:?} in {line}");
    }
    let seconds = usize::try_from(since.elapsed().as_secs())?;
    ensure!(lines.len() <= seconds + 1, "{lines:?} in {seconds} s");
    let wrong = ["cannot rollback", "panic", "is unknown"];
    let wrong = log
        .lines()
        .find(|line| wrong.iter().any(|part| line.contains(part)));
    ensure!(wrong.is_none(), "{wrong:?}");
    Ok(())
}
