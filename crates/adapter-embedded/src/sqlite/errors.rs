//! Converts a driver's error into a [`StoreError`]. No other module does.

use std::{path::Path, time::Duration};

use diesel::result::Error;
use frontrow_domain::ports::{Cause, StoreError};

/// The shortest time after which a caller should retry on a busy store.
const BUSY_RETRY_AFTER: Duration = Duration::from_secs(1);

/// Converts an error from before the commit: the transaction was rolled back, or will be when its
/// connection is closed. This is true for every code. On some, such as `SQLITE_FULL` and
/// `SQLITE_IOERR`, SQLite rolls back by itself
/// (<https://www.sqlite.org/lang_transaction.html#response_to_errors_within_a_transaction>). Pages
/// that an earlier statement has written to the log have no commit mark, and are ignored.
pub(super) fn before_commit(error: &Error, file: &Path) -> StoreError {
    let what = error.to_string();
    // The driver gives SQLITE_BUSY no kind of its own.
    if what.contains("database is locked") {
        busy(what)
    } else if is_full(error) {
        disk_full(error, file)
    } else {
        StoreError::not_applied(format!("{}: {what}", file.display()))
    }
}

/// Converts an error of the commit itself.
///
/// - `SQLITE_FULL`: nothing was changed. It means that a page could not be written to the log
///   (`unixWrite`). The last page carries the commit mark, without which a log that is read again
///   after a crash ends before the transaction (<https://www.sqlite.org/walformat.html>, section
///   4.1). SQLite then rolls back by itself (`sqlite3VdbeHalt`), and the next commit overwrites
///   those pages.
/// - `SQLITE_IOERR`: unknown. The pages may all have been written, and the flush after them have
///   failed (`SQLITE_IOERR_FSYNC`), or the growth of the index of the log (`SQLITE_IOERR_SHMSIZE`).
///   This process then does not see the transaction, but the one that reads the log again after a
///   crash does.
/// - `SQLITE_CORRUPT`, `SQLITE_READONLY` and all others: unknown. None of them is expected of a
///   commit, as every write begins with `BEGIN IMMEDIATE`, which meets them first.
///
/// If the rollback has failed as well, the driver returns an error of another kind: unknown.
pub(super) fn at_commit(error: &Error, file: &Path) -> StoreError {
    if is_full(error) {
        disk_full(error, file)
    } else {
        StoreError::outcome_unknown(format!("{}: commit failed: {error}", file.display()))
    }
}

/// Returns true for `SQLITE_FULL`, to which the driver gives no kind of its own. The text is
/// SQLite's published one.
fn is_full(error: &Error) -> bool {
    matches!(error, Error::DatabaseError(_, information)
        if information.message() == "database or disk is full")
}

fn disk_full(error: &Error, file: &Path) -> StoreError {
    StoreError::disk_full(format!(
        "the disk of the database {} is full: {error}",
        file.display()
    ))
}

/// Returns the error of a call that waited for other calls for too long.
pub(super) fn busy(what: impl Into<String>) -> StoreError {
    StoreError::NotApplied {
        what: what.into(),
        retry_after: Some(BUSY_RETRY_AFTER),
        cause: Cause::Other,
    }
}

/// Returns the error for rows that contradict each other. The transaction that finds them is
/// rolled back.
pub(super) fn broken(what: impl Into<String>) -> Error {
    Error::QueryBuilderError(what.into().into())
}

#[cfg(test)]
mod tests {
    use diesel::result::DatabaseErrorKind;

    use super::*;

    fn driver(text: &str) -> Error {
        Error::DatabaseError(DatabaseErrorKind::Unknown, Box::new(text.to_owned()))
    }

    fn file() -> &'static Path {
        Path::new("/data/frontrow.db")
    }

    #[test]
    fn a_locked_database_changed_nothing_and_can_be_retried() {
        let error = before_commit(&driver("database is locked"), file());
        assert!(matches!(error, StoreError::NotApplied { .. }));
        assert_eq!(error.retry_after(), Some(BUSY_RETRY_AFTER));
    }

    #[test]
    fn a_failure_before_the_commit_changed_nothing() {
        for failure in [
            "disk I/O error",
            "attempt to write a readonly database",
            "database disk image is malformed",
        ] {
            let error = before_commit(&driver(failure), file());
            let expected = StoreError::not_applied(format!("/data/frontrow.db: {failure}"));
            assert_eq!(error, expected);
        }
    }

    #[test]
    fn the_outcome_of_a_failed_commit_is_unknown() {
        for failure in [
            "disk I/O error",
            "attempt to write a readonly database",
            "database disk image is malformed",
        ] {
            let error = at_commit(&driver(failure), file());
            assert!(matches!(error, StoreError::OutcomeUnknown { .. }));
        }
    }

    #[test]
    fn a_full_disk_changed_nothing_and_the_error_names_the_file() {
        let full = driver("database or disk is full");
        for error in [before_commit(&full, file()), at_commit(&full, file())] {
            assert_eq!(error.cause(), Cause::DiskFull);
            let expected = "the disk of the database /data/frontrow.db is full: database or disk is \
                            full; nothing was changed";
            assert_eq!(error.to_string(), expected);
        }
    }

    #[test]
    fn the_outcome_of_a_commit_that_could_not_be_rolled_back_is_unknown() {
        let error = Error::RollbackErrorOnCommit {
            rollback_error: Box::new(driver("disk I/O error")),
            commit_error: Box::new(driver("database or disk is full")),
        };
        let error = at_commit(&error, file());
        assert!(matches!(error, StoreError::OutcomeUnknown { .. }));
    }
}
