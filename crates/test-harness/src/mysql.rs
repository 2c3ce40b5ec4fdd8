mod database;
mod launch;
mod process_list;

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use anyhow::{Context, Result, ensure};
use mysql_async::{Conn, Opts, OptsBuilder, prelude::Queryable};
use nix::sys::signal::Signal;
use tempfile::TempDir;
use tokio::net::TcpSocket;

use self::launch::Program;
pub use self::{database::MySqlTestDatabase, process_list::PROCESS_LIST};
use crate::Process;

/// Where tests find the URL of the server that their databases are to be made on.
const URL_VARIABLE: &str = "FRONTROW_TEST_MYSQL_URL";

/// Names the program of the servers that tests start, where it is not to be whichever the system has.
const PROGRAM_VARIABLE: &str = "FRONTROW_TEST_MYSQLD";

/// How long a server may take to end in good order: it writes all that it has in memory.
const STOP_MAX: Duration = Duration::from_mins(1);

/// What a server of the tests is to be like, beyond the usual.
#[derive(Debug, Clone, Default)]
pub struct MySqlOptions {
    /// It keeps what it has acknowledged, whatever happens to it. Without this it is fast, and loses what it
    /// will when it ends.
    pub durable: bool,
    /// A folder for its tables and its own logs, which are kept small, instead of one of its own. It has to be
    /// there, and empty.
    pub data_dir: Option<PathBuf>,
    /// More options, as on its command line.
    pub more: Vec<String>,
}

/// A MariaDB or MySQL server for tests alone, whichever the system has: a free loopback port, a data
/// folder of its own, `root` without a password. It ends when this is dropped, and with the process
/// that started it.
///
/// It can be stopped, killed, paused, and started again where it was.
#[derive(Debug)]
pub struct MySqlServer {
    process: Process,
    program: Program,
    options: MySqlOptions,
    address: SocketAddr,
    /// Nobody else gets the port while the server is down. Not listening, so that the server can.
    _port: TcpSocket,
    /// Removed after the process has ended: fields are dropped in their order.
    folder: TempDir,
}

impl MySqlServer {
    /// The variable in which tests find the URL of a server.
    pub const URL_VARIABLE: &'static str = URL_VARIABLE;
    /// The variable with the path of the program that is started, a `mariadbd` or a `mysqld`.
    pub const PROGRAM_VARIABLE: &'static str = PROGRAM_VARIABLE;

    /// Starts a server that is fast, and loses what it will when it ends.
    pub async fn start() -> Result<Self> {
        Self::start_with(MySqlOptions::default()).await
    }

    /// Starts a server that keeps what it has acknowledged, whatever happens to it.
    pub async fn start_durable() -> Result<Self> {
        Self::start_with(MySqlOptions {
            durable: true,
            ..MySqlOptions::default()
        })
        .await
    }

    /// Starts a server.
    pub async fn start_with(options: MySqlOptions) -> Result<Self> {
        let program = Program::find()?;
        let folder = TempDir::with_prefix("frontrow-mysql-")?;
        program.initialize(folder.path(), &options)?;
        let port = TcpSocket::new_v4()?;
        // Two sockets may be bound to one port while at most one of them listens, if both say this. The
        // server does.
        port.set_reuseaddr(true)?;
        port.bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
        let address = port.local_addr()?;
        let process = program.run(folder.path(), address, &options).await?;
        Ok(Self {
            process,
            program,
            options,
            address,
            _port: port,
            folder,
        })
    }

    /// What the server at `url` says it is.
    pub async fn version_at(url: &str) -> Result<String> {
        let options = OptsBuilder::from_opts(Opts::from_url(url)?).prefer_socket(false);
        let mut connection = Conn::new(options).await?;
        let version = connection.query_first("SELECT VERSION()").await?;
        connection.disconnect().await?;
        version.context("a server without a version")
    }

    /// What the program says it is that would be started.
    pub fn program_version() -> Result<String> {
        Ok(Program::find()?.version)
    }

    /// Its URL, without a database.
    #[must_use]
    pub fn url(&self) -> String {
        format!("mysql://root@{}", self.address)
    }

    /// Where it listens. It stays the same.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it says it is.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.program.version
    }

    /// Makes an empty database; gives its URL.
    pub async fn create_database(&self, name: &str) -> Result<String> {
        self.execute(&format!("CREATE DATABASE {name}")).await?;
        Ok(format!("{}/{name}", self.url()))
    }

    /// Does this, as `root`.
    pub async fn execute(&self, statement: &str) -> Result<()> {
        let mut connection = Conn::new(Opts::from_url(&self.url())?).await?;
        connection.query_drop(statement).await?;
        Ok(connection.disconnect().await?)
    }

    /// Fails, with the end of its log, when it has ended.
    pub fn ensure_running(&mut self) -> Result<()> {
        self.process.ensure_running()
    }

    /// Ends it in good order.
    pub async fn stop(&mut self) -> Result<()> {
        self.process.signal(Signal::SIGTERM)?;
        let status = self.process.wait_exit(STOP_MAX).await?;
        ensure!(
            status.success(),
            "the server ended badly: {status}; {}",
            self.process.describe_log()
        );
        Ok(())
    }

    /// Kills it, as a crash would: it has ended when this returns.
    pub fn kill(&mut self) -> Result<()> {
        self.process.kill()
    }

    /// Makes it stand still: connections stay open and nobody answers.
    pub fn pause(&mut self) -> Result<()> {
        self.process.signal(Signal::SIGSTOP)
    }

    /// Lets it go on.
    pub fn resume(&mut self) -> Result<()> {
        self.process.signal(Signal::SIGCONT)
    }

    /// Starts it again, with the same port and data, after it was stopped or killed.
    pub async fn start_again(&mut self) -> Result<()> {
        ensure!(self.process.exited()?.is_some(), "the server still runs");
        let (folder, program) = (self.folder.path(), &self.program);
        self.process = program.run(folder, self.address, &self.options).await?;
        Ok(())
    }
}
