//! A MySQL or MariaDB server, and its counters.

use std::{
    env, fs,
    sync::atomic::{AtomicU32, Ordering},
};

use anyhow::{Context, Result, bail};
use frontrow_test_harness::MySqlServer;
use mysql_async::{Conn, Opts, OptsBuilder, prelude::Queryable};

use crate::figures::exact;

/// The environment variable with the URL of another server than the packaged one, such as
/// `mysql://root@127.0.0.1:3306`. Its user must be allowed to create databases, and no other
/// program may use the server.
pub(crate) const URL_VARIABLE: &str = "FRONTROW_LOADTEST_MYSQL_URL";

/// The prefix of the names of the run's databases, before a number. An existing database of that
/// name is replaced.
const DATABASE: &str = "frontrow_loadtest_";

/// Large enough for a million users and their indexes.
const BUFFER_POOL_BYTES: u64 = 1 << 30;

/// A database server of this run, or the one that `URL_VARIABLE` names.
#[derive(Debug)]
pub(crate) struct MySql {
    /// None if `URL_VARIABLE` names a server.
    _server: Option<MySqlServer>,
    url: String,
    pid: Option<u32>,
    databases: AtomicU32,
}

/// Counters of a server since its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Counters {
    /// Statements that clients sent: each execution of a prepared statement, and each preparation.
    pub(crate) statements: u64,
    /// Committed transactions, of one statement or of several.
    pub(crate) commits: u64,
}

impl MySql {
    /// Starts a server with durable commits, or connects to the one that `URL_VARIABLE` names.
    pub(crate) async fn start() -> Result<Self> {
        let named = env::var(URL_VARIABLE).ok().filter(|url| !url.is_empty());
        let server = match &named {
            Some(_) => None,
            None => Some(MySqlServer::start().await?),
        };
        let url = match &server {
            Some(server) => server.url(),
            None => named.unwrap_or_default().trim_end_matches('/').to_owned(),
        };
        let is_own = server.is_some();
        let mut mysql = Self {
            _server: server,
            url,
            pid: None,
            databases: AtomicU32::new(0),
        };
        let mut connection = mysql.connect("").await?;
        if is_own {
            let size = format!("SET GLOBAL innodb_buffer_pool_size = {BUFFER_POOL_BYTES}");
            connection.query_drop(size).await?;
            let durable = "SET GLOBAL innodb_flush_log_at_trx_commit = 1, GLOBAL sync_binlog = 1";
            connection.query_drop(durable).await?;
        }
        let file: Option<String> = connection.query_first("SELECT @@pid_file").await?;
        connection.disconnect().await?;
        // The file of a server on another machine is not here.
        let text = file.and_then(|file| fs::read_to_string(file).ok());
        mysql.pid = text.and_then(|text| text.trim().parse().ok());
        Ok(mysql)
    }

    /// Connects to a database of the server. With an empty name, selects none.
    pub(crate) async fn connect(&self, database: &str) -> Result<Conn> {
        let options = Opts::from_url(&format!("{}/{database}", self.url))?;
        let options = OptsBuilder::from_opts(options).prefer_socket(false);
        Conn::new(options)
            .await
            .with_context(|| format!("cannot connect to {}", self.url))
    }

    /// Returns the id of its process. None if that is on another machine.
    pub(crate) fn pid(&self) -> Option<u32> {
        self.pid
    }

    /// Creates an empty database. Returns its name.
    pub(crate) async fn make_database(&self) -> Result<String> {
        let number = self.databases.fetch_add(1, Ordering::Relaxed);
        let name = format!("{DATABASE}{number}");
        let mut connection = self.connect("").await?;
        let drop = format!("DROP DATABASE IF EXISTS {name}");
        connection.query_drop(drop).await?;
        let create = format!("CREATE DATABASE {name}");
        connection.query_drop(create).await?;
        connection.disconnect().await?;
        Ok(name)
    }

    /// Creates an empty database. Returns its URL.
    pub(crate) async fn fresh_database(&self) -> Result<String> {
        Ok(format!("{}/{}", self.url, self.make_database().await?))
    }

    /// Returns the name of the newest database. None before the first.
    pub(crate) fn newest(&self) -> Option<String> {
        let count = self.databases.load(Ordering::Relaxed);
        Some(format!("{DATABASE}{}", count.checked_sub(1)?))
    }

    /// Formats the version and the settings of durability.
    pub(crate) async fn describe(&self) -> Result<String> {
        let mut connection = self.connect("").await?;
        let query = "SELECT VERSION(), @@innodb_flush_log_at_trx_commit, @@log_bin, @@sync_binlog, \
                     @@innodb_buffer_pool_size";
        let row: Option<(String, u32, u32, u32, u64)> = connection.query_first(query).await?;
        connection.disconnect().await?;
        let Some((version, flush, binlog, sync, pool)) = row else {
            bail!("the database server does not report its version");
        };
        Ok(format!(
            "{version}, innodb_flush_log_at_trx_commit={flush}, log_bin={binlog}, \
             sync_binlog={sync}, innodb_buffer_pool_size={:.0} MiB",
            exact(pool) / exact(1 << 20)
        ))
    }

    /// Reads the counters. This takes one more statement, which is counted.
    pub(crate) async fn counters(connection: &mut Conn) -> Result<Counters> {
        let names = ["Questions", "Com_stmt_prepare", "Handler_commit"];
        let [questions, prepared, commits] = status(connection, names).await?;
        Ok(Counters {
            statements: questions + prepared,
            commits,
        })
    }

    /// Returns the number of rows that the server has read from tables and indexes.
    pub(crate) async fn rows_read(&self, connection: &mut Conn) -> Result<u64> {
        let names = [
            "Handler_read_first",
            "Handler_read_key",
            "Handler_read_next",
            "Handler_read_rnd_next",
        ];
        Ok(status(connection, names).await?.iter().sum())
    }

    /// Returns the number of rows that the server has deleted.
    pub(crate) async fn rows_deleted(&self, connection: &mut Conn) -> Result<u64> {
        let [deleted] = status(connection, ["Handler_delete"]).await?;
        Ok(deleted)
    }

    /// Removes the databases of this run.
    pub(crate) async fn clean(&self) -> Result<()> {
        let mut connection = self.connect("").await?;
        for number in 0..self.databases.load(Ordering::Relaxed) {
            let drop = format!("DROP DATABASE IF EXISTS {DATABASE}{number}");
            connection.query_drop(drop).await?;
        }
        Ok(connection.disconnect().await?)
    }
}

/// Reads status variables of the server, by name.
async fn status<const N: usize>(connection: &mut Conn, names: [&str; N]) -> Result<[u64; N]> {
    let quoted = names.map(|name| format!("'{name}'")).join(", ");
    let query = format!("SHOW GLOBAL STATUS WHERE Variable_name IN ({quoted})");
    let variables: Vec<(String, u64)> = connection.query(query).await?;
    let mut values = [0; N];
    for (value, name) in values.iter_mut().zip(names) {
        let found = variables.iter().find(|(variable, _)| variable == name);
        let (_, count) = found.with_context(|| format!("the server does not count {name}"))?;
        *value = *count;
    }
    Ok(values)
}
