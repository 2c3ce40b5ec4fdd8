//! Users who ask for the same at the same time share a call.
//!
//! A call costs the server and the driver much more than one user in it: the hash of the script, the keys,
//! the clock, the terms. A script handles the users of a call one after the other, as if each had come
//! alone. Most users who ask where their active place is, or show it at the gate, have claimed it before,
//! and nothing changes: a cheaper script answers those.
//!
//! How many users are in calls at a time follows the latency of the server ([`InFlight::Adaptive`]): it has
//! one thread, so when it is busy, more calls at once would only wait for each other, beyond the time-out
//! of an answer in the end.

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
    operations::{self, Operation},
    script_runner::{Caller, ScriptRunner},
    user_requests::{BatchReply, UserReply, UserRequest},
};

/// How many users one call is about at most. Joining all of them takes the server about a millisecond.
const BATCH_MAX: usize = 100;

/// How many calls of a key are in flight at most.
const CALLS_MAX: usize = 16;

/// How many users are in calls at first: what a server answers in some 15 ms.
const IN_FLIGHT_INITIAL: usize = 8 * BATCH_MAX;

/// How many requests are pending at most: more than are ever answered within the queue time-out.
const PENDING_MAX: usize = 30_000;

/// How many requests of one user are pending at most, beside the one in a call.
const PENDING_PER_USER_MAX: usize = 100;

/// Of how many queues is remembered how far admission has come. More are learned again.
const QUEUES_MAX: usize = 1_000;

/// What a user is answered. None where the store does not have the queue.
pub(crate) type Answer = Stamped<Option<UserReply>>;

/// The calls that users share.
#[derive(Clone)]
pub(crate) struct Batches {
    calls: ScriptRunner,
    admitted: Arc<Admitted>,
    batcher: Batcher<Scripts>,
}

/// Requests of one key may share a call. Each runtime has its own connection, and its tasks are woken at
/// no cost to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Route {
    runtime: Id,
    question: Operation,
    concert: ConcertId,
}

impl Batches {
    /// No request waits for longer than `queue_timeout` for its call to begin.
    pub(crate) fn new(calls: ScriptRunner, queue_timeout: Duration) -> Self {
        let limits = Limits {
            batch_max: BATCH_MAX,
            pending_max: PENDING_MAX,
            pending_per_user_max: PENDING_PER_USER_MAX,
            queue_timeout,
            calls_per_key_max: CALLS_MAX,
            // They share connections, and what they cost is bounded by what is in flight.
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

    /// Asks this about `person`.
    pub(crate) async fn ask(
        &self,
        question: Operation,
        concert: ConcertId,
        person: UserRequest,
    ) -> StoreResult<Answer> {
        if let Some(error) = self.calls.failure(Caller::Request) {
            return Err(error);
        }
        let route = Route {
            runtime: Handle::current().id(),
            question,
            concert,
        };
        let priority = self.priority(question, concert, &person);
        let answer = self
            .batcher
            .submit(route, person.member, priority, person)
            .await;
        answer.map_err(|error| match error {
            SubmitError::Failed(error) => error,
            SubmitError::Overloaded(why) => errors::unavailable(format!("overloaded: {why}")),
            SubmitError::Lost => StoreError::outcome_unknown("a call to Redis was given up"),
        })
    }

    /// Look-ups are shed first, but for those of users who may be active, then joins; the gate and
    /// departures are not shed while anything else is pending.
    fn priority(&self, question: Operation, concert: ConcertId, person: &UserRequest) -> Priority {
        match question {
            Operation::PassGate | Operation::Leave => Priority::Urgent,
            Operation::LookUp if self.admitted.covers(concert, person) => Priority::High,
            Operation::Join => Priority::Normal,
            Operation::LookUp => Priority::Low,
        }
    }
}

/// How far admission has come, as far as this process knows.
#[derive(Default)]
struct Admitted {
    /// The latest arrival, in each generation of a queue, of a user who was answered that they are
    /// active. Users are admitted in order, so nobody waits any more who came before.
    up_to: Mutex<HashMap<ConcertId, (Generation, Arrival)>>,
}

impl Admitted {
    /// The latest arrival in the queue of `concert` that is known to have been admitted.
    fn up_to(&self, concert: ConcertId) -> Option<Arrival> {
        self.lock().get(&concert).map(|(_, up_to)| *up_to)
    }

    /// True where the place of `person` may well be active.
    fn covers(&self, concert: ConcertId, person: &UserRequest) -> bool {
        let up_to = self.up_to(concert);
        up_to.is_some_and(|up_to| person.only_looks(up_to))
    }

    /// Remembers which users were admitted.
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
        // In a queue that was lost, everybody may wait again.
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

/// Runs the calls.
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
            // The task that looks after the connection learns of it before the connection is used again.
            yield_now().await;
        }
        answers
    }

    /// An answer that did not come in time leaves open whether the call took effect.
    fn has_timed_out(&self, error: &StoreError) -> bool {
        matches!(error, StoreError::OutcomeUnknown { .. })
    }
}

impl Scripts {
    /// First those of places that may well be claimed.
    async fn answers(&self, route: Route, people: &[UserRequest]) -> StoreResult<Vec<Answer>> {
        let Route {
            question, concert, ..
        } = route;
        let up_to = self
            .admitted
            .up_to(concert)
            .filter(|_| question.may_only_look());
        let may_be_claimed =
            |person: &UserRequest| up_to.is_some_and(|up_to| person.only_looks(up_to));
        let first: Vec<&UserRequest> = people
            .iter()
            .filter(|person| may_be_claimed(person))
            .collect();
        if first.is_empty() {
            return self.ask(route, people.iter()).await;
        }
        let claimed = operations::claimed(&self.calls, concert, first.into_iter()).await?;
        let mut claimed = claimed.into_iter();
        let mut answers: Vec<Option<Answer>> = people
            .iter()
            .map(|person| {
                let told = may_be_claimed(person).then(|| claimed.next().flatten());
                told.flatten().map(|told| told.map(Some))
            })
            .collect();
        let others: Vec<&UserRequest> = people
            .iter()
            .zip(&answers)
            .filter(|(_, answer)| answer.is_none())
            .map(|(person, _)| person)
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

    async fn ask<'a>(
        &self,
        route: Route,
        people: impl ExactSizeIterator<Item = &'a UserRequest> + Clone,
    ) -> StoreResult<Vec<Answer>> {
        let count = people.len();
        let BatchReply { as_of, told, .. } = route
            .question
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
