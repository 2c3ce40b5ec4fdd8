//! The one place where a driver's error becomes a [`StoreError`].

use std::time::Duration;

use diesel::result::Error;
use frontrow_domain::ports::StoreError;

/// How long to wait before asking a busy store again.
const BUSY_RETRY_AFTER: Duration = Duration::from_secs(1);

/// An error before the commit: the transaction was rolled back.
pub(super) fn before_commit(error: &Error) -> StoreError {
    let what = error.to_string();
    // The driver gives SQLITE_BUSY no kind of its own.
    if what.contains("database is locked") {
        busy(what)
    } else {
        StoreError::not_applied(what)
    }
}

/// An error of the commit itself: the disk may or may not have it.
pub(super) fn at_commit(error: &Error) -> StoreError {
    StoreError::outcome_unknown(format!("commit failed: {error}"))
}

/// Everybody else is faster.
pub(super) fn busy(what: impl Into<String>) -> StoreError {
    StoreError::NotApplied {
        what: what.into(),
        retry_after: Some(BUSY_RETRY_AFTER),
    }
}

/// The rows contradict each other; the transaction that finds it is rolled back.
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

    #[test]
    fn a_locked_database_changed_nothing_and_is_worth_another_try() {
        let error = before_commit(&driver("database is locked"));
        assert!(matches!(error, StoreError::NotApplied { .. }));
        assert_eq!(error.retry_after(), Some(BUSY_RETRY_AFTER));
    }

    #[test]
    fn a_failure_before_the_commit_changed_nothing() {
        let error = before_commit(&driver("disk I/O error"));
        assert_eq!(error, StoreError::not_applied("disk I/O error"));
    }

    #[test]
    fn nobody_knows_what_a_failed_commit_did() {
        let error = at_commit(&driver("disk I/O error"));
        assert!(matches!(error, StoreError::OutcomeUnknown { .. }));
    }
}
