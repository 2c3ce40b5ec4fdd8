use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, bail};
use nix::{
    sys::signal::{self, Signal},
    unistd::Pid,
};

use crate::eventually;

/// Number of the log's last lines in a message.
const TAIL_LINES: usize = 40;

/// A child process whose output goes to a file. It is killed when this is dropped.
///
/// It stays an unreaped child until its end is noticed here, so its id cannot belong to another
/// process by then: signals reach this process or none.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
    /// The position in the file at which the output of this process begins.
    log_starts_at: usize,
}

impl Process {
    /// Starts `command` with no input, and appends both of its outputs to the file `log`. Its
    /// `name` is for messages.
    pub fn spawn(name: &str, command: &mut Command, log: &Path) -> Result<Self> {
        let output = File::options()
            .create(true)
            .append(true)
            .open(log)
            .with_context(|| format!("cannot open {}", log.display()))?;
        let log_starts_at = fs::read(log)?.len();
        let child = command
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()
            .with_context(|| format!("cannot start {name}"))?;
        Ok(Self {
            name: name.to_owned(),
            child,
            log: log.to_owned(),
            log_starts_at,
        })
    }

    /// Waits for the first complete line of its output that contains `wanted`, and returns it.
    /// Errors early if the process ends before.
    pub async fn wait_for_line(&mut self, wanted: &str, limit: Duration) -> Result<String> {
        let what = format!("{} prints a line with {wanted:?}", self.name);
        let found = eventually(&what, limit, async || {
            if let Some(status) = self.exited()? {
                bail!("{} ended: {status}", self.name);
            }
            let log = self.log()?;
            let mut whole_lines = log
                .split_inclusive('\n')
                .filter(|line| line.ends_with('\n'));
            let line = whole_lines.find(|line| line.contains(wanted));
            Ok(line.map(|line| line.trim_end().to_owned()))
        });
        found.await.with_context(|| self.describe_log())
    }

    /// Errors, with the end of the log, if the process has ended.
    pub fn ensure_running(&mut self) -> Result<()> {
        match self.exited()? {
            None => Ok(()),
            Some(status) => bail!("{} ended: {status}; {}", self.name, self.describe_log()),
        }
    }

    /// Returns its exit status. None while it runs.
    pub fn exited(&mut self) -> Result<Option<ExitStatus>> {
        Ok(self.child.try_wait()?)
    }

    /// Waits until it has ended by itself or by a signal.
    pub async fn wait_exit(&mut self, limit: Duration) -> Result<ExitStatus> {
        let what = format!("{} ends", self.name);
        let waited = eventually(&what, limit, async || self.exited());
        waited.await.with_context(|| self.describe_log())
    }

    /// Sends it a signal. Errors if it has ended.
    pub fn signal(&mut self, signal: Signal) -> Result<()> {
        self.ensure_running()?;
        signal::kill(Pid::from_raw(self.pid().try_into()?), signal)
            .with_context(|| format!("cannot send {signal} to {}", self.name))
    }

    /// Kills it, and waits until it has ended. Does nothing if it has ended before.
    pub fn kill(&mut self) -> Result<()> {
        if self.exited()?.is_none() {
            self.child.kill()?;
            self.child.wait()?;
        }
        Ok(())
    }

    /// Returns its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Returns the text that it has written so far.
    pub fn log(&self) -> Result<String> {
        let bytes = fs::read(&self.log)?;
        let own = bytes.get(self.log_starts_at..).unwrap_or_default();
        Ok(String::from_utf8_lossy(own).into_owned())
    }

    /// Returns the end of its log, for messages.
    #[must_use]
    pub fn describe_log(&self) -> String {
        let log = self.log().unwrap_or_default();
        let lines: Vec<_> = log.lines().collect();
        let tail = lines.split_at(lines.len().saturating_sub(TAIL_LINES)).1;
        if tail.is_empty() {
            format!("{} wrote nothing", self.name)
        } else {
            format!("the log of {} ends:\n{}", self.name, tail.join("\n"))
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Err(error) = self.kill() {
            eprintln!("{} may still run: {error:#}", self.name);
        }
        // Its log is about to be removed with its folder, and may explain why the test failed.
        if std::thread::panicking() {
            eprintln!("{}", self.describe_log());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;

    use tempfile::TempDir;

    use super::*;

    const SOON: Duration = Duration::from_secs(30);

    fn shell(folder: &TempDir, script: &str) -> Process {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        Process::spawn("the script", &mut command, &folder.path().join("log")).unwrap()
    }

    /// Returns true while there is a process with this id, ended or not.
    fn exists(pid: u32) -> bool {
        signal::kill(Pid::from_raw(pid.try_into().unwrap()), None).is_ok()
    }

    #[tokio::test]
    async fn finds_a_line_on_either_output() {
        let folder = TempDir::new().unwrap();
        let script = "echo one two; echo three four >&2; exec sleep 60";
        let mut process = shell(&folder, script);
        assert_eq!(process.wait_for_line("two", SOON).await.unwrap(), "one two");
        assert_eq!(
            process.wait_for_line("three", SOON).await.unwrap(),
            "three four"
        );
        assert_eq!(process.log().unwrap(), "one two\nthree four\n");
    }

    #[tokio::test]
    async fn waits_for_the_whole_line() {
        let folder = TempDir::new().unwrap();
        let script =
            "printf 'port 12'; while [ ! -e \"$0\" ]; do sleep 0.01; done; echo 34; exec sleep 60";
        let more = folder.path().join("more");
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]).arg(&more);
        let log = folder.path().join("log");
        let mut process = Process::spawn("the script", &mut command, &log).unwrap();
        let half = process.wait_for_line("port", Duration::from_millis(200));
        assert!(half.await.is_err());
        fs::write(&more, "").unwrap();
        let whole = process.wait_for_line("port", SOON).await.unwrap();
        assert_eq!(whole, "port 1234");
    }

    #[tokio::test]
    async fn notices_an_early_end_and_shows_why() {
        let folder = TempDir::new().unwrap();
        let mut process = shell(&folder, "echo the disk is full >&2; exit 3");
        let waited = process.wait_for_line("ready", SOON).await;
        let message = format!("{:#}", waited.unwrap_err());
        assert!(message.contains("exit status: 3"), "{message}");
        assert!(message.contains("the disk is full"), "{message}");
        assert!(process.signal(Signal::SIGTERM).is_err());
    }

    #[tokio::test]
    async fn a_missing_program_is_an_error() {
        let folder = TempDir::new().unwrap();
        let mut command = Command::new(folder.path().join("no-such-program"));
        let spawned = Process::spawn("the program", &mut command, &folder.path().join("log"));
        assert_eq!(spawned.unwrap_err().to_string(), "cannot start the program");
    }

    #[tokio::test]
    async fn reports_the_signal_that_ended_it() {
        let folder = TempDir::new().unwrap();
        let mut process = shell(&folder, "trap '' TERM; echo deaf; exec sleep 60");
        process.wait_for_line("deaf", SOON).await.unwrap();
        process.signal(Signal::SIGTERM).unwrap();
        process.signal(Signal::SIGKILL).unwrap();
        let status = process.wait_exit(SOON).await.unwrap();
        assert_eq!(status.signal(), Some(Signal::SIGKILL as i32));
    }

    #[tokio::test]
    async fn a_process_that_does_not_end_is_an_error() {
        let folder = TempDir::new().unwrap();
        let mut process = shell(&folder, "exec sleep 60");
        let waited = process.wait_exit(Duration::from_millis(50)).await;
        let message = format!("{:#}", waited.unwrap_err());
        assert!(message.contains("the script ends"), "{message}");
    }

    #[tokio::test]
    async fn the_log_of_a_process_begins_with_its_own_output() {
        let folder = TempDir::new().unwrap();
        let mut first = shell(&folder, "echo ready the first time");
        first.wait_exit(SOON).await.unwrap();
        let mut second = shell(&folder, "echo ready again; exec sleep 60");
        let line = second.wait_for_line("ready", SOON).await.unwrap();
        assert_eq!(line, "ready again");
    }

    #[tokio::test]
    async fn dropping_it_kills_it() {
        let folder = TempDir::new().unwrap();
        let mut process = shell(&folder, "trap '' TERM INT; echo up; exec sleep 60");
        process.wait_for_line("up", SOON).await.unwrap();
        let pid = process.pid();
        assert!(exists(pid));
        drop(process);
        assert!(!exists(pid));
    }
}
