//! The open file, and how a port call runs on it.

use std::{
    fs::OpenOptions,
    path::{Path, PathBuf},
    sync::Arc,
};

use diesel::{Connection as _, QueryResult, SqliteConnection, result::Error};
use diesel_async::pooled_connection::deadpool::Object;
use frontrow_domain::{
    model::micros,
    ports::{Clock, StoreError, StoreResult},
};
use jiff::Timestamp;

use super::{
    errors,
    migrations::{self, MigrationStatus},
    open_error::OpenError,
    pools::{self, Connection, Pool},
};

/// Frontrow's database in one SQLite file; it implements every port of a database.
///
/// The store's own clock, which ends holds, is the [`Clock`] given to [`SqliteDatabase::open`].
/// Several instances of the service on one machine may share the file; they wait for each other.
/// Clones share their connections. Needs a tokio runtime.
#[derive(Clone)]
pub struct SqliteDatabase {
    writer: Pool,
    readers: Pool,
    clock: Arc<dyn Clock>,
}

impl SqliteDatabase {
    /// Opens the file, makes it if there is none (readable by its owner alone), and runs the
    /// migrations that it lacks. Its folder must be there.
    ///
    /// # Errors
    /// Says in one line which file is wrong and how.
    pub async fn open(path: &Path, clock: Arc<dyn Clock>) -> Result<Self, OpenError> {
        let path = absolute(path)?;
        make_writable(&path)?;
        let database = Self {
            writer: pools::writer(&path)?,
            readers: pools::readers(&path)?,
            clock,
        };
        let mut writer = first(&database.writer, &path).await?;
        let migrated = {
            let path = path.clone();
            writer.spawn_blocking(move |connection| Ok(migrations::migrate(connection, &path)))
        };
        migrated
            .await
            .map_err(|error| OpenError::from_text(&path, error.to_string()))??;
        drop(writer);
        drop(first(&database.readers, &path).await?);
        Ok(database)
    }

    /// Which migrations the file has and which [`SqliteDatabase::open`] would run. Neither makes nor
    /// changes the file.
    ///
    /// # Errors
    /// As for [`SqliteDatabase::open`].
    pub async fn migration_status(path: &Path) -> Result<MigrationStatus, OpenError> {
        let path = absolute(path)?;
        let file = path.clone();
        tokio::task::spawn_blocking(move || migrations::status(&file))
            .await
            .unwrap_or_else(|error| {
                Err(OpenError::Other {
                    path,
                    why: error.to_string(),
                })
            })
    }

    /// Waits for the write that is under way and closes the file; what comes later fails. The last
    /// to close it merges the write-ahead log into it.
    pub async fn close(&self) {
        let last = pools::get(&self.writer).await;
        self.writer.close();
        self.readers.close();
        drop(last);
    }

    /// Runs `work` in a transaction that reads one state of the database. It is told the store's now.
    pub(super) async fn read<T, W>(&self, work: W) -> StoreResult<T>
    where
        T: Send + 'static,
        W: FnOnce(&mut SqliteConnection, Timestamp) -> QueryResult<T> + Send + 'static,
    {
        let connection = pools::get(&self.readers).await?;
        let clock = Arc::clone(&self.clock);
        let run = move |connection: &mut SqliteConnection| {
            let now = micros(clock.now());
            connection
                .transaction(|connection| work(connection, now))
                .map_err(|error| errors::before_commit(&error))
        };
        run_on(connection, run)
            .await
            .unwrap_or_else(|lost| Err(StoreError::not_applied(lost)))
    }

    /// Runs `work` in a transaction that nothing else writes beside. It is told the store's now, as
    /// of when its turn came.
    pub(super) async fn write<T, W>(&self, work: W) -> StoreResult<T>
    where
        T: Send + 'static,
        W: FnOnce(&mut SqliteConnection, Timestamp) -> QueryResult<T> + Send + 'static,
    {
        let connection = pools::get(&self.writer).await?;
        let clock = Arc::clone(&self.clock);
        let run = move |connection: &mut SqliteConnection| {
            let mut committing = false;
            let outcome = connection.immediate_transaction(|connection| {
                let outcome = work(connection, micros(clock.now()))?;
                committing = true;
                Ok(outcome)
            });
            outcome.map_err(|error: Error| {
                if committing {
                    errors::at_commit(&error)
                } else {
                    errors::before_commit(&error)
                }
            })
        };
        run_on(connection, run)
            .await
            .unwrap_or_else(|lost| Err(StoreError::outcome_unknown(lost)))
    }
}

/// Runs `run` on a blocking thread; the error says why nobody knows what became of it.
///
/// In a task of its own, which goes on when the caller is dropped (its client hung up, say): the pool
/// would take the connection back while the thread still works on it, and the pool's check of a
/// connection panics on one that is in use.
async fn run_on<T: Send + 'static>(
    mut connection: Object<Connection>,
    run: impl FnOnce(&mut SqliteConnection) -> T + Send + 'static,
) -> Result<T, String> {
    let task = tokio::spawn(async move {
        let ran = connection
            .spawn_blocking(|connection| Ok(run(connection)))
            .await;
        if ran.is_err() {
            // The work panicked. Closing its connection rolls its transaction back.
            drop(Object::take(connection));
        }
        ran
    });
    match task.await {
        Ok(ran) => ran.map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    }
}

/// A first connection, whose failure is worth a better text than a call's.
async fn first(pool: &Pool, path: &Path) -> Result<Object<Connection>, OpenError> {
    pool.get()
        .await
        .map_err(|error| OpenError::from_text(path, error.to_string()))
}

/// SQLite would read some relative paths, such as `file:x`, as something else.
fn absolute(path: &Path) -> Result<PathBuf, OpenError> {
    std::path::absolute(path).map_err(|error| OpenError::Other {
        path: path.to_owned(),
        why: error.to_string(),
    })
}

/// Makes the file unless it is there. SQLite could do that, but says no more than that it cannot.
fn make_writable(path: &Path) -> Result<(), OpenError> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
        .open(path)
        .map(drop)
        .map_err(|error| OpenError::Unwritable {
            path: path.to_owned(),
            why: error.to_string(),
        })
}
