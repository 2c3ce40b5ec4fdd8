//! Migrates any database, including an empty one, to the schema that this program knows.
//!
//! Migrations run on their own connection. MySQL commits before and after each change of a table,
//! so no transaction can enclose them. A lock of the server keeps a second process out instead.

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
    open_error::MySqlOpenError,
    pool::{Connection, Server},
    settings::OlderSchema,
};

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../../migrations/mysql");

/// How long to wait for another process that migrates the same database.
const LOCK_WAIT: Duration = Duration::from_mins(1);

/// Minimum version of MySQL: Frontrow needs enforced checks and `SKIP LOCKED`.
const MYSQL_MIN: (u32, u32, u32) = (8, 0, 16);
const MARIADB_MIN: (u32, u32, u32) = (10, 6, 0);

/// The migrations that a database has and those that it lacks.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MySqlMigrationStatus {
    /// The migrations that it has, the oldest first.
    pub applied: Vec<String>,
    /// The migrations that it lacks, in their order.
    pub pending: Vec<String>,
}

/// The migration harness needs a blocking connection.
type Blocking = AsyncConnectionWrapper<Connection>;

/// Returns which migrations the database has. Changes nothing.
pub(crate) async fn status(server: &Server) -> Result<MySqlMigrationStatus, MySqlOpenError> {
    Ok(connect(server).await?.1)
}

/// Ensures that the database has the schema of this program: handles an older one as `older` says,
/// and refuses a newer one.
pub(crate) async fn ensure_current(
    server: &Server,
    older: OlderSchema,
) -> Result<(), MySqlOpenError> {
    if older == OlderSchema::Migrate {
        migrate(server).await?;
    }
    let pending = status(server).await?.pending;
    match pending.as_slice() {
        [] => Ok(()),
        [first, ..] => Err(MySqlOpenError::OlderSchema {
            server: server.name.clone(),
            count: pending.len(),
            first: first.clone(),
        }),
    }
}

/// Runs the migrations that the database lacks.
pub(crate) async fn migrate(server: &Server) -> Result<(), MySqlOpenError> {
    let (mut connection, status) = connect(server).await?;
    if status.pending.is_empty() {
        return Ok(());
    }
    let locking = lock(&mut connection, &server.name);
    server.in_time(LOCK_WAIT, locking).await?;
    // Another process may have run them meanwhile.
    let comparing = compare(&mut connection, &server.name);
    server.in_time(Duration::ZERO, comparing).await?;
    let running = tokio::task::spawn_blocking(move || {
        let mut connection = Blocking::from(connection);
        let ran = connection.run_pending_migrations(MIGRATIONS).map(drop);
        // The lock ends with the connection.
        ran.map_err(|error| error.to_string())
    });
    let ran = running.await.map_err(|error| other(&server.name, &error))?;
    ran.map_err(|why| MySqlOpenError::MigrationFailed {
        server: server.name.clone(),
        why,
    })
}

/// Connects to a server that is new enough, and returns the migrations of its database.
async fn connect(server: &Server) -> Result<(Connection, MySqlMigrationStatus), MySqlOpenError> {
    let connecting = server.connect().await;
    let mut connection = connecting.map_err(|error| server.unreachable(&error))?;
    let asking = async {
        check_version(&mut connection, &server.name).await?;
        compare(&mut connection, &server.name).await
    };
    let status = server.in_time(Duration::ZERO, asking).await?;
    Ok((connection, status))
}

fn other(server: &str, why: &impl ToString) -> MySqlOpenError {
    MySqlOpenError::Other {
        server: server.to_owned(),
        why: why.to_string(),
    }
}

async fn check_version(connection: &mut Connection, server: &str) -> Result<(), MySqlOpenError> {
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
    Err(MySqlOpenError::OldServer {
        server: server.to_owned(),
        version,
        needed: format!("{of} {major}.{minor}.{patch}"),
    })
}

/// Waits until no other process migrates this database, and lifts the limits on statements, because
/// a change of a large table takes as long as it takes. Its wait for access to a table stays short,
/// since all other calls wait behind it. If a long transaction is in the way, the operator runs the
/// migrations again once it is over.
async fn lock(connection: &mut Connection, server: &str) -> Result<(), MySqlOpenError> {
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
    // The server allows lock names of 64 characters, and database names may be as long.
    let Lock { got } = sql_query(
        "SELECT GET_LOCK(CONCAT('frontrow-', LEFT(SHA2(DATABASE(), 256), 40)), ?) AS got",
    )
    .bind::<Double, _>(LOCK_WAIT.as_secs_f64())
    .get_result(connection)
    .await
    .map_err(|error| other(server, &error))?;
    match got {
        Some(1) => Ok(()),
        _ => Err(MySqlOpenError::Locked {
            server: server.to_owned(),
        }),
    }
}

/// Compares the migrations of the database with those that this program knows.
async fn compare(
    connection: &mut Connection,
    server: &str,
) -> Result<MySqlMigrationStatus, MySqlOpenError> {
    let versions = applied(connection, server).await?;
    let known: Vec<Box<dyn Migration<Mysql>>> = MIGRATIONS
        .migrations()
        .map_err(|error| other(server, &error))?;
    let mut status = MySqlMigrationStatus::default();
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
        Some(version) => Err(MySqlOpenError::NewerSchema {
            server: server.to_owned(),
            version,
        }),
    }
}

/// Returns the versions of the migrations that the database has, in their order.
async fn applied(connection: &mut Connection, server: &str) -> Result<Vec<String>, MySqlOpenError> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Text)]
        text: String,
    }
    // The harness would create its table, which a status request must not do.
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
