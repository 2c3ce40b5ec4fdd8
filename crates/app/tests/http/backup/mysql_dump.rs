//! Backups of a MySQL database with the client programs of the server, as the manual describes.

use std::{
    fs::File,
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context, Result, ensure};
use diesel::{
    QueryableByName, sql_query,
    sql_types::{BigInt, Text},
};
use diesel_async::{AsyncConnection, AsyncMysqlConnection, RunQueryDsl, SimpleAsyncConnection};

use super::mysql_copy;

/// The address of a database: the parts of a URL such as `mysql://root@127.0.0.1:3306/frontrow`.
struct Address<'a> {
    /// All parts except the name.
    origin: &'a str,
    user: &'a str,
    host: &'a str,
    port: &'a str,
    name: &'a str,
}

/// Writes the whole database at `url`, as of one instant, into `file`.
pub(super) async fn dump(url: &str, file: &Path) -> Result<()> {
    let address = Address::of(url)?;
    let server = address.server().await?;
    if !server.is_mariadb && !has_mysql_clients() {
        return mysql_copy::back_up(address.origin, address.name).await;
    }
    let mut command = address.client(&server, "mariadb-dump", "mysqldump");
    command.arg("--single-transaction");
    if server.has_binary_log {
        command.arg(server.either("--master-data=2", "--source-data=2"));
    }
    if !server.is_mariadb {
        // Otherwise the dump sets the executed transactions (GTIDs) of the server, which has its
        // own.
        command.arg("--set-gtid-purged=OFF");
    }
    command.arg(address.name);
    run(command.stdout(File::create(file)?))
}

/// Replaces the database at `url` by the content of `file`.
pub(super) async fn load(url: &str, file: &Path) -> Result<()> {
    let address = Address::of(url)?;
    let Address { origin, name, .. } = address;
    let server = address.server().await?;
    if !server.is_mariadb && !has_mysql_clients() {
        return mysql_copy::restore(origin, name).await;
    }
    let mut connection = AsyncMysqlConnection::establish(&format!("{origin}/mysql")).await?;
    connection
        .batch_execute(&format!("DROP DATABASE {name}; CREATE DATABASE {name}"))
        .await?;
    let mut command = address.client(&server, "mariadb", "mysql");
    run(command.arg(name).stdin(File::open(file)?))
}

/// Applies the part of the server's binary log `log` between two positions to the database at
/// `url`.
pub(super) async fn replay(url: &str, log: &Path, from: u64, to: u64) -> Result<()> {
    let address = Address::of(url)?;
    let server = address.server().await?;
    let mut reader = Command::new(server.either("mariadb-binlog", "mysqlbinlog"));
    reader.arg("--no-defaults").args([
        format!("--start-position={from}"),
        format!("--stop-position={to}"),
        format!("--database={}", address.name),
    ]);
    let reading = reader.arg(log).stdout(Stdio::piped()).spawn();
    let mut reading = reading.with_context(|| format!("cannot run {reader:?}"))?;
    let statements = reading.stdout.take().map_or_else(Stdio::null, Stdio::from);
    let mut client = address.client(&server, "mariadb", "mysql");
    let applied = run(client
        .args(["--binary-mode", address.name])
        .stdin(statements));
    // A reader that has not finished yet ends when the other end of the pipe is closed.
    drop(client);
    let read = reading.wait()?;
    applied?;
    ensure!(read.success(), "{reader:?}: {read}");
    Ok(())
}

/// The properties of a server.
struct Server {
    is_mariadb: bool,
    has_binary_log: bool,
}

impl Server {
    fn either<'a>(&self, mariadb: &'a str, mysql: &'a str) -> &'a str {
        if self.is_mariadb { mariadb } else { mysql }
    }
}

impl<'a> Address<'a> {
    fn of(url: &'a str) -> Result<Self> {
        let split = || {
            let (origin, name) = url.rsplit_once('/')?;
            let (user, host) = origin.strip_prefix("mysql://")?.split_once('@')?;
            let (host, port) = host.split_once(':')?;
            Some(Self {
                origin,
                user,
                host,
                port,
                name,
            })
        };
        split().with_context(|| format!("{url} has no user, host, port and name"))
    }

    async fn server(&self) -> Result<Server> {
        #[derive(QueryableByName)]
        struct Row {
            #[diesel(sql_type = Text)]
            version: String,
            #[diesel(sql_type = BigInt)]
            log_bin: i64,
        }
        let url = format!("{}/{}", self.origin, self.name);
        let mut connection = AsyncMysqlConnection::establish(&url).await?;
        let row: Row = sql_query("SELECT VERSION() AS version, @@log_bin AS log_bin")
            .get_result(&mut connection)
            .await?;
        Ok(Server {
            is_mariadb: row.version.contains("MariaDB"),
            has_binary_log: row.log_bin != 0,
        })
    }

    /// A client program with the address of the server. It is of the server's kind: MySQL does not
    /// accept a dump of one of its databases that MariaDB's program made.
    fn client(&self, server: &Server, mariadb: &str, mysql: &str) -> Command {
        let mut command = Command::new(server.either(mariadb, mysql));
        command.args(["--no-defaults", "--protocol=TCP"]).args([
            format!("--host={}", self.host),
            format!("--port={}", self.port),
            format!("--user={}", self.user),
        ]);
        command
    }
}

/// True if `mysqldump` is MySQL's, and not MariaDB's under the old name.
pub(super) fn has_mysql_clients() -> bool {
    let version = Command::new("mysqldump").arg("--version").output();
    let is_mysqls = version.is_ok_and(|output| {
        output.status.success() && !String::from_utf8_lossy(&output.stdout).contains("MariaDB")
    });
    if !is_mysqls {
        eprintln!(
            "MySQL's mysqldump is not on PATH: the test goes without MySQL's client programs"
        );
    }
    is_mysqls
}

fn run(command: &mut Command) -> Result<()> {
    let output = command.stderr(Stdio::piped()).spawn();
    let output = output.with_context(|| format!("cannot run {command:?}"))?;
    let output = output.wait_with_output()?;
    let text = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command:?}: {text}");
    Ok(())
}
