//! `cargo xtask soak`: runs the long tests, with numbers that would take too long before each
//! change.
//!
//! Each part is a test that `cargo xtask test` also runs, with smaller numbers. The test reads its
//! numbers from environment variables. Another part runs all tests on MySQL.

use std::{
    io::BufReader,
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use cargo_metadata::Message;
use frontrow_test_harness::{MySqlServer, eventually};
use tokio::runtime::Runtime;

use crate::{mysql_suite, test_command, tools};

/// The long tests, one per line.
#[rustfmt::skip]
const PARTS: &[Part] = &[
    part(MYSQL, "index::every_call_reads", "FRONTROW_INDEX_ROWS=1000000", 45),
    part(MEMORY, "random_calls", "FRONTROW_MODEL_CASES=10000", 30),
    part(REDIS, "queue::random_calls", "FRONTROW_MODEL_CASES=10000", 30),
    part(MYSQL_QUEUE, "contracts::random_calls", "FRONTROW_MODEL_CASES=10000", 60),
    part(RESTART, "histories::", "FRONTROW_RESTART_CASES=10000", 30),
    part(RESTART, "cost::", "FRONTROW_IMAGE_USERS=1000000", 5),
    part(REDIS, "lossy_network::", "FRONTROW_FAULT_CASES=10000", 90),
    part(MYSQL_QUEUE, "lossy_network::", "FRONTROW_FAULT_CASES=10000", 120),
    part(MYSQL_QUEUE, "cost::", "FRONTROW_LINE_PEOPLE=1000000", 15),
    part(PROGRAM, "rate_across_instances::", "FRONTROW_EXACTNESS_PEOPLE=20000", 30),
];

/// A package, and the name of a test target of it.
type Tests = (&'static str, &'static str);
const MYSQL: Tests = ("frontrow-adapter-mysql", "database");
const MYSQL_QUEUE: Tests = ("frontrow-adapter-mysql", "queue");
const MEMORY: Tests = ("frontrow-adapter-embedded", "queue");
const RESTART: Tests = ("frontrow-adapter-embedded", "clean_restart");
const REDIS: Tests = ("frontrow-adapter-redis", "redis");
const PROGRAM: Tests = ("frontrow", "http");

struct Part {
    tests: Tests,
    /// The prefix of the names of its tests.
    name: &'static str,
    /// The variables that make it long, as `NAME=VALUE`, separated by spaces.
    variables: &'static str,
    minutes_max: u64,
}

const fn part(tests: Tests, name: &'static str, variables: &'static str, minutes_max: u64) -> Part {
    Part {
        tests,
        name,
        variables,
        minutes_max,
    }
}

/// The arguments of `cargo xtask soak`.
#[derive(clap::Args)]
pub(crate) struct SoakArguments {
    /// Only run the parts whose name contains this text
    filter: Option<String>,
}

/// Runs the chosen parts one after the other, also after a failure. Fails if one of them failed.
pub(crate) fn run(arguments: &SoakArguments) -> Result<()> {
    let filter = arguments.filter.as_deref().unwrap_or_default();
    let all = PARTS.iter().map(Chosen::Part).chain([Chosen::MySqlSuite]);
    let mut chosen: Vec<_> = all
        .filter(|chosen| chosen.name().contains(filter))
        .collect();
    if filter.is_empty() && !mysql_suite::is_possible() {
        eprintln!("soak: {}", mysql_suite::left_out());
        chosen.retain(|chosen| chosen.name() != mysql_suite::NAME);
    }
    ensure!(
        !chosen.is_empty(),
        "the name of no part contains {filter:?}"
    );
    tools::provide(tools::NEEDED)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let mut failed = 0;
    for (number, part) in (1..).zip(&chosen) {
        let name = part.name();
        eprintln!("soak: {number} of {}: {name}", chosen.len());
        let (took, result) = timed(|| part.run(&runtime));
        match result {
            Ok(()) => eprintln!("soak: {name} passed in {} s", took.as_secs()),
            Err(error) => {
                failed += 1;
                eprintln!("soak: {name} failed in {} s: {error:#}", took.as_secs());
            }
        }
    }
    ensure!(failed == 0, "{failed} of {} parts failed", chosen.len());
    Ok(())
}

/// A part of a soak: one of the long tests, or all tests on MySQL.
enum Chosen {
    Part(&'static Part),
    MySqlSuite,
}

impl Chosen {
    fn name(&self) -> &'static str {
        match self {
            Self::Part(part) => part.name,
            Self::MySqlSuite => mysql_suite::NAME,
        }
    }

    fn run(&self, runtime: &Runtime) -> Result<()> {
        match self {
            Self::Part(part) => part.run(runtime),
            Self::MySqlSuite => mysql_suite::run(runtime),
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "reports how long a part takes")]
fn timed<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let start = Instant::now();
    let done = work();
    (start.elapsed(), done)
}

impl Part {
    fn run(&self, runtime: &Runtime) -> Result<()> {
        eprintln!("soak: with {}", self.variables);
        let (program, folder) = self.build()?;
        let listed = Command::new(&program)
            .args(["--list", self.name])
            .output()?;
        // If the tests had been renamed, no test would run, and the part would seem to pass.
        let listed = String::from_utf8_lossy(&listed.stdout);
        let there = listed.lines().any(|line| line.starts_with(self.name));
        ensure!(there, "no test has a name that begins with {}", self.name);
        // Each part has its own server, so that data of one part does not affect the next.
        let server = test_command::database_server()?;
        let mut command = Command::new(&program);
        command
            .args([self.name, "--nocapture", "--test-threads=1"])
            .current_dir(folder)
            .envs(self.variables())
            .stdin(Stdio::null());
        if let Some(server) = &server {
            command.env(MySqlServer::URL_VARIABLE, server.url());
        }
        let child = command.spawn().context("cannot run the test")?;
        let limit = Duration::from_mins(self.minutes_max);
        let status = runtime.block_on(wait(child, limit))?;
        ensure!(status.success(), "{status}");
        Ok(())
    }

    fn variables(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        let variables = self.variables.split_whitespace();
        variables.filter_map(|variable| variable.split_once('='))
    }

    /// Builds the test program. Returns its path and the folder to run it in. It is run directly
    /// and not by cargo, so that killing the child ends the tests.
    fn build(&self) -> Result<(PathBuf, PathBuf)> {
        let (package, target) = self.tests;
        let mut building = crate::cargo()
            .args(["test", "--no-run", "--package", package, "--test", target])
            .arg("--message-format=json-render-diagnostics")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot run cargo")?;
        let output = building.stdout.take().context("cargo has no output")?;
        let mut built = None;
        for message in Message::parse_stream(BufReader::new(output)) {
            if let Message::CompilerArtifact(artifact) = message?
                && artifact.target.name == target
                && let (Some(program), Some(folder)) =
                    (artifact.executable, artifact.manifest_path.parent())
            {
                built = Some((program.into(), folder.into()));
            }
        }
        let status = building.wait()?;
        ensure!(status.success(), "cannot build {package}: {status}");
        built.with_context(|| format!("{package} has no test target {target}"))
    }
}

/// Waits for a child to end. Kills it if it takes longer than `limit`.
async fn wait(mut child: Child, limit: Duration) -> Result<ExitStatus> {
    let ended = eventually("the test ends", limit, async || Ok(child.try_wait()?)).await;
    if ended.is_err() {
        child.kill()?;
        child.wait()?;
        bail!("not done within {limit:?}");
    }
    ended
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sleeping(seconds: &str) -> Child {
        Command::new("sleep").arg(seconds).spawn().unwrap()
    }

    #[tokio::test]
    async fn a_part_that_exceeds_its_limit_is_killed() {
        let never = wait(sleeping("600"), Duration::from_millis(50)).await;
        let message = never.unwrap_err().to_string();
        assert_eq!(message, "not done within 50ms");
        let soon = wait(sleeping("0"), Duration::from_mins(1)).await;
        assert!(soon.unwrap().success());
    }

    #[test]
    fn an_unknown_part_cannot_be_chosen() {
        let unknown = SoakArguments {
            filter: Some("no such test".into()),
        };
        assert!(run(&unknown).is_err());
    }

    #[test]
    fn every_part_is_longer_than_the_usual_test_and_bounded() {
        for part in PARTS {
            let variables = part.variables.split_whitespace().count();
            assert!(variables > 0, "{}", part.name);
            assert_eq!(part.variables().count(), variables, "{}", part.variables);
            assert!(part.minutes_max > 0, "{}", part.name);
        }
    }
}
