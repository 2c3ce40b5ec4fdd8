//! The whole suite on Oracle's MySQL: packages mostly bring `MariaDB`, on which the tests run otherwise.

use std::env;

use anyhow::{Context, Result, bail, ensure};
use frontrow_test_harness::MySqlServer;
use tokio::runtime::Runtime;

use crate::test_command::{self, TestArguments};

/// What it is called among the parts of a soak.
pub(crate) const NAME: &str = "suite_on_mysql";

/// Runs all tests. With a program, each server that a test starts is a MySQL; with the URL of a server, only those
/// that tests share.
pub(crate) fn run(runtime: &Runtime) -> Result<()> {
    let version = version(runtime)?;
    let is_mysql = !version.contains("MariaDB");
    ensure!(is_mysql, "{version} is no MySQL: set {}", wanted());
    eprintln!("soak: the suite runs on {version}");
    test_command::run(&TestArguments::default())
}

/// Whether the caller has named a MySQL.
pub(crate) fn is_possible() -> bool {
    let variables = [MySqlServer::URL_VARIABLE, MySqlServer::PROGRAM_VARIABLE];
    variables.into_iter().any(|name| named(name).is_some())
}

/// Why the suite is no part of a soak for which no MySQL was named.
pub(crate) fn left_out() -> String {
    format!("{NAME} is left out: there is no MySQL, set {}", wanted())
}

fn named(variable: &str) -> Option<String> {
    env::var(variable).ok().filter(|value| !value.is_empty())
}

/// What the MySQL is that the caller has named.
fn version(runtime: &Runtime) -> Result<String> {
    if let Some(url) = named(MySqlServer::URL_VARIABLE) {
        let version = runtime.block_on(MySqlServer::version_at(&url));
        version.with_context(|| format!("no server at {}", MySqlServer::URL_VARIABLE))
    } else if named(MySqlServer::PROGRAM_VARIABLE).is_some() {
        MySqlServer::program_version()
    } else {
        bail!("there is no MySQL: set {}", wanted());
    }
}

fn wanted() -> String {
    format!(
        "{} to the path of a mysqld, or {} to the URL of a server, such as mysql://root@127.0.0.1:3306",
        MySqlServer::PROGRAM_VARIABLE,
        MySqlServer::URL_VARIABLE,
    )
}
