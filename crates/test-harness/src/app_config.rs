use std::{
    any::Any,
    env,
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
    time::Duration,
};

/// The configuration of a program for a test.
///
/// By default it has its own data folder, listens on any free port of the loopback interface, and
/// sees none of the `FRONTROW_…` variables of the environment in which the tests run.
#[derive(Debug, Clone)]
pub struct AppConfig {
    env: Vec<(OsString, OsString)>,
    config_file: Option<String>,
    args: Vec<OsString>,
    data_dir: Option<PathBuf>,
    kept: Vec<Arc<dyn Any + Send + Sync>>,
    pub(crate) ready_within: Duration,
}

impl Default for AppConfig {
    fn default() -> Self {
        Self {
            env: Vec::new(),
            config_file: None,
            args: Vec::new(),
            data_dir: None,
            kept: Vec::new(),
            ready_within: Duration::from_mins(1),
        }
    }
}

impl AppConfig {
    /// Sets a variable, such as `FRONTROW_QUEUE__RECOVERY_S`. The last value of a variable wins,
    /// also over those that the harness sets.
    #[must_use]
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        let pair = (name.as_ref().to_owned(), value.as_ref().to_owned());
        self.env.push(pair);
        self
    }

    /// Sets the text of `frontrow.toml`, in the folder in which the program is started.
    #[must_use]
    pub fn config_file(mut self, text: impl Into<String>) -> Self {
        self.config_file = Some(text.into());
        self
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.args.push(arg.as_ref().to_owned());
        self
    }

    /// Sets a data folder that outlives the program's own temporary folder, or that programs share.
    #[must_use]
    pub fn data_dir(mut self, data_dir: impl Into<PathBuf>) -> Self {
        self.data_dir = Some(data_dir.into());
        self
    }

    /// Keeps `store` for as long as any program has this configuration: for example, a database
    /// that is removed when it is dropped.
    #[must_use]
    pub fn keep(mut self, store: impl Any + Send + Sync) -> Self {
        self.kept.push(Arc::new(store));
        self
    }

    /// Returns the value of a variable that [`AppConfig::env`] has set.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&OsStr> {
        let mut pairs = self.env.iter().rev();
        pairs.find_map(|(key, value)| (key == name).then_some(value.as_os_str()))
    }

    /// Sets how long a start may take before it counts as failed. The default is one minute.
    #[must_use]
    pub fn ready_within(mut self, limit: Duration) -> Self {
        self.ready_within = limit;
        self
    }

    pub(crate) fn data_dir_in(&self, home: &Path) -> PathBuf {
        self.data_dir.clone().unwrap_or_else(|| home.join("data"))
    }

    pub(crate) fn config_file_text(&self) -> Option<&str> {
        self.config_file.as_deref()
    }

    pub(crate) fn args(&self) -> &[OsString] {
        &self.args
    }

    /// Returns `binary` as a command in the folder `home`, with the variables of this configuration
    /// and no arguments.
    pub(crate) fn command(&self, binary: &Path, home: &Path) -> Command {
        let mut command = Command::new(binary);
        command.current_dir(home);
        for (name, _) in env::vars_os() {
            if name.as_encoded_bytes().starts_with(b"FRONTROW_") {
                command.env_remove(name);
            }
        }
        command
            .env("FRONTROW_SERVER__BIND", "127.0.0.1:0")
            .env("FRONTROW_DATA_DIR", self.data_dir_in(home))
            .envs(self.env.iter().map(|(name, value)| (name, value)));
        command
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value<'a>(command: &'a Command, name: &str) -> Option<&'a OsStr> {
        let (_, value) = command.get_envs().find(|(key, _)| *key == name)?;
        value
    }

    #[test]
    fn listens_on_a_free_port_and_keeps_its_data_at_home() {
        let home = Path::new("/home-of-a-test");
        let command = AppConfig::default().command(Path::new("frontrow"), home);
        assert_eq!(
            value(&command, "FRONTROW_SERVER__BIND").unwrap(),
            "127.0.0.1:0"
        );
        assert_eq!(
            value(&command, "FRONTROW_DATA_DIR").unwrap(),
            "/home-of-a-test/data"
        );
        assert_eq!(command.get_current_dir(), Some(home));
    }

    #[test]
    fn settings_of_a_test_override_the_defaults() {
        let config = AppConfig::default()
            .env("FRONTROW_SERVER__BIND", "127.0.0.1:1")
            .data_dir("/elsewhere");
        assert_eq!(
            config.value("FRONTROW_SERVER__BIND").unwrap(),
            "127.0.0.1:1"
        );
        let command = config.command(Path::new("frontrow"), Path::new("/home-of-a-test"));
        assert_eq!(
            value(&command, "FRONTROW_SERVER__BIND").unwrap(),
            "127.0.0.1:1"
        );
        assert_eq!(value(&command, "FRONTROW_DATA_DIR").unwrap(), "/elsewhere");
    }
}
