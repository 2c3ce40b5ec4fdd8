//! The errors of opening a database, with texts for the operator who starts the service.

use std::path::{Path, PathBuf};

/// A database file cannot be opened. Each text is one line that names the file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SqliteOpenError {
    /// The folder or the file cannot be written.
    #[error("cannot write the database {}: {why}", path.display())]
    Unwritable {
        /// The database's file.
        path: PathBuf,
        /// The system's message.
        why: String,
    },
    /// The file is not a database, or is damaged.
    #[error("{} is not an SQLite database, or it is damaged ({why})", path.display())]
    NotADatabase {
        /// The file.
        path: PathBuf,
        /// SQLite's message.
        why: String,
    },
    /// The file is a database of another program.
    #[error("{} is a database of another program", path.display())]
    OtherProgram {
        /// The file.
        path: PathBuf,
    },
    /// The database was written by a newer program.
    #[error(
        "the database {} was written by a newer version of this program (it has the migration {version})",
        path.display()
    )]
    NewerSchema {
        /// The file.
        path: PathBuf,
        /// The newest migration in it that this program does not know.
        version: String,
    },
    /// A migration failed. The file is unchanged.
    #[error("the database {} could not be migrated and was left as it was: {why}", path.display())]
    MigrationFailed {
        /// The file.
        path: PathBuf,
        /// SQLite's message.
        why: String,
    },
    /// Another process holds a lock on the database.
    #[error("the database {} is locked by another process", path.display())]
    Locked {
        /// The file.
        path: PathBuf,
    },
    /// Any other failure.
    #[error("cannot open the database {}: {why}", path.display())]
    Other {
        /// The file.
        path: PathBuf,
        /// The driver's message.
        why: String,
    },
}

impl SqliteOpenError {
    /// Converts SQLite's own text to an error. The driver passes on no codes, and these texts are
    /// SQLite's published ones (`sqlite3_errstr`). The last is diesel's, for a row that the file
    /// cannot contain.
    pub(super) fn from_text(path: &Path, why: String) -> Self {
        let path = path.to_owned();
        let says = |text| why.contains(text);
        if says("not a database") || says("malformed") || says("Unexpected null") {
            Self::NotADatabase { path, why }
        } else if says("unable to open") || says("readonly") {
            Self::Unwritable { path, why }
        } else if says("database is locked") {
            Self::Locked { path }
        } else {
            Self::Other { path, why }
        }
    }
}
