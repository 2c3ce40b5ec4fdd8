//! The cache of one queue: the newest snapshot of its line, and the users who were found waiting in
//! it.

use std::{
    panic::AssertUnwindSafe,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

use futures_util::FutureExt;
use jiff::Timestamp;

use super::{
    SnapshotQueue,
    attempts::{Attempts, UnderWay},
    cache_limit::CacheLimit,
    cached_place::Snapshot,
    departed::Departed,
    shard::{Answer, Due, Shard, Version},
    tombstones::VersionAges,
};
use crate::{
    model::{
        ConcertId,
        queue::{Arrival, Departures, Heartbeat, Place, Standing, Ticket},
    },
    ports::{
        Clock, LookUpOutcome, QueueSnapshots, SnapshotOutcome, Stamped, StoreError, StoreResult,
    },
};

/// The number of locks over which the users of a queue are spread, so that threads rarely compete
/// for one.
const SHARDS: usize = 64;

/// Takes snapshots of lines.
#[derive(Clone)]
pub(super) struct SnapshotSource {
    pub(super) line: Arc<dyn QueueSnapshots>,
    pub(super) clock: Arc<dyn Clock>,
    /// The longest time for which the heartbeats of a user are held back from the store.
    pub(super) longest_silence: Duration,
}

/// The cache of one queue.
pub(super) struct QueueCache {
    concert: ConcertId,
    limit: Arc<CacheLimit>,
    /// Each shard holds the newest snapshot beside its users, so that an answer takes one lock.
    shards: Vec<Mutex<Shard>>,
    versions: AtomicU64,
    /// The latest instant that the store has returned, in µs since 1970.
    latest: AtomicI64,
    attempts: Mutex<Attempts>,
    last: Mutex<Last>,
    departed: Mutex<Departed>,
}

/// The newest snapshot, from which the next one continues.
#[derive(Default)]
struct Last {
    snapshot: Option<Arc<Snapshot>>,
    /// The version of the first snapshot of the present epoch. A user found waiting since then
    /// waits still, unless a later snapshot says otherwise.
    epoch: Version,
    ages: VersionAges,
}

impl QueueCache {
    pub(super) fn new(concert: ConcertId, limit: Arc<CacheLimit>) -> Self {
        Self {
            concert,
            limit,
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            versions: AtomicU64::new(0),
            latest: AtomicI64::new(i64::MIN),
            attempts: Mutex::default(),
            last: Mutex::default(),
            departed: Mutex::default(),
        }
    }

    /// Returns the present version. To be read before a call to the store, and passed on with the
    /// answer of the call.
    pub(super) fn version(&self) -> Version {
        Version(self.versions.load(Ordering::Acquire))
    }

    fn next_version(&self) -> Version {
        Version(self.versions.fetch_add(1, Ordering::AcqRel) + 1)
    }

    /// Returns the place of `ticket` if this instance knows it. Takes a snapshot of the line first
    /// where that helps. If the snapshot fails, the last one is used for a little longer.
    pub(super) async fn answer(
        self: &Arc<Self>,
        ticket: &Ticket,
        source: &SnapshotSource,
    ) -> Answer {
        let asked_at = source.clock.now();
        let mut answer = self
            .shard(ticket.arrival)
            .answer(ticket, asked_at, asked_at);
        // A snapshot that was under way already may turn out too old. A second one cannot.
        for _ in 0..2 {
            if !matches!(answer, Answer::RefreshFirst) {
                break;
            }
            let taken = self.snapshot(source).await;
            let now = source.clock.now();
            let mut shard = self.shard(ticket.arrival);
            answer = match taken {
                Ok(()) => shard.answer(ticket, asked_at, now),
                Err(_) => shard.stale_answer(ticket, now),
            };
        }
        answer
    }

    /// Caches the store's answer about a place, to a call that began at `version`.
    pub(super) fn note(&self, version: Version, place: &Place, as_of: Timestamp) {
        self.note_heard(version, place, as_of, as_of);
    }

    /// As [`QueueCache::note`], with the last heartbeat of the user at `heard_at`.
    fn note_heard(&self, version: Version, place: &Place, as_of: Timestamp, heard_at: Timestamp) {
        let arrival = place.ticket.arrival;
        let mut shard = self.shard(arrival);
        if shard.is_of_this_epoch(version) {
            self.latest
                .fetch_max(as_of.as_microsecond(), Ordering::AcqRel);
        }
        match place.standing {
            Standing::Waiting { .. } => shard.note(version, place, as_of, heard_at, &self.limit),
            Standing::Active { .. } => shard.forget(arrival, self.next_version(), &self.limit),
        }
    }

    /// Removes a place that ended. The answers to calls about it that are still under way are not
    /// cached.
    pub(super) fn forget(&self, arrival: Arrival) {
        let version = self.next_version();
        self.shard(arrival).forget(arrival, version, &self.limit);
        lock(&self.departed).add(&[arrival]);
    }

    /// Returns the places that ended since the last call, for the follower of the line.
    pub(super) fn take_departed(&self) -> Departures {
        lock(&self.departed).take()
    }

    /// Stops collecting ended places: the line has no follower any more.
    pub(super) fn stop_following(&self) {
        lock(&self.departed).stop();
    }

    /// True if a user is cached, or a heartbeat of a failed request is kept.
    pub(super) fn has_entries(&self) -> bool {
        self.shards.iter().any(|shard| !lock(shard).is_empty())
    }

    /// Takes a snapshot unless the newest one is at most [`SnapshotQueue::MAX_AGE`] old.
    pub(super) async fn freshen(self: &Arc<Self>, source: &SnapshotSource) -> StoreResult<()> {
        self.newest(source).await.map(drop)
    }

    /// Returns the newest snapshot, or takes one if that is older than [`SnapshotQueue::MAX_AGE`].
    pub(super) async fn newest(
        self: &Arc<Self>,
        source: &SnapshotSource,
    ) -> StoreResult<Arc<Snapshot>> {
        let now = source.clock.now();
        if let Some(snapshot) = self.fresh(now) {
            return Ok(snapshot);
        }
        self.snapshot(source).await?;
        let snapshot = lock(&self.last).snapshot.clone();
        snapshot.ok_or_else(|| StoreError::not_applied("no snapshot of the line"))
    }

    /// Returns the newest snapshot. None if it is older than [`SnapshotQueue::MAX_AGE`] at `now`.
    fn fresh(&self, now: Timestamp) -> Option<Arc<Snapshot>> {
        let snapshot = lock(&self.last).snapshot.clone();
        snapshot.filter(|snapshot| snapshot.is_within(SnapshotQueue::MAX_AGE, now))
    }

    /// Returns the heartbeats that are due at `now`, at most `limit`.
    pub(super) fn due_heartbeats(&self, limit: usize, now: Timestamp) -> Vec<Heartbeat> {
        let mut heartbeats = Vec::new();
        let Some(snapshot) = lock(&self.last).snapshot.clone() else {
            return heartbeats;
        };
        let store_time = snapshot.store_time(now);
        for kind in Due::ALL {
            for shard in &self.shards {
                lock(shard).due_heartbeats(
                    kind,
                    &mut heartbeats,
                    limit,
                    store_time,
                    &snapshot,
                    &self.limit,
                );
            }
        }
        heartbeats
    }

    /// Keeps the heartbeat of a user whose request failed in the store at `now`.
    pub(super) fn keep_heartbeat(&self, ticket: &Ticket, now: Timestamp) {
        let snapshot = lock(&self.last).snapshot.clone();
        let at = snapshot.map_or(now, |snapshot| snapshot.store_time(now));
        let mut shard = self.shard(ticket.arrival);
        shard.failed.add(ticket, at, &self.limit);
    }

    /// Applies the store's answers to `heartbeats`, which a call that began at `version` has
    /// written. Caches the places that the store found, and removes the others: their users ask the
    /// store with their next look-up.
    pub(super) fn apply_answers(
        &self,
        version: Version,
        heartbeats: &[Heartbeat],
        found: &[Stamped<LookUpOutcome>],
    ) {
        for (heartbeat, found) in heartbeats.iter().zip(found) {
            self.shard(heartbeat.arrival)
                .failed
                .recorded(heartbeat, &self.limit);
            match &found.value {
                LookUpOutcome::Found(place) => {
                    self.note_heard(version, place, found.as_of, heartbeat.at.min(found.as_of));
                }
                LookUpOutcome::Gone | LookUpOutcome::NotSeeded => {
                    self.shard(heartbeat.arrival)
                        .remove(heartbeat.arrival, &self.limit);
                }
            }
        }
    }

    /// True if nothing is cached, and no snapshot of the line has begun for a while before `now`.
    pub(super) fn is_unused(&self, now: Timestamp) -> bool {
        lock(&self.attempts).is_unused(now) && !self.has_entries()
    }

    /// Takes a snapshot of the line, or waits for the one that is under way.
    async fn snapshot(self: &Arc<Self>, source: &SnapshotSource) -> StoreResult<()> {
        let under_way = {
            let now = source.clock.now();
            let mut attempts = lock(&self.attempts);
            match attempts.under_way() {
                Some(under_way) => under_way,
                None => attempts.begin(now, || self.begin_snapshot(source.clone()))?,
            }
        };
        under_way.await
    }

    fn begin_snapshot(self: &Arc<Self>, source: SnapshotSource) -> UnderWay {
        let cache = Arc::clone(self);
        let snapshot = async move {
            // Without this, the panic would repeat in every later call that waits for a snapshot.
            let taken = AssertUnwindSafe(cache.take_snapshot(&source)).catch_unwind();
            let taken = taken
                .await
                .unwrap_or_else(|_| Err(StoreError::not_applied("a snapshot panicked")));
            lock(&cache.attempts).ended(source.clock.now(), &taken);
            taken
        };
        snapshot.boxed().shared()
    }

    async fn take_snapshot(&self, source: &SnapshotSource) -> StoreResult<()> {
        let asked_at = source.clock.now();
        let latest = self.latest.load(Ordering::Acquire);
        let since = lock(&self.last)
            .snapshot
            .as_ref()
            .and_then(|snapshot| snapshot.line.as_ref())
            .map(|line| line.mark);
        let taken = source.line.snapshot(self.concert, since).await?;
        let stepped_back = taken.as_of.as_microsecond() < latest;
        self.apply(source, asked_at, taken, stepped_back);
        Ok(())
    }

    /// Makes this the snapshot from which later look-ups are answered.
    fn apply(
        &self,
        source: &SnapshotSource,
        asked_at: Timestamp,
        taken: Stamped<SnapshotOutcome>,
        stepped_back: bool,
    ) {
        let line = match taken.value {
            SnapshotOutcome::Seen(line) => Some(line),
            SnapshotOutcome::NotSeeded => None,
        };
        let mut last = lock(&self.last);
        let version = self.next_version();
        let snapshot = Arc::new(Snapshot {
            version,
            asked_at,
            as_of: taken.as_of,
            longest_silence: source.longest_silence,
            line,
        });
        let before = last.snapshot.replace(Arc::clone(&snapshot));
        if stepped_back || !goes_on(before.as_deref(), &snapshot) {
            last.epoch = version;
        }
        let too_slow = last.ages.note(source.clock.now(), version);
        let floor = last.epoch.max(too_slow.unwrap_or_default());
        if let Some(Departures::Unknown) = snapshot.line.as_ref().map(|line| &line.left) {
            lock(&self.departed).miss();
        }
        lock(&self.departed).add(left(&snapshot));
        let mut gone = vec![Vec::new(); SHARDS];
        for arrival in left(&snapshot) {
            if let Some(gone) = gone.get_mut(shard_of(*arrival)) {
                gone.push(*arrival);
            }
        }
        for (shard, gone) in self.shards.iter().zip(&gone) {
            lock(shard).apply(Arc::clone(&snapshot), last.epoch, floor, gone, &self.limit);
        }
        // Set after the shards: until its shard is in the new epoch, a late answer from before the
        // clock stepped back would raise `latest` again.
        let as_of = snapshot.as_of.as_microsecond();
        if stepped_back {
            self.latest.store(as_of, Ordering::Release);
        } else {
            self.latest.fetch_max(as_of, Ordering::AcqRel);
        }
    }

    /// The number of users that fit without another allocation.
    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.shards.iter().map(|shard| lock(shard).capacity()).sum()
    }

    #[expect(
        clippy::indexing_slicing,
        reason = "`shard_of` returns the number of a shard"
    )]
    fn shard(&self, arrival: Arrival) -> MutexGuard<'_, Shard> {
        lock(&self.shards[shard_of(arrival)])
    }
}

/// True if `snapshot` continues the line of the snapshot before, so that cached places stay valid.
fn goes_on(before: Option<&Snapshot>, snapshot: &Snapshot) -> bool {
    let before = before.and_then(|before| before.line.as_ref());
    match (before, &snapshot.line) {
        (Some(before), Some(line)) => line.goes_on_from(before),
        _ => false,
    }
}

/// The arrivals of users who left, as far as the snapshot lists them.
fn left(snapshot: &Snapshot) -> &[Arrival] {
    match snapshot.line.as_ref().map(|line| &line.left) {
        Some(Departures::These(arrivals)) => arrivals,
        Some(Departures::Unknown) | None => &[],
    }
}

/// Spreads arrivals over the shards by all their bits (Fibonacci hashing): a coarse clock leaves
/// the lowest bits zero.
fn shard_of(arrival: Arrival) -> usize {
    let mixed = arrival
        .micros()
        .cast_unsigned()
        .wrapping_mul(0x9e37_79b9_7f4a_7c15);
    usize::try_from((mixed >> 32) % SHARDS as u64).unwrap_or(0)
}

/// Ignores the poisoning of a lock: a panic under it would be a bug that cost one answer, and the
/// others go on.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
