//! Finds a server's programs, creates its tables, and starts it.

use std::{
    env,
    ffi::OsString,
    fs::File,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};

use super::{MySqlOptions, PROGRAM_VARIABLE};
use crate::Process;

/// Time limit of a start on a slow machine, of a server that was killed and has to replay its log.
const START_MAX: Duration = Duration::from_mins(1);

/// The options of every server for tests.
const OPTIONS: &[&str] = &[
    "--innodb-buffer-pool-size=128M",
    "--max-connections=500",
    "--skip-log-bin",
];

/// The options of a `MariaDB`. It knows `root` by the address.
const MARIADB: &[&str] = &["--performance-schema=OFF", "--skip-name-resolve"];

/// The options of a MySQL. It knows `root` by the name `localhost`, and has its list of connections
/// in the performance schema. It reads and writes no files for clients: its packages name a folder
/// for these, which need not exist.
const MYSQL: &[&str] = &["--mysqlx=OFF", NO_FILES];
const NO_FILES: &str = "--secure-file-priv=NULL";

/// Fast, and only good for tests: committed data may be lost if the server goes down.
const FAST: &[&str] = &[
    "--innodb-doublewrite=0",
    "--innodb-flush-log-at-trx-commit=0",
];

/// Acknowledged data is on the disk.
const DURABLE: &[&str] = &[
    "--innodb-doublewrite=1",
    "--innodb-flush-log-at-trx-commit=1",
];

/// The server's program and its version.
#[derive(Debug)]
pub(super) struct Program {
    path: PathBuf,
    pub(super) version: String,
}

impl Program {
    /// Finds the program that the caller has named, or else the one that the system has.
    pub(super) fn find() -> Result<Self> {
        let named = env::var_os(PROGRAM_VARIABLE).filter(|path| !path.is_empty());
        let path = named
            .map(PathBuf::from)
            .or_else(|| ["mariadbd", "mysqld"].into_iter().find_map(find));
        let path = path.context("there is neither mariadbd nor mysqld: install one")?;
        let version = version_of(&path)?;
        Ok(Self { path, version })
    }

    /// Returns the options for the server's data folder, and for a small log if the caller named
    /// the folder.
    fn data(&self, folder: &Path, options: &MySqlOptions) -> Vec<OsString> {
        let own = folder.join("data");
        let data = options.data_dir.as_ref().unwrap_or(&own);
        let mut arguments = vec![format!("--datadir={}", data.display()).into()];
        if options.data_dir.is_some() {
            let log = if self.is_mariadb() {
                "--innodb-log-file-size=4M"
            } else {
                "--innodb-redo-log-capacity=8M"
            };
            arguments.push(log.into());
        }
        arguments
    }

    fn is_mariadb(&self) -> bool {
        self.version.contains("MariaDB")
    }

    /// Creates the server's own tables.
    pub(super) fn initialize(&self, folder: &Path, options: &MySqlOptions) -> Result<()> {
        let mut command = if self.is_mariadb() {
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
            let mut command = Command::new(&self.path);
            command.args(["--no-defaults", "--initialize-insecure", NO_FILES]);
            command
        };
        let log = folder.join("initialize.log");
        let output = File::create(&log)?;
        let status = command
            .env("TMPDIR", own_temporary(folder)?)
            .args(user_option())
            .args(self.data(folder, options))
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

    /// Starts the server and waits until it is ready.
    pub(super) async fn run(
        &self,
        folder: &Path,
        address: SocketAddr,
        options: &MySqlOptions,
    ) -> Result<Process> {
        // The system kills it if this process ends without having done so.
        let mut command = match find("setpriv") {
            Some(setpriv) => {
                let mut command = Command::new(setpriv);
                command.args(["--pdeathsig", "KILL", "--"]).arg(&self.path);
                command
            }
            None => Command::new(&self.path),
        };
        command
            .env("TMPDIR", own_temporary(folder)?)
            .arg("--no-defaults")
            .args(user_option())
            .args(self.data(folder, options))
            .arg(format!("--socket={}", folder.join("socket").display()))
            .arg(format!("--pid-file={}", folder.join("pid").display()))
            .arg(format!("--bind-address={}", address.ip()))
            .arg(format!("--port={}", address.port()))
            .args(OPTIONS)
            .args(if self.is_mariadb() { MARIADB } else { MYSQL })
            .args(if options.durable { DURABLE } else { FAST })
            .args(&options.more);
        let mut process = Process::spawn("the database server", &mut command, &folder.join("log"))?;
        process
            .wait_for_line("ready for connections", START_MAX)
            .await?;
        Ok(process)
    }
}

/// Finds a program on the path, or where Debian keeps servers.
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

/// Creates a folder for temporary files. A server that starts removes the files there that it takes
/// for those of its own last run, so servers must not share one.
fn own_temporary(folder: &Path) -> Result<PathBuf> {
    let own = folder.join("tmp");
    std::fs::create_dir_all(&own)?;
    Ok(own)
}

/// Returns the `--user` option, without which a server does not run as root.
fn user_option() -> Option<&'static str> {
    nix::unistd::geteuid().is_root().then_some("--user=root")
}
