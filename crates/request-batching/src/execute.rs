//! What a user of the crate implements.

use std::hash::Hash;

use tokio::runtime::Handle;

use crate::Batch;

/// Makes the calls.
///
/// Keys and users are cloned, hashed and compared under the batcher's lock: that should cost little
/// and must not panic. They, requests and responses are never dropped under it.
pub trait Execute: Sized + Send + Sync + 'static {
    /// Requests with the same key may share a call.
    type Key: Clone + Eq + Hash + Send + Sync + 'static;
    /// Two requests of the same user, at the same key, are in different calls, one after the other.
    type User: Clone + Eq + Hash + Send + 'static;
    /// What is asked.
    type Request: Send + 'static;
    /// What comes of it.
    type Response: Send + 'static;
    /// Why a call failed; each of its requests gets it.
    type Error: Clone + Send + 'static;

    /// Makes one call for all requests of `batch`. Returns their responses, in the order of the
    /// requests, with those that [`Batch::board`] added; or one error for all of them. A request
    /// without a response is [`Lost`](crate::SubmitError::Lost).
    ///
    /// The future should end within a time-out of its own: until then its requests count as in
    /// flight.
    fn execute(
        &self,
        key: &Self::Key,
        batch: Batch<Self>,
    ) -> impl Future<Output = Result<Vec<Self::Response>, Self::Error>> + Send;

    /// True if the error says that the store did not answer in time. It lowers an adaptive limit.
    fn has_timed_out(&self, error: &Self::Error) -> bool {
        let _ = error;
        false
    }

    /// Runs a call in a task. `runtime` is that of its first request.
    fn spawn(&self, runtime: &Handle, task: impl Future<Output = ()> + Send + 'static) {
        drop(runtime.spawn(task));
    }
}
