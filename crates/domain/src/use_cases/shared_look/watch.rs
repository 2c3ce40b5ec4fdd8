//! What this instance knows of one queue's line and of those in it.

use std::{
    panic::AssertUnwindSafe,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

use futures_util::{
    FutureExt,
    future::{BoxFuture, Shared},
};
use jiff::Timestamp;

use super::{
    SharedLook,
    shard::{Answer, Room, Shard, Tag},
    sightings::Look,
};
use crate::{
    model::{
        ConcertId,
        queue::{Arrival, Left, Place, SignOfLife, Standing, Ticket},
    },
    ports::{Clock, LineOutcome, Stamped, StoreError, StoreResult, WaitingLine},
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

/// A look that is under way, for all who wait for it.
type UnderWay = Shared<BoxFuture<'static, StoreResult<()>>>;

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
    under_way: Mutex<Option<UnderWay>>,
    last: Mutex<Last>,
}

/// The newest look, as the next one goes on from it.
#[derive(Default)]
struct Last {
    look: Option<Arc<Look>>,
    era: u64,
}

impl Watch {
    pub(super) fn new(concert: ConcertId, room: Arc<Room>) -> Self {
        Self {
            concert,
            room,
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            tags: AtomicU64::new(0),
            latest: AtomicI64::new(i64::MIN),
            under_way: Mutex::default(),
            last: Mutex::default(),
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
    /// helps.
    pub(super) async fn answer(
        self: &Arc<Self>,
        ticket: &Ticket,
        asking: &Asking,
    ) -> StoreResult<Answer> {
        let asked_at = asking.clock.now();
        let mut answer = self
            .shard(ticket.arrival)
            .answer(ticket, asked_at, asked_at);
        // A look that was under way already may turn out too old; one more cannot.
        for _ in 0..2 {
            if !matches!(answer, Answer::LookFirst) {
                break;
            }
            self.look(asking).await?;
            let now = asking.clock.now();
            answer = self.shard(ticket.arrival).answer(ticket, asked_at, now);
        }
        Ok(answer)
    }

    /// Notes what the store has said of a place when it was asked after `tag`.
    pub(super) fn note(&self, tag: Tag, place: &Place, as_of: Timestamp) {
        self.latest
            .fetch_max(as_of.as_microsecond(), Ordering::AcqRel);
        let arrival = place.ticket.arrival;
        if matches!(place.standing, Standing::Active { .. }) {
            self.forget(arrival);
        } else {
            self.shard(arrival).note(tag, place, as_of, &self.room);
        }
    }

    /// Forgets a place, and what the store is being asked about it right now.
    pub(super) fn forget(&self, arrival: Arrival) {
        let tag = self.next_tag();
        self.shard(arrival).forget(arrival, tag, &self.room);
    }

    /// True where anybody is remembered.
    pub(super) fn remembers_anybody(&self) -> bool {
        self.shards.iter().any(|shard| !lock(shard).is_empty())
    }

    /// Sees to it that the newest look is not too old.
    pub(super) async fn freshen(self: &Arc<Self>, asking: &Asking) -> StoreResult<()> {
        let now = asking.clock.now();
        let is_fresh = lock(&self.last).look.as_ref().is_some_and(|look| {
            look.asked_at <= now
                && now.duration_since(look.asked_at).unsigned_abs() <= SharedLook::MAX_AGE
        });
        if is_fresh {
            Ok(())
        } else {
            self.look(asking).await
        }
    }

    /// The signs of life that are to be told now, at most `limit`.
    pub(super) fn due_signs(&self, limit: usize) -> Vec<SignOfLife> {
        let mut signs = Vec::new();
        let Some(look) = lock(&self.last).look.clone() else {
            return signs;
        };
        for shard in &self.shards {
            lock(shard).due_signs(&mut signs, limit, &look, &self.room);
        }
        signs
    }

    /// Forgets those whose signs of life were told.
    pub(super) fn told(&self, signs: &[SignOfLife]) {
        for sign in signs {
            self.shard(sign.arrival).told(sign, &self.room);
        }
    }

    /// Looks at the line, or waits for the look that is under way.
    async fn look(self: &Arc<Self>, asking: &Asking) -> StoreResult<()> {
        let look = {
            let mut under_way = lock(&self.under_way);
            match under_way.as_ref().filter(|look| look.peek().is_none()) {
                Some(look) => look.clone(),
                None => under_way.insert(self.begin_look(asking.clone())).clone(),
            }
        };
        look.await
    }

    fn begin_look(self: &Arc<Self>, asking: Asking) -> UnderWay {
        let watch = Arc::clone(self);
        let look = async move {
            let asked_at = asking.clock.now();
            let latest = watch.latest.load(Ordering::Acquire);
            let since = lock(&watch.last)
                .look
                .as_ref()
                .and_then(|look| look.line.as_ref())
                .map(|line| line.mark);
            let looked = asking.line.look(watch.concert, since).await?;
            let stepped_back = looked.as_of.as_microsecond() < latest;
            watch.see(&asking, asked_at, looked, stepped_back);
            Ok(())
        };
        // A panic would else be everybody's who ever looks again.
        AssertUnwindSafe(look)
            .catch_unwind()
            .map(|looked| {
                looked.unwrap_or_else(|_| Err(StoreError::not_applied("a look panicked")))
            })
            .boxed()
            .shared()
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
        let as_of = looked.as_of.as_microsecond();
        if stepped_back {
            self.latest.store(as_of, Ordering::Release);
        } else {
            self.latest.fetch_max(as_of, Ordering::AcqRel);
        }
        let mut last = lock(&self.last);
        let look = Arc::new(Look {
            number: last.look.as_ref().map_or(0, |look| look.number + 1),
            asked_at,
            as_of: looked.as_of,
            answers_for: line.as_ref().map_or(Duration::ZERO, |line| {
                line.answers_for(asking.longest_silence)
            }),
            line,
        });
        let before = last.look.replace(Arc::clone(&look));
        if stepped_back || !goes_on(before.as_deref(), &look) {
            last.era += 1;
        }
        let tag = self.next_tag();
        for (number, shard) in self.shards.iter().enumerate() {
            let gone = left(&look).iter().copied();
            let gone = gone.filter(|arrival| shard_of(*arrival) == number);
            lock(shard).see(Arc::clone(&look), last.era, gone, tag, &self.room);
        }
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
