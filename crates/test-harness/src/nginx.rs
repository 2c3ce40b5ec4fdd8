//! A cache in front of the program, as an operator would put one there.

use std::{fs, net::TcpListener, process::Command, sync::mpsc, thread, time::Duration};

use anyhow::{Context, Result, anyhow};
use tempfile::TempDir;

use crate::{Process, eventually};

const START_MAX: Duration = Duration::from_secs(30);

/// Maximum number of ports to try: another process may take a port between the check and the
/// server's start.
const PORTS_TRIED: u32 = 5;

/// An nginx in front of another server, which caches what that server's headers allow. Dropping
/// this ends it.
#[derive(Debug)]
pub struct Nginx {
    process: Process,
    /// The system ends the server with the thread that started it.
    _thread: mpsc::Sender<()>,
    port: u16,
    /// Removed after the process has ended: fields are dropped in their order.
    folder: TempDir,
}

impl Nginx {
    /// Starts an nginx in front of the server with this URL.
    pub async fn before(origin: &str) -> Result<Self> {
        let mut failure = None;
        for _ in 0..PORTS_TRIED {
            match Self::start(origin, free_port()?).await {
                Ok(nginx) => return Ok(nginx),
                Err(error) => failure = Some(error),
            }
        }
        Err(failure.context("no port was tried")?)
    }

    async fn start(origin: &str, port: u16) -> Result<Self> {
        let folder = TempDir::with_prefix("frontrow-nginx-")?;
        let path = folder.path().to_string_lossy();
        fs::write(folder.path().join("conf"), config(origin, port))?;
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "--", "nginx", "-p", &path]);
        command.args(["-c", "conf", "-e", "stderr"]);
        let log = folder.path().join("log");
        let (give, given) = tokio::sync::oneshot::channel();
        let (thread, dropped) = mpsc::channel();
        thread::spawn(move || {
            let spawned = Process::spawn("nginx", &mut command, &log);
            if give.send(spawned).is_ok() {
                let _ = dropped.recv();
            }
        });
        let mut process = given.await.map_err(|_| anyhow!("no thread"))??;
        eventually("nginx listens", START_MAX, async || {
            process.ensure_running()?;
            let connected = tokio::net::TcpStream::connect(("127.0.0.1", port)).await;
            Ok(connected.is_ok().then_some(()))
        })
        .await?;
        Ok(Self {
            process,
            _thread: thread,
            port,
            folder,
        })
    }

    /// Returns its URL.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Returns the number of requests that it has answered, and the number that it has passed on.
    pub fn answered(&mut self) -> Result<(usize, usize)> {
        self.process.ensure_running()?;
        let log = fs::read_to_string(self.folder.path().join("requests"))?;
        let asked = log.lines().filter(|line| !line.ends_with(" -")).count();
        Ok((log.lines().count(), asked))
    }
}

/// Returns the configuration from the documentation of clients, with the files of a test.
fn config(origin: &str, port: u16) -> String {
    format!(
        "daemon off;
         pid pid;
         worker_processes 1;
         worker_rlimit_nofile 4096;
         events {{ worker_connections 2048; }}
         http {{
             log_format asked '$upstream_cache_status $upstream_status';
             access_log requests asked;
             client_body_temp_path body;
             proxy_temp_path temporary;
             fastcgi_temp_path fastcgi;
             uwsgi_temp_path uwsgi;
             scgi_temp_path scgi;
             proxy_cache_path cache keys_zone=line:1m;
             server {{
                 listen 127.0.0.1:{port} backlog=4096;
                 location ~ ^/v1/concerts/[^/]+/line$ {{
                     proxy_pass {origin};
                     proxy_cache line;
                     proxy_cache_lock on;
                     proxy_cache_background_update on;
                     proxy_cache_use_stale updating error timeout http_500 http_502 http_503 http_504;
                 }}
                 location / {{ proxy_pass {origin}; }}
             }}
         }}
        "
    )
}

fn free_port() -> Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    Ok(listener.local_addr()?.port())
}
