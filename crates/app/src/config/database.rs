//! The settings of the database.

use std::path::{Path, PathBuf};

use anyhow::{bail, ensure};
use serde::{Deserialize, Serialize};

use super::{Config, StoreUrl, sections::choice};

/// The settings of the database. All settings except the URL are for MySQL and MariaDB only.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Database {
    /// `sqlite:PATH` or `mysql://USER:PASSWORD@HOST:PORT/DATABASE`. The default is `frontrow.db` in
    /// the data folder.
    pub(crate) url: Option<StoreUrl>,
    /// The maximum number of connections of this process.
    pub(crate) pool_size: usize,
    /// The time that a request waits for a free connection before it is answered 503, in
    /// milliseconds.
    pub(crate) acquire_timeout_ms: u64,
    /// The time limit for opening a connection, in milliseconds.
    pub(crate) connect_timeout_ms: u64,
    /// The time limit for all statements of one request together, in milliseconds.
    pub(crate) statement_timeout_ms: u64,
    /// The time that a statement waits for a row that another transaction has locked, in seconds.
    pub(crate) lock_timeout_s: u64,
    /// Whether connections are encrypted.
    pub(crate) tls: Tls,
    /// What a start does if the database lacks migrations.
    pub(crate) older_schema: OlderSchema,
}

/// Whether connections are encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(try_from = "String", rename_all = "snake_case")]
pub(crate) enum Tls {
    /// Connections are not encrypted.
    #[default]
    Off,
    /// Encrypted, without a check of the certificate.
    Encrypt,
    /// Encrypted, to a server with a certificate for its name from a public authority.
    Verify,
}

/// What a start does if the database lacks migrations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(try_from = "String", rename_all = "snake_case")]
pub(crate) enum OlderSchema {
    /// It refuses to start. The operator runs `frontrow migrate`.
    #[default]
    Refuse,
    /// It applies them. If several instances start at once, one applies them and the others wait.
    Migrate,
}

choice!(Tls { "off" => Off, "encrypt" => Encrypt, "verify" => Verify });
choice!(OlderSchema { "refuse" => Refuse, "migrate" => Migrate });

/// The kind of the configured database.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum DatabaseKind<'a> {
    /// An SQLite file on this machine.
    Sqlite(PathBuf),
    /// A MySQL or MariaDB server, with its whole URL.
    MySql(&'a str),
}

impl Default for Database {
    fn default() -> Self {
        Self {
            url: None,
            pool_size: 16,
            acquire_timeout_ms: 2_000,
            connect_timeout_ms: 5_000,
            statement_timeout_ms: 5_000,
            lock_timeout_s: 2,
            tls: Tls::default(),
            older_schema: OlderSchema::default(),
        }
    }
}

impl Database {
    /// Refuses values that cannot work.
    pub(super) fn validate(&self) -> anyhow::Result<()> {
        if let Some(url) = &self.url {
            // The URL is not quoted, because it may contain a password.
            let text = url.expose();
            let good = match text.split_once(':') {
                Some(("sqlite", path)) => !path.is_empty(),
                Some(("mysql", rest)) => rest.starts_with("//"),
                _ => false,
            };
            ensure!(
                good,
                "database.url: must be sqlite: and a path, such as sqlite:frontrow.db, or \
                 mysql://USER:PASSWORD@HOST:PORT/DATABASE"
            );
        }
        ensure!(
            (1..=1_000).contains(&self.pool_size),
            "database.pool_size: from 1 to 1000"
        );
        for (key, millis) in [
            ("acquire_timeout_ms", self.acquire_timeout_ms),
            ("connect_timeout_ms", self.connect_timeout_ms),
            ("statement_timeout_ms", self.statement_timeout_ms),
        ] {
            if !(10..=60_000).contains(&millis) {
                bail!("database.{key}: from 10 to 60000");
            }
        }
        ensure!(
            (1..=60).contains(&self.lock_timeout_s),
            "database.lock_timeout_s: from 1 to 60"
        );
        ensure!(
            self.lock_timeout_s * 1_000 < self.statement_timeout_ms,
            "database.lock_timeout_s: must be shorter than database.statement_timeout_ms, or a statement that \
             waits for a lock is cut off before its lock wait times out"
        );
        Ok(())
    }
}

impl Config {
    /// Returns the configured database.
    pub(crate) fn database_kind(&self) -> DatabaseKind<'_> {
        let url = self.database.url.as_ref().map(StoreUrl::expose);
        match url.map(|url| url.strip_prefix("sqlite:").ok_or(url)) {
            Some(Err(url)) => DatabaseKind::MySql(url),
            Some(Ok(path)) => DatabaseKind::Sqlite(Path::new(path).to_owned()),
            None => DatabaseKind::Sqlite(self.data_dir.join("frontrow.db")),
        }
    }

    /// True if a database without any concert gets the demo on-sale at a start. By default only an
    /// SQLite file does: a new file is probably a first try of the program.
    pub(crate) fn demo_on_first_start(&self) -> bool {
        let is_file = matches!(self.database_kind(), DatabaseKind::Sqlite(_));
        self.demo.on_first_start.unwrap_or(is_file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_url_selects_the_kind_of_database() {
        let mut config = Config::default();
        let file = config.data_dir.join("frontrow.db");
        assert_eq!(config.database_kind(), DatabaseKind::Sqlite(file));
        assert!(config.demo_on_first_start());
        config.database.url = Some("sqlite:a.db".to_owned().into());
        assert_eq!(config.database_kind(), DatabaseKind::Sqlite("a.db".into()));
        config.database.url = Some("mysql://db/x".to_owned().into());
        assert_eq!(config.database_kind(), DatabaseKind::MySql("mysql://db/x"));
        assert!(!config.demo_on_first_start());
    }

    #[test]
    fn an_invalid_setting_is_refused_with_its_key() {
        let refusal = |change: fn(&mut Database)| {
            let mut database = Database::default();
            change(&mut database);
            database.validate().unwrap_err().to_string()
        };
        for (why, key) in [
            (refusal(|d| d.pool_size = 0), "database.pool_size"),
            (refusal(|d| d.acquire_timeout_ms = 0), "database.acquire"),
            (refusal(|d| d.connect_timeout_ms = 1), "database.connect"),
            (
                refusal(|d| d.statement_timeout_ms = 1),
                "database.statement",
            ),
            (refusal(|d| d.lock_timeout_s = 0), "database.lock_timeout_s"),
        ] {
            assert!(why.starts_with(key), "{key}: {why}");
        }
        for url in ["oracle:hush", "mysql:hush", "sqlite:", "hush"] {
            let url = Some(url.to_owned().into());
            let why = Database {
                url,
                ..Database::default()
            }
            .validate();
            let why = why.unwrap_err().to_string();
            assert!(
                why.starts_with("database.url") && !why.contains("hush"),
                "{why}"
            );
        }
    }
}
