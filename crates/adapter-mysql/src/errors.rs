//! The one place that converts a driver's error into a [`StoreError`].
//!
//! The driver passes on the server's text and not its number, so errors are distinguished by their
//! English texts, which every connection requests (`lc_messages`).

use std::time::Duration;

use diesel::result::{DatabaseErrorKind, Error};
use frontrow_domain::ports::{Cause, StoreError};

/// How long a caller should wait at least before it retries on a busy store.
const BUSY_RETRY_AFTER: Duration = Duration::from_secs(1);

/// The effect of an error on the transaction in which it occurred.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The transaction was rolled back so that another could go on: see [`ROLLED_BACK`].
    Deadlock,
    /// 1205: a row was not free in time.
    LockTimeout,
    /// 1062: a row with the key exists, perhaps since a moment ago.
    Duplicate,
    /// The connection is unusable: it is closed, or about to be, or its server takes no writes (any
    /// more: another has taken over). Uncommitted changes are rolled back.
    Lost,
    /// The server ended a statement that took too long.
    TooSlow,
    /// The server has no space left for what the statement would write: see [`DISK_FULL`].
    DiskFull,
    /// Another call changed what this one had read: see [`changed_meanwhile`].
    ChangedMeanwhile,
    /// Any other error.
    Other,
}

/// Texts contained in errors after which a connection is unusable.
const LOST: &[&str] = &[
    // The driver's own.
    "Input/output error",
    "Driver error",
    // 1053, 1927 (MariaDB), 3169 and 4031 (MySQL).
    "Server shutdown in progress",
    "Connection was killed",
    "The session was killed",
    "disconnected by the server",
    // 1290, with --read-only, --super-read-only or their likes.
    "read-only option",
    "read_only option",
    // 1792 and 1836: it has become a replica, say.
    "READ ONLY transaction",
    "read-only mode",
];

/// Texts with which errors begin whose transaction the server has rolled back, at a statement or at
/// the commit: it may be retried.
const ROLLED_BACK: &[&str] = &[
    // 1213.
    "Deadlock found",
    // 1213 of a Galera cluster, where another node's transaction was certified first.
    "WSREP detected deadlock/conflict",
    // 3101 (ER_TRANSACTION_ROLLBACK_DURING_COMMIT): Group Replication's certification has failed.
    "Plugin instructed the server to rollback",
];

/// Texts contained in errors of a server whose disk is full. 1114 has no such text of its own: the
/// storage engine, or a temporary table, could not grow.
const DISK_FULL: &[&str] = &[
    // 1021 (ER_DISK_FULL).
    "Disk full (",
    // 3 (EE_WRITE), 1026 (ER_ERROR_ON_WRITE), 1030 (ER_GET_ERRNO) and others, with errno 28,
    // ENOSPC.
    "No space left on device",
    // The same with errno 122, EDQUOT.
    "Disk quota exceeded",
];

/// Returns the kind of an error.
pub(crate) fn kind(error: &Error) -> Kind {
    if matches!(error, Error::RollbackTransaction) {
        return Kind::ChangedMeanwhile;
    }
    let Error::DatabaseError(kind, information) = error else {
        return Kind::Other;
    };
    let text = information.message();
    if matches!(kind, DatabaseErrorKind::UniqueViolation) {
        Kind::Duplicate
    } else if ROLLED_BACK.iter().any(|part| text.starts_with(part)) {
        Kind::Deadlock
    } else if text.starts_with("Lock wait timeout exceeded") {
        Kind::LockTimeout
    } else if text.contains("execution was interrupted") || text.contains("execution time exceeded")
    {
        // MariaDB's 1969 "Query execution was interrupted (max_statement_time exceeded)", MySQL's
        // 3024.
        Kind::TooSlow
    } else if DISK_FULL.iter().any(|part| text.contains(part))
        || (text.starts_with("The table '") && text.ends_with("' is full"))
    {
        Kind::DiskFull
    } else if LOST.iter().any(|part| text.contains(part)) {
        Kind::Lost
    } else {
        Kind::Other
    }
}

/// Converts an error from before the commit was sent to `server`: all changes are, or will be,
/// rolled back.
pub(crate) fn before_commit(error: &Error, server: &str) -> StoreError {
    match kind(error) {
        Kind::DiskFull => StoreError::disk_full(format!(
            "the disk of the database {server} is full: {error}"
        )),
        Kind::Other | Kind::Duplicate => StoreError::not_applied(error),
        Kind::ChangedMeanwhile => busy("another transaction changed the rows after they were read"),
        Kind::Deadlock | Kind::LockTimeout | Kind::Lost | Kind::TooSlow => busy(error.to_string()),
    }
}

/// Converts an error of the commit itself: the server may or may not have applied it. That includes
/// a full disk: by then the transaction may be in the binary log, or in that of a replica.
pub(crate) fn at_commit(error: &Error) -> StoreError {
    StoreError::outcome_unknown(format!("commit failed: {error}"))
}

/// Makes the failure of a call that changed nothing and is worth a retry soon.
pub(crate) fn busy(what: impl Into<String>) -> StoreError {
    StoreError::NotApplied {
        what: what.into(),
        retry_after: Some(BUSY_RETRY_AFTER),
        cause: Cause::Other,
    }
}

/// Makes the failure for an answer of a kind that does not belong to its request.
pub(crate) fn unexpected_answer() -> StoreError {
    StoreError::outcome_unknown("the queue gave an answer to another request")
}

/// Returns the result of a statement. None if a row with the key exists already.
pub(crate) fn unless_duplicate<T>(result: Result<T, Error>) -> Result<Option<T>, Error> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if kind(&error) == Kind::Duplicate => Ok(None),
        Err(error) => Err(error),
    }
}

/// Makes the error for a change by another call of what this one had read: the transaction is
/// rolled back and run again.
pub(crate) fn changed_meanwhile() -> Error {
    Error::RollbackTransaction
}

/// Makes the error for rows that contradict each other. The transaction that finds them is rolled
/// back.
pub(crate) fn broken(what: impl Into<String>) -> Error {
    Error::QueryBuilderError(what.into().into())
}

/// Makes the error for a statement that was abandoned before the server had answered it.
pub(crate) fn abandoned(what: impl Into<String>) -> Error {
    Error::QueryBuilderError(what.into().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn driver(text: &str) -> Error {
        Error::DatabaseError(DatabaseErrorKind::Unknown, Box::new(text.to_owned()))
    }

    #[test]
    fn the_servers_texts_are_understood() {
        for rolled_back in [
            "Deadlock found when trying to get lock; try restarting transaction",
            "WSREP detected deadlock/conflict and aborted the transaction. Try restarting the transaction",
            "Plugin instructed the server to rollback the current transaction.",
        ] {
            assert_eq!(kind(&driver(rolled_back)), Kind::Deadlock, "{rolled_back}");
        }
        let wait = "Lock wait timeout exceeded; try restarting transaction";
        assert_eq!(kind(&driver(wait)), Kind::LockTimeout);
        for slow in [
            "Query execution was interrupted (max_statement_time exceeded)",
            "Query execution was interrupted, maximum statement execution time exceeded",
        ] {
            assert_eq!(kind(&driver(slow)), Kind::TooSlow);
        }
        let lost = "Input/output error: Input/output error: Connection reset by peer";
        assert_eq!(kind(&driver(lost)), Kind::Lost);
        let closed = "Driver error: `Connection to the server is closed.'";
        assert_eq!(kind(&driver(closed)), Kind::Lost);
        for over in [
            "Server shutdown in progress",
            "Connection was killed",
            "The client was disconnected by the server because of inactivity.",
            "The MariaDB server is running with the --read-only option so it cannot execute this \
             statement",
        ] {
            assert_eq!(kind(&driver(over)), Kind::Lost, "{over}");
        }
        let unknown = "Table 'frontrow.seats' doesn't exist";
        assert_eq!(kind(&driver(unknown)), Kind::Other);
    }

    /// The texts of MariaDB 10.11 and MySQL 8 and 9.
    #[test]
    fn a_full_disk_is_distinguished_from_other_errors_and_names_the_database() {
        for full in [
            "The table 'ledger' is full",
            "The table '/tmp/#sql1a2b_3_0' is full",
            "Disk full (/tmp/#sql1a2b); waiting for someone to free some space... (errno: 28 \"No space \
             left on device\")",
            "Error writing file '/tmp/ML1a2b' (errno: 28 - No space left on device)",
            "Error writing file '/tmp/ML1a2b' (Errcode: 28 \"No space left on device\")",
            "Got error 28 - 'No space left on device' from storage engine",
        ] {
            assert_eq!(kind(&driver(full)), Kind::DiskFull, "{full}");
            let error = before_commit(&driver(full), "frontrow on db:3306");
            assert_eq!(error.cause(), Cause::DiskFull);
            let text = error.to_string();
            for part in [
                "disk",
                "is full",
                "frontrow on db:3306",
                full,
                "nothing was changed",
            ] {
                assert!(text.contains(part), "{text}");
            }
        }
        let another = "Error writing file '/tmp/ML1a2b' (errno: 30 - Read-only file system)";
        assert_eq!(kind(&driver(another)), Kind::Other);
    }

    #[test]
    fn a_failure_before_the_commit_changed_nothing() {
        let error = before_commit(&driver("Deadlock found"), "frontrow");
        assert_eq!(error.retry_after(), Some(BUSY_RETRY_AFTER));
        let error = before_commit(&driver("Table 'seats' doesn't exist"), "frontrow");
        assert_eq!(
            error,
            StoreError::not_applied("Table 'seats' doesn't exist")
        );
    }

    #[test]
    fn a_failed_commit_has_an_unknown_outcome() {
        for failure in [
            "Input/output error: connection reset",
            "Error writing file '/var/log/mysql/binlog' (errno: 28 - No space left on device)",
        ] {
            let error = at_commit(&driver(failure));
            assert!(matches!(error, StoreError::OutcomeUnknown { .. }));
        }
    }
}
