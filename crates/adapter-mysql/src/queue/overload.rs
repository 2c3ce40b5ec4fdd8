//! What a request is told that has no answer.

use frontrow_domain::ports::StoreError;
use frontrow_request_batching::SubmitError;

use crate::errors;

/// The failure of a request that was submitted to a batcher.
pub(super) fn store_error(error: SubmitError<StoreError>) -> StoreError {
    match error {
        SubmitError::Failed(error) => error,
        SubmitError::Overloaded(why) => errors::busy(format!("overloaded: {why}")),
        SubmitError::Lost => StoreError::outcome_unknown("a call ended without an answer"),
    }
}
