//! Batches concurrent requests of users for the same operation on the same queue into one call.
//!
//! A call costs the server and the driver much more than one user in it: the hash of the script,
//! the keys, the clock, the terms. A script handles the users of a batch one after the other, as if
//! each had come alone. Most requests that look up an active place, or show it at the gate, find it
//! claimed already and change nothing. A cheaper script answers those.
//!
//! The in-flight limit follows the latency of the server ([`InFlight::Adaptive`]). The server has
//! one thread, so when it is busy, more concurrent calls would only wait for each other, in the end
//! for longer than the time-out of a reply.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use frontrow_domain::{
    model::{
        ConcertId,
        queue::{Arrival, Generation},
    },
    ports::{Stamped, StoreError, StoreResult},
};
use frontrow_request_batching::{
    Adaptive, Batch, Batcher, Execute, InFlight, Limits, Priority, SubmitError,
};
use tokio::{
    runtime::{Handle, Id},
    task::yield_now,
};

use crate::{
    errors,
    member::Member,
    operations::{self, UserOperation},
    script_runner::{Caller, ScriptRunner},
    user_requests::{BatchReply, UserReply, UserRequest},
};

/// Maximum number of users in one batch. The server needs about 1 ms for this number of joins.
const BATCH_MAX: usize = 100;

/// Maximum number of calls in flight for one [`Route`].
const CALLS_MAX: usize = 16;

/// The in-flight limit at the start, in users: a server answers this number in some 15 ms.
const IN_FLIGHT_INITIAL: usize = 8 * BATCH_MAX;

/// Maximum number of pending requests: more than are ever answered within the queue time-out.
const PENDING_MAX: usize = 30_000;

/// Maximum number of pending requests of one user, besides the one in a batch.
const PENDING_PER_USER_MAX: usize = 100;

/// Maximum number of queues in [`Admitted`]. One more clears it, and replies fill it again.
const QUEUES_MAX: usize = 1_000;

/// The reply to one request. None if the store does not have the queue.
pub(crate) type StampedReply = Stamped<Option<UserReply>>;

/// The batches of one store. Clones share them.
#[derive(Clone)]
pub(crate) struct Batches {
    runner: ScriptRunner,
    admitted: Arc<Admitted>,
    batcher: Batcher<Scripts>,
}

/// The key of a batch: requests with the same route may share a call. The runtime is part of it
/// because each runtime has its own connection, and waking its tasks costs no other runtime
/// anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Route {
    runtime: Id,
    operation: UserOperation,
    concert: ConcertId,
}

impl Batches {
    /// Returns batches in which a request waits at most `queue_timeout` for its batch to begin.
    pub(crate) fn new(runner: ScriptRunner, queue_timeout: Duration) -> Self {
        let limits = Limits {
            batch_max: BATCH_MAX,
            pending_max: PENDING_MAX,
            pending_per_user_max: PENDING_PER_USER_MAX,
            queue_timeout,
            calls_per_key_max: CALLS_MAX,
            // Calls share connections, and the in-flight limit bounds their cost.
            calls_max: usize::MAX,
            in_flight: InFlight::Adaptive(Adaptive {
                initial: IN_FLIGHT_INITIAL,
                ..Adaptive::default()
            }),
        };
        let admitted = Arc::new(Admitted::default());
        let scripts = Scripts {
            runner: runner.clone(),
            admitted: Arc::clone(&admitted),
        };
        Self {
            runner,
            admitted,
            batcher: Batcher::new(limits, scripts),
        }
    }

    /// Adds a request to a batch of this operation and returns the reply. Errors at once while the
    /// server is known to be unreachable.
    pub(crate) async fn submit(
        &self,
        operation: UserOperation,
        concert: ConcertId,
        request: UserRequest,
    ) -> StoreResult<StampedReply> {
        if let Some(error) = self.runner.failure(Caller::Request) {
            return Err(error);
        }
        let route = Route {
            runtime: Handle::current().id(),
            operation,
            concert,
        };
        let priority = self.priority(operation, concert, &request);
        let reply = self
            .batcher
            .submit(route, request.member, priority, request)
            .await;
        reply.map_err(|error| match error {
            SubmitError::Failed(error) => error,
            SubmitError::Overloaded(why) => errors::unavailable(format!("overloaded: {why}")),
            SubmitError::Lost => {
                StoreError::outcome_unknown("the task of a call to Redis ended without a reply")
            }
        })
    }

    /// Returns the priority of a request. Look-ups are shed first, then joins, then look-ups of
    /// users who may be active. Requests at the gate and departures are not shed while anything
    /// else is pending.
    fn priority(
        &self,
        operation: UserOperation,
        concert: ConcertId,
        request: &UserRequest,
    ) -> Priority {
        match operation {
            UserOperation::PassGate | UserOperation::Leave => Priority::Urgent,
            UserOperation::LookUp if self.admitted.covers(concert, request) => Priority::High,
            UserOperation::Join => Priority::Normal,
            UserOperation::LookUp => Priority::Low,
        }
    }
}

/// The progress of admission in each queue, as far as this process knows it from replies.
#[derive(Default)]
struct Admitted {
    /// For each queue, its generation and the latest arrival that a reply showed as active. Users
    /// are admitted in order, so those who arrived earlier usually do not wait any more.
    up_to: Mutex<HashMap<ConcertId, (Generation, Arrival)>>,
}

impl Admitted {
    /// Returns the latest arrival in the queue of `concert` that is known to have been admitted.
    fn up_to(&self, concert: ConcertId) -> Option<Arrival> {
        self.lock().get(&concert).map(|(_, up_to)| *up_to)
    }

    /// Returns true if the place of the user is probably active.
    fn covers(&self, concert: ConcertId, request: &UserRequest) -> bool {
        let up_to = self.up_to(concert);
        up_to.is_some_and(|up_to| request.only_reads(up_to))
    }

    /// Records the latest active arrival of these replies.
    fn record<'a>(&self, concert: ConcertId, replies: impl Iterator<Item = &'a UserReply>) {
        let latest = replies
            .filter_map(UserReply::active)
            .max_by_key(|(_, at)| *at);
        let Some((generation, last)) = latest else {
            return;
        };
        let mut known = self.lock();
        if known.len() >= QUEUES_MAX && !known.contains_key(&concert) {
            known.clear();
        }
        let up_to = known.entry(concert).or_insert((generation, last));
        // After a loss of the queue its users may wait again.
        *up_to = if up_to.0 == generation {
            (generation, last.max(up_to.1))
        } else {
            (generation, last)
        };
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ConcertId, (Generation, Arrival)>> {
        self.up_to.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Executes the batches as calls of scripts.
struct Scripts {
    runner: ScriptRunner,
    admitted: Arc<Admitted>,
}

impl Execute for Scripts {
    type Key = Route;
    type User = Member;
    type Request = UserRequest;
    type Response = StampedReply;
    type Error = StoreError;

    async fn execute(
        &self,
        route: &Route,
        mut batch: Batch<Self>,
    ) -> StoreResult<Vec<StampedReply>> {
        let requests = batch.take();
        let replies = self.replies(*route, &requests).await;
        if replies.is_err() {
            // Lets the `Reconnector` handle the fault before the connection is used again.
            yield_now().await;
        }
        replies
    }

    /// Returns true if the outcome is unknown, as after a reply that missed its time-out.
    fn has_timed_out(&self, error: &StoreError) -> bool {
        matches!(error, StoreError::OutcomeUnknown { .. })
    }
}

impl Scripts {
    /// Returns the replies to all requests, in their order. Tries the cheaper `CLAIMED` script
    /// first for places that are probably claimed, then runs the operation for the others.
    async fn replies(
        &self,
        route: Route,
        requests: &[UserRequest],
    ) -> StoreResult<Vec<StampedReply>> {
        let Route {
            operation, concert, ..
        } = route;
        let up_to = self
            .admitted
            .up_to(concert)
            .filter(|_| operation.may_only_read());
        let may_be_claimed =
            |request: &UserRequest| up_to.is_some_and(|up_to| request.only_reads(up_to));
        let probably_claimed: Vec<&UserRequest> = requests
            .iter()
            .filter(|request| may_be_claimed(request))
            .collect();
        if probably_claimed.is_empty() {
            return self.call(route, requests.iter()).await;
        }
        let claimed =
            operations::claimed(&self.runner, concert, probably_claimed.into_iter()).await?;
        let mut claimed = claimed.into_iter();
        let mut replies: Vec<Option<StampedReply>> = requests
            .iter()
            .map(|request| {
                let reply = may_be_claimed(request).then(|| claimed.next().flatten());
                reply.flatten().map(|reply| reply.map(Some))
            })
            .collect();
        let others: Vec<&UserRequest> = requests
            .iter()
            .zip(&replies)
            .filter(|(_, reply)| reply.is_none())
            .map(|(request, _)| request)
            .collect();
        if !others.is_empty() {
            let other_replies = self.call(route, others.iter().copied()).await?;
            let missing = replies.iter_mut().filter(|reply| reply.is_none());
            for (reply, other_reply) in missing.zip(other_replies) {
                *reply = Some(other_reply);
            }
        }
        Ok(replies.into_iter().flatten().collect())
    }

    /// Runs the operation of `route` for these requests, in one call.
    async fn call<'a>(
        &self,
        route: Route,
        requests: impl ExactSizeIterator<Item = &'a UserRequest> + Clone,
    ) -> StoreResult<Vec<StampedReply>> {
        let count = requests.len();
        let BatchReply { as_of, replies, .. } = route
            .operation
            .call(&self.runner, route.concert, requests)
            .await?;
        self.admitted
            .record(route.concert, replies.iter().flatten());
        let mut replies = replies.into_iter().flatten();
        let replies = (0..count).map(|_| Stamped {
            as_of,
            value: replies.next(),
        });
        Ok(replies.collect())
    }
}

impl fmt::Debug for Batches {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batches")
            .field("batcher", &self.batcher)
            .finish_non_exhaustive()
    }
}
