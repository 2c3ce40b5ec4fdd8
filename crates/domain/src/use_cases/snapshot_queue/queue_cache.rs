//! What this instance knows of one queue's line and of those in it.

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
    cached_place::Snapshot,
    capacity::Capacity,
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

/// Over how many locks the users of a queue are spread: so many threads rarely meet at one.
const SHARDS: usize = 64;

/// What it takes to look at a line.
#[derive(Clone)]
pub(super) struct SnapshotSource {
    pub(super) line: Arc<dyn QueueSnapshots>,
    pub(super) clock: Arc<dyn Clock>,
    /// For how long at most people are answered without source the store for them.
    pub(super) longest_silence: Duration,
}

/// One queue.
pub(super) struct QueueCache {
    concert: ConcertId,
    capacity: Arc<Capacity>,
    /// Each holds the newest snapshot beside the users that it is about, so that an answer takes one
    /// lock.
    shards: Vec<Mutex<Shard>>,
    versions: AtomicU64,
    /// The latest instant that the store has told, in microseconds since 1970.
    latest: AtomicI64,
    attempts: Mutex<Attempts>,
    last: Mutex<Last>,
    departed: Mutex<Departed>,
}

/// The newest snapshot, as the next one goes on from it.
#[derive(Default)]
struct Last {
    snapshot: Option<Arc<Snapshot>>,
    /// The snapshot from which on those who were found waiting are known to wait still.
    epoch: Version,
    ages: VersionAges,
}

impl QueueCache {
    pub(super) fn new(concert: ConcertId, capacity: Arc<Capacity>) -> Self {
        Self {
            concert,
            capacity,
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            versions: AtomicU64::new(0),
            latest: AtomicI64::new(i64::MIN),
            attempts: Mutex::default(),
            last: Mutex::default(),
            departed: Mutex::default(),
        }
    }

    /// To be taken before the store is asked, and given back with its answer.
    pub(super) fn version(&self) -> Version {
        Version(self.versions.load(Ordering::Acquire))
    }

    fn next_version(&self) -> Version {
        Version(self.versions.fetch_add(1, Ordering::AcqRel) + 1)
    }

    /// The place of `ticket`, where this instance can tell it; looks at the line first where that
    /// helps. Where it cannot be taken at, the last snapshot counts for a little longer.
    pub(super) async fn answer(
        self: &Arc<Self>,
        ticket: &Ticket,
        source: &SnapshotSource,
    ) -> Answer {
        let asked_at = source.clock.now();
        let mut answer = self
            .shard(ticket.arrival)
            .answer(ticket, asked_at, asked_at);
        // A snapshot that was under way already may turn out too old; one more cannot.
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

    /// Notes what the store has said of a place when it was asked after `version`.
    pub(super) fn note(&self, version: Version, place: &Place, as_of: Timestamp) {
        self.note_heard(version, place, as_of, as_of);
    }

    /// As [`QueueCache::note`], where its user was last heard of at `heard_at`.
    fn note_heard(&self, version: Version, place: &Place, as_of: Timestamp, heard_at: Timestamp) {
        let arrival = place.ticket.arrival;
        let mut shard = self.shard(arrival);
        if shard.is_of_this_epoch(version) {
            self.latest
                .fetch_max(as_of.as_microsecond(), Ordering::AcqRel);
        }
        match place.standing {
            Standing::Waiting { .. } => shard.note(version, place, as_of, heard_at, &self.capacity),
            Standing::Active { .. } => shard.forget(arrival, self.next_version(), &self.capacity),
        }
    }

    /// Forgets a place, and what the store is being asked about it right now.
    pub(super) fn forget(&self, arrival: Arrival) {
        let version = self.next_version();
        self.shard(arrival).forget(arrival, version, &self.capacity);
        lock(&self.departed).add(&[arrival]);
    }

    /// The places that ended since this was last asked, for who follows the line.
    pub(super) fn take_departed(&self) -> Departures {
        lock(&self.departed).take()
    }

    /// Nobody follows the line any more.
    pub(super) fn stop_following(&self) {
        lock(&self.departed).stop();
    }

    /// True where anybody is remembered.
    pub(super) fn remembers_anybody(&self) -> bool {
        self.shards.iter().any(|shard| !lock(shard).is_empty())
    }

    /// Sees to it that the newest snapshot is not too old.
    pub(super) async fn freshen(self: &Arc<Self>, source: &SnapshotSource) -> StoreResult<()> {
        self.newest(source).await.map(drop)
    }

    /// The newest snapshot, which is not too old.
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
        snapshot.ok_or_else(|| StoreError::not_applied("the line was not taken at"))
    }

    /// The newest snapshot, unless it is too old at `now`.
    fn fresh(&self, now: Timestamp) -> Option<Arc<Snapshot>> {
        let snapshot = lock(&self.last).snapshot.clone();
        snapshot.filter(|snapshot| snapshot.is_within(SnapshotQueue::MAX_AGE, now))
    }

    /// The heartbeats that are to be told at `now`, at most `limit`.
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
                    &self.capacity,
                );
            }
        }
        heartbeats
    }

    /// Keeps the heartbeat of a user whom the store refused to answer at `now`.
    pub(super) fn heard(&self, ticket: &Ticket, now: Timestamp) {
        let snapshot = lock(&self.last).snapshot.clone();
        let at = snapshot.map_or(now, |snapshot| snapshot.store_time(now));
        let mut shard = self.shard(ticket.arrival);
        shard.refused.add(ticket, at, &self.capacity);
    }

    /// Notes where the store has found those whose heartbeats it was told after `version`. Forgets those
    /// whom it has not: they ask the store themselves.
    pub(super) fn told(
        &self,
        version: Version,
        heartbeats: &[Heartbeat],
        found: &[Stamped<LookUpOutcome>],
    ) {
        for (heartbeat, found) in heartbeats.iter().zip(found) {
            self.shard(heartbeat.arrival)
                .refused
                .recorded(heartbeat, &self.capacity);
            match &found.value {
                LookUpOutcome::Found(place) => {
                    self.note_heard(version, place, found.as_of, heartbeat.at.min(found.as_of));
                }
                LookUpOutcome::Gone | LookUpOutcome::NotSeeded => {
                    self.shard(heartbeat.arrival)
                        .remove(heartbeat.arrival, &self.capacity);
                }
            }
        }
    }

    /// True where nobody is remembered, and nobody has asked for a place for a while before `now`.
    pub(super) fn is_unused(&self, now: Timestamp) -> bool {
        lock(&self.attempts).is_unused(now) && !self.remembers_anybody()
    }

    /// Looks at the line, or waits for the snapshot that is under way.
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
            // A panic would else be everybody's who ever snapshots again.
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

    /// Answers from this snapshot from now on.
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
            lock(shard).apply(
                Arc::clone(&snapshot),
                last.epoch,
                floor,
                gone,
                &self.capacity,
            );
        }
        // After the shards: until its shard is in the new epoch, a late answer from before a step back
        // would raise the instant again.
        let as_of = snapshot.as_of.as_microsecond();
        if stepped_back {
            self.latest.store(as_of, Ordering::Release);
        } else {
            self.latest.fetch_max(as_of, Ordering::AcqRel);
        }
    }

    /// For how many users there is room without another allocation.
    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.shards.iter().map(|shard| lock(shard).capacity()).sum()
    }

    #[expect(
        clippy::indexing_slicing,
        reason = "`shard_of` gives the number of a shard"
    )]
    fn shard(&self, arrival: Arrival) -> MutexGuard<'_, Shard> {
        lock(&self.shards[shard_of(arrival)])
    }
}

/// True where what was known before holds still.
fn goes_on(before: Option<&Snapshot>, snapshot: &Snapshot) -> bool {
    let before = before.and_then(|before| before.line.as_ref());
    match (before, &snapshot.line) {
        (Some(before), Some(line)) => line.goes_on_from(before),
        _ => false,
    }
}

/// Who has left, as far as the snapshot can say.
fn left(snapshot: &Snapshot) -> &[Arrival] {
    match snapshot.line.as_ref().map(|line| &line.left) {
        Some(Departures::These(arrivals)) => arrivals,
        Some(Departures::Unknown) | None => &[],
    }
}

/// Spreads arrivals by all their bits (Fibonacci hashing): a coarse clock leaves the lowest ones zero.
fn shard_of(arrival: Arrival) -> usize {
    let stirred = arrival
        .micros()
        .cast_unsigned()
        .wrapping_mul(0x9e37_79b9_7f4a_7c15);
    usize::try_from((stirred >> 32) % SHARDS as u64).unwrap_or(0)
}

/// A panic under a lock would be a bug that cost one answer; the others go on.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
