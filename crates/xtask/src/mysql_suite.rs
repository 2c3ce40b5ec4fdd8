//! Runs all tests on Oracle's MySQL. Packages usually bring `MariaDB`, which the tests use
//! otherwise.

use std::env;

use anyhow::{Context, Result, bail, ensure};
use frontrow_test_harness::MySqlServer;
use tokio::runtime::Runtime;

use crate::test_command::{self, TestArguments};

/// The name of this part of a soak.
pub(crate) const NAME: &str = "suite_on_mysql";

/// Runs all tests. If a program is set, every server that a test starts is a MySQL. If the URL of a
/// server is set, only the server that tests share is.
pub(crate) fn run(runtime: &Runtime) -> Result<()> {
    let version = version(runtime)?;
    let is_mysql = !version.contains("MariaDB");
    ensure!(is_mysql, "{version} is not a MySQL: set {}", wanted());
    eprintln!("soak: the suite runs on {version}");
    test_command::run(&TestArguments::default())
}

/// True if the caller has set a program or a URL.
pub(crate) fn is_possible() -> bool {
    let variables = [MySqlServer::URL_VARIABLE, MySqlServer::PROGRAM_VARIABLE];
    variables.into_iter().any(|name| named(name).is_some())
}

/// Returns the message that this part is left out of a soak, because neither is set.
pub(crate) fn left_out() -> String {
    format!(
        "{NAME} is left out, because no MySQL is set: set {}",
        wanted()
    )
}

fn named(variable: &str) -> Option<String> {
    env::var(variable).ok().filter(|value| !value.is_empty())
}

/// Returns the version of the MySQL that the caller has set.
fn version(runtime: &Runtime) -> Result<String> {
    if let Some(url) = named(MySqlServer::URL_VARIABLE) {
        let version = runtime.block_on(MySqlServer::version_at(&url));
        version.with_context(|| format!("no server at {}", MySqlServer::URL_VARIABLE))
    } else if named(MySqlServer::PROGRAM_VARIABLE).is_some() {
        MySqlServer::program_version()
    } else {
        bail!("no MySQL is set: set {}", wanted());
    }
}

fn wanted() -> String {
    format!(
        "{} to the path of a mysqld, or {} to the URL of a server, such as mysql://root@127.0.0.1:3306",
        MySqlServer::PROGRAM_VARIABLE,
        MySqlServer::URL_VARIABLE,
    )
}
