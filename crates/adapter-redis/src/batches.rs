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

/// The most users in one batch. Joins of that many users take the server about 1 ms.
const BATCH_MAX: usize = 100;

/// The most calls in flight for one [`Route`].
const CALLS_MAX: usize = 16;

/// The in-flight limit at the start, in users: what a server answers in some 15 ms.
const IN_FLIGHT_INITIAL: usize = 8 * BATCH_MAX;

/// The most pending requests: more than are ever answered within the queue time-out.
const PENDING_MAX: usize = 30_000;

/// The most pending requests of one user, besides the one in a batch.
const PENDING_PER_USER_MAX: usize = 100;

/// The most queues in [`Admitted`]. At one more it is cleared, and learned again from replies.
const QUEUES_MAX: usize = 1_000;

/// The reply to one request. None if the store does not have the queue.
pub(crate) type Answer = Stamped<Option<UserReply>>;

/// The batches of one store. Clones share them.
#[derive(Clone)]
pub(crate) struct Batches {
    calls: ScriptRunner,
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
    /// A request waits at most `queue_timeout` for its batch to begin.
    pub(crate) fn new(calls: ScriptRunner, queue_timeout: Duration) -> Self {
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
            calls: calls.clone(),
            admitted: Arc::clone(&admitted),
        };
        Self {
            calls,
            admitted,
            batcher: Batcher::new(limits, scripts),
        }
    }

    /// Adds a request to a batch of this operation and returns the reply. Errors at once while the
    /// server is known to be unreachable.
    pub(crate) async fn ask(
        &self,
        operation: UserOperation,
        concert: ConcertId,
        request: UserRequest,
    ) -> StoreResult<Answer> {
        if let Some(error) = self.calls.failure(Caller::Request) {
            return Err(error);
        }
        let route = Route {
            runtime: Handle::current().id(),
            operation,
            concert,
        };
        let priority = self.priority(operation, concert, &request);
        let answer = self
            .batcher
            .submit(route, request.member, priority, request)
            .await;
        answer.map_err(|error| match error {
            SubmitError::Failed(error) => error,
            SubmitError::Overloaded(why) => errors::unavailable(format!("overloaded: {why}")),
            SubmitError::Lost => {
                StoreError::outcome_unknown("the task of a call to Redis ended without a reply")
            }
        })
    }

    /// Look-ups are shed first, then joins, then look-ups of users who may be active. Requests at
    /// the gate and departures are not shed while anything else is pending.
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

/// How far admission has come in each queue, as far as this process knows from replies.
#[derive(Default)]
struct Admitted {
    /// For each queue, its generation and the latest arrival that a reply showed as active. Users
    /// are admitted in order, so those who arrived earlier usually do not wait any more.
    up_to: Mutex<HashMap<ConcertId, (Generation, Arrival)>>,
}

impl Admitted {
    /// The latest arrival in the queue of `concert` that is known to have been admitted.
    fn up_to(&self, concert: ConcertId) -> Option<Arrival> {
        self.lock().get(&concert).map(|(_, up_to)| *up_to)
    }

    /// True if the place of the user is probably active.
    fn covers(&self, concert: ConcertId, request: &UserRequest) -> bool {
        let up_to = self.up_to(concert);
        up_to.is_some_and(|up_to| request.only_looks(up_to))
    }

    /// Records the latest active arrival of these replies.
    fn note<'a>(&self, concert: ConcertId, told: impl Iterator<Item = &'a UserReply>) {
        let latest = told.filter_map(UserReply::active).max_by_key(|(_, at)| *at);
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
    calls: ScriptRunner,
    admitted: Arc<Admitted>,
}

impl Execute for Scripts {
    type Key = Route;
    type User = Member;
    type Request = UserRequest;
    type Response = Answer;
    type Error = StoreError;

    async fn execute(&self, route: &Route, mut batch: Batch<Self>) -> StoreResult<Vec<Answer>> {
        let people = batch.take();
        let answers = self.answers(*route, &people).await;
        if answers.is_err() {
            // Lets the `Reconnector` handle the fault before the connection is used again.
            yield_now().await;
        }
        answers
    }

    /// True if the outcome is unknown, which is what a reply that missed its time-out leaves.
    fn has_timed_out(&self, error: &StoreError) -> bool {
        matches!(error, StoreError::OutcomeUnknown { .. })
    }
}

impl Scripts {
    /// Returns the replies to all requests, in their order. Tries the cheaper `CLAIMED` script
    /// first for places that are probably claimed, then runs the operation for the others.
    async fn answers(&self, route: Route, people: &[UserRequest]) -> StoreResult<Vec<Answer>> {
        let Route {
            operation, concert, ..
        } = route;
        let up_to = self
            .admitted
            .up_to(concert)
            .filter(|_| operation.may_only_look());
        let may_be_claimed =
            |request: &UserRequest| up_to.is_some_and(|up_to| request.only_looks(up_to));
        let first: Vec<&UserRequest> = people
            .iter()
            .filter(|request| may_be_claimed(request))
            .collect();
        if first.is_empty() {
            return self.ask(route, people.iter()).await;
        }
        let claimed = operations::claimed(&self.calls, concert, first.into_iter()).await?;
        let mut claimed = claimed.into_iter();
        let mut answers: Vec<Option<Answer>> = people
            .iter()
            .map(|request| {
                let told = may_be_claimed(request).then(|| claimed.next().flatten());
                told.flatten().map(|told| told.map(Some))
            })
            .collect();
        let others: Vec<&UserRequest> = people
            .iter()
            .zip(&answers)
            .filter(|(_, answer)| answer.is_none())
            .map(|(request, _)| request)
            .collect();
        if !others.is_empty() {
            let told = self.ask(route, others.iter().copied()).await?;
            let missing = answers.iter_mut().filter(|answer| answer.is_none());
            for (answer, told) in missing.zip(told) {
                *answer = Some(told);
            }
        }
        Ok(answers.into_iter().flatten().collect())
    }

    /// Runs the operation of `route` for these requests, in one call.
    async fn ask<'a>(
        &self,
        route: Route,
        people: impl ExactSizeIterator<Item = &'a UserRequest> + Clone,
    ) -> StoreResult<Vec<Answer>> {
        let count = people.len();
        let BatchReply { as_of, told, .. } = route
            .operation
            .ask(&self.calls, route.concert, people)
            .await?;
        self.admitted.note(route.concert, told.iter().flatten());
        let mut told = told.into_iter().flatten();
        let answers = (0..count).map(|_| Stamped {
            as_of,
            value: told.next(),
        });
        Ok(answers.collect())
    }
}

impl fmt::Debug for Batches {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batches")
            .field("batcher", &self.batcher)
            .finish_non_exhaustive()
    }
}
