//! How a store fails.

use std::time::Duration;

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
        /// When it is worth trying again, where the store has an idea.
        retry_after: Option<Duration>,
    },
    /// The answer was lost: the call may or may not have taken effect. Only a call that is
    /// idempotent, by its nature or by its key, may be made again.
    #[error("{what}; whether it took effect is unknown")]
    OutcomeUnknown {
        /// What went wrong.
        what: String,
    },
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

    /// When it is worth trying again, where the store has an idea.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::NotApplied { retry_after, .. } => *retry_after,
            Self::OutcomeUnknown { .. } => None,
        }
    }
}
