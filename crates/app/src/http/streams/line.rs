//! The streams of one queue.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use frontrow_domain::{
    model::{
        ConcertId, UserId,
        queue::{Arrival, FollowedPlace, PeekAdvice, Place, Ticket},
    },
    ports::{Stamped, StoreResult},
    read_models::{PlaceReport, QueueMissing},
    use_cases::{FollowAnswer, FollowPlaces},
};
use jiff::Timestamp;
use tokio::task::yield_now;

use super::{
    STREAMS_PER_PLACE,
    slot::{End, Slot},
};

/// The number of locks over which the places are spread, so that no lock is held for long while all
/// places are updated.
const SHARDS: usize = 16;

/// The maximum number of places that one turn peeks at in the store, so that ten calls a second
/// suffice for any number of streams. The next turn continues with the others.
const PEEKS_A_TURN: usize = 5 * Ticket::PEEKS_MAX;

/// The key of a place. The arrival alone is not unique: users of two generations may have the same.
pub(super) type PlaceKey = (Arrival, UserId);

/// The streams of one queue, by place.
pub(super) struct LineStreams {
    concert: ConcertId,
    shards: [Mutex<Places>; SHARDS],
    takes_turn: AtomicBool,
}

type Places = HashMap<PlaceKey, PlaceStreams>;

/// The streams of one place, the oldest first.
struct PlaceStreams {
    followed: FollowedPlace,
    slots: Vec<Arc<Slot>>,
}

/// The places for which the store must be asked.
type Asks = Vec<(PeekAdvice, Timestamp, Ticket)>;

impl LineStreams {
    pub(super) fn new(concert: ConcertId) -> Self {
        Self {
            concert,
            shards: Default::default(),
            takes_turn: AtomicBool::new(false),
        }
    }

    /// Adds a stream of the place of `report`. If there are too many, the oldest ends.
    pub(super) fn add(&self, report: &PlaceReport, slot: Arc<Slot>) -> PlaceKey {
        let (place, as_of) = (&report.place, report.as_of);
        let key = key_of(&place.ticket);
        match self.shard(&key).entry(key.clone()) {
            Entry::Occupied(mut others) => {
                let others = others.get_mut();
                if others.followed.as_of() <= as_of {
                    others.followed.confirm(place.clone(), as_of);
                }
                if others.slots.len() >= STREAMS_PER_PLACE {
                    others.slots.remove(0).end(End::Superseded);
                }
                others.slots.push(slot);
            }
            Entry::Vacant(free) => {
                free.insert(PlaceStreams {
                    followed: FollowedPlace::new(place.clone(), as_of),
                    slots: vec![slot],
                });
            }
        }
        key
    }

    /// Removes a stream, if it exists.
    pub(super) fn remove(&self, key: &PlaceKey, slot: &Arc<Slot>) {
        let mut places = self.shard(key);
        if let Some(place) = places.get_mut(key) {
            place.slots.retain(|other| !Arc::ptr_eq(other, slot));
            if place.slots.is_empty() {
                places.remove(key);
            }
        }
    }

    /// Ends all streams.
    pub(super) fn end_all(&self, why: End) {
        for shard in &self.shards {
            for (_, place) in lock(shard).drain() {
                place.end(why);
            }
        }
    }

    /// Starts a turn. Returns false if one is already running, so a store call that hangs delays
    /// only its own queue.
    pub(super) fn may_take_turn(&self) -> bool {
        !self.takes_turn.swap(true, Ordering::AcqRel)
    }

    /// Reads the snapshot of the line, updates all places, and peeks in the store at the places
    /// that the snapshot does not decide.
    pub(super) async fn take_turn(&self, follow: &FollowPlaces, turn: u32) {
        // Dropped also if this future is cancelled.
        let _done = scopeguard(&self.takes_turn);
        let seen = follow.snapshot(self.concert).await;
        if let Err(error) = &seen {
            tracing::debug!(%error,
                "failed to read a line for its event streams; the next turn retries");
        }
        let mut asks = Asks::new();
        for shard in &self.shards {
            lock(shard).retain(|_, place| place.see(&seen, turn, &mut asks));
            yield_now().await;
        }
        asks.sort_unstable_by_key(|(advice, confirmed_at, _)| (*advice, *confirmed_at));
        asks.truncate(PEEKS_A_TURN);
        let tickets: Vec<Ticket> = asks.into_iter().map(|(_, _, ticket)| ticket).collect();
        for tickets in tickets.chunks(Ticket::PEEKS_MAX) {
            match follow.peek(self.concert, tickets).await {
                Ok(Some(places)) => {
                    for (ticket, place) in tickets.iter().zip(places) {
                        self.confirm(ticket, place, turn);
                    }
                }
                Ok(None) => return,
                Err(error) => {
                    tracing::debug!(%error,
                        "failed to peek at places for event streams; the next turn retries");
                    return;
                }
            }
        }
    }

    /// Applies the answer of the store about a place.
    fn confirm(&self, ticket: &Ticket, place: Option<Stamped<Place>>, turn: u32) {
        let key = key_of(ticket);
        let mut places = self.shard(&key);
        let Entry::Occupied(mut streams) = places.entry(key) else {
            return;
        };
        let remains = match place {
            Some(Stamped { as_of, value }) => {
                streams.get_mut().followed.confirm(value, as_of);
                streams.get_mut().publish(turn)
            }
            None => streams.get().end(End::Gone),
        };
        if !remains {
            streams.remove();
        }
    }

    #[expect(
        clippy::indexing_slicing,
        reason = "the remainder is the number of a shard"
    )]
    fn shard(&self, (arrival, _): &PlaceKey) -> MutexGuard<'_, Places> {
        // With a coarse clock, the lowest bits of arrivals are zero.
        let micros = arrival.micros().cast_unsigned();
        let stirred = micros.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        lock(&self.shards[usize::try_from(stirred).unwrap_or_default() % SHARDS])
    }
}

impl PlaceStreams {
    /// Updates the place from the snapshot of the line. Returns false if no stream is left.
    fn see(&mut self, seen: &StoreResult<FollowAnswer>, turn: u32, asks: &mut Asks) -> bool {
        match seen {
            Ok(FollowAnswer::Seen(line)) => match line.show(&mut self.followed) {
                PeekAdvice::Lost => return self.end(End::Lost),
                PeekAdvice::Known => {}
                advice @ (PeekAdvice::PeekNow | PeekAdvice::Peek) => {
                    let ticket = self.followed.place().ticket.clone();
                    asks.push((advice, self.followed.confirmed_at(), ticket));
                }
            },
            Ok(FollowAnswer::Missing(QueueMissing::NoSuchConcert)) => return self.end(End::Gone),
            // The last sent state stays until the store answers.
            Ok(FollowAnswer::Missing(QueueMissing::NotReady)) | Err(_) => {}
        }
        self.publish(turn)
    }

    /// Offers the place to all of its streams. Returns false if none is left.
    fn publish(&mut self, turn: u32) -> bool {
        let (place, as_of) = (self.followed.place(), self.followed.as_of());
        self.slots.retain(|slot| {
            let keeps_up = slot.offer(place, as_of, turn);
            if !keeps_up {
                slot.end(End::Slow);
            }
            keeps_up
        });
        !self.slots.is_empty()
    }

    /// Ends all streams. Returns false, because none is left.
    fn end(&self, why: End) -> bool {
        for slot in &self.slots {
            slot.end(why);
        }
        false
    }
}

fn key_of(ticket: &Ticket) -> PlaceKey {
    (ticket.arrival, ticket.user.clone())
}

fn lock(shard: &Mutex<Places>) -> MutexGuard<'_, Places> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Allows the next turn when the returned guard is dropped.
fn scopeguard(takes_turn: &AtomicBool) -> impl Drop {
    struct Done<'a>(&'a AtomicBool);

    impl Drop for Done<'_> {
        fn drop(&mut self) {
            self.0.store(false, Ordering::Release);
        }
    }

    Done(takes_turn)
}
