//! Answers many who wait from one look at their line.

mod attempts;
mod cached_place;
mod capacity;
mod counts;
mod departed;
mod due_order;
mod queue_cache;
mod refused;
mod shard;
mod tombstones;

#[cfg(test)]
mod tests;

use std::{
    collections::{HashMap, hash_map::Entry},
    fmt,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use async_trait::async_trait;
use futures_util::lock::Mutex;
use jiff::Timestamp;

pub use self::counts::LookUpCounts;
use self::{
    cached_place::Snapshot,
    capacity::Capacity,
    counts::Counters,
    queue_cache::{QueueCache, SnapshotSource},
    shard::Answer,
};
use crate::{
    model::{
        ConcertId, UserId,
        queue::{Departures, GatePurpose, Heartbeat, LineSnapshot, Ticket},
    },
    ports::{
        Clock, GateOutcome, JoinOutcome, LeaveOutcome, LookUpOutcome, Queue, QueueSnapshots,
        Stamped, StoreResult,
    },
};

/// A queue that answers those who wait from one look at their line, shared by all who ask this
/// instance.
///
/// It stands before a queue's store and keeps its contract, but for the age of what it tells: a
/// look-up of somebody whom this instance has lately found waiting in the store may be answered from
/// a snapshot up to [`SnapshotQueue::MAX_AGE`] old, as its instant says. Everything else is asked of the
/// store, the gate always, and what the store answers is remembered.
///
/// # When a snapshot is enough
/// A snapshot tells who was admitted, and who left, at any instance. What it cannot tell, a user is asked
/// of the store for: anybody not found there for one and a half times
/// [`LineSnapshot::heartbeat_within`](crate::model::queue::LineSnapshot::heartbeat_within), while people come back
/// after a loss, and when the store's clock has stepped back. Whoever leaves through this instance is
/// forgotten at once.
///
/// # Slow answers
/// The store may take longer to answer than a snapshot lasts. An answer that was asked for before the
/// newest snapshot is remembered all the same, unless its user has left since or it took longer than 10 s.
///
/// # Positions
/// They follow from the last one that the store told and from how many were admitted since, so they
/// are over-stated only by people who left since; through one instance they never grow. How many wait
/// behind is what remains of those who wait.
///
/// # Signs of life
/// A look-up that is answered here is a heartbeat that the store does not see.
/// [`SnapshotQueue::flush_heartbeats`] tells the last one of each user, with its instant, when
/// [`LineSnapshot::heartbeat_within`](crate::model::queue::LineSnapshot::heartbeat_within) has passed since the one
/// that the store has. The store answers where the place is, so a user who polls one instance is
/// taken up in the store once.
///
/// A request that the store refuses, for overload or because it is down, is a heartbeat too. It is
/// told as soon as the store takes it.
///
/// # Failures
/// Where a snapshot fails, those who are remembered are answered from the last one for up to
/// [`SnapshotQueue::STALE_MAX`], as its instant says, and the others ask the store directly. The next
/// snapshot is taken 500 ms later at the earliest, so that a store that has too much to do is not asked
/// for one by each request.
pub struct SnapshotQueue {
    queue: Arc<dyn Queue>,
    source: SnapshotSource,
    capacity: Arc<Capacity>,
    counters: Counters,
    caches: RwLock<HashMap<ConcertId, Arc<QueueCache>>>,
    /// Signs of life are told by one at a time: of two, the second would tell them again.
    telling: Mutex<()>,
}

impl SnapshotQueue {
    /// How old a snapshot may be, by this instance's clock, when somebody is answered from it.
    pub const MAX_AGE: Duration = Duration::from_millis(500);

    /// How old a snapshot may be, by this instance's clock, when somebody is answered from it because
    /// newer ones fail.
    pub const STALE_MAX: Duration = Duration::from_secs(5);

    /// How many users an instance remembers unless told otherwise, in about 200 bytes each.
    pub const MOST_USERS: usize = 1_000_000;

    /// How often the store is told of a queue's heartbeats in one run at most; what is left is
    /// told by the next.
    const CALLS: usize = 800;

    /// For how long the store is not told of somebody at most, in longest pauses between two polls. A
    /// waiting time to live is four of them at least, so a policy that shortens it finds a heartbeat
    /// in the store of everybody who polls.
    const LONGEST_SILENCE: u32 = 2;

    /// Answers for `queue`, whose lines `line` shows, and remembers `most_users` at most: others ask
    /// the store. `clock` says how old a snapshot is, `longest_poll` is the longest pause that anybody is
    /// told to make between two polls.
    #[must_use]
    pub fn new(
        queue: Arc<dyn Queue>,
        line: Arc<dyn QueueSnapshots>,
        clock: Arc<dyn Clock>,
        most_users: usize,
        longest_poll: Duration,
    ) -> Self {
        Self {
            queue,
            source: SnapshotSource {
                line,
                clock,
                longest_silence: longest_poll * Self::LONGEST_SILENCE,
            },
            capacity: Arc::new(Capacity::new(most_users)),
            counters: Counters::default(),
            caches: RwLock::default(),
            telling: Mutex::default(),
        }
    }

    /// Tells the store of the heartbeats that were held back for long enough, remembers where it finds
    /// their users, and forgets users who were silent; returns how many it told. Drops what is known of
    /// queues for which nobody asks any more. To be called every second or so.
    ///
    /// # Errors
    /// When the queues' store fails. What it was not told is kept for the next run; other queues are
    /// told meanwhile. Signs are told also where only snapshots fail.
    pub async fn flush_heartbeats(&self) -> StoreResult<u64> {
        let _turn = self.telling.lock().await;
        let mut told = 0;
        let mut result = Ok(());
        for (concert, cache) in self.all() {
            match self.flush_heartbeats_of(concert, &cache).await {
                Ok(count) => told += count,
                Err(error) => result = result.and(Err(error)),
            }
        }
        self.drop_unused();
        result.map(|()| told)
    }

    /// The newest look at the line of `concert`, at most [`SnapshotQueue::MAX_AGE`] old. The concert
    /// is one that there is.
    ///
    /// # Errors
    /// When the queues' store fails.
    pub async fn line(&self, concert: ConcertId) -> StoreResult<SharedSnapshot> {
        let cache = self.cache(concert);
        cache.newest(&self.source).await.map(SharedSnapshot)
    }

    /// What this instance has counted since its start.
    #[must_use]
    pub fn counts(&self) -> LookUpCounts {
        self.counters.read()
    }

    /// The places in the line of `concert` that ended since this was last asked: of users who left,
    /// at any instance, and of places that ended through this one. Asked by one follower of the
    /// line alone, after each snapshot.
    #[must_use]
    pub fn departed(&self, concert: ConcertId) -> Departures {
        self.cache(concert).take_departed()
    }

    /// Nobody follows the line of `concert` any more.
    pub fn stop_following(&self, concert: ConcertId) {
        if let Some(cache) = self.find(concert) {
            cache.stop_following();
        }
    }

    async fn flush_heartbeats_of(
        &self,
        concert: ConcertId,
        cache: &Arc<QueueCache>,
    ) -> StoreResult<u64> {
        if !cache.remembers_anybody() {
            return Ok(0);
        }
        let fresh = cache.freshen(&self.source).await;
        let now = self.source.clock.now();
        let mut told = 0;
        for _ in 0..Self::CALLS {
            let heartbeats = cache.due_heartbeats(Heartbeat::BATCH_MAX, now);
            if heartbeats.is_empty() {
                break;
            }
            let version = cache.version();
            let found = self
                .source
                .line
                .record_heartbeats(concert, &heartbeats)
                .await?;
            if found
                .iter()
                .any(|found| found.value == LookUpOutcome::NotSeeded)
            {
                break;
            }
            cache.told(version, &heartbeats, &found);
            self.counters.wrote_heartbeats(heartbeats.len() as u64);
            told += heartbeats.len() as u64;
        }
        fresh.map(|()| told)
    }

    /// Drops what is known of queues for which nobody asks any more.
    fn drop_unused(&self) {
        let now = self.source.clock.now();
        let caches = self.all().into_iter();
        let unused: Vec<_> = caches
            .filter(|(_, cache)| cache.is_unused(now))
            .map(|(concert, _)| concert)
            .collect();
        if unused.is_empty() {
            return;
        }
        let mut caches = self.caches.write().unwrap_or_else(PoisonError::into_inner);
        for concert in unused {
            // Others get it under the lock alone: where it is nobody's else, it stays so.
            if let Entry::Occupied(entry) = caches.entry(concert)
                && Arc::strong_count(entry.get()) == 1
                && entry.get().is_unused(now)
            {
                entry.remove();
            }
        }
        caches.shrink_to_fit();
    }

    /// Keeps the heartbeat of a request that the store has refused.
    fn heard(&self, ticket: &Ticket) {
        let now = self.source.clock.now();
        self.cache(ticket.concert).heard(ticket, now);
    }

    /// What is known of a queue in which somebody has been taken up.
    fn find(&self, concert: ConcertId) -> Option<Arc<QueueCache>> {
        let caches = self.caches.read().unwrap_or_else(PoisonError::into_inner);
        caches.get(&concert).map(Arc::clone)
    }

    /// As [`SnapshotQueue::find`], for a concert that a token names: only those are watched, so that
    /// there are no more than there were ever queues.
    fn cache(&self, concert: ConcertId) -> Arc<QueueCache> {
        self.find(concert).unwrap_or_else(|| {
            let mut caches = self.caches.write().unwrap_or_else(PoisonError::into_inner);
            let cache = caches
                .entry(concert)
                .or_insert_with(|| Arc::new(QueueCache::new(concert, Arc::clone(&self.capacity))));
            Arc::clone(cache)
        })
    }

    fn all(&self) -> Vec<(ConcertId, Arc<QueueCache>)> {
        let caches = self.caches.read().unwrap_or_else(PoisonError::into_inner);
        caches
            .iter()
            .map(|(concert, cache)| (*concert, Arc::clone(cache)))
            .collect()
    }
}

/// A look at a line, shared by all who ask.
#[derive(Debug, Clone)]
pub struct SharedSnapshot(Arc<Snapshot>);

impl SharedSnapshot {
    /// When it was true, by the store's clock.
    #[must_use]
    pub fn as_of(&self) -> Timestamp {
        self.0.as_of
    }

    /// True where it is new enough to be shown at `now`, by the clock of the instance that took it.
    #[must_use]
    pub fn is_fresh(&self, now: Timestamp) -> bool {
        self.0.is_within(SnapshotQueue::MAX_AGE, now)
    }

    /// True if it was requested after `other`.
    #[must_use]
    pub fn is_newer_than(&self, other: &Self) -> bool {
        self.0.asked_at > other.0.asked_at
    }

    /// The line. None where the store has no such queue.
    #[must_use]
    pub fn line(&self) -> Option<&LineSnapshot> {
        self.0.line.as_ref()
    }
}

#[async_trait]
impl Queue for SnapshotQueue {
    async fn join(
        &self,
        concert: ConcertId,
        user: &UserId,
        shown: Option<Ticket>,
    ) -> StoreResult<Stamped<JoinOutcome>> {
        let cache = self.find(concert).map(|cache| (cache.version(), cache));
        let answer = self.queue.join(concert, user, shown.clone()).await;
        if let (Err(_), Some(ticket)) = (&answer, &shown) {
            self.heard(ticket);
        }
        let answer = answer?;
        if let (Some((version, cache)), JoinOutcome::Joined(place) | JoinOutcome::Held(place)) =
            (cache, &answer.value)
        {
            cache.note(version, place, answer.as_of);
        }
        Ok(answer)
    }

    async fn look_up(&self, ticket: &Ticket) -> StoreResult<Stamped<LookUpOutcome>> {
        let cache = self.cache(ticket.concert);
        if let Answer::Found(place) = cache.answer(ticket, &self.source).await {
            self.counters.answered_from_snapshot();
            return Ok(place.map(LookUpOutcome::Found));
        }
        self.counters.asked_store();
        let version = cache.version();
        let answer = self.queue.look_up(ticket).await;
        let answer = answer.inspect_err(|_| self.heard(ticket))?;
        match &answer.value {
            LookUpOutcome::Found(place) => cache.note(version, place, answer.as_of),
            LookUpOutcome::Gone | LookUpOutcome::NotSeeded => cache.forget(ticket.arrival),
        }
        Ok(answer)
    }

    async fn pass_gate(
        &self,
        ticket: &Ticket,
        purpose: GatePurpose,
    ) -> StoreResult<Stamped<GateOutcome>> {
        let cache = self
            .find(ticket.concert)
            .map(|cache| (cache.version(), cache));
        let answer = self.queue.pass_gate(ticket, purpose).await;
        let answer = answer.inspect_err(|_| self.heard(ticket))?;
        if let Some((version, cache)) = cache {
            match &answer.value {
                GateOutcome::Passed(place) | GateOutcome::Waiting(place) => {
                    cache.note(version, place, answer.as_of);
                }
                GateOutcome::Gone | GateOutcome::NotSeeded => cache.forget(ticket.arrival),
            }
        }
        Ok(answer)
    }

    async fn leave(&self, ticket: &Ticket) -> StoreResult<Stamped<LeaveOutcome>> {
        let answer = self.queue.leave(ticket).await;
        // Also where it failed: it may have had its effect.
        if let Some(cache) = self.find(ticket.concert) {
            cache.forget(ticket.arrival);
        }
        answer
    }
}

impl fmt::Debug for SnapshotQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SnapshotQueue")
            .field("capacity", &self.capacity)
            .finish_non_exhaustive()
    }
}
