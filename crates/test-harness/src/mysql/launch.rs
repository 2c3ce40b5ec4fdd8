//! Finding a server's programs, making its tables, and starting it.

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

/// A start on a slow machine, of a server that was killed and has to go through its log.
const START_MAX: Duration = Duration::from_mins(1);

/// What every server of the tests is started with.
const OPTIONS: &[&str] = &[
    "--innodb-buffer-pool-size=128M",
    "--max-connections=500",
    "--skip-log-bin",
];

/// What a `MariaDB` is started with. It knows `root` by the address.
const MARIADB: &[&str] = &["--performance-schema=OFF", "--skip-name-resolve"];

/// What a MySQL is started with. It knows `root` by the name `localhost`, and has its list of connections in the
/// performance schema. It reads and writes no files for clients: its packages name a folder for these that need
/// not be there.
const MYSQL: &[&str] = &["--mysqlx=OFF", NO_FILES];
const NO_FILES: &str = "--secure-file-priv=NULL";

/// Fast, and good for nothing but tests: what was committed may be lost if the server goes down.
const FAST: &[&str] = &[
    "--innodb-doublewrite=0",
    "--innodb-flush-log-at-trx-commit=0",
];

/// What was acknowledged is on the disk.
const DURABLE: &[&str] = &[
    "--innodb-doublewrite=1",
    "--innodb-flush-log-at-trx-commit=1",
];

/// The server's program, and what there is to know about it.
#[derive(Debug)]
pub(super) struct Program {
    path: PathBuf,
    pub(super) version: String,
}

impl Program {
    /// The one that the caller has named, or whichever the system has.
    pub(super) fn find() -> Result<Self> {
        let named = env::var_os(PROGRAM_VARIABLE).filter(|path| !path.is_empty());
        let path = named
            .map(PathBuf::from)
            .or_else(|| ["mariadbd", "mysqld"].into_iter().find_map(find));
        let path = path.context("there is neither mariadbd nor mysqld: install one")?;
        let version = version_of(&path)?;
        Ok(Self { path, version })
    }

    /// Where the server keeps its data, and how little of it is log where a folder for it was given.
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

    /// Makes the server's own tables.
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

    /// Starts the server and waits until it serves.
    pub(super) async fn run(
        &self,
        folder: &Path,
        address: SocketAddr,
        options: &MySqlOptions,
    ) -> Result<Process> {
        // The system kills it when we end without having done so.
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

/// A server that starts removes what it takes for its own last life's from the folder of temporary
/// files, so servers must not share one.
fn own_temporary(folder: &Path) -> Result<PathBuf> {
    let own = folder.join("tmp");
    std::fs::create_dir_all(&own)?;
    Ok(own)
}

/// A server that root starts wants to be told that this is meant.
fn user_option() -> Option<&'static str> {
    nix::unistd::geteuid().is_root().then_some("--user=root")
}
