//! `cargo xtask test`: installs and starts what the tests need, then runs all tests.

use std::{env, ffi::OsString};

use anyhow::{Context, Result, ensure};
use frontrow_test_harness::{MySqlServer, RedisServer};

use crate::tools;

/// The arguments of `cargo xtask test`.
#[derive(Default, clap::Args)]
pub(crate) struct TestArguments {
    /// Arguments for `cargo nextest run` or `cargo test`, such as `-p PACKAGE` or a part of a name
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    for_runner: Vec<String>,
}

/// Installs and starts what the tests need, and runs them.
pub(crate) fn run(arguments: &TestArguments) -> Result<()> {
    tools::provide(tools::NEEDED)?;
    let cargo = env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let runner = if tools::succeeds(&cargo, &["nextest", "--version"]) {
        Runner::Nextest
    } else {
        Runner::CargoTest
    };
    // The servers run until the last test has ended.
    let server = database_server()?;
    let redis = redis_server()?;
    let ci = env::var_os("CI").is_some_and(|value| !value.is_empty());
    for step in plan(runner, &arguments.for_runner) {
        eprintln!("xtask: cargo {}", step.join(" "));
        let mut command = crate::cargo();
        command.args(&step);
        if ci {
            // Incremental files are useless for a build that is not repeated.
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

/// Starts one server for all tests. With nextest, each test is a process of its own, and a server
/// takes one or two seconds to start. None if the caller has set one.
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

/// Starts one Redis for all tests that do not stop it. None if the caller has set one.
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

/// Returns the cargo commands to run, in order. The doctests come first, so that the output ends
/// with the summary of the runner.
fn plan(runner: Runner, for_runner: &[String]) -> Vec<Vec<String>> {
    let base: &[&str] = match runner {
        Runner::Nextest => &["nextest", "run"],
        // Everything except the doctests.
        Runner::CargoTest => &["test", "--tests"],
    };
    let mut run: Vec<String> = base.iter().map(ToString::to_string).collect();
    // For cargo, `--workspace` overrides `--package`.
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
    fn the_summary_of_the_runner_comes_last() {
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
    fn a_chosen_package_is_not_overridden_by_the_workspace() {
        for chosen in [&["-p", "xtask"][..], &["-pxtask"], &["--package=xtask"]] {
            let all = lines(Runner::CargoTest, chosen).concat();
            assert!(!all.contains("--workspace"), "{all}");
        }
        let after = lines(Runner::CargoTest, &["--", "-p"]).concat();
        assert!(after.contains("--workspace"), "{after}");
    }
}
