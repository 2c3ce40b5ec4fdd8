//! `cargo xtask`: the chores of people who work on Frontrow.

mod boundaries;
#[cfg(test)]
mod ci_tests;
mod commits;
mod git;
mod mysql_suite;
mod soak;
mod test_command;
mod tools;
mod words;

use std::{
    env,
    ffi::OsString,
    process::{Command, ExitCode},
};

use clap::{Parser, Subcommand};

/// The chores of people who work on Frontrow.
#[derive(Parser)]
#[command(
    name = "xtask",
    bin_name = "cargo xtask",
    arg_required_else_help = true
)]
struct Arguments {
    #[command(subcommand)]
    command: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Install what the tests need, where that is missing and possible, and run all tests
    ///
    /// Runs the doctests first and then every other test of the workspace, with cargo-nextest where
    /// it is installed and with `cargo test` otherwise. Arguments go to that runner as they are; as
    /// they mostly pick some of the tests, the doctests are then left out.
    Test(test_command::TestArguments),

    /// Run the tests that take long, with large numbers
    ///
    /// Prints its parts as it goes. Takes many minutes; fails where one part does.
    Soak(soak::SoakArguments),

    /// Check which crate may depend on which
    ///
    /// Prints every dependency that breaks a rule, with the rule, and fails if there is one.
    Boundaries,

    /// Check that no word is used that the glossary has replaced
    ///
    /// Prints every use with what is written instead, and fails if there is one.
    Words,

    /// Check the subjects of commits, and the lengths of the lines that they add
    ///
    /// For commits after the one that `.ci/commits-since` names.
    Commits,
}

fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Chore::Test(arguments) => test_command::run(&arguments),
        Chore::Soak(arguments) => soak::run(&arguments),
        Chore::Boundaries => boundaries::run(),
        Chore::Words => words::run(),
        Chore::Commits => commits::run(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Cargo, as it is called by hand. What it tells a program that it runs about the program's package is taken
/// back: build scripts that look at it would have their crates be built anew, back and forth.
fn cargo() -> Command {
    let program = env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let mut command = Command::new(program);
    let ours = |name: &str| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_");
    for (name, _) in env::vars_os() {
        if name.to_str().is_some_and(ours) {
            command.env_remove(name);
        }
    }
    command
}
