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
    SharedLook,
    attempts::{Attempts, UnderWay},
    departed::Departed,
    room::Room,
    shard::{Answer, Shard, Tag},
    sightings::Look,
    tombstones::TagAges,
};
use crate::{
    model::{
        ConcertId,
        queue::{Arrival, Left, Place, SignOfLife, Standing, Ticket},
    },
    ports::{Clock, LineOutcome, LookUpOutcome, Stamped, StoreError, StoreResult, WaitingLine},
};

/// Over how many locks the users of a queue are spread: so many threads rarely meet at one.
const SHARDS: usize = 64;

/// What it takes to look at a line.
#[derive(Clone)]
pub(super) struct Asking {
    pub(super) line: Arc<dyn WaitingLine>,
    pub(super) clock: Arc<dyn Clock>,
    /// For how long at most people are answered without asking the store for them.
    pub(super) longest_silence: Duration,
}

/// One queue.
pub(super) struct Watch {
    concert: ConcertId,
    room: Arc<Room>,
    /// Each holds the newest look beside the users that it is about, so that an answer takes one
    /// lock.
    shards: Vec<Mutex<Shard>>,
    tags: AtomicU64,
    /// The latest instant that the store has told, in microseconds since 1970.
    latest: AtomicI64,
    attempts: Mutex<Attempts>,
    last: Mutex<Last>,
    departed: Mutex<Departed>,
}

/// The newest look, as the next one goes on from it.
#[derive(Default)]
struct Last {
    look: Option<Arc<Look>>,
    /// The look from which on those who were found waiting are known to wait still.
    era: Tag,
    ages: TagAges,
}

impl Watch {
    pub(super) fn new(concert: ConcertId, room: Arc<Room>) -> Self {
        Self {
            concert,
            room,
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            tags: AtomicU64::new(0),
            latest: AtomicI64::new(i64::MIN),
            attempts: Mutex::default(),
            last: Mutex::default(),
            departed: Mutex::default(),
        }
    }

    /// To be taken before the store is asked, and given back with its answer.
    pub(super) fn tag(&self) -> Tag {
        Tag(self.tags.load(Ordering::Acquire))
    }

    fn next_tag(&self) -> Tag {
        Tag(self.tags.fetch_add(1, Ordering::AcqRel) + 1)
    }

    /// The place of `ticket`, where this instance can tell it; looks at the line first where that
    /// helps. Where it cannot be looked at, the last look counts for a little longer.
    pub(super) async fn answer(self: &Arc<Self>, ticket: &Ticket, asking: &Asking) -> Answer {
        let asked_at = asking.clock.now();
        let mut answer = self
            .shard(ticket.arrival)
            .answer(ticket, asked_at, asked_at);
        // A look that was under way already may turn out too old; one more cannot.
        for _ in 0..2 {
            if !matches!(answer, Answer::LookFirst) {
                break;
            }
            let looked = self.look(asking).await;
            let now = asking.clock.now();
            let mut shard = self.shard(ticket.arrival);
            answer = match looked {
                Ok(()) => shard.answer(ticket, asked_at, now),
                Err(_) => shard.stale_answer(ticket, now),
            };
        }
        answer
    }

    /// Notes what the store has said of a place when it was asked after `tag`.
    pub(super) fn note(&self, tag: Tag, place: &Place, as_of: Timestamp) {
        self.note_heard(tag, place, as_of, as_of);
    }

    /// As [`Watch::note`], where its user was last heard of at `heard_at`.
    fn note_heard(&self, tag: Tag, place: &Place, as_of: Timestamp, heard_at: Timestamp) {
        let arrival = place.ticket.arrival;
        let mut shard = self.shard(arrival);
        if shard.is_of_this_era(tag) {
            self.latest
                .fetch_max(as_of.as_microsecond(), Ordering::AcqRel);
        }
        match place.standing {
            Standing::Waiting { .. } => shard.note(tag, place, as_of, heard_at, &self.room),
            Standing::Active { .. } => shard.forget(arrival, self.next_tag(), &self.room),
        }
    }

    /// Forgets a place, and what the store is being asked about it right now.
    pub(super) fn forget(&self, arrival: Arrival) {
        let tag = self.next_tag();
        self.shard(arrival).forget(arrival, tag, &self.room);
        lock(&self.departed).add(&[arrival]);
    }

    /// The places that ended since this was last asked, for who follows the line.
    pub(super) fn take_departed(&self) -> Left {
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

    /// Sees to it that the newest look is not too old.
    pub(super) async fn freshen(self: &Arc<Self>, asking: &Asking) -> StoreResult<()> {
        self.newest(asking).await.map(drop)
    }

    /// The newest look, which is not too old.
    pub(super) async fn newest(self: &Arc<Self>, asking: &Asking) -> StoreResult<Arc<Look>> {
        let now = asking.clock.now();
        if let Some(look) = self.fresh(now) {
            return Ok(look);
        }
        self.look(asking).await?;
        let look = lock(&self.last).look.clone();
        look.ok_or_else(|| StoreError::not_applied("the line was not looked at"))
    }

    /// The newest look, unless it is too old at `now`.
    fn fresh(&self, now: Timestamp) -> Option<Arc<Look>> {
        let look = lock(&self.last).look.clone();
        look.filter(|look| look.is_within(SharedLook::MAX_AGE, now))
    }

    /// The signs of life that are to be told at `now`, at most `limit`.
    pub(super) fn due_signs(&self, limit: usize, now: Timestamp) -> Vec<SignOfLife> {
        let mut signs = Vec::new();
        let Some(look) = lock(&self.last).look.clone() else {
            return signs;
        };
        let store_time = look.store_time(now);
        for shard in &self.shards {
            let mut shard = lock(shard);
            shard.due_signs(&mut signs, limit, store_time, &look, &self.room);
        }
        signs
    }

    /// Keeps the heartbeat of a user whom the store refused to answer at `now`.
    pub(super) fn heard(&self, ticket: &Ticket, now: Timestamp) {
        let look = lock(&self.last).look.clone();
        let at = look.map_or(now, |look| look.store_time(now));
        let mut shard = self.shard(ticket.arrival);
        shard.refused.add(ticket, at, &self.room);
    }

    /// Notes where the store has found those whose heartbeats it was told after `tag`. Forgets those
    /// whom it has not: they ask the store themselves.
    pub(super) fn told(&self, tag: Tag, signs: &[SignOfLife], found: &[Stamped<LookUpOutcome>]) {
        for (sign, found) in signs.iter().zip(found) {
            self.shard(sign.arrival).refused.recorded(sign, &self.room);
            match &found.value {
                LookUpOutcome::Found(place) => {
                    self.note_heard(tag, place, found.as_of, sign.at.min(found.as_of));
                }
                LookUpOutcome::Gone | LookUpOutcome::NotSeeded => {
                    self.shard(sign.arrival).remove(sign.arrival, &self.room);
                }
            }
        }
    }

    /// True where nobody is remembered, and nobody has asked for a place for a while before `now`.
    pub(super) fn is_unused(&self, now: Timestamp) -> bool {
        lock(&self.attempts).is_unused(now) && !self.remembers_anybody()
    }

    /// Looks at the line, or waits for the look that is under way.
    async fn look(self: &Arc<Self>, asking: &Asking) -> StoreResult<()> {
        let under_way = {
            let now = asking.clock.now();
            let mut attempts = lock(&self.attempts);
            match attempts.under_way() {
                Some(under_way) => under_way,
                None => attempts.begin(now, || self.begin_look(asking.clone()))?,
            }
        };
        under_way.await
    }

    fn begin_look(self: &Arc<Self>, asking: Asking) -> UnderWay {
        let watch = Arc::clone(self);
        let look = async move {
            // A panic would else be everybody's who ever looks again.
            let looked = AssertUnwindSafe(watch.take_look(&asking)).catch_unwind();
            let looked = looked
                .await
                .unwrap_or_else(|_| Err(StoreError::not_applied("a look panicked")));
            lock(&watch.attempts).ended(asking.clock.now(), &looked);
            looked
        };
        look.boxed().shared()
    }

    async fn take_look(&self, asking: &Asking) -> StoreResult<()> {
        let asked_at = asking.clock.now();
        let latest = self.latest.load(Ordering::Acquire);
        let since = lock(&self.last)
            .look
            .as_ref()
            .and_then(|look| look.line.as_ref())
            .map(|line| line.mark);
        let looked = asking.line.look(self.concert, since).await?;
        let stepped_back = looked.as_of.as_microsecond() < latest;
        self.see(asking, asked_at, looked, stepped_back);
        Ok(())
    }

    /// Answers from this look from now on.
    fn see(
        &self,
        asking: &Asking,
        asked_at: Timestamp,
        looked: Stamped<LineOutcome>,
        stepped_back: bool,
    ) {
        let line = match looked.value {
            LineOutcome::Seen(line) => Some(line),
            LineOutcome::NotSeeded => None,
        };
        let mut last = lock(&self.last);
        let tag = self.next_tag();
        let look = Arc::new(Look {
            tag,
            asked_at,
            as_of: looked.as_of,
            longest_silence: asking.longest_silence,
            line,
        });
        let before = last.look.replace(Arc::clone(&look));
        if stepped_back || !goes_on(before.as_deref(), &look) {
            last.era = tag;
        }
        let too_slow = last.ages.note(asking.clock.now(), tag);
        let floor = last.era.max(too_slow.unwrap_or_default());
        if let Some(Left::Anybody) = look.line.as_ref().map(|line| &line.left) {
            lock(&self.departed).miss();
        }
        lock(&self.departed).add(left(&look));
        let mut gone = vec![Vec::new(); SHARDS];
        for arrival in left(&look) {
            if let Some(gone) = gone.get_mut(shard_of(*arrival)) {
                gone.push(*arrival);
            }
        }
        for (shard, gone) in self.shards.iter().zip(&gone) {
            lock(shard).see(Arc::clone(&look), last.era, floor, gone, &self.room);
        }
        // After the shards: until its shard is in the new era, a late answer from before a step back
        // would raise the instant again.
        let as_of = look.as_of.as_microsecond();
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
fn goes_on(before: Option<&Look>, look: &Look) -> bool {
    let before = before.and_then(|before| before.line.as_ref());
    match (before, &look.line) {
        (Some(before), Some(line)) => line.goes_on_from(before),
        _ => false,
    }
}

/// Who has left, as far as the look can say.
fn left(look: &Look) -> &[Arrival] {
    match look.line.as_ref().map(|line| &line.left) {
        Some(Left::These(arrivals)) => arrivals,
        Some(Left::Anybody) | None => &[],
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
