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

/// The variable with the URL of the server on which tests create their databases.
const URL_VARIABLE: &str = "FRONTROW_TEST_MYSQL_URL";

/// The variable with the program of the servers that tests start, instead of the one that the
/// system has.
const PROGRAM_VARIABLE: &str = "FRONTROW_TEST_MYSQLD";

/// Time limit for a server to end in good order: it writes its memory to the disk first.
const STOP_MAX: Duration = Duration::from_mins(1);

/// Options of a server for tests.
#[derive(Debug, Clone, Default)]
pub struct MySqlOptions {
    /// The server keeps all acknowledged data, also after a crash. Without this it is fast, and
    /// may lose data when it ends.
    pub durable: bool,
    /// A folder for its tables and its own logs, which are kept small, instead of its own folder.
    /// It must exist and be empty.
    pub data_dir: Option<PathBuf>,
    /// More options, as on its command line.
    pub more: Vec<String>,
}

/// A MariaDB or MySQL server for tests alone, whichever the system has: a free loopback port, its
/// own data folder, `root` without a password. It ends when this is dropped, and with the process
/// that started it.
///
/// It can be stopped, killed, paused, and started again on the same port and data.
#[derive(Debug)]
pub struct MySqlServer {
    process: Process,
    program: Program,
    options: MySqlOptions,
    address: SocketAddr,
    /// Keeps the port reserved while the server is down. It does not listen, so that the server
    /// can.
    _port: TcpSocket,
    /// Removed after the process has ended: fields are dropped in their order.
    folder: TempDir,
}

impl MySqlServer {
    /// The variable in which tests find the URL of a server.
    pub const URL_VARIABLE: &'static str = URL_VARIABLE;
    /// The variable with the path of the program to start, a `mariadbd` or a `mysqld`.
    pub const PROGRAM_VARIABLE: &'static str = PROGRAM_VARIABLE;

    /// Starts a server that is fast, and may lose data when it ends.
    pub async fn start() -> Result<Self> {
        Self::start_with(MySqlOptions::default()).await
    }

    /// Starts a server that keeps all acknowledged data, also after a crash.
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
        // Two sockets may be bound to one port while at most one of them listens, if both set this
        // option. The server sets it.
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

    /// Returns the version that the server at `url` reports.
    pub async fn version_at(url: &str) -> Result<String> {
        let options = OptsBuilder::from_opts(Opts::from_url(url)?).prefer_socket(false);
        let mut connection = Conn::new(options).await?;
        let version = connection.query_first("SELECT VERSION()").await?;
        connection.disconnect().await?;
        version.context("a server without a version")
    }

    /// Returns the version that the program to start reports.
    pub fn program_version() -> Result<String> {
        Ok(Program::find()?.version)
    }

    /// Returns its URL, without a database.
    #[must_use]
    pub fn url(&self) -> String {
        format!("mysql://root@{}", self.address)
    }

    /// Returns the address at which it listens. It stays the same.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the version that it reports.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.program.version
    }

    /// Creates an empty database and returns its URL.
    pub async fn create_database(&self, name: &str) -> Result<String> {
        self.execute(&format!("CREATE DATABASE {name}")).await?;
        Ok(format!("{}/{name}", self.url()))
    }

    /// Executes a statement as `root`.
    pub async fn execute(&self, statement: &str) -> Result<()> {
        let mut connection = Conn::new(Opts::from_url(&self.url())?).await?;
        connection.query_drop(statement).await?;
        Ok(connection.disconnect().await?)
    }

    /// Errors, with the end of its log, if it has ended.
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

    /// Pauses it: connections stay open and get no answer.
    pub fn pause(&mut self) -> Result<()> {
        self.process.signal(Signal::SIGSTOP)
    }

    /// Resumes it after a pause.
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
