//! The errors of backup and restore, with texts for operators.

use std::{
    io,
    path::{Path, PathBuf},
};

use super::open_error::SqliteOpenError;

/// A backup cannot be made or restored. Each text is one line that names the file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BackupError {
    /// A file cannot be opened, or belongs to another program or to a newer version.
    #[error(transparent)]
    Open(#[from] SqliteOpenError),
    /// There is nothing to copy.
    #[error("there is no database {}", path.display())]
    NoDatabase {
        /// The path at which it should be.
        path: PathBuf,
    },
    /// A database without tables.
    #[error("{} is an empty database", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// The new file would replace an existing one.
    #[error("{} is there already, and was left as it is", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// The file is inconsistent.
    #[error("{} is damaged: {why}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The first problem that SQLite found.
        why: String,
    },
    /// A part of the database is in another file.
    #[error(
        "{} is not the whole database: {} belongs to it; `frontrow backup` makes a file that is",
        path.display(), log.display()
    )]
    NotWhole {
        /// The file.
        path: PathBuf,
        /// Its write-ahead log, or its journal.
        log: PathBuf,
    },
    /// A database cannot be restored from itself.
    #[error("{} is the configured database itself", path.display())]
    Itself {
        /// The file.
        path: PathBuf,
    },
    /// Another process has the database open.
    #[error("the database {} is open in another process", path.display())]
    InUse {
        /// The database.
        path: PathBuf,
    },
    /// The copy failed.
    #[error("cannot copy the database {} to {}: {why}", from.display(), to.display())]
    Copy {
        /// The source of the copy.
        from: PathBuf,
        /// The target of the copy.
        to: PathBuf,
        /// SQLite's message.
        why: String,
    },
    /// The system refused an operation.
    #[error("cannot {what} {}: {why}", path.display())]
    File {
        /// The operation.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's message.
        why: String,
    },
}

impl BackupError {
    /// Makes the error for a system that refuses `what` on `path`.
    pub(super) fn file(what: &'static str, path: &Path, why: &io::Error) -> Self {
        Self::File {
            what,
            path: path.to_owned(),
            why: why.to_string(),
        }
    }
}
