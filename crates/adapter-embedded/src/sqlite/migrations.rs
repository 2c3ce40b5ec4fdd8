//! Migrates any file to the schema that this program knows.

use std::path::Path;

use diesel::{
    Connection as _, QueryResult, QueryableByName, RunQueryDsl, SqliteConnection,
    connection::SimpleConnection,
    migration::{Migration, MigrationSource},
    sql_query,
    sql_types::BigInt,
    sqlite::Sqlite,
};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::open_error::SqliteOpenError;

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../../migrations/sqlite");

/// The application id that the first migration writes into the file.
const APPLICATION_ID: i64 = 0x4652_4e54;

/// The migrations that a file has and those that it lacks.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SqliteMigrationStatus {
    /// The migrations that it has, the oldest first.
    pub applied: Vec<String>,
    /// The migrations that opening it would run, in their order.
    pub pending: Vec<String>,
}

/// Returns which migrations the file has. Creates and changes nothing.
pub(super) fn status(path: &Path) -> Result<SqliteMigrationStatus, SqliteOpenError> {
    if !path.exists() {
        let known = known(path)?;
        return Ok(SqliteMigrationStatus {
            applied: Vec::new(),
            pending: known.iter().map(|known| known.name().to_string()).collect(),
        });
    }
    let url = path.to_string_lossy();
    let mut connection = SqliteConnection::establish(&url)
        .map_err(|error| SqliteOpenError::from_text(path, error.to_string()))?;
    connection
        .batch_execute("PRAGMA busy_timeout = 5000; PRAGMA query_only = ON")
        .map_err(|error| SqliteOpenError::from_text(path, error.to_string()))?;
    compare(&mut connection, path)
}

/// Runs the migrations that the file lacks, all of them or none.
pub(super) fn migrate(
    connection: &mut SqliteConnection,
    path: &Path,
) -> Result<(), SqliteOpenError> {
    // One transaction that writes from its start: if two processes open a new file, one waits for
    // the other.
    let migrated = connection.immediate_transaction(|connection| -> Result<(), Failed> {
        if compare(connection, path)?.pending.is_empty() {
            return Ok(());
        }
        let ran = connection.run_pending_migrations(MIGRATIONS).map(drop);
        ran.map_err(|error| {
            Failed::Open(SqliteOpenError::MigrationFailed {
                path: path.to_owned(),
                why: error.to_string(),
            })
        })
    });
    migrated.map_err(|failed| failed.on(path))
}

/// Compares the migrations of the file with those that this program knows.
pub(super) fn compare(
    connection: &mut SqliteConnection,
    path: &Path,
) -> Result<SqliteMigrationStatus, SqliteOpenError> {
    let versions = applied(connection, path)?;
    let known = known(path)?;
    let mut status = SqliteMigrationStatus::default();
    for migration in &known {
        let name = migration.name();
        let list = if versions.contains(&name.version().to_string()) {
            &mut status.applied
        } else {
            &mut status.pending
        };
        list.push(name.to_string());
    }
    let newer = versions.into_iter().rev().find(|version| {
        known
            .iter()
            .all(|known| known.name().version().to_string() != *version)
    });
    match newer {
        None => Ok(status),
        Some(version) => Err(SqliteOpenError::NewerSchema {
            path: path.to_owned(),
            version,
        }),
    }
}

/// Returns the versions of the migrations that the file has, in their order.
fn applied(connection: &mut SqliteConnection, path: &Path) -> Result<Vec<String>, SqliteOpenError> {
    let failed = |error: diesel::result::Error| SqliteOpenError::from_text(path, error.to_string());
    if number(connection, "SELECT count(*) AS number FROM sqlite_schema").map_err(failed)? == 0 {
        return Ok(Vec::new());
    }
    let owner = number(
        connection,
        "SELECT application_id AS number FROM pragma_application_id",
    );
    if owner.map_err(failed)? != APPLICATION_ID {
        return Err(SqliteOpenError::OtherProgram {
            path: path.to_owned(),
        });
    }
    let mut versions: Vec<_> = connection
        .applied_migrations()
        .map_err(|error| SqliteOpenError::from_text(path, error.to_string()))?
        .iter()
        .map(ToString::to_string)
        .collect();
    versions.sort_unstable();
    Ok(versions)
}

fn known(path: &Path) -> Result<Vec<Box<dyn Migration<Sqlite>>>, SqliteOpenError> {
    MIGRATIONS
        .migrations()
        .map_err(|error| SqliteOpenError::Other {
            path: path.to_owned(),
            why: error.to_string(),
        })
}

/// Returns the number in the only column of the only row.
pub(super) fn number(connection: &mut SqliteConnection, sql: &str) -> QueryResult<i64> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = BigInt)]
        number: i64,
    }
    sql_query(sql)
        .get_result(connection)
        .map(|row: Row| row.number)
}

/// The error of the transaction, to which the driver's own errors convert.
enum Failed {
    Driver(diesel::result::Error),
    Open(SqliteOpenError),
}

impl Failed {
    fn on(self, path: &Path) -> SqliteOpenError {
        match self {
            Self::Driver(error) => SqliteOpenError::from_text(path, error.to_string()),
            Self::Open(error) => error,
        }
    }
}

impl From<diesel::result::Error> for Failed {
    fn from(error: diesel::result::Error) -> Self {
        Self::Driver(error)
    }
}

impl From<SqliteOpenError> for Failed {
    fn from(error: SqliteOpenError) -> Self {
        Self::Open(error)
    }
}
