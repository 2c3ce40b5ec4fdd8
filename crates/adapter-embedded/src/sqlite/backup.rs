//! Copies the database into a file while the service runs on it.

use std::{
    fs::{self, File, OpenOptions},
    io,
    path::{Path, PathBuf},
};

use diesel::{
    Connection as _, RunQueryDsl, SqliteConnection, connection::SimpleConnection, sql_query,
    sql_types::Text,
};
use tempfile::NamedTempFile;

use super::{
    backup_error::BackupError, backup_keys, clean_stops, inspection, open_error::SqliteOpenError,
};

/// A secret that a backup contains beside the database.
#[derive(Clone, PartialEq, Eq)]
pub struct BackupKey {
    /// The name of the key.
    pub name: String,
    /// The secret itself.
    pub secret: String,
}

/// Copies `database`, as it is at one instant, into the new file `file`, with `keys` in it.
///
/// The service may go on reading and writing. `file` is readable by its owner alone, it appears
/// complete or not at all, and is on the disk when this returns.
///
/// # Errors
/// States the failure in one line: there is no such database, it is not Frontrow's or it is
/// damaged, `file` exists already, or it cannot be written.
pub fn back_up(database: &Path, file: &Path, keys: &[BackupKey]) -> Result<(), BackupError> {
    if !database.exists() {
        return Err(BackupError::NoDatabase {
            path: database.to_owned(),
        });
    }
    refuse_existing(file)?;
    let folder = folder_of(file)?;
    let mut source = open(database, database)?;
    inspection::recognize(&mut source, database)?;
    let copy = temporary_in(&folder)?;
    copy_into(&mut source, copy.path()).map_err(|why| BackupError::Copy {
        from: database.to_owned(),
        to: file.to_owned(),
        why,
    })?;
    drop(source);
    complete(copy.path(), database, file, keys)?;
    let failed = |error: io::Error| BackupError::file("write", file, &error);
    copy.as_file().sync_all().map_err(failed)?;
    copy.persist_noclobber(file)
        .map_err(|error| match error.error.kind() {
            io::ErrorKind::AlreadyExists => BackupError::Exists {
                path: file.to_owned(),
            },
            _ => failed(error.error),
        })?;
    sync_folder(&folder)
}

/// Errors early if `file` exists. The decisive check is that the finished copy replaces no file.
fn refuse_existing(file: &Path) -> Result<(), BackupError> {
    match fs::symlink_metadata(file) {
        Ok(_) => Err(BackupError::Exists {
            path: file.to_owned(),
        }),
        Err(_) => Ok(()),
    }
}

fn copy_into(source: &mut SqliteConnection, target: &Path) -> Result<(), String> {
    let target = target.to_str().ok_or("the path is not UTF-8")?;
    sql_query("VACUUM INTO ?")
        .bind::<Text, _>(target)
        .execute(source)
        .map(drop)
        .map_err(|error| error.to_string())
}

/// Prepares the copy for a restore, and checks that a restore would accept it.
fn complete(
    copy: &Path,
    database: &Path,
    file: &Path,
    keys: &[BackupKey],
) -> Result<(), BackupError> {
    let mut connection = open(copy, file)?;
    inspection::check(&mut connection, database)?;
    // A database that is itself a backup, copied into place by hand, still has the keys of that
    // backup.
    //
    // A queue may be seeded after this instant. Without the mark, a program that starts on the copy
    // would take that queue for a new one, and would refuse the re-entry of its users.
    //
    // No start on the copy may use the queue image of a clean stop, even if the file exists.
    connection
        .batch_execute("PRAGMA journal_mode = MEMORY; UPDATE concerts SET seeded = 1")
        .and_then(|()| clean_stops::forget(&mut connection))
        .and_then(|()| backup_keys::remove(&mut connection))
        .and_then(|()| backup_keys::put(&mut connection, keys))
        .map_err(|error| BackupError::Copy {
            from: database.to_owned(),
            to: file.to_owned(),
            why: error.to_string(),
        })
}

/// Opens an existing database and creates none. Errors name the file `shown`.
pub(super) fn open(path: &Path, shown: &Path) -> Result<SqliteConnection, SqliteOpenError> {
    let other = |why: String| SqliteOpenError::Other {
        path: shown.to_owned(),
        why,
    };
    let absolute = std::path::absolute(path).map_err(|error| other(error.to_string()))?;
    let text = absolute
        .to_str()
        .ok_or_else(|| other("the path is not UTF-8".into()))?;
    let text = text
        .replace('%', "%25")
        .replace('?', "%3f")
        .replace('#', "%23");
    // For a file that may not be written, SQLite reports only that it cannot be opened.
    OpenOptions::new()
        .read(true)
        .write(true)
        .open(path)
        .map_err(|error| SqliteOpenError::Unwritable {
            path: shown.to_owned(),
            why: error.to_string(),
        })?;
    let failed = |why: String| SqliteOpenError::from_text(shown, why);
    let mut connection = SqliteConnection::establish(&format!("file://{text}?mode=rw"))
        .map_err(|error| failed(error.to_string()))?;
    connection
        .batch_execute("PRAGMA busy_timeout = 5000; PRAGMA trusted_schema = OFF")
        .map_err(|error| failed(error.to_string()))?;
    Ok(connection)
}

/// Creates a temporary file in the folder of its final name, readable by its owner alone. It is
/// removed when it is dropped.
pub(super) fn temporary_in(folder: &Path) -> Result<NamedTempFile, BackupError> {
    tempfile::Builder::new()
        .prefix(".frontrow-")
        .suffix(".tmp")
        .tempfile_in(folder)
        // The text of the error names a temporary file, which the reader does not know.
        .map_err(|error| BackupError::file("write into the folder", folder, &error.kind().into()))
}

/// Returns the folder that contains `path`.
pub(super) fn folder_of(path: &Path) -> Result<PathBuf, BackupError> {
    let absolute = std::path::absolute(path);
    let absolute = absolute.map_err(|error| BackupError::file("find", path, &error))?;
    Ok(absolute.parent().map_or(absolute.clone(), Path::to_owned))
}

/// Syncs `folder`, so that the names in it survive a power cut.
pub(super) fn sync_folder(folder: &Path) -> Result<(), BackupError> {
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(|error| BackupError::file("write the folder", folder, &error))
}
