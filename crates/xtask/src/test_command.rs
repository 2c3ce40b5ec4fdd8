//! `cargo xtask test`: everything that the tests need, then all tests.

use std::{env, ffi::OsString};

use anyhow::{Context, Result, ensure};
use frontrow_test_harness::{MySqlServer, RedisServer};

use crate::tools;

/// What `cargo xtask test` is called with.
#[derive(Default, clap::Args)]
pub(crate) struct TestArguments {
    /// Arguments for `cargo nextest run` or `cargo test`, such as `-p PACKAGE` or a part of a name
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    for_runner: Vec<String>,
}

/// Provides what the tests need and runs them.
pub(crate) fn run(arguments: &TestArguments) -> Result<()> {
    tools::provide(tools::NEEDED)?;
    let cargo = env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let runner = if tools::succeeds(&cargo, &["nextest", "--version"]) {
        Runner::Nextest
    } else {
        Runner::CargoTest
    };
    // They live until the last test has ended.
    let server = database_server()?;
    let redis = redis_server()?;
    let ci = env::var_os("CI").is_some_and(|value| !value.is_empty());
    for step in plan(runner, &arguments.for_runner) {
        eprintln!("xtask: cargo {}", step.join(" "));
        let mut command = crate::cargo();
        command.args(&step);
        if ci {
            // What is built once and thrown away gains nothing from incremental files.
            command.env("CARGO_INCREMENTAL", "0");
        }
        if let Some(server) = &server {
            command.env(MySqlServer::URL_VARIABLE, server.url());
        }
        if let Some(redis) = &redis {
            command.env(RedisServer::URL_VARIABLE, redis.url());
        }
        let status = command.status().context("cannot run cargo")?;
        ensure!(
            status.success(),
            "`cargo {}` failed: {status}",
            step.join(" ")
        );
    }
    Ok(())
}

/// One server for all tests: with nextest each is a process of its own, and a server takes a second or two
/// to start. None where the caller has given them one.
pub(crate) fn database_server() -> Result<Option<MySqlServer>> {
    if let Some(url) = env::var_os(MySqlServer::URL_VARIABLE).filter(|url| !url.is_empty()) {
        eprintln!("xtask: tests use the server at {}", url.display());
        return Ok(None);
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let server = runtime.block_on(MySqlServer::start())?;
    eprintln!("xtask: started {} at {}", server.version(), server.url());
    Ok(Some(server))
}

/// One Redis for all tests that do not stop theirs. None where the caller has given them one.
fn redis_server() -> Result<Option<RedisServer>> {
    if let Some(url) = env::var_os(RedisServer::URL_VARIABLE).filter(|url| !url.is_empty()) {
        eprintln!("xtask: tests use the Redis at {}", url.display());
        return Ok(None);
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let redis = runtime.block_on(RedisServer::start())?;
    eprintln!("xtask: started Redis at {}", redis.url());
    Ok(Some(redis))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Runner {
    Nextest,
    CargoTest,
}

/// The cargo commands to run, in order. The doctests come first, so that the runner's summary is what
/// ends the output.
fn plan(runner: Runner, for_runner: &[String]) -> Vec<Vec<String>> {
    let base: &[&str] = match runner {
        Runner::Nextest => &["nextest", "run"],
        // All but the doctests.
        Runner::CargoTest => &["test", "--tests"],
    };
    let mut run: Vec<String> = base.iter().map(ToString::to_string).collect();
    // Cargo takes `--workspace` to outdo `--package`.
    if !selects_packages(for_runner) {
        run.push("--workspace".to_owned());
    }
    run.extend_from_slice(for_runner);

    let mut steps = Vec::new();
    if for_runner.is_empty() {
        steps.push(["test", "--doc", "--workspace"].map(str::to_owned).to_vec());
    }
    steps.push(run);
    steps
}

fn selects_packages(arguments: &[String]) -> bool {
    arguments
        .iter()
        .take_while(|argument| *argument != "--")
        .any(|argument| argument.starts_with("-p") || argument.starts_with("--package"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(runner: Runner, arguments: &[&str]) -> Vec<String> {
        let arguments: Vec<_> = arguments.iter().map(ToString::to_string).collect();
        plan(runner, &arguments)
            .iter()
            .map(|step| step.join(" "))
            .collect()
    }

    #[test]
    fn the_runners_summary_comes_last() {
        assert_eq!(
            lines(Runner::Nextest, &[]),
            ["test --doc --workspace", "nextest run --workspace"],
        );
        assert_eq!(
            lines(Runner::CargoTest, &[]),
            ["test --doc --workspace", "test --tests --workspace"],
        );
    }

    #[test]
    fn arguments_go_to_the_runner_alone() {
        assert_eq!(
            lines(Runner::Nextest, &["joining", "--no-capture"]),
            ["nextest run --workspace joining --no-capture"],
        );
    }

    #[test]
    fn a_chosen_package_is_not_outdone_by_the_workspace() {
        for chosen in [&["-p", "xtask"][..], &["-pxtask"], &["--package=xtask"]] {
            let all = lines(Runner::CargoTest, chosen).concat();
            assert!(!all.contains("--workspace"), "{all}");
        }
        let after = lines(Runner::CargoTest, &["--", "-p"]).concat();
        assert!(after.contains("--workspace"), "{after}");
    }
}
