//! The trait with which a program makes the calls.

use std::hash::Hash;

use tokio::runtime::Handle;

use crate::Batch;

/// Makes the calls of a batcher.
///
/// Keys and users are cloned, hashed and compared under the lock of the batcher: that should be
/// cheap and must not panic. Keys, users, requests and responses are never dropped under the lock.
pub trait Execute: Sized + Send + Sync + 'static {
    /// Requests with the same key may share a call.
    type Key: Clone + Eq + Hash + Send + Sync + 'static;
    /// Two requests of the same user at the same key are in different calls, one after the other.
    type User: Clone + Eq + Hash + Send + 'static;
    /// A request of a caller.
    type Request: Send + 'static;
    /// The response to one request.
    type Response: Send + 'static;
    /// The error of a call. Each of its requests gets a clone.
    type Error: Clone + Send + 'static;

    /// Makes one call for all requests of `batch`, including those that [`Batch::board`] added.
    /// Returns their responses in the order of the requests, or one error for all of them. A
    /// request without a response is [`Lost`](crate::SubmitError::Lost).
    ///
    /// The future should end within a time-out of its own, because its requests count as in flight
    /// until it ends.
    fn execute(
        &self,
        key: &Self::Key,
        batch: Batch<Self>,
    ) -> impl Future<Output = Result<Vec<Self::Response>, Self::Error>> + Send;

    /// True if the error says that the store did not answer in time. This lowers an adaptive limit.
    fn has_timed_out(&self, error: &Self::Error) -> bool {
        let _ = error;
        false
    }

    /// Runs a call in a task on `runtime`, which is that of its first request.
    fn spawn(&self, runtime: &Handle, task: impl Future<Output = ()> + Send + 'static) {
        drop(runtime.spawn(task));
    }
}
