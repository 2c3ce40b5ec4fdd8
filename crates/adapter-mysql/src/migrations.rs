//! From any database, or an empty one, to the schema that this program knows.
//!
//! On a connection of its own: MySQL commits before and after each change of a table, so no
//! transaction holds migrations together. A lock of the server's keeps a second process out instead.

use std::time::Duration;

use diesel::{
    QueryableByName,
    migration::{Migration, MigrationSource},
    mysql::Mysql,
    sql_query,
    sql_types::{BigInt, Double, Nullable, Text},
};
use diesel_async::{RunQueryDsl, async_connection_wrapper::AsyncConnectionWrapper};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use crate::{
    open_error::OpenError,
    pool::{Connection, Server},
    settings::OlderSchema,
};

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../../migrations/mysql");

/// How long to wait for another process that migrates the same database.
const LOCK_WAIT: Duration = Duration::from_mins(1);

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
type Blocking = AsyncConnectionWrapper<Connection>;

/// Which migrations the database has. Changes nothing.
pub(crate) async fn status(server: &Server) -> Result<MigrationStatus, OpenError> {
    Ok(connect(server).await?.1)
}

/// Sees to it that the database is as this program knows it: deals with an older one as `older` says, and
/// refuses a newer one.
pub(crate) async fn ensure_current(server: &Server, older: OlderSchema) -> Result<(), OpenError> {
    if older == OlderSchema::Migrate {
        migrate(server).await?;
    }
    let pending = status(server).await?.pending;
    match pending.as_slice() {
        [] => Ok(()),
        [first, ..] => Err(OpenError::OlderSchema {
            server: server.name.clone(),
            count: pending.len(),
            first: first.clone(),
        }),
    }
}

/// Runs what the database lacks.
pub(crate) async fn migrate(server: &Server) -> Result<(), OpenError> {
    let (mut connection, status) = connect(server).await?;
    if status.pending.is_empty() {
        return Ok(());
    }
    let locking = lock(&mut connection, &server.name);
    server.in_time(LOCK_WAIT, locking).await?;
    // Somebody else may have run them meanwhile.
    let comparing = compare(&mut connection, &server.name);
    server.in_time(Duration::ZERO, comparing).await?;
    let running = tokio::task::spawn_blocking(move || {
        let mut connection = Blocking::from(connection);
        let ran = connection.run_pending_migrations(MIGRATIONS).map(drop);
        // The lock goes with the connection.
        ran.map_err(|error| error.to_string())
    });
    let ran = running.await.map_err(|error| other(&server.name, &error))?;
    ran.map_err(|why| OpenError::MigrationFailed {
        server: server.name.clone(),
        why,
    })
}

/// A connection to a server that is new enough, and what its database has.
async fn connect(server: &Server) -> Result<(Connection, MigrationStatus), OpenError> {
    let connecting = server.connect().await;
    let mut connection = connecting.map_err(|error| server.unreachable(&error))?;
    let asking = async {
        check_version(&mut connection, &server.name).await?;
        compare(&mut connection, &server.name).await
    };
    let status = server.in_time(Duration::ZERO, asking).await?;
    Ok((connection, status))
}

fn other(server: &str, why: &impl ToString) -> OpenError {
    OpenError::Other {
        server: server.to_owned(),
        why: why.to_string(),
    }
}

async fn check_version(connection: &mut Connection, server: &str) -> Result<(), OpenError> {
    #[derive(QueryableByName)]
    struct Version {
        #[diesel(sql_type = Text)]
        version: String,
    }
    let Version { version } = sql_query("SELECT VERSION() AS version")
        .get_result(connection)
        .await
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

/// Waits until no other process migrates this database, and lifts the limits on statements: a change of
/// a large table takes what it takes. It waits a moment only for its turn at a table, since everybody
/// else waits behind it; whoever migrates tries again once the long transaction is over that is in the way.
async fn lock(connection: &mut Connection, server: &str) -> Result<(), OpenError> {
    #[derive(QueryableByName)]
    struct Lock {
        #[diesel(sql_type = Nullable<BigInt>)]
        got: Option<i64>,
    }
    let patience = "SET SESSION lc_messages = 'en_US', lock_wait_timeout = 10 \
         /*M! , max_statement_time = 0 */ /*!50704 , max_execution_time = 0 */";
    sql_query(patience)
        .execute(connection)
        .await
        .map_err(|error| other(server, &error))?;
    // The server knows names of 64 characters, and those of databases are as long.
    let Lock { got } = sql_query(
        "SELECT GET_LOCK(CONCAT('frontrow-', LEFT(SHA2(DATABASE(), 256), 40)), ?) AS got",
    )
    .bind::<Double, _>(LOCK_WAIT.as_secs_f64())
    .get_result(connection)
    .await
    .map_err(|error| other(server, &error))?;
    match got {
        Some(1) => Ok(()),
        _ => Err(OpenError::Locked {
            server: server.to_owned(),
        }),
    }
}

/// What the database has beside what this program knows.
async fn compare(connection: &mut Connection, server: &str) -> Result<MigrationStatus, OpenError> {
    let versions = applied(connection, server).await?;
    let known: Vec<Box<dyn Migration<Mysql>>> = MIGRATIONS
        .migrations()
        .map_err(|error| other(server, &error))?;
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
async fn applied(connection: &mut Connection, server: &str) -> Result<Vec<String>, OpenError> {
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
    .await
    .map_err(|error| other(server, &error))?;
    if tables.is_empty() {
        return Ok(Vec::new());
    }
    let versions: Vec<Row> =
        sql_query("SELECT version AS text FROM __diesel_schema_migrations ORDER BY version")
            .load(connection)
            .await
            .map_err(|error| other(server, &error))?;
    Ok(versions.into_iter().map(|row| row.text).collect())
}
