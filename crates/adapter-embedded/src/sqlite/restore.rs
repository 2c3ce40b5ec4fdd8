//! Replaces the database with a backup.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use diesel::{SqliteConnection, connection::SimpleConnection};
use tempfile::NamedTempFile;

use super::{
    backup::{BackupKey, folder_of, open, sync_folder, temporary_in},
    backup_error::BackupError,
    backup_keys, inspection,
    open_error::SqliteOpenError,
};

/// The suffixes of the files in which SQLite keeps changes of a database.
const LOGS: [&str; 2] = ["-wal", "-journal"];

/// A checked copy of a backup, beside the database that it is to replace. It is removed when it is
/// dropped.
pub struct CheckedBackup {
    copy: NamedTempFile,
    keys: Vec<BackupKey>,
}

impl CheckedBackup {
    /// Copies the backup `file` into the folder of `database` and checks the copy. `file` is not
    /// changed. An older schema is accepted.
    ///
    /// # Errors
    /// States the failure in one line: `file` is missing, not a database of this program,
    /// damaged, newer than the program, or not the whole database.
    pub fn of(file: &Path, database: &Path) -> Result<Self, BackupError> {
        refuse_itself(file, database)?;
        let mut source =
            File::open(file).map_err(|error| BackupError::file("read", file, &error))?;
        if let Some(log) = logs_of(file).into_iter().find(|log| has_content(log)) {
            return Err(BackupError::NotWhole {
                path: file.to_owned(),
                log,
            });
        }
        let mut copy = temporary_in(&folder_of(database)?)?;
        io::copy(&mut source, copy.as_file_mut())
            .map_err(|error| BackupError::file("copy", file, &error))?;
        let mut connection = open(copy.path(), file)?;
        // Also turns a copy in WAL mode into one that is a single file.
        let one_file = connection.batch_execute("PRAGMA journal_mode = DELETE");
        let failed =
            |error: diesel::result::Error| SqliteOpenError::from_text(file, error.to_string());
        one_file.map_err(failed)?;
        inspection::check(&mut connection, file)?;
        let keys = backup_keys::take(&mut connection).map_err(failed)?;
        drop(connection);
        copy.as_file()
            .sync_all()
            .map_err(|error| BackupError::file("write", copy.path(), &error))?;
        Ok(Self { copy, keys })
    }

    /// Returns the keys in the backup. The restored database does not contain them.
    #[must_use]
    pub fn keys(&self) -> &[BackupKey] {
        &self.keys
    }
}

/// The path of the database, which no process has open.
pub struct FreedPlace {
    database: PathBuf,
    /// Keeps other processes out of the old database until the new one is there.
    held: Option<SqliteConnection>,
}

impl FreedPlace {
    /// Ensures that no process has `database` open, and merges its write-ahead log into it. A
    /// damaged or missing database is left as it is.
    ///
    /// # Errors
    /// If another process has it open.
    pub fn at(database: &Path) -> Result<Self, BackupError> {
        // Through a symbolic link the file itself is replaced.
        let database = fs::canonicalize(database).unwrap_or_else(|_| database.to_owned());
        let held = match hold(&database) {
            Ok(held) => Some(held),
            Err(SqliteOpenError::Locked { path }) => return Err(BackupError::InUse { path }),
            // It cannot be opened. This may be the reason for the restore.
            Err(_) => None,
        };
        Ok(Self { database, held })
    }

    /// Puts `backup` in place. The old file gets a name that ends in `suffix`. Returns that name.
    ///
    /// A crash at any moment leaves one of the two in place: first the old file gets its second
    /// name, and then the new one replaces it under the first name in one step.
    ///
    /// # Errors
    /// If the system refuses. Then the old database is in its place.
    pub fn put(self, backup: CheckedBackup, suffix: &str) -> Result<Option<PathBuf>, BackupError> {
        let Self { database, held } = self;
        let folder = folder_of(&database)?;
        let aside = with_suffix(&database, suffix);
        let was_there = database.exists();
        if was_there {
            link(&database, &aside)?;
        }
        // SQLite would take a remaining log for one of the new database. There is a log only if the
        // database could not be opened. Under its second name it can be examined.
        for log in LOGS {
            let (from, to) = (with_suffix(&database, log), with_suffix(&aside, log));
            if from.exists() {
                link(&from, &to)?;
            }
        }
        sync_folder(&folder)?;
        for log in LOGS.into_iter().chain(["-shm"]) {
            remove(&with_suffix(&database, log))?;
        }
        let persisted = backup.copy.persist(&database);
        persisted.map_err(|error| BackupError::file("write", &database, &error.error))?;
        sync_folder(&folder)?;
        drop(held);
        Ok(was_there.then_some(aside))
    }
}

/// Opens `database` for this process alone. Leaving WAL mode merges the log, and works only while
/// no other process has the file open.
fn hold(database: &Path) -> Result<SqliteConnection, SqliteOpenError> {
    let mut connection = open(database, database)?;
    let failed =
        |error: diesel::result::Error| SqliteOpenError::from_text(database, error.to_string());
    connection
        .batch_execute(
            "PRAGMA busy_timeout = 0; PRAGMA synchronous = FULL;
             PRAGMA journal_mode = DELETE; BEGIN EXCLUSIVE",
        )
        .map_err(failed)?;
    Ok(connection)
}

fn refuse_itself(file: &Path, database: &Path) -> Result<(), BackupError> {
    match (fs::canonicalize(file), fs::canonicalize(database)) {
        (Ok(one), Ok(other)) if one == other => Err(BackupError::Itself {
            path: file.to_owned(),
        }),
        _ => Ok(()),
    }
}

fn logs_of(database: &Path) -> [PathBuf; 2] {
    LOGS.map(|log| with_suffix(database, log))
}

fn has_content(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|file| file.len() > 0)
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn link(from: &Path, to: &Path) -> Result<(), BackupError> {
    fs::hard_link(from, to).map_err(|error| BackupError::file("write", to, &error))
}

fn remove(path: &Path) -> Result<(), BackupError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(BackupError::file("remove", path, &error))
        }
        _ => Ok(()),
    }
}
