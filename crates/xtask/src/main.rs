//! `cargo xtask`: the chores of people who work on Frontrow.

mod boundaries;
mod test_command;
mod tools;

use std::process::ExitCode;

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

    /// Check which crate may depend on which
    ///
    /// Prints every dependency that breaks a rule, with the rule, and fails if there is one.
    Boundaries,
}

fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Chore::Test(arguments) => test_command::run(&arguments),
        Chore::Boundaries => boundaries::run(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}
