mod database;

use std::{
    env,
    fs::File,
    net::TcpListener,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
pub use database::MySqlTestDatabase;
use tempfile::TempDir;

use crate::Process;

/// Where tests find the URL of the server that their databases are to be made on.
const URL_VARIABLE: &str = "FRONTROW_TEST_MYSQL_URL";

/// A new server on a slow machine.
const START_MAX: Duration = Duration::from_mins(1);

/// How often another port is tried: somebody may take one between our look and the server's.
const PORTS_TRIED: u32 = 5;

/// Fast, and good for nothing but tests: what was committed may be lost if the machine goes down.
const OPTIONS: &[&str] = &[
    "--bind-address=127.0.0.1",
    "--innodb-buffer-pool-size=128M",
    "--innodb-doublewrite=0",
    "--innodb-flush-log-at-trx-commit=0",
    "--max-connections=500",
    "--performance-schema=OFF",
    "--skip-log-bin",
    "--skip-name-resolve",
];

/// A MariaDB or MySQL server for tests alone, whichever the system has: a free loopback port, a data
/// folder of its own, nothing durable, `root` without a password. It ends when this is dropped, and with
/// the process that started it.
#[derive(Debug)]
pub struct MySqlServer {
    process: Process,
    version: String,
    port: u16,
    /// Removed after the process has ended: fields are dropped in their order.
    _folder: TempDir,
}

impl MySqlServer {
    /// The variable in which tests find the URL of a server.
    pub const URL_VARIABLE: &'static str = URL_VARIABLE;

    /// Starts a server.
    pub async fn start() -> Result<Self> {
        let program = ["mariadbd", "mysqld"].into_iter().find_map(find);
        let program = program.context("there is neither mariadbd nor mysqld: install one")?;
        let version = version_of(&program)?;
        let folder = TempDir::with_prefix("frontrow-mysql-")?;
        initialize(&program, is_mariadb(&version), folder.path())?;
        let mut failure = None;
        for _ in 0..PORTS_TRIED {
            let port = free_port()?;
            match run(&program, is_mariadb(&version), folder.path(), port).await {
                Ok(process) => {
                    return Ok(Self {
                        process,
                        version,
                        port,
                        _folder: folder,
                    });
                }
                Err(error) => failure = Some(error),
            }
        }
        Err(failure.context("no port was tried")?)
    }

    /// Its URL, without a database.
    #[must_use]
    pub fn url(&self) -> String {
        format!("mysql://root@127.0.0.1:{}", self.port)
    }

    /// What it says it is.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Fails, with the end of its log, when it has ended.
    pub fn ensure_running(&mut self) -> Result<()> {
        self.process.ensure_running()
    }
}

fn is_mariadb(version: &str) -> bool {
    version.contains("MariaDB")
}

/// A program on the path, or where Debian keeps servers.
fn find(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let servers = ["/usr/local/sbin", "/usr/sbin", "/sbin"].map(PathBuf::from);
    let mut folders = env::split_paths(&path).chain(servers);
    folders.find_map(|folder| Some(folder.join(name)).filter(|file| file.is_file()))
}

fn version_of(program: &Path) -> Result<String> {
    let output = Command::new(program).arg("--version").output()?;
    ensure!(
        output.status.success(),
        "{} has no version",
        program.display()
    );
    let text = String::from_utf8_lossy(&output.stdout);
    let version = text
        .split_once("Ver ")
        .map_or(text.as_ref(), |(_, rest)| rest);
    Ok(version.trim().to_owned())
}

/// Makes the server's own tables.
fn initialize(program: &Path, is_mariadb: bool, folder: &Path) -> Result<()> {
    let mut command = if is_mariadb {
        let installer = find("mariadb-install-db").context("there is no mariadb-install-db")?;
        let mut command = Command::new(installer);
        command.args([
            "--no-defaults",
            "--auth-root-authentication-method=normal",
            "--skip-test-db",
            "--skip-name-resolve",
        ]);
        command
    } else {
        let mut command = Command::new(program);
        command.args(["--no-defaults", "--initialize-insecure"]);
        command
    };
    let log = folder.join("initialize.log");
    let output = File::create(&log)?;
    let status = command
        .args(user_option())
        .arg(format!("--datadir={}", folder.join("data").display()))
        .stdout(output.try_clone()?)
        .stderr(output)
        .status()
        .context("cannot make the server's tables")?;
    if !status.success() {
        let log = std::fs::read_to_string(&log).unwrap_or_default();
        bail!("cannot make the server's tables: {status}\n{log}");
    }
    Ok(())
}

/// Starts the server and waits until it serves.
async fn run(program: &Path, is_mariadb: bool, folder: &Path, port: u16) -> Result<Process> {
    // The system kills it when we end without having done so.
    let mut command = match find("setpriv") {
        Some(setpriv) => {
            let mut command = Command::new(setpriv);
            command.args(["--pdeathsig", "KILL", "--"]).arg(program);
            command
        }
        None => Command::new(program),
    };
    command
        .arg("--no-defaults")
        .args(user_option())
        .arg(format!("--datadir={}", folder.join("data").display()))
        .arg(format!("--socket={}", folder.join("socket").display()))
        .arg(format!("--pid-file={}", folder.join("pid").display()))
        .arg(format!("--port={port}"))
        .args(OPTIONS);
    if !is_mariadb {
        command.arg("--mysqlx=OFF");
    }
    let mut process = Process::spawn("the database server", &mut command, &folder.join("log"))?;
    process
        .wait_for_line("ready for connections", START_MAX)
        .await?;
    Ok(process)
}

/// A server that root starts wants to be told that this is meant.
fn user_option() -> Option<&'static str> {
    nix::unistd::geteuid().is_root().then_some("--user=root")
}

fn free_port() -> Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    Ok(listener.local_addr()?.port())
}
