//! How a store fails.

use std::time::Duration;

/// When to ask a store again whose disk is full: an operator has to make room.
const DISK_FULL_RETRY_AFTER: Duration = Duration::from_secs(5);

/// A store could not do what was asked of it.
///
/// Adapters map their driver's errors to this once, at their edge. The text is for the log, never
/// for a client.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Nothing was changed: the call may simply be made again.
    #[error("{what}; nothing was changed")]
    NotApplied {
        /// What went wrong.
        what: String,
        /// When it is worth trying again at the earliest, where the store has an idea.
        retry_after: Option<Duration>,
        /// Why, as far as operators have to act on it.
        cause: Cause,
    },
    /// The answer was lost: the call may or may not have taken effect. Only a call that is
    /// idempotent, by its nature or by its key, may be made again.
    #[error("{what}; whether it took effect is unknown")]
    OutcomeUnknown {
        /// What went wrong.
        what: String,
    },
}

/// Why a store refused a call, where operators have to be told of it as such.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// The disk is full: calls that write fail until space is freed.
    DiskFull,
    /// Anything else: it may pass by itself.
    Other,
}

/// What a call of a store's port gives.
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

    /// A failure that certainly changed nothing, since the store's disk is full; `what` says which disk
    /// that is.
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

    /// A failure after which nobody knows.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "drivers' errors and literals are passed alike"
    )]
    pub fn outcome_unknown(what: impl ToString) -> Self {
        Self::OutcomeUnknown {
            what: what.to_string(),
        }
    }

    /// When it is worth trying again at the earliest, where the store has an idea.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::NotApplied { retry_after, .. } => *retry_after,
            Self::OutcomeUnknown { .. } => None,
        }
    }

    /// Why, as far as operators have to act on it.
    #[must_use]
    pub fn cause(&self) -> Cause {
        match self {
            Self::NotApplied { cause, .. } => *cause,
            Self::OutcomeUnknown { .. } => Cause::Other,
        }
    }
}
