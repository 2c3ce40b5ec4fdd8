//! `cargo xtask`: the tasks of developers of Frontrow.

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

/// The tasks of developers of Frontrow.
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
    /// Install missing programs that the tests need, if possible, and run all tests
    ///
    /// Runs the doctests first, and then every other test of the workspace: with cargo-nextest
    /// where it is installed, and with `cargo test` otherwise. Arguments are passed to that runner
    /// unchanged. Since they usually select some of the tests, the doctests are left out then.
    Test(test_command::TestArguments),

    /// Run the long tests, with large numbers
    ///
    /// Prints its parts as it goes. Takes many minutes, and fails if a part fails.
    Soak(soak::SoakArguments),

    /// Check which crate may depend on which
    ///
    /// Prints every dependency that breaks a rule, with the rule, and fails if there is one.
    Boundaries,

    /// Check that no word is used that the glossary has replaced
    ///
    /// Prints every use with the word to write instead, and fails if there is one.
    Words,

    /// Check the subjects of commits, and the lengths of the lines that they add
    ///
    /// Checks the commits after the one that `.ci/commits-since` names.
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

/// Returns the command `cargo`, without the variables with which cargo describes the package of a
/// program that it runs. Crates whose build scripts depend on these variables would otherwise be
/// rebuilt each time cargo is called in another way.
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
