//! Measures how fast Frontrow is and compares each figure with the bar that it must reach:
//! `cargo run --release -p loadtest -- queue --backend redis`.
//!
//! `docs/BENCHMARKS.md` describes each row of the report and its measurement.

mod bare;
mod benchmarks;
mod cli;
mod client;
mod counters;
mod figures;
mod machine;
mod measure;
mod program;
mod report;
mod stores;
mod users;
mod watch;

use std::process::ExitCode;

use anyhow::{Context, Result, bail, ensure};
use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};

use self::{
    cli::{Cli, Command, Settings},
    report::Report,
};

fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("loadtest: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<ExitCode> {
    if let Command::Bare { body } = command {
        actix_web::rt::System::new().block_on(bare::serve(body))?;
        return Ok(ExitCode::SUCCESS);
    }
    let runtime = tokio::runtime::Runtime::new()?;
    let code = runtime.block_on(async {
        let mut interrupted = signal(SignalKind::interrupt())?;
        let mut terminated = signal(SignalKind::terminate())?;
        let mut hung_up = signal(SignalKind::hangup())?;
        // Dropping `measure` also ends everything that it started, on a signal as well.
        tokio::select! {
            code = measure(&command) => code,
            _ = interrupted.recv() => bail!("interrupted"),
            _ = terminated.recv() => bail!("terminated"),
            _ = hung_up.recv() => bail!("the terminal was closed"),
        }
    });
    // Does not wait for threads that still send requests to servers that have ended.
    runtime.shutdown_background();
    code
}

async fn measure(command: &Command) -> Result<ExitCode> {
    let (settings, too_small) = match command {
        Command::Queue(arguments) => (&arguments.settings, arguments.settings.too_small()),
        Command::Ranking(arguments) => (&arguments.settings, arguments.settings.too_small()),
        Command::Streams(arguments) => (&arguments.settings, arguments.too_small()),
        Command::Bare { .. } => bail!("nothing to measure"),
    };
    if let Some(why) = too_small {
        ensure!(!settings.check, "{why}");
        eprintln!("loadtest: these figures do not count: {why}");
    }
    let mut report = Report::new(settings.due());
    match command {
        Command::Queue(arguments) => benchmarks::queue(arguments, &mut report).await?,
        Command::Ranking(arguments) => benchmarks::ranking(arguments, &mut report).await?,
        Command::Streams(arguments) => benchmarks::streams(arguments, &mut report).await?,
        Command::Bare { .. } => {}
    }
    finish(settings, &report)
}

fn finish(settings: &Settings, report: &Report) -> Result<ExitCode> {
    println!("{}", report.text());
    if let Some(file) = &settings.json {
        std::fs::write(file, report.json()?)
            .with_context(|| format!("cannot write {}", file.display()))?;
    }
    if settings.check && !report.is_good() {
        eprintln!("loadtest: a bar was missed, a row became worse, or a row could not be measured");
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}
