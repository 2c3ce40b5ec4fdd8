//! How long things take, and the table of it.

use std::{
    future::Future,
    time::{Duration, Instant},
};

use anyhow::Result;

/// How long each figure is measured.
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
    /// With a remark.
    pub(crate) fn noting(mut self, note: impl Into<String>) -> Self {
        self.note = note.into();
        self
    }
}

/// So many callers do something again and again for a while; each is given its number and the turn.
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
                let mut took = Vec::new();
                while began.elapsed() < SPAN {
                    let before = Instant::now();
                    call(caller, took.len()).await?;
                    took.push(before.elapsed());
                }
                Ok::<_, anyhow::Error>(took)
            })
        })
        .collect();
    let mut took = Vec::new();
    for task in tasks {
        took.extend(task.await??);
    }
    let seconds = began.elapsed().as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "a figure to be read")]
    let per_second = took.len() as f64 / seconds;
    Ok(row(what, per_second, took))
}

/// What a number of turns of the same took, one after the other.
pub(crate) fn of_turns(what: impl Into<String>, took: Vec<Duration>) -> Row {
    let total: Duration = took.iter().sum();
    #[expect(clippy::cast_precision_loss, reason = "a figure to be read")]
    let per_second = took.len() as f64 / total.as_secs_f64();
    row(what, per_second, took)
}

fn row(what: impl Into<String>, per_second: f64, mut took: Vec<Duration>) -> Row {
    took.sort_unstable();
    let at = |percent: usize| {
        let place = took.len().saturating_sub(1) * percent / 100;
        took.get(place).copied().unwrap_or_default()
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
    println!("| what | a second | p50 ms | p99 ms | |");
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
