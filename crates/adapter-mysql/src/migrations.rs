//! From any database, or an empty one, to the schema that this program knows.
//!
//! On a connection of its own: MySQL commits before and after each change of a table, so no
//! transaction holds migrations together. A lock of the server's keeps a second process out instead.

use diesel::{
    QueryableByName, RunQueryDsl,
    migration::{Migration, MigrationSource},
    mysql::Mysql,
    sql_query,
    sql_types::{BigInt, Nullable, Text},
};
use diesel_async::{AsyncMysqlConnection, async_connection_wrapper::AsyncConnectionWrapper};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use crate::{open_error::OpenError, pool::Server};

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../../migrations/mysql");

/// How long to wait for another process that migrates the same database.
const LOCK_WAIT_S: i64 = 60;

/// What Frontrow needs: checks that are kept, and `SKIP LOCKED`.
const MYSQL_MIN: (u32, u32, u32) = (8, 0, 16);
const MARIADB_MIN: (u32, u32, u32) = (10, 6, 0);

/// Which migrations a database has and which it lacks.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MigrationStatus {
    /// Those that it has, the oldest first.
    pub applied: Vec<String>,
    /// Those that it lacks, in their order.
    pub pending: Vec<String>,
}

/// The migrations' harness wants a connection that blocks.
type Blocking = AsyncConnectionWrapper<AsyncMysqlConnection>;

/// Which migrations the database has. Changes nothing.
pub(crate) async fn status(server: &Server) -> Result<MigrationStatus, OpenError> {
    on_connection(server, compare).await
}

/// Runs what the database lacks.
pub(crate) async fn migrate(server: &Server) -> Result<(), OpenError> {
    on_connection(server, |connection, server| {
        if compare(connection, server)?.pending.is_empty() {
            return Ok(());
        }
        lock(connection, server)?;
        // Somebody else may have run them meanwhile.
        compare(connection, server)?;
        let ran = connection.run_pending_migrations(MIGRATIONS).map(drop);
        // The lock goes with the connection.
        ran.map_err(|error| OpenError::MigrationFailed {
            server: server.to_owned(),
            why: error.to_string(),
        })
    })
    .await
}

/// Does `work` on a connection of its own and a thread on which it may block.
async fn on_connection<T: Send + 'static>(
    server: &Server,
    work: fn(&mut Blocking, &str) -> Result<T, OpenError>,
) -> Result<T, OpenError> {
    let name = server.name.clone();
    let connection = server
        .connect()
        .await
        .map_err(|error| server.unreachable(&error))?;
    let for_task = name.clone();
    let task = tokio::task::spawn_blocking(move || {
        let mut connection = Blocking::from(connection);
        check_version(&mut connection, &for_task)?;
        work(&mut connection, &for_task)
    });
    task.await.unwrap_or_else(|error| Err(other(&name, &error)))
}

fn other(server: &str, why: &impl ToString) -> OpenError {
    OpenError::Other {
        server: server.to_owned(),
        why: why.to_string(),
    }
}

fn check_version(connection: &mut Blocking, server: &str) -> Result<(), OpenError> {
    #[derive(QueryableByName)]
    struct Version {
        #[diesel(sql_type = Text)]
        version: String,
    }
    let Version { version } = sql_query("SELECT VERSION() AS version")
        .get_result(connection)
        .map_err(|error| other(server, &error))?;
    let mut numbers = version.split(|c: char| !c.is_ascii_digit()).map(str::parse);
    let mut number = || numbers.next().and_then(Result::ok).unwrap_or_default();
    let found = (number(), number(), number());
    let (needed, of) = if version.contains("MariaDB") {
        (MARIADB_MIN, "MariaDB")
    } else {
        (MYSQL_MIN, "MySQL")
    };
    if found >= needed {
        return Ok(());
    }
    let (major, minor, patch) = needed;
    Err(OpenError::OldServer {
        server: server.to_owned(),
        version,
        needed: format!("{of} {major}.{minor}.{patch}"),
    })
}

/// Waits until no other process migrates this database.
fn lock(connection: &mut Blocking, server: &str) -> Result<(), OpenError> {
    #[derive(QueryableByName)]
    struct Lock {
        #[diesel(sql_type = Nullable<BigInt>)]
        got: Option<i64>,
    }
    // The server knows names of 64 characters, and those of databases are as long.
    let Lock { got } = sql_query(
        "SELECT GET_LOCK(CONCAT('frontrow-', LEFT(SHA2(DATABASE(), 256), 40)), ?) AS got",
    )
    .bind::<BigInt, _>(LOCK_WAIT_S)
    .get_result(connection)
    .map_err(|error| other(server, &error))?;
    match got {
        Some(1) => Ok(()),
        _ => Err(OpenError::Locked {
            server: server.to_owned(),
        }),
    }
}

/// What the database has beside what this program knows.
fn compare(connection: &mut Blocking, server: &str) -> Result<MigrationStatus, OpenError> {
    let known: Vec<Box<dyn Migration<Mysql>>> = MIGRATIONS
        .migrations()
        .map_err(|error| other(server, &error))?;
    let versions = applied(connection, server)?;
    let mut status = MigrationStatus::default();
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
        Some(version) => Err(OpenError::NewerSchema {
            server: server.to_owned(),
            version,
        }),
    }
}

/// The versions of the migrations that the database has, in their order.
fn applied(connection: &mut Blocking, server: &str) -> Result<Vec<String>, OpenError> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Text)]
        text: String,
    }
    // The harness would make its table, which asking for the status must not.
    let tables: Vec<Row> = sql_query(
        "SELECT CONVERT(table_name USING utf8mb4) AS text FROM information_schema.tables
         WHERE table_schema = DATABASE() AND table_name = '__diesel_schema_migrations'",
    )
    .load(connection)
    .map_err(|error| other(server, &error))?;
    if tables.is_empty() {
        return Ok(Vec::new());
    }
    let versions: Vec<Row> =
        sql_query("SELECT version AS text FROM __diesel_schema_migrations ORDER BY version")
            .load(connection)
            .map_err(|error| other(server, &error))?;
    Ok(versions.into_iter().map(|row| row.text).collect())
}
