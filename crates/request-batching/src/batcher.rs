//! The batcher, to which callers submit requests.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    runtime::Handle,
    sync::oneshot,
    time::{Instant, timeout_at},
};

use crate::{
    Execute, Limits, Overload, Priority, Stats, SubmitError,
    call::Call,
    pending::{Answer, Submission},
    slab::Index,
    state::State,
    steps::Start,
};

/// Lets concurrent requests share calls. Clones share all bounds.
pub struct Batcher<E: Execute> {
    inner: Arc<Inner<E>>,
}

/// The state that all clones and calls of a batcher share.
pub(crate) struct Inner<E: Execute> {
    pub(crate) executor: E,
    pub(crate) queue_timeout: Duration,
    state: Mutex<State<E>>,
}

impl<E: Execute> Batcher<E> {
    /// Creates a batcher that makes calls with `executor`, within `limits`.
    #[must_use]
    pub fn new(limits: Limits, executor: E) -> Self {
        Self {
            inner: Arc::new(Inner {
                executor,
                queue_timeout: limits.queue_timeout,
                state: Mutex::new(State::new(limits)),
            }),
        }
    }

    /// Executes `request` in a call with others of the same `key`, and returns its response. The
    /// request is pending once the future is polled.
    ///
    /// If the future is dropped before its call begins, the request is withdrawn. If it is dropped
    /// later, the call goes on.
    ///
    /// # Errors
    ///
    /// [`SubmitError::Overloaded`] if the call of the request did not begin,
    /// [`SubmitError::Failed`] if its call failed, [`SubmitError::Lost`] if its call ended without
    /// a response.
    ///
    /// # Panics
    ///
    /// Panics outside of a Tokio runtime with timers.
    pub async fn submit(
        &self,
        key: E::Key,
        user: E::User,
        priority: Priority,
        request: E::Request,
    ) -> Result<E::Response, SubmitError<E::Error>> {
        let (reply, mut answer) = oneshot::channel();
        let since = now();
        let submission = Submission {
            owner: (0, user),
            priority,
            since,
            runtime: Handle::current(),
            request,
            reply,
            number: 0,
            is_parked: false,
        };
        let Some(pending) = self.inner.submit(&key, submission)? else {
            // Its call begins now.
            return answered::<E>(answer.await);
        };
        // There is no deadline if it would be beyond the range of `Instant`.
        if let Some(deadline) = since.checked_add(self.inner.queue_timeout) {
            match timeout_at(deadline, &mut answer).await {
                Ok(result) => return pending.complete(result),
                Err(_) if pending.withdraw(Some(Overload::TimedOut)) => {
                    return Err(SubmitError::Overloaded(Overload::TimedOut));
                }
                // Its call has begun.
                Err(_) => {}
            }
        }
        pending.complete(answer.await)
    }

    /// Refuses all new requests. Pending requests are still served, and calls in flight end.
    pub fn close(&self) {
        self.inner.state().close();
    }

    /// Returns the statistics of this instant.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.inner.state().stats()
    }
}

impl<E: Execute> Inner<E> {
    pub(crate) fn state(&self) -> MutexGuard<'_, State<E>> {
        lock(&self.state)
    }

    /// Makes a request pending. Returns None if its call begins now.
    fn submit(
        self: &Arc<Self>,
        key: &E::Key,
        submission: Submission<E>,
    ) -> Result<Option<PendingRequest<'_, E>>, SubmitError<E::Error>> {
        let submitted = self.state().submit(key, submission);
        let submitted =
            submitted.map_err(|(reason, _submission)| SubmitError::Overloaded(reason))?;
        if let Some(displaced) = submitted.displaced {
            displaced.submission.refuse(Overload::Shed);
        }
        let first = submitted.start.as_ref().map(|start| start.first.number);
        self.begin(submitted.start);
        let is_pending = first != Some(submitted.number);
        Ok(is_pending.then_some(PendingRequest {
            inner: self,
            index: submitted.index,
            number: submitted.number,
            is_used: false,
        }))
    }

    /// Begins a call, and the further ones that may begin after it.
    pub(crate) fn begin(self: &Arc<Self>, mut start: Option<Start<E>>) {
        while let Some(begun) = start {
            let goes_on = self.spawn(begun);
            start = if goes_on {
                self.state().next_call()
            } else {
                None
            };
        }
    }

    /// Begins a call in a task of its own. Returns true if another may begin.
    pub(crate) fn spawn(self: &Arc<Self>, start: Start<E>) -> bool {
        let (runtime, more) = (start.first.runtime.clone(), start.more);
        let call = Call::new(Arc::clone(self), start);
        let shared = Arc::clone(call.shared());
        self.executor.spawn(&runtime, call.run());
        // A task that was dropped at once has freed its capacity, and leaves the next call to the
        // loop of the caller. If each dropped task began the next call itself, they would pile up
        // on the stack.
        let is_dropped = shared.hand_over();
        more || is_dropped
    }
}

/// A pending request. Dropping it withdraws the request.
struct PendingRequest<'a, E: Execute> {
    inner: &'a Inner<E>,
    index: Index,
    number: u64,
    is_used: bool,
}

impl<E: Execute> PendingRequest<'_, E> {
    /// Withdraws the request. Returns true if it was still pending.
    fn withdraw(&self, reason: Option<Overload>) -> bool {
        let removed = self.inner.state().withdraw(self.index, self.number, reason);
        removed.is_some()
    }

    fn complete(mut self, result: Result<Answer<E>, oneshot::error::RecvError>) -> Answer<E> {
        self.is_used = true;
        answered::<E>(result)
    }
}

impl<E: Execute> Drop for PendingRequest<'_, E> {
    fn drop(&mut self) {
        if !self.is_used {
            self.withdraw(None);
        }
    }
}

fn answered<E: Execute>(result: Result<Answer<E>, oneshot::error::RecvError>) -> Answer<E> {
    result.unwrap_or(Err(SubmitError::Lost))
}

impl<E: Execute> Clone for Batcher<E> {
    fn clone(&self) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
        }
    }
}

impl<E: Execute> fmt::Debug for Batcher<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batcher")
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "it measures how long requests wait and calls take"
)]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// Locks, and ignores poisoning: no function panics halfway under a lock, unless hashing or
/// comparing a key or a user panics.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
