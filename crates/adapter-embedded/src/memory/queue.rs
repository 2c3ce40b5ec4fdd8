//! The queues of a process.

use std::{
    collections::HashMap,
    fmt,
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

/// How many places that are past their end are removed before others get their turn: one to two
/// milliseconds' worth.
const CHUNK: u32 = 1_024;

/// The waiting rooms of one process, in its memory.
///
/// # Positions
/// They are exact: who left, was admitted or is past their end is counted no more from that very
/// instant, whether or not a tick has come by.
///
/// # Cost
/// Every call costs the logarithm of the queue's length. A call that finds places past their end
/// removes them before it does its own work; each is removed once, so that this is paid for by its
/// join. Where very many end in the same instant, they are removed in chunks: between two of them
/// the queue's lock and the thread are given up. A queue without ticks owes them all to its next
/// caller, who then waits about a microsecond for each, and blocks nobody else.
///
/// A queue has one lock, held for microseconds and never while something is awaited. Queues do not
/// wait for each other.
///
/// A waiting user takes about 200 bytes.
///
/// # Loss
/// Everything ends with the process, as [`Queue`] describes under *Loss*.
pub struct MemoryQueue {
    clock: Arc<dyn Clock>,
    /// Changed only when a queue is given for the first time, or removed.
    queues: RwLock<HashMap<ConcertId, Arc<Mutex<QueueState>>>>,
}

impl MemoryQueue {
    /// No queues yet. `clock` is what time it is in all of them.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            queues: RwLock::default(),
        }
    }

    /// Now, in whole microseconds.
    pub(super) fn now(&self) -> Timestamp {
        micros(self.clock.now())
    }

    /// The queue of `concert`, if it was given.
    pub(super) fn find(&self, concert: ConcertId) -> Option<Arc<Mutex<QueueState>>> {
        self.read().get(&concert).map(Arc::clone)
    }

    /// All queues, to be looked at without holding up requests for new ones.
    pub(super) fn all(&self) -> Vec<(ConcertId, Arc<Mutex<QueueState>>)> {
        self.read()
            .iter()
            .map(|(concert, queue)| (*concert, Arc::clone(queue)))
            .collect()
    }

    /// To add a queue.
    pub(super) fn write(&self) -> RwLockWriteGuard<'_, HashMap<ConcertId, Arc<Mutex<QueueState>>>> {
        self.queues.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does `visit` in the queue of `concert`, once nothing in it is past its end. None where there
    /// is no such queue.
    ///
    /// The clock is read under the queue's lock, so that answers are stamped in the order in which
    /// they became true.
    pub(super) async fn visit<T>(
        &self,
        concert: ConcertId,
        visit: impl FnOnce(&mut QueueState, Timestamp) -> T + Send,
    ) -> Stamped<Option<T>> {
        let Some(queue) = self.find(concert) else {
            return Stamped {
                as_of: self.now(),
                value: None,
            };
        };
        loop {
            {
                let mut state = lock(&queue);
                let now = self.now();
                if state.settle(now, CHUNK).entirely {
                    return Stamped {
                        as_of: now,
                        value: Some(visit(&mut state, now)),
                    };
                }
            }
            tokio::task::yield_now().await;
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, HashMap<ConcertId, Arc<Mutex<QueueState>>>> {
        self.queues.read().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The queue behind its lock. A panic under the lock would be a bug that cost one request; the queue
/// goes on.
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
        let answer = self
            .visit(concert, |queue, now| queue.join(user, shown.as_ref(), now))
            .await;
        Ok(answer.map(|outcome| outcome.unwrap_or(JoinOutcome::NotSeeded)))
    }

    async fn look_up(&self, ticket: &Ticket) -> StoreResult<Stamped<LookUpOutcome>> {
        let answer = self
            .visit(ticket.concert, |queue, now| queue.look_up(ticket, now))
            .await;
        Ok(answer.map(|outcome| outcome.unwrap_or(LookUpOutcome::NotSeeded)))
    }

    async fn pass_gate(
        &self,
        ticket: &Ticket,
        purpose: GatePurpose,
    ) -> StoreResult<Stamped<GateOutcome>> {
        let answer = self
            .visit(ticket.concert, |queue, now| {
                queue.pass_gate(ticket, purpose, now)
            })
            .await;
        Ok(answer.map(|outcome| outcome.unwrap_or(GateOutcome::NotSeeded)))
    }

    async fn leave(&self, ticket: &Ticket) -> StoreResult<Stamped<LeaveOutcome>> {
        let answer = self
            .visit(ticket.concert, |queue, now| queue.leave(ticket, now))
            .await;
        Ok(answer.map(|outcome| outcome.unwrap_or(LeaveOutcome::NotSeeded)))
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::{AtomicI64, Ordering},
        time::Duration,
    };

    use frontrow_domain::{
        model::queue::{
            Generation, PolicyState, PolicyVersion, QueuePolicy, QueueSeed, Standing,
            VersionedPolicy,
        },
        ports::{QueueControl, QueueTicks, TickOutcome},
    };
    use uuid::Uuid;

    use super::*;

    const CONCERT: ConcertId = ConcertId(Uuid::nil());

    struct Seconds(AtomicI64);

    impl Clock for Seconds {
        fn now(&self) -> Timestamp {
            Timestamp::from_second(self.0.load(Ordering::Relaxed)).unwrap()
        }
    }

    async fn paused_queue(clock: &Arc<Seconds>) -> MemoryQueue {
        let policy = QueuePolicy {
            state: PolicyState::Paused,
            waiting_ttl: Duration::from_mins(5),
            ..QueuePolicy::default()
        };
        let seed = QueueSeed {
            concert: CONCERT,
            policy: VersionedPolicy {
                policy,
                version: PolicyVersion(1),
            },
            generation: Generation(1),
            recovery: None,
        };
        let queue = MemoryQueue::new(clock.clone());
        queue.seed(&seed).await.unwrap();
        queue
    }

    async fn joined(queue: &MemoryQueue, name: &str) -> Ticket {
        let user = UserId::try_from(name).unwrap();
        match queue.join(CONCERT, &user, None).await.unwrap().value {
            JoinOutcome::Joined(place) => place.ticket,
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn when_many_chunks_end_at_once_nobody_sees_any_of_them_again() {
        let clock = Arc::new(Seconds(AtomicI64::new(0)));
        let queue = paused_queue(&clock).await;
        let mut silent = Vec::new();
        for number in 0..CHUNK * 4 {
            silent.push(joined(&queue, &format!("silent-{number}")).await);
        }
        let loud = joined(&queue, "loud").await;
        for second in (0..=300).step_by(5) {
            clock.0.store(second, Ordering::Relaxed);
            // A tick that removes nobody keeps the queue in service all the same.
            queue.expire(CONCERT, 0).await.unwrap();
            if second < 300 {
                queue.look_up(&loud).await.unwrap();
            }
        }
        let LookUpOutcome::Found(place) = queue.look_up(&loud).await.unwrap().value else {
            panic!("gone");
        };
        let alone = Standing::Waiting {
            position: 1,
            behind: 0,
            admitted: 0,
        };
        assert_eq!(place.standing, alone);
        let looked_up = queue.look_up(silent.first().unwrap()).await.unwrap().value;
        assert_eq!(looked_up, LookUpOutcome::Gone);
        let ticked = queue.admit(CONCERT, 10).await.unwrap().value;
        let TickOutcome::Ticked(report) = ticked else {
            panic!("{ticked:?}");
        };
        assert_eq!((report.done, report.waiting), (0, 1));
        assert_eq!(report.departed, u64::from(CHUNK) * 4);
    }
}
