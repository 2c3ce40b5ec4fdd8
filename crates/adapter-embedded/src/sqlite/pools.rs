//! The connections to the file, and their settings.

use std::{path::Path, time::Duration};

use diesel::{
    Connection as _, ConnectionError, ConnectionResult, SqliteConnection,
    connection::SimpleConnection,
};
use diesel_async::{
    pooled_connection::{
        AsyncDieselConnectionManager, ManagerConfig, RecyclingMethod,
        deadpool::{self, Object},
    },
    sync_connection_wrapper::SyncConnectionWrapper,
};
use frontrow_domain::ports::StoreResult;
use tokio::{runtime::Handle, task::JoinError};

use super::{errors, open_error::SqliteOpenError};

pub(super) type Connection = SyncConnectionWrapper<SqliteConnection>;
pub(super) type Pool = deadpool::Pool<Connection>;

/// Maximum number of concurrent reads.
const READERS: usize = 4;

/// The longest time that a call waits for a connection before it fails as busy.
const WAIT_MAX: Duration = Duration::from_secs(5);

/// The log is flushed at every commit, so that a payment survives a power cut. A log that grew
/// because of a long read is truncated to 64 MiB.
const WRITER: &str = "
    PRAGMA busy_timeout = 5000;
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    PRAGMA foreign_keys = ON;
    PRAGMA trusted_schema = OFF;
    PRAGMA cache_size = -16384;
    PRAGMA journal_size_limit = 67108864;
";

const READER: &str = "
    PRAGMA busy_timeout = 5000;
    PRAGMA trusted_schema = OFF;
    PRAGMA query_only = ON;
";

/// Creates the pool of the only connection that writes.
pub(super) fn writer(path: &Path) -> Result<Pool, SqliteOpenError> {
    pool(path, 1, WRITER)
}

/// Creates the pool of the connections that read.
pub(super) fn readers(path: &Path) -> Result<Pool, SqliteOpenError> {
    pool(path, READERS, READER)
}

/// Takes a connection from the pool. Errors with a retry-after if none is available.
pub(super) async fn get(pool: &Pool) -> StoreResult<Object<Connection>> {
    match tokio::time::timeout(WAIT_MAX, pool.get()).await {
        Ok(Ok(connection)) => Ok(connection),
        Ok(Err(error)) => Err(errors::busy(format!("no connection: {error}"))),
        Err(_) => Err(errors::busy("no connection became free in time")),
    }
}

fn pool(path: &Path, size: usize, pragmas: &'static str) -> Result<Pool, SqliteOpenError> {
    let url = path.to_str().ok_or_else(|| SqliteOpenError::Other {
        path: path.to_owned(),
        why: "the path is not UTF-8".into(),
    })?;
    let mut config = ManagerConfig::default();
    // A file does not disconnect, so no check is needed before each use. An open transaction is
    // still detected.
    config.recycling_method = RecyclingMethod::Fast;
    // A connection blocks threads of the runtime on which it was created. This must be the present
    // runtime, and not that of the server's worker whose request needs the connection first,
    // because workers end before the pool does.
    let runtime = Handle::current();
    config.custom_setup = Box::new(move |url| {
        let connecting = runtime.spawn(connect(url.to_owned(), pragmas));
        Box::pin(async { connecting.await.unwrap_or_else(|error| Err(lost(&error))) })
    });
    let manager = AsyncDieselConnectionManager::new_with_config(url, config);
    deadpool::Pool::builder(manager)
        .max_size(size)
        .build()
        .map_err(|error| SqliteOpenError::from_text(path, error.to_string()))
}

async fn connect(url: String, pragmas: &'static str) -> ConnectionResult<Connection> {
    tokio::task::spawn_blocking(move || {
        let mut connection = SqliteConnection::establish(&url)?;
        connection
            .batch_execute(pragmas)
            .map_err(ConnectionError::CouldntSetupConfiguration)?;
        Ok(SyncConnectionWrapper::new(connection))
    })
    .await
    .unwrap_or_else(|error| Err(lost(&error)))
}

fn lost(error: &JoinError) -> ConnectionError {
    ConnectionError::BadConnection(error.to_string())
}
