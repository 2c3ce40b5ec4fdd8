//! The limits and failures that both kinds of batches share.

use std::time::Duration;

use frontrow_domain::ports::StoreError;
use frontrow_request_batching::{InFlight, Limits, SubmitError};

use crate::errors;

/// Limits for batches of at most `batch_max` requests, of which at most `calls_per_key_max` per
/// queue and `calls_max` in total run at once. No request waits longer than `queue_timeout` for its
/// call to begin.
pub(super) fn limits(
    batch_max: usize,
    calls_per_key_max: usize,
    calls_max: usize,
    queue_timeout: Duration,
) -> Limits {
    Limits {
        batch_max,
        pending_max: 8_192,
        pending_per_user_max: 100,
        queue_timeout,
        calls_per_key_max,
        calls_max,
        in_flight: InFlight::Fixed(batch_max * calls_max),
    }
}

/// Converts the failure of a request that was submitted to a batcher.
pub(super) fn store_error(error: SubmitError<StoreError>) -> StoreError {
    match error {
        SubmitError::Failed(error) => error,
        SubmitError::Overloaded(why) => errors::busy(format!("overloaded: {why}")),
        SubmitError::Lost => StoreError::outcome_unknown("a call ended without an answer"),
    }
}
