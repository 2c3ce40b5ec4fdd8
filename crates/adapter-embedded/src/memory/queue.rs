//! The in-process queues, and the port [`Queue`] on them.

use std::{
    collections::HashMap,
    fmt, mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use async_trait::async_trait;
use frontrow_domain::{
    model::{
        ConcertId, UserId, micros,
        queue::{GatePurpose, Ticket},
    },
    ports::{
        Clock, GateOutcome, JoinOutcome, LeaveOutcome, LookUpOutcome, Queue, Stamped, StoreResult,
    },
};
use jiff::Timestamp;

use super::state::QueueState;

/// The queues of one process, in its memory.
///
/// # Positions
/// Positions are exact, except that expired places count until a tick has removed them.
///
/// # Cost
/// Every call costs the logarithm of the queue's length. Only ticks remove expired places, and
/// each call removes at most the number that its caller sets.
///
/// A queue has one lock, held for microseconds and never across an await. Queues do not wait for
/// each other.
///
/// A waiting user takes about 200 bytes.
///
/// # Loss
/// All queues end with the process, as [`Queue`] describes under *Loss*, unless a
/// [`QueueImageFile`](super::QueueImageFile) carries them over.
pub struct MemoryQueue {
    clock: Arc<dyn Clock>,
    /// Changed only when a queue is added or removed.
    queues: RwLock<HashMap<ConcertId, Arc<Mutex<QueueState>>>>,
}

impl MemoryQueue {
    /// Makes a store without queues. `clock` is the time of all queues.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            queues: RwLock::default(),
        }
    }

    /// Returns the time, in whole microseconds.
    pub(super) fn now(&self) -> Timestamp {
        micros(self.clock.now())
    }

    /// Returns the queue of `concert`. None if it was not seeded.
    pub(super) fn find(&self, concert: ConcertId) -> Option<Arc<Mutex<QueueState>>> {
        self.read().get(&concert).map(Arc::clone)
    }

    /// Returns all queues, for reads that do not block the seeding of new ones.
    pub(super) fn all(&self) -> Vec<(ConcertId, Arc<Mutex<QueueState>>)> {
        self.read()
            .iter()
            .map(|(concert, queue)| (*concert, Arc::clone(queue)))
            .collect()
    }

    /// Locks the map of queues, to add or remove one.
    pub(super) fn write(&self) -> RwLockWriteGuard<'_, HashMap<ConcertId, Arc<Mutex<QueueState>>>> {
        self.queues.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes all queues out, as at the end of the process, and returns them with the instant. Later
    /// calls find none.
    pub(super) fn take_all(&self) -> (Timestamp, Vec<Arc<Mutex<QueueState>>>) {
        let taken = mem::take(&mut *self.write());
        (self.now(), taken.into_values().collect())
    }

    /// Adds queues that are not there.
    pub(super) fn put_all(&self, states: Vec<QueueState>) {
        let mut queues = self.write();
        for state in states {
            queues.insert(state.concert, Arc::new(Mutex::new(state)));
        }
    }

    /// Runs `visit` on the queue of `concert`. None if there is no such queue.
    ///
    /// The clock is read under the queue's lock, so that answers are stamped in the order in which
    /// they became true.
    pub(super) fn visit<T>(
        &self,
        concert: ConcertId,
        visit: impl FnOnce(&mut QueueState, Timestamp) -> T,
    ) -> Stamped<Option<T>> {
        let Some(queue) = self.find(concert) else {
            return Stamped {
                as_of: self.now(),
                value: None,
            };
        };
        let mut state = lock(&queue);
        let now = self.now();
        Stamped {
            as_of: now,
            value: Some(visit(&mut state, now)),
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, HashMap<ConcertId, Arc<Mutex<QueueState>>>> {
        self.queues.read().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Locks a queue, and ignores poisoning. A panic under the lock is a bug, but fails only one
/// request. The queue stays usable.
pub(super) fn lock(queue: &Mutex<QueueState>) -> MutexGuard<'_, QueueState> {
    queue.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for MemoryQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryQueue")
            .field("queues", &self.read().len())
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl Queue for MemoryQueue {
    async fn join(
        &self,
        concert: ConcertId,
        user: &UserId,
        shown: Option<Ticket>,
    ) -> StoreResult<Stamped<JoinOutcome>> {
        let answer = self.visit(concert, |queue, now| queue.join(user, shown.as_ref(), now));
        Ok(answer.map(|outcome| outcome.unwrap_or(JoinOutcome::NotSeeded)))
    }

    async fn look_up(&self, ticket: &Ticket) -> StoreResult<Stamped<LookUpOutcome>> {
        let answer = self.visit(ticket.concert, |queue, now| queue.look_up(ticket, now));
        Ok(answer.map(|outcome| outcome.unwrap_or(LookUpOutcome::NotSeeded)))
    }

    async fn pass_gate(
        &self,
        ticket: &Ticket,
        purpose: GatePurpose,
    ) -> StoreResult<Stamped<GateOutcome>> {
        let answer = self.visit(ticket.concert, |queue, now| {
            queue.pass_gate(ticket, purpose, now)
        });
        Ok(answer.map(|outcome| outcome.unwrap_or(GateOutcome::NotSeeded)))
    }

    async fn leave(&self, ticket: &Ticket) -> StoreResult<Stamped<LeaveOutcome>> {
        let answer = self.visit(ticket.concert, |queue, now| queue.leave(ticket, now));
        Ok(answer.map(|outcome| outcome.unwrap_or(LeaveOutcome::NotSeeded)))
    }
}
