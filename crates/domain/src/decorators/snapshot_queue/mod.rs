//! Caches where waiting users stand in their queues, and answers their look-ups from one shared
//! snapshot of the line.

mod attempts;
mod cache_limit;
mod cached_place;
mod counts;
mod departed;
mod due_order;
mod failed_heartbeats;
mod queue_cache;
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
    cache_limit::CacheLimit,
    cached_place::Snapshot,
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

/// A queue that answers the look-ups of waiting users from one snapshot of their line, which all
/// requests to this instance share.
///
/// It wraps the queue of a store and keeps its contract, except for the age of its answers. A
/// look-up by a user whom this instance has recently found waiting in the store may be answered
/// from a snapshot up to [`SnapshotQueue::MAX_AGE`] old, as the instant of the answer says. Every
/// other call goes to the store, the gate always, and the store's answers are cached.
///
/// # When a snapshot is enough
/// A snapshot shows which users were admitted and which left, at any instance. It cannot show the
/// rest, so a look-up goes to the store if the store has not confirmed the user's place for one and
/// a half times
/// [`LineSnapshot::heartbeat_within`](crate::model::queue::LineSnapshot::heartbeat_within), while
/// users may re-enter after a loss, and when the store's clock has stepped back. A user who leaves
/// through this instance is removed from the cache at once.
///
/// # Slow answers
/// The store may take longer to answer than a snapshot lasts. The answer to a call that began
/// before the newest snapshot is cached all the same, unless its user has left since or the call
/// took longer than 10 s.
///
/// # Positions
/// A position follows from the last one that the store returned and from the number of users
/// admitted since. So it is too high only by the number of users who left since, and through one
/// instance it never grows. The number of users behind is the number of waiting users minus the
/// position.
///
/// # Heartbeats
/// A look-up that is answered here is a heartbeat that the store does not see.
/// [`SnapshotQueue::flush_heartbeats`] writes the last one of each user, with its instant, once
/// [`LineSnapshot::heartbeat_within`](crate::model::queue::LineSnapshot::heartbeat_within) has
/// passed since the last heartbeat that the store has. The store returns the place of each user, so
/// a user who polls only one instance is looked up in the store once.
///
/// A request that fails in the store, because of overload or because the store is down, is a
/// heartbeat too. It is written as soon as the store accepts it.
///
/// # Failures
/// If a snapshot fails, cached users are answered from the last one for up to
/// [`SnapshotQueue::STALE_MAX`], as the instant of the answer says. Other look-ups go to the store.
/// The next snapshot is requested 500 ms later at the earliest, so that an overloaded store does
/// not get a snapshot request for each look-up.
pub struct SnapshotQueue {
    queue: Arc<dyn Queue>,
    source: SnapshotSource,
    limit: Arc<CacheLimit>,
    counters: Counters,
    caches: RwLock<HashMap<ConcertId, Arc<QueueCache>>>,
    /// Runs one flush at a time: of two concurrent ones, the second would write the same heartbeats
    /// again.
    flushing: Mutex<()>,
}

impl SnapshotQueue {
    /// The maximum age of a snapshot, by this instance's clock, from which a look-up is answered.
    pub const MAX_AGE: Duration = Duration::from_millis(500);

    /// The maximum age of a snapshot, by this instance's clock, from which a look-up is answered
    /// while newer snapshots fail.
    pub const STALE_MAX: Duration = Duration::from_secs(5);

    /// The default maximum of cached users in an instance. Each takes about 200 bytes.
    pub const MOST_USERS: usize = 1_000_000;

    /// The maximum number of calls that write the heartbeats of one queue in one flush. The next
    /// flush writes the rest.
    const CALLS: usize = 800;

    /// The longest time for which the heartbeats of a user are held back from the store, in
    /// multiples of the longest pause between two polls. A waiting time to live is at least four
    /// such pauses. So if a policy shortens it, the store still has a recent heartbeat of every
    /// user who polls.
    const LONGEST_SILENCE: u32 = 2;

    /// Answers for `queue` from the snapshots that `line` takes. Caches at most `most_users` users:
    /// look-ups of other users go to the store. `clock` measures the age of snapshots.
    /// `longest_poll` is the longest pause between two polls that a client is asked to make.
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
            limit: Arc::new(CacheLimit::new(most_users)),
            counters: Counters::default(),
            caches: RwLock::default(),
            flushing: Mutex::default(),
        }
    }

    /// Writes to the store the heartbeats that were held back for long enough, caches where the
    /// store finds their users, and removes users who sent no heartbeat. Returns the number of
    /// heartbeats written. Drops the caches of queues that no request uses any more. To be called
    /// about once a second.
    ///
    /// # Errors
    /// When the queues' store fails. Heartbeats that were not written are kept for the next run,
    /// and the other queues are flushed all the same. If only snapshots fail, heartbeats are still
    /// written.
    pub async fn flush_heartbeats(&self) -> StoreResult<u64> {
        let _turn = self.flushing.lock().await;
        let mut written = 0;
        let mut result = Ok(());
        for (concert, cache) in self.all() {
            match self.flush_heartbeats_of(concert, &cache).await {
                Ok(count) => written += count,
                Err(error) => result = result.and(Err(error)),
            }
        }
        self.drop_unused();
        result.map(|()| written)
    }

    /// Returns the newest snapshot of the line of `concert`, at most [`SnapshotQueue::MAX_AGE`]
    /// old. The concert must exist.
    ///
    /// # Errors
    /// When the queues' store fails.
    pub async fn line(&self, concert: ConcertId) -> StoreResult<SharedSnapshot> {
        let cache = self.cache(concert);
        cache.newest(&self.source).await.map(SharedSnapshot)
    }

    /// Returns the counts since the start of this instance.
    #[must_use]
    pub fn counts(&self) -> LookUpCounts {
        self.counters.read()
    }

    /// Returns the places in the line of `concert` that ended since the last call: of users who
    /// left, at any instance, and of places that ended through this instance. To be called by the
    /// only follower of the line, after each snapshot.
    #[must_use]
    pub fn departed(&self, concert: ConcertId) -> Departures {
        self.cache(concert).take_departed()
    }

    /// Stops collecting ended places of the line of `concert`: it has no follower any more.
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
        if !cache.has_entries() {
            return Ok(0);
        }
        let fresh = cache.freshen(&self.source).await;
        let now = self.source.clock.now();
        let mut written = 0;
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
            cache.apply_answers(version, &heartbeats, &found);
            self.counters.wrote_heartbeats(heartbeats.len() as u64);
            written += heartbeats.len() as u64;
        }
        fresh.map(|()| written)
    }

    /// Drops the caches of queues that no request uses any more.
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
            // The cache is cloned under this lock only, so a count of 1 stays 1 while the lock is
            // held.
            if let Entry::Occupied(entry) = caches.entry(concert)
                && Arc::strong_count(entry.get()) == 1
                && entry.get().is_unused(now)
            {
                entry.remove();
            }
        }
        caches.shrink_to_fit();
    }

    /// Keeps the heartbeat of a request that failed in the store.
    fn keep_heartbeat(&self, ticket: &Ticket) {
        let now = self.source.clock.now();
        self.cache(ticket.concert).keep_heartbeat(ticket, now);
    }

    /// Returns the cache of a queue. None if there is none yet.
    fn find(&self, concert: ConcertId) -> Option<Arc<QueueCache>> {
        let caches = self.caches.read().unwrap_or_else(PoisonError::into_inner);
        caches.get(&concert).map(Arc::clone)
    }

    /// As [`SnapshotQueue::find`], but creates a missing cache. Called only for concerts that a
    /// token names or that exist, so that there are never more caches than there ever were queues.
    fn cache(&self, concert: ConcertId) -> Arc<QueueCache> {
        self.find(concert).unwrap_or_else(|| {
            let mut caches = self.caches.write().unwrap_or_else(PoisonError::into_inner);
            let cache = caches
                .entry(concert)
                .or_insert_with(|| Arc::new(QueueCache::new(concert, Arc::clone(&self.limit))));
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

/// A snapshot of a line, shared by all requests.
#[derive(Debug, Clone)]
pub struct SharedSnapshot(Arc<Snapshot>);

impl SharedSnapshot {
    /// The instant of the snapshot, by the store's clock.
    #[must_use]
    pub fn as_of(&self) -> Timestamp {
        self.0.as_of
    }

    /// True if it is fresh enough to be shown at `now`, by the clock of the instance that took it.
    #[must_use]
    pub fn is_fresh(&self, now: Timestamp) -> bool {
        self.0.is_within(SnapshotQueue::MAX_AGE, now)
    }

    /// True if it was requested after `other`.
    #[must_use]
    pub fn is_newer_than(&self, other: &Self) -> bool {
        self.0.asked_at > other.0.asked_at
    }

    /// The line. None if the store has no such queue.
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
            self.keep_heartbeat(ticket);
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
        let answer = answer.inspect_err(|_| self.keep_heartbeat(ticket))?;
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
        let answer = answer.inspect_err(|_| self.keep_heartbeat(ticket))?;
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
        // Also after a failure: the call may have had its effect.
        if let Some(cache) = self.find(ticket.concert) {
            cache.forget(ticket.arrival);
        }
        answer
    }
}

impl fmt::Debug for SnapshotQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SnapshotQueue")
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}
