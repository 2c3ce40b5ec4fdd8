//! Measures durations, and prints the table of them.

use std::{
    future::Future,
    time::{Duration, Instant},
};

use anyhow::Result;

/// How long one row of the table is measured.
const SPAN: Duration = Duration::from_secs(6);

/// One line of the table.
pub(crate) struct Row {
    what: String,
    per_second: f64,
    p50: Duration,
    p99: Duration,
    note: String,
}

impl Row {
    /// Returns the row with a note.
    pub(crate) fn noting(mut self, note: impl Into<String>) -> Self {
        self.note = note.into();
        self
    }
}

/// Measures `call`, which `callers` concurrent callers repeat for [`SPAN`]. Its arguments are the
/// number of the caller and of the call.
pub(crate) async fn all_at_once<Fut>(
    what: impl Into<String>,
    callers: usize,
    call: impl Fn(usize, usize) -> Fut + Clone + Send + 'static,
) -> Result<Row>
where
    Fut: Future<Output = Result<()>> + Send,
{
    let began = Instant::now();
    let tasks: Vec<_> = (0..callers)
        .map(|caller| {
            let call = call.clone();
            tokio::spawn(async move {
                let mut durations = Vec::new();
                while began.elapsed() < SPAN {
                    let before = Instant::now();
                    call(caller, durations.len()).await?;
                    durations.push(before.elapsed());
                }
                Ok::<_, anyhow::Error>(durations)
            })
        })
        .collect();
    let mut durations = Vec::new();
    for task in tasks {
        durations.extend(task.await??);
    }
    let seconds = began.elapsed().as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "a figure to be read")]
    let per_second = durations.len() as f64 / seconds;
    Ok(row(what, per_second, durations))
}

/// Returns the row for calls one after the other that took these durations.
pub(crate) fn of_turns(what: impl Into<String>, durations: Vec<Duration>) -> Row {
    let total: Duration = durations.iter().sum();
    #[expect(clippy::cast_precision_loss, reason = "a figure to be read")]
    let per_second = durations.len() as f64 / total.as_secs_f64();
    row(what, per_second, durations)
}

fn row(what: impl Into<String>, per_second: f64, mut durations: Vec<Duration>) -> Row {
    durations.sort_unstable();
    let at = |percent: usize| {
        let place = durations.len().saturating_sub(1) * percent / 100;
        durations.get(place).copied().unwrap_or_default()
    };
    Row {
        what: what.into(),
        per_second,
        p50: at(50),
        p99: at(99),
        note: String::new(),
    }
}

/// Prints the table as Markdown.
pub(crate) fn print(rows: &[Row]) {
    println!("| what | per second | p50 ms | p99 ms | |");
    println!("|---|--:|--:|--:|---|");
    for row in rows {
        println!(
            "| {} | {:.0} | {:.2} | {:.2} | {} |",
            row.what,
            row.per_second,
            row.p50.as_secs_f64() * 1e3,
            row.p99.as_secs_f64() * 1e3,
            row.note
        );
    }
}
