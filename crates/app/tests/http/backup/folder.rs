//! A data folder, its database, and the commands on it.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Output,
};

use anyhow::{Result, ensure};
use diesel::{
    Connection, QueryableByName, RunQueryDsl, SqliteConnection, connection::SimpleConnection,
    sql_query, sql_types::BigInt,
};
use frontrow_test_harness::{App, AppConfig};
use tempfile::TempDir;

use crate::test_app::{self, TestApp};

/// A folder for everything of one test: `data` in it is the data folder.
pub(super) struct Folder(TempDir);

impl Folder {
    pub(super) fn new() -> Result<Self> {
        Ok(Self(tempfile::tempdir()?))
    }

    /// A configuration for a program on the data folder, without configured keys. A recovery lasts
    /// long enough for a test to see it.
    pub(super) fn config(&self) -> AppConfig {
        AppConfig::default()
            .data_dir(self.path("data"))
            .env("FRONTROW_DEMO__ON_FIRST_START", "false")
            .env("FRONTROW_QUEUE__RECOVERY_S", "10")
    }

    /// The same with the admin key of tests, and a concert on sale.
    pub(super) async fn test_app(&self) -> Result<TestApp> {
        let config = self
            .config()
            .env("FRONTROW_ADMIN__KEYS__OPS", test_app::ADMIN_KEY);
        TestApp::open_with(config, 1, 5, serde_json::json!({})).await
    }

    /// Makes a database without concerts.
    pub(super) async fn migrated(&self) -> Result<()> {
        succeeds(&self.config(), &["migrate"]).await.map(drop)
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The same for a command.
    pub(super) fn text(&self, name: &str) -> String {
        self.path(name).to_string_lossy().into_owned()
    }

    pub(super) fn database(&self) -> PathBuf {
        self.path("data/frontrow.db")
    }

    /// Every file in it and in the data folder, with its content. Lock files are listed with their
    /// names only.
    pub(super) fn files(&self) -> Result<BTreeMap<PathBuf, Vec<u8>>> {
        let mut files = BTreeMap::new();
        for folder in [
            self.0.path().to_owned(),
            self.path("data"),
            self.path("data/keys"),
        ] {
            for entry in fs::read_dir(folder).into_iter().flatten() {
                let path = entry?.path();
                if path.is_file() && !path.ends_with("frontrow.db.lock") {
                    files.insert(path.clone(), fs::read(path)?);
                }
            }
        }
        Ok(files)
    }

    /// The files of the data folder whose names begin with `prefix`.
    pub(super) fn named(&self, prefix: &str) -> Result<Vec<PathBuf>> {
        let begins = |path: &PathBuf| {
            let data = path.strip_prefix(self.path("data"));
            data.is_ok_and(|name| name.to_string_lossy().starts_with(prefix))
        };
        Ok(self.files()?.into_keys().filter(begins).collect())
    }
}

/// Runs a command of the program to its end.
pub(super) async fn run(config: &AppConfig, arguments: &[&str]) -> Result<Output> {
    let config = arguments.iter().fold(config.clone(), AppConfig::arg);
    App::run(Path::new(env!("CARGO_BIN_EXE_frontrow")), &config).await
}

/// Runs a command that must succeed. Returns its output.
pub(super) async fn succeeds(config: &AppConfig, arguments: &[&str]) -> Result<String> {
    let done = run(config, arguments).await?;
    let why = String::from_utf8_lossy(&done.stderr);
    ensure!(done.status.success(), "{arguments:?}: {why}");
    Ok(String::from_utf8(done.stdout)?)
}

/// Runs a command that must fail with one line that gives the reason. Returns the line.
pub(super) async fn fails(config: &AppConfig, arguments: &[&str]) -> Result<String> {
    let done = run(config, arguments).await?;
    let why = String::from_utf8(done.stderr)?;
    ensure!(!done.status.success(), "{arguments:?} succeeded");
    ensure!(
        why.starts_with("frontrow: ") && why.lines().count() == 1,
        "{why}"
    );
    ensure!(done.stdout.is_empty(), "it says nothing else");
    Ok(why)
}

/// Executes statements on a database with SQLite.
pub(super) fn execute(database: &Path, statements: &str) -> Result<()> {
    Ok(open(database)?.batch_execute(statements)?)
}

/// The only number that a query returns, in the column `number`.
pub(super) fn number(database: &Path, query: &str) -> Result<i64> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = BigInt)]
        number: i64,
    }
    let row: Row = sql_query(query).get_result(&mut open(database)?)?;
    Ok(row.number)
}

/// The sum of the points of all users.
pub(super) fn points(database: &Path) -> Result<i64> {
    number(
        database,
        "SELECT coalesce(sum(balance), 0) AS number FROM balances",
    )
}

pub(super) fn open(database: &Path) -> Result<SqliteConnection> {
    ensure!(database.exists(), "there is no {}", database.display());
    Ok(SqliteConnection::establish(&database.to_string_lossy())?)
}

/// True if the bytes of a file contain `text`.
pub(super) fn has_text(file: &Path, text: &str) -> Result<bool> {
    let bytes = fs::read(file)?;
    let mut parts = bytes.windows(text.len());
    Ok(parts.any(|part| part == text.as_bytes()))
}

/// The permissions of a file.
pub(super) fn mode(path: &Path) -> Result<u32> {
    Ok(fs::metadata(path)?.permissions().mode() & 0o777)
}
