//! Batches of requests that share a transaction.
//!
//! A durable commit takes as long for two hundred requests as for one, and all of them need the row
//! of their queue, so one by one they would wait for each other's commits. Requests that arrive
//! while a transaction is under way are in the next one, and so are those that arrive while it
//! waits for the row.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use frontrow_domain::{
    model::{ConcertId, UserId},
    ports::{Stamped, StoreError, StoreResult},
};
use frontrow_request_batching::{Batch, Batcher, Execute, Priority};
use futures_util::FutureExt;
use tokio::runtime::Handle;

use super::{
    requests::{Answer, Request},
    transaction,
};
use crate::{queue::batch_limits, transactions::TransactionRunner};

/// Maximum number of requests in one transaction. At this number it holds the queue's lock for some
/// milliseconds.
const BATCH_MAX: usize = 256;

/// The batched requests that change queues.
pub(in crate::queue) struct Batches(Batcher<Transactions>);

impl Batches {
    /// Makes the batches. Each call ends within `limit`, and no request waits longer than that for
    /// its transaction to begin. At most `transactions_max` transactions, of different queues, run
    /// at once.
    pub(in crate::queue) fn new(
        calls: TransactionRunner,
        limit: Duration,
        transactions_max: usize,
    ) -> Self {
        // One transaction per queue: a second one would only wait for the lock of the first.
        let limits = batch_limits::limits(BATCH_MAX, 1, transactions_max, limit);
        Self(Batcher::new(limits, Transactions { calls, limit }))
    }

    /// Submits a request to the next transaction of a queue, and returns its answer.
    pub(in crate::queue) async fn ask(
        &self,
        concert: ConcertId,
        request: Request,
    ) -> StoreResult<Stamped<Answer>> {
        let (user, priority) = (request.user().clone(), priority(&request));
        let answer = self.0.submit(concert, user, priority, request);
        answer.await.map_err(batch_limits::store_error)
    }
}

/// Departures and heartbeats are never shed while anything else is pending.
fn priority(request: &Request) -> Priority {
    match request {
        Request::Leave(_) | Request::Heartbeat(_) => Priority::Urgent,
        Request::LookUp(_) => Priority::High,
        Request::Join(..) => Priority::Normal,
    }
}

/// Runs the transactions.
struct Transactions {
    calls: TransactionRunner,
    limit: Duration,
}

impl Execute for Transactions {
    type Key = ConcertId;
    type User = UserId;
    type Request = Request;
    type Response = Stamped<Answer>;
    type Error = StoreError;

    async fn execute(
        &self,
        concert: &ConcertId,
        batch: Batch<Self>,
    ) -> StoreResult<Vec<Stamped<Answer>>> {
        let taken = Arc::new(TakenBatch {
            concert: *concert,
            batch: Mutex::new(batch),
        });
        self.calls
            .run(self.limit, taken, |session, taken| {
                transaction::change(session, taken.concert, || taken.board()).boxed()
            })
            .await
    }

    /// Spawns on the store's runtime, like its connections: when a worker of the web server stops,
    /// no answer to other requests is lost with it.
    fn spawn(&self, _: &Handle, task: impl Future<Output = ()> + Send + 'static) {
        drop(self.calls.at_home(task));
    }
}

/// The requests of a transaction, kept for all of its attempts.
struct TakenBatch {
    concert: ConcertId,
    batch: Mutex<Batch<Transactions>>,
}

impl TakenBatch {
    /// Returns all requests, including those that have arrived by now.
    fn board(&self) -> Vec<Request> {
        let mut batch = self.batch.lock().unwrap_or_else(PoisonError::into_inner);
        batch.board();
        batch.requests().to_vec()
    }
}
