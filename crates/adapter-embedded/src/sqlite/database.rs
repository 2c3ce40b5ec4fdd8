//! The open file, and the calls that run on it.

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
    migrations::{self, SqliteMigrationStatus},
    open_error::SqliteOpenError,
    pools::{self, Connection, Pool},
};

/// Frontrow's database in one SQLite file. Implements every port of a database.
///
/// The store's own clock, which ends holds, is the [`Clock`] given to [`SqliteDatabase::open`].
/// Several instances of the service on one machine may share the file. They wait for each other.
/// Clones share their connections. Needs a tokio runtime.
#[derive(Clone)]
pub struct SqliteDatabase {
    writer: Pool,
    readers: Pool,
    /// The path of the file in messages.
    file: Arc<Path>,
    clock: Arc<dyn Clock>,
}

impl SqliteDatabase {
    /// Opens the file, creates it if there is none (readable by its owner alone), and runs the
    /// migrations that it lacks. Its folder must exist.
    ///
    /// # Errors
    /// States in one line the file and the failure.
    pub async fn open(path: &Path, clock: Arc<dyn Clock>) -> Result<Self, SqliteOpenError> {
        let path = absolute(path)?;
        make_writable(&path)?;
        let database = Self {
            writer: pools::writer(&path)?,
            readers: pools::readers(&path)?,
            file: Arc::from(path.as_path()),
            clock,
        };
        let mut writer = first(&database.writer, &path).await?;
        let migrated = {
            let path = path.clone();
            writer.spawn_blocking(move |connection| Ok(migrations::migrate(connection, &path)))
        };
        migrated
            .await
            .map_err(|error| SqliteOpenError::from_text(&path, error.to_string()))??;
        drop(writer);
        drop(first(&database.readers, &path).await?);
        Ok(database)
    }

    /// Returns which migrations the file has and which [`SqliteDatabase::open`] would run. Neither
    /// creates nor changes the file.
    ///
    /// # Errors
    /// As for [`SqliteDatabase::open`].
    pub async fn migration_status(path: &Path) -> Result<SqliteMigrationStatus, SqliteOpenError> {
        let path = absolute(path)?;
        let file = path.clone();
        tokio::task::spawn_blocking(move || migrations::status(&file))
            .await
            .unwrap_or_else(|error| {
                Err(SqliteOpenError::Other {
                    path,
                    why: error.to_string(),
                })
            })
    }

    /// Waits for the write that is under way and closes the file. Later calls fail. The last close
    /// merges the write-ahead log into the file.
    pub async fn close(&self) {
        let last = pools::get(&self.writer).await;
        self.writer.close();
        self.readers.close();
        drop(last);
    }

    /// Runs `work` with the store's now, in a transaction that reads one state of the database.
    pub(super) async fn read<T, W>(&self, work: W) -> StoreResult<T>
    where
        T: Send + 'static,
        W: FnOnce(&mut SqliteConnection, Timestamp) -> QueryResult<T> + Send + 'static,
    {
        let connection = pools::get(&self.readers).await?;
        let (clock, file) = (Arc::clone(&self.clock), Arc::clone(&self.file));
        let run = move |connection: &mut SqliteConnection| {
            let now = micros(clock.now());
            let mut failure = None;
            let outcome = connection
                .transaction(|connection| kept(work(connection, now), &mut failure, &file));
            outcome.map_err(|error| failure.unwrap_or_else(|| errors::before_commit(&error, &file)))
        };
        run_on(connection, run)
            .await
            .unwrap_or_else(|lost| Err(StoreError::not_applied(lost)))
    }

    /// Runs `work` in a transaction beside which no other call writes. It gets the store's now as
    /// of when the transaction begins.
    pub(super) async fn write<T, W>(&self, work: W) -> StoreResult<T>
    where
        T: Send + 'static,
        W: FnOnce(&mut SqliteConnection, Timestamp) -> QueryResult<T> + Send + 'static,
    {
        let connection = pools::get(&self.writer).await?;
        let (clock, file) = (Arc::clone(&self.clock), Arc::clone(&self.file));
        let run = move |connection: &mut SqliteConnection| {
            let (mut committing, mut failure) = (false, None);
            let outcome = connection.immediate_transaction(|connection| {
                let worked = work(connection, micros(clock.now()));
                let outcome = kept(worked, &mut failure, &file)?;
                committing = true;
                Ok(outcome)
            });
            outcome.map_err(|error: Error| match failure {
                Some(failure) => failure,
                None if committing => errors::at_commit(&error, &file),
                None => errors::before_commit(&error, &file),
            })
        };
        run_on(connection, run)
            .await
            .unwrap_or_else(|lost| Err(StoreError::outcome_unknown(lost)))
    }
}

/// Keeps the error of a transaction's work. If SQLite has rolled the transaction back by itself,
/// for example on a full disk, the driver reports only that there is nothing to roll back, and not
/// the error before.
fn kept<T>(
    worked: QueryResult<T>,
    failure: &mut Option<StoreError>,
    file: &Path,
) -> QueryResult<T> {
    worked.inspect_err(|error| *failure = Some(errors::before_commit(error, file)))
}

/// Runs `run` on a blocking thread. The error is the reason why its outcome is unknown.
///
/// It runs in its own task, which continues when the caller is dropped, for example because its
/// client disconnected. Otherwise the pool would take the connection back while the thread still
/// works on it, and the pool's check of a connection panics on one that is in use.
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

/// Opens the first connection. Its failure has a more precise text than that of a call.
async fn first(pool: &Pool, path: &Path) -> Result<Object<Connection>, SqliteOpenError> {
    pool.get()
        .await
        .map_err(|error| SqliteOpenError::from_text(path, error.to_string()))
}

/// Makes the path absolute. SQLite would misread some relative paths, such as `file:x`.
fn absolute(path: &Path) -> Result<PathBuf, SqliteOpenError> {
    std::path::absolute(path).map_err(|error| SqliteOpenError::Other {
        path: path.to_owned(),
        why: error.to_string(),
    })
}

/// Creates the file unless it exists. SQLite could do that, but on failure it does not report the
/// cause.
fn make_writable(path: &Path) -> Result<(), SqliteOpenError> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
        .open(path)
        .map(drop)
        .map_err(|error| SqliteOpenError::Unwritable {
            path: path.to_owned(),
            why: error.to_string(),
        })
}

#[cfg(test)]
mod tests {
    use diesel::{RunQueryDsl, connection::SimpleConnection, sql_query};
    use frontrow_domain::ports::Cause;

    use super::*;

    struct EpochClock;

    impl Clock for EpochClock {
        fn now(&self) -> Timestamp {
            Timestamp::UNIX_EPOCH
        }
    }

    /// Writes `kib` KiB in one statement.
    async fn write_kib(database: &SqliteDatabase, kib: u32) -> StoreResult<usize> {
        let insert = format!(
            "INSERT INTO audit (at, actor, action, subject, detail)
             VALUES (0, 'olga', 'fill', '', '\"' || hex(zeroblob({})) || '\"')",
            kib * 512
        );
        let written = database.write(move |connection, _| sql_query(insert).execute(connection));
        written.await
    }

    /// On a full disk `SQLite` rolls back by itself. The driver does not know that and then fails
    /// to roll back, so its error is not the reason why the statement failed.
    #[tokio::test]
    async fn a_full_disk_is_reported_and_the_writer_can_be_used_again() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("frontrow.db");
        let database = SqliteDatabase::open(&file, Arc::new(EpochClock))
            .await
            .unwrap();
        write_kib(&database, 1).await.unwrap();
        // To SQLite this is the same as a disk without space left.
        let limit = |pages: u32| {
            let pragma = format!("PRAGMA max_page_count = {pages}");
            database.write(move |connection, _| connection.batch_execute(&pragma))
        };
        limit(1).await.unwrap();
        for _ in 0..2 {
            let error = write_kib(&database, 100).await.unwrap_err();
            assert_eq!(error.cause(), Cause::DiskFull, "{error}");
            assert!(
                error.to_string().contains(file.to_str().unwrap()),
                "{error}"
            );
        }
        // The pragma is for one connection: the only one that writes.
        limit(1_000_000).await.unwrap();
        assert_eq!(write_kib(&database, 100).await, Ok(1));
        let delete = |connection: &mut SqliteConnection, _| {
            sql_query("DELETE FROM audit WHERE action = 'fill'").execute(connection)
        };
        assert_eq!(database.write(delete).await, Ok(2));
    }
}
