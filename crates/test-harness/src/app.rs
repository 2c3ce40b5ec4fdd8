use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::{ExitStatus, Output, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use nix::sys::signal::Signal;
use tempfile::TempDir;
use tokio::time::timeout;

use crate::{AppConfig, Client, Process, client::Connection, eventually};

/// The text that the program prints on its standard output once it listens, before its address.
const LISTENING: &str = "frontrow is listening on ";

/// Time limit for a program to end. It first serves its pending requests.
const EXIT_LIMIT: Duration = Duration::from_mins(1);

/// One running program, with its own folder. Dropping this kills it and removes its folder.
#[derive(Debug)]
pub struct App {
    // Dropped in this order: the process must be gone before its folder.
    process: Process,
    home: TempDir,
    binary: PathBuf,
    config: AppConfig,
    connection: Connection,
    asked_to_end: bool,
}

impl App {
    /// Starts `binary` and waits until it is ready: `/readyz` answers 200.
    ///
    /// Errors, with the end of its log, if it ends instead or takes too long.
    pub async fn start(binary: &Path, config: AppConfig) -> Result<Self> {
        let home = home(&config)?;
        let process = spawn(binary, &config, &home)?;
        let mut app = Self {
            process,
            home,
            binary: binary.to_owned(),
            config,
            connection: Connection::new()?,
            asked_to_end: false,
        };
        app.wait_ready().await?;
        Ok(app)
    }

    /// Runs `binary` to its end. For programs that end by themselves: commands, and starts that
    /// must be refused.
    pub async fn run(binary: &Path, config: &AppConfig) -> Result<Output> {
        let home = home(config)?;
        run_to_end(binary, config, &home, config.args()).await
    }

    /// Runs another command of the same program, with the same configuration and data folder, to
    /// its end.
    pub async fn command<S: AsRef<OsStr>>(&self, args: &[S]) -> Result<Output> {
        run_to_end(&self.binary, &self.config, &self.home, args).await
    }

    /// Returns a client without identity. Clients go on working after a restart.
    #[must_use]
    pub fn client(&self) -> Client {
        Client::over(self.connection.clone())
    }

    /// Returns the URL at which it listens, such as `http://127.0.0.1:40123`.
    #[must_use]
    pub fn base_url(&self) -> String {
        self.connection.base_url()
    }

    /// Returns the folder of its data.
    #[must_use]
    pub fn data_dir(&self) -> PathBuf {
        self.config.data_dir_in(self.home.path())
    }

    /// Returns its configuration.
    #[must_use]
    pub fn config(&self) -> &AppConfig {
        &self.config
    }

    /// Returns the text that it has written to both of its outputs since its last start.
    pub fn log(&self) -> Result<String> {
        self.process.log()
    }

    /// Returns the process, for functions that are not offered here.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// Sends SIGTERM: asks it to end in good order.
    pub fn sigterm(&mut self) -> Result<()> {
        self.asked_to_end = true;
        self.process.signal(Signal::SIGTERM)
    }

    /// Sends SIGINT: interrupts it, as Ctrl-C does.
    pub fn sigint(&mut self) -> Result<()> {
        self.asked_to_end = true;
        self.process.signal(Signal::SIGINT)
    }

    /// Kills it with SIGKILL, as a crash would. It has ended when this returns.
    pub fn sigkill(&mut self) -> Result<()> {
        self.process.kill()
    }

    /// Pauses it: it keeps its connections, but sends no answer.
    pub fn pause(&mut self) -> Result<()> {
        self.process.signal(Signal::SIGSTOP)
    }

    /// Resumes it after a pause.
    pub fn resume(&mut self) -> Result<()> {
        self.process.signal(Signal::SIGCONT)
    }

    /// Waits for its end.
    pub async fn wait_exit(&mut self) -> Result<ExitStatus> {
        self.process.wait_exit(EXIT_LIMIT).await
    }

    /// Starts it again on the same data, on another port. If it still runs, it is asked to end
    /// first, unless that was done before, and must do so without an error.
    pub async fn restart(&mut self) -> Result<()> {
        self.stop().await?;
        self.process = spawn(&self.binary, &self.config, &self.home)?;
        self.wait_ready().await
    }

    /// Restarts it like [`App::restart`], with another configuration. The data folder stays the
    /// same.
    pub async fn restart_with(&mut self, config: AppConfig) -> Result<()> {
        self.stop().await?;
        self.config = config.data_dir(self.data_dir());
        write_config_file(&self.config, self.home.path())?;
        self.restart().await
    }

    async fn stop(&mut self) -> Result<()> {
        if self.process.exited()?.is_none() {
            if !self.asked_to_end {
                self.sigterm()?;
            }
            let status = self.wait_exit().await?;
            ensure!(
                status.success(),
                "frontrow did not end in good order: {status}; {}",
                self.process.describe_log(),
            );
        }
        self.asked_to_end = false;
        Ok(())
    }

    async fn wait_ready(&mut self) -> Result<()> {
        let limit = self.config.ready_within;
        let line = self.process.wait_for_line(LISTENING, limit).await?;
        self.connection.set_base_url(address_in(&line)?);

        let client = self.client();
        let process = &mut self.process;
        let waited = eventually("/readyz answers 200", limit, async || {
            process.ensure_running()?;
            // Any failure before readiness may be temporary.
            let reply = client.get("/readyz").await.ok();
            Ok(reply.filter(|reply| reply.status == 200))
        });
        let waited = waited.await;
        waited
            .map(drop)
            .with_context(|| self.process.describe_log())
    }
}

/// Returns the address in the line that the program prints once it listens.
fn address_in(line: &str) -> Result<String> {
    let address = line
        .split_once(LISTENING)
        .and_then(|(_, rest)| rest.split_whitespace().next())
        .filter(|address| address.starts_with("http://"))
        .with_context(|| format!("there is no address in {line:?}"))?;
    Ok(address.trim_end_matches('/').to_owned())
}

fn home(config: &AppConfig) -> Result<TempDir> {
    let home = tempfile::Builder::new()
        .prefix("frontrow-test-")
        .tempdir()?;
    write_config_file(config, home.path())?;
    Ok(home)
}

fn write_config_file(config: &AppConfig, home: &Path) -> Result<()> {
    let path = home.join("frontrow.toml");
    match config.config_file_text() {
        Some(text) => fs::write(path, text)?,
        None if path.exists() => fs::remove_file(path)?,
        None => {}
    }
    Ok(())
}

fn spawn(binary: &Path, config: &AppConfig, home: &TempDir) -> Result<Process> {
    let mut command = config.command(binary, home.path());
    command.args(config.args());
    Process::spawn("frontrow", &mut command, &home.path().join("log"))
}

async fn run_to_end<S: AsRef<OsStr>>(
    binary: &Path,
    config: &AppConfig,
    home: &TempDir,
    args: &[S],
) -> Result<Output> {
    let mut command = tokio::process::Command::from(config.command(binary, home.path()));
    command.args(args).stdin(Stdio::null()).kill_on_drop(true);
    timeout(EXIT_LIMIT, command.output())
        .await
        .with_context(|| format!("{} did not end", binary.display()))?
        .with_context(|| format!("cannot run {}", binary.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_the_word_after_the_announcement() {
        let address = |line| address_in(line).ok();
        let found = Some("http://127.0.0.1:4040".to_owned());
        assert_eq!(
            address("frontrow is listening on http://127.0.0.1:4040"),
            found
        );
        assert_eq!(
            address("frontrow is listening on http://127.0.0.1:4040/ (2 workers)"),
            found
        );
        assert_eq!(address("frontrow is listening on something"), None);
        assert_eq!(address("listening"), None);
    }
}
