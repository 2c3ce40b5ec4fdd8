//! The failures of a store: certainly not applied, or outcome unknown.

use std::time::Duration;

/// When to retry a call on a store whose disk is full: an operator has to free space.
const DISK_FULL_RETRY_AFTER: Duration = Duration::from_secs(5);

/// A failed call on a store.
///
/// Adapters map the errors of their driver to this once, at their edge. The text is for the log,
/// never for a client.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Nothing was changed: the caller may retry.
    #[error("{what}; nothing was changed")]
    NotApplied {
        /// What went wrong.
        what: String,
        /// The shortest time until a retry may succeed, if the store knows one.
        retry_after: Option<Duration>,
        /// The cause, if operators have to act on it.
        cause: Cause,
    },
    /// The answer was lost: the call may or may not have taken effect. Retry only a call that is
    /// idempotent, by its nature or by its key.
    #[error("{what}; whether it took effect is unknown")]
    OutcomeUnknown {
        /// What went wrong.
        what: String,
    },
}

/// The causes of failures that operators see as such.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// The disk is full: calls that write fail until space is freed.
    DiskFull,
    /// Any other cause. It may pass by itself.
    Other,
}

/// The result of a call on a store's port.
pub type StoreResult<T> = Result<T, StoreError>;

impl StoreError {
    /// A failure that certainly changed nothing.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "drivers' errors and literals are passed alike"
    )]
    pub fn not_applied(what: impl ToString) -> Self {
        Self::NotApplied {
            what: what.to_string(),
            retry_after: None,
            cause: Cause::Other,
        }
    }

    /// A failure that certainly changed nothing, because the store's disk is full. `what` names the
    /// disk.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "drivers' errors and literals are passed alike"
    )]
    pub fn disk_full(what: impl ToString) -> Self {
        Self::NotApplied {
            what: what.to_string(),
            retry_after: Some(DISK_FULL_RETRY_AFTER),
            cause: Cause::DiskFull,
        }
    }

    /// A failure after which it is unknown whether the call took effect.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "drivers' errors and literals are passed alike"
    )]
    pub fn outcome_unknown(what: impl ToString) -> Self {
        Self::OutcomeUnknown {
            what: what.to_string(),
        }
    }

    /// Returns the shortest time until a retry may succeed, if the store knows one.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::NotApplied { retry_after, .. } => *retry_after,
            Self::OutcomeUnknown { .. } => None,
        }
    }

    /// Returns the cause, if operators have to act on it.
    #[must_use]
    pub fn cause(&self) -> Cause {
        match self {
            Self::NotApplied { cause, .. } => *cause,
            Self::OutcomeUnknown { .. } => Cause::Other,
        }
    }
}
