//! How many calls share the connections, and what a request is told that has no answer.

use std::time::Duration;

use frontrow_domain::ports::{StoreError, StoreResult};
use frontrow_request_batching::SubmitError;
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::timeout,
};

use crate::errors;

/// The failure of a request that was submitted to a batcher.
pub(super) fn store_error(error: SubmitError<StoreError>) -> StoreError {
    match error {
        SubmitError::Failed(error) => error,
        SubmitError::Overloaded(why) => errors::busy(format!("overloaded: {why}")),
        SubmitError::Lost => StoreError::outcome_unknown("a call ended without an answer"),
    }
}

/// A share of the connections: so many calls at once.
pub(super) struct Share(Semaphore);

impl Share {
    pub(super) fn of(connections: usize) -> Self {
        Self(Semaphore::new(connections))
    }

    /// Waits until one is free, for `limit` at most.
    pub(super) async fn take(&self, limit: Duration) -> StoreResult<SemaphorePermit<'_>> {
        match timeout(limit, self.0.acquire()).await {
            Ok(Ok(permit)) => Ok(permit),
            _ => Err(errors::busy("no connection in time")),
        }
    }
}
