mod keyspace;

use std::{
    env, fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::Command,
    sync::mpsc,
    thread,
    time::Duration,
};

use anyhow::{Context, Result, anyhow, bail};
use deadpool_redis::redis::{Client, cmd};
pub use keyspace::RedisKeyspace;
use nix::sys::signal::Signal;
use tempfile::TempDir;

use crate::Process;

/// The variable with the URL of the server that tests share.
const URL_VARIABLE: &str = "FRONTROW_TEST_REDIS_URL";

/// Time limit of the start of a server on a slow machine.
const START_MAX: Duration = Duration::from_secs(30);

/// Time limit for a server to end: it writes its files first.
const STOP_MAX: Duration = Duration::from_secs(30);

/// Maximum number of ports to try: another process may take a port between the check and the
/// server's start.
const PORTS_TRIED: u32 = 5;

/// The line that a server writes when it is ready.
const READY: &str = "Ready to accept connections";

/// The line that a server writes when its port is open, though it may still be reading its files.
const LISTENS: &str = "Server initialized";

/// Options of a server for tests.
#[derive(Debug, Clone, Default)]
pub struct RedisOptions {
    /// Every write is on the disk before it is answered. Without it nothing outlives the process.
    pub append_only: bool,
    /// The memory limit in bytes, and the behaviour at that limit (`maxmemory-policy`).
    pub memory: Option<(u64, String)>,
    /// More settings, as in `redis.conf`.
    pub more: Vec<(String, String)>,
}

/// A Redis server for tests alone: a free loopback port and its own data folder. It ends when this
/// is dropped, and with the process that started it.
#[derive(Debug)]
pub struct RedisServer {
    process: Option<Running>,
    options: RedisOptions,
    port: u16,
    /// Removed after the process has ended: fields are dropped in their order.
    folder: TempDir,
}

impl RedisServer {
    /// The variable with the URL of a server that tests share.
    pub const URL_VARIABLE: &'static str = URL_VARIABLE;

    /// Starts a server that loses its data when it ends.
    pub async fn start() -> Result<Self> {
        Self::start_with(RedisOptions::default()).await
    }

    /// Starts a server.
    pub async fn start_with(options: RedisOptions) -> Result<Self> {
        let folder = TempDir::with_prefix("frontrow-redis-")?;
        let mut failure = None;
        for _ in 0..PORTS_TRIED {
            let port = free_port()?;
            match Running::start(&options, folder.path(), port, READY).await {
                Ok(process) => {
                    return Ok(Self {
                        process: Some(process),
                        options,
                        port,
                        folder,
                    });
                }
                Err(error) => failure = Some(error),
            }
        }
        Err(failure.context("no port was tried")?)
    }

    /// Returns its URL.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Stops it in good order. It can be started again.
    pub async fn stop(&mut self) -> Result<()> {
        if let Some(mut running) = self.process.take() {
            running.process.signal(Signal::SIGTERM)?;
            running.process.wait_exit(STOP_MAX).await?;
        }
        Ok(())
    }

    /// Kills it. It can be started again.
    pub fn kill(&mut self) -> Result<()> {
        match self.process.take() {
            Some(mut running) => running.process.kill(),
            None => Ok(()),
        }
    }

    /// Pauses it: it keeps its connections, but sends no answer.
    pub fn pause(&mut self) -> Result<()> {
        self.running()?.process.signal(Signal::SIGSTOP)
    }

    /// Resumes it after a pause.
    pub fn resume(&mut self) -> Result<()> {
        self.running()?.process.signal(Signal::SIGCONT)
    }

    /// Starts it again on the same port and data, after killing it if it runs. Its data has been
    /// read when this returns.
    pub async fn restart(&mut self) -> Result<()> {
        self.stop().await?;
        self.start_again(READY).await
    }

    /// Restarts it like [`RedisServer::restart`], with `more` settings, and does not wait until its
    /// data is read.
    pub async fn restart_reading(&mut self, more: &[(&str, &str)]) -> Result<()> {
        self.stop().await?;
        for (name, value) in more {
            let setting = ((*name).to_owned(), (*value).to_owned());
            self.options.more.push(setting);
        }
        self.start_again(LISTENS).await
    }

    /// Kills it and starts another one in its place, without data.
    pub async fn restart_empty(&mut self) -> Result<()> {
        self.kill()?;
        for entry in fs::read_dir(self.folder.path())? {
            let path = entry?.path();
            if path.is_dir() {
                fs::remove_dir_all(path)?;
            }
        }
        self.start_again(READY).await
    }

    /// Returns the folder of its files.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Makes it execute a command, and ignores the answer.
    pub async fn execute(&self, command: &[&str]) -> Result<()> {
        let [name, arguments @ ..] = command else {
            bail!("there is no command");
        };
        let mut command = cmd(name);
        command.arg(arguments);
        let client = Client::open(self.url())?;
        // A blocking connection of the driver is enough here.
        let done = tokio::task::spawn_blocking(move || {
            let mut connection = client.get_connection()?;
            command.exec(&mut connection)
        });
        Ok(done.await??)
    }

    /// Errors, with the end of its log, if it has ended.
    pub fn ensure_running(&mut self) -> Result<()> {
        self.running()?.process.ensure_running()
    }

    async fn start_again(&mut self, until: &str) -> Result<()> {
        let started = Running::start(&self.options, self.folder.path(), self.port, until);
        self.process = Some(started.await?);
        Ok(())
    }

    fn running(&mut self) -> Result<&mut Running> {
        self.process.as_mut().context("the Redis server is stopped")
    }
}

/// A running server, and the thread on which its life depends.
#[derive(Debug)]
struct Running {
    process: Process,
    /// The system ends the server with the thread that started it, which may belong to a test that
    /// others outlive. So the server has its own thread, which waits for this to be dropped.
    _thread: mpsc::Sender<()>,
}

impl Running {
    async fn start(options: &RedisOptions, folder: &Path, port: u16, until: &str) -> Result<Self> {
        let mut command = command(options, folder, port);
        let log = folder.join("log");
        let (give, given) = tokio::sync::oneshot::channel();
        let (thread, dropped) = mpsc::channel();
        thread::spawn(move || {
            let spawned = Process::spawn("the Redis server", &mut command, &log);
            if give.send(spawned).is_ok() {
                let _ = dropped.recv();
            }
        });
        let mut process = given.await.map_err(|_| anyhow!("no thread"))??;
        process.wait_for_line(until, START_MAX).await?;
        Ok(Self {
            process,
            _thread: thread,
        })
    }
}

fn command(options: &RedisOptions, folder: &Path, port: u16) -> Command {
    // The system kills it if this process ends without having done so.
    let mut command = match find("setpriv") {
        Some(setpriv) => {
            let mut command = Command::new(setpriv);
            command.args(["--pdeathsig", "KILL", "--", "redis-server"]);
            command
        }
        None => Command::new("redis-server"),
    };
    let mut set = |name: &str, value: &str| {
        command.arg(format!("--{name}")).arg(value);
    };
    set("bind", "127.0.0.1");
    set("port", &port.to_string());
    set("dir", &folder.to_string_lossy());
    set("save", "");
    if options.append_only {
        set("appendonly", "yes");
        set("appendfsync", "always");
    }
    if let Some((bytes, policy)) = &options.memory {
        set("maxmemory", &bytes.to_string());
        set("maxmemory-policy", policy);
    }
    for (name, value) in &options.more {
        set(name, value);
    }
    command
}

fn find(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
}

fn free_port() -> Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    Ok(listener.local_addr()?.port())
}
