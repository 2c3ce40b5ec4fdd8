//! A part of those whom this instance has found waiting in a queue, behind a lock of its own.

use std::{
    collections::{HashMap, VecDeque, hash_map::Entry},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use jiff::Timestamp;

use super::{
    SharedLook,
    sightings::{Look, Sighting},
};
use crate::{
    model::queue::{Arrival, Place, SignOfLife, Ticket},
    ports::Stamped,
};

/// How many users may still be remembered, over all queues.
#[derive(Debug)]
pub(super) struct Room(AtomicUsize);

impl Room {
    pub(super) fn new(most: usize) -> Self {
        Self(AtomicUsize::new(most))
    }

    /// Takes the room of one user; false where there is none.
    pub(super) fn take(&self) -> bool {
        let one_less = |left: usize| left.checked_sub(1);
        self.0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less)
            .is_ok()
    }

    pub(super) fn give_back(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// An instant in the order of what this instance learns of a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) struct Tag(pub(super) u64);

/// What can be said of a place without asking the store.
#[derive(Debug)]
pub(super) enum Answer {
    /// It is here.
    Found(Stamped<Place>),
    /// A fresh look will tell, or make it worth remembering what the store says.
    LookFirst,
    /// Nothing: ask the store.
    Ask,
}

/// A part of those who were found waiting.
#[derive(Debug, Default)]
pub(super) struct Shard {
    look: Option<Arc<Look>>,
    era: u64,
    seen: HashMap<Arrival, Sighting>,
    /// Each of them with when it was last found, from who was found first: the order in which their
    /// signs of life are told. Who was forgotten stays until its turn comes.
    turns: VecDeque<(Arrival, Timestamp)>,
    /// What was asked of the store before this change is not remembered after it.
    changed: Tag,
}

impl Shard {
    /// A map with room for so few is never worth shrinking.
    const SMALL: usize = 64;

    /// The place of `ticket` at `now`, for somebody who has asked at `asked_at`, both by this
    /// instance's clock.
    pub(super) fn answer(
        &mut self,
        ticket: &Ticket,
        asked_at: Timestamp,
        now: Timestamp,
    ) -> Answer {
        let Some(look) = &self.look else {
            return Answer::LookFirst;
        };
        // As good as asking the store oneself is a look that was asked for after oneself.
        let is_fresh = look.asked_at <= now
            && (look.asked_at >= asked_at
                || now.duration_since(look.asked_at).unsigned_abs() <= SharedLook::MAX_AGE);
        let Some(line) = look.steady_line() else {
            return if is_fresh {
                Answer::Ask
            } else {
                Answer::LookFirst
            };
        };
        let sighting = self.seen.get_mut(&ticket.arrival);
        let Some(sighting) = sighting.filter(|sighting| sighting.era == self.era) else {
            return Answer::Ask;
        };
        match sighting.place(ticket, look, line) {
            Some(_) if !is_fresh => Answer::LookFirst,
            Some(place) => {
                sighting.heard(place.as_of);
                Answer::Found(place)
            }
            None => Answer::Ask,
        }
    }

    /// Notes what the store has said of a place to somebody who asked at `tag`. Where that is not to
    /// be remembered, what was remembered before is forgotten: it would send its user back.
    pub(super) fn note(&mut self, tag: Tag, place: &Place, as_of: Timestamp, room: &Room) {
        let arrival = place.ticket.arrival;
        let Some(mut sighting) = self.sighting(tag, place, as_of) else {
            self.remove(arrival, room);
            return;
        };
        match self.seen.entry(arrival) {
            Entry::Occupied(mut before) => {
                sighting.after(before.get());
                before.insert(sighting);
            }
            Entry::Vacant(free) if room.take() => {
                free.insert(sighting);
                self.turns.push_back((arrival, as_of));
            }
            Entry::Vacant(_) => {}
        }
    }

    /// What the store has said of a place, where it is worth remembering.
    fn sighting(&mut self, tag: Tag, place: &Place, as_of: Timestamp) -> Option<Sighting> {
        if self.changed > tag {
            return None;
        }
        let look = self.look.as_ref()?;
        let line = look.steady_line()?;
        // The look was there before the store was asked: since then the store's clock has stepped
        // back, or it has lost the queue, or the queue's state has changed.
        if as_of < look.as_of
            || line.generation != place.ticket.generation
            || line.queue != place.queue
        {
            self.look = None;
            return None;
        }
        Sighting::of(place, as_of, look, self.era)
    }

    /// Forgets a place.
    pub(super) fn forget(&mut self, arrival: Arrival, changed: Tag, room: &Room) {
        self.changed = self.changed.max(changed);
        self.remove(arrival, room);
    }

    /// Answers from `look` from now on. `gone` have left; in another era than before, anybody may
    /// have.
    pub(super) fn see(
        &mut self,
        look: Arc<Look>,
        era: u64,
        gone: impl Iterator<Item = Arrival>,
        changed: Tag,
        room: &Room,
    ) {
        if look.line.is_none() {
            self.clear(room);
        }
        self.look = Some(look);
        self.era = era;
        self.changed = self.changed.max(changed);
        for arrival in gone {
            self.remove(arrival, room);
        }
    }

    /// True when nobody is remembered.
    pub(super) fn is_empty(&self) -> bool {
        self.turns.is_empty()
    }

    /// Adds to `signs`, up to `limit` in all, those of people who were found in the store too long
    /// before `look` to be answered any more; forgets those of them who were not heard of since.
    pub(super) fn due_signs(
        &mut self,
        signs: &mut Vec<SignOfLife>,
        limit: usize,
        look: &Look,
        room: &Room,
    ) {
        let mut kept = 0;
        while signs.len() < limit
            && let Some(&(arrival, found_at)) = self.turns.get(kept)
        {
            let Some(sighting) = self.seen.get(&arrival) else {
                self.turns.remove(kept);
                continue;
            };
            let confirmed_at = sighting.confirmed_at();
            if confirmed_at != found_at {
                // Found again since: their turn comes with those who were found at the same time.
                self.turns.remove(kept);
                let turn = self.turns.partition_point(|&(_, at)| at <= confirmed_at);
                self.turns.insert(turn.max(kept), (arrival, confirmed_at));
                continue;
            }
            // In either direction: a clock that stepped back must not hold them back.
            if look.as_of.duration_since(found_at).unsigned_abs() < look.answers_for {
                break;
            }
            if let Some((user, at)) = sighting.unknown_sign() {
                signs.push(SignOfLife { user, arrival, at });
                kept += 1;
            } else {
                self.turns.remove(kept);
                self.remove(arrival, room);
            }
        }
    }

    /// Forgets somebody whose sign of life was told, unless they were heard of since.
    pub(super) fn told(&mut self, sign: &SignOfLife, room: &Room) {
        let sighting = self.seen.get(&sign.arrival);
        if sighting.is_some_and(|sighting| sighting.is_told(sign.at)) {
            self.remove(sign.arrival, room);
        }
    }

    fn clear(&mut self, room: &Room) {
        for _ in self.seen.drain() {
            room.give_back();
        }
        *self = Self {
            changed: self.changed,
            ..Self::default()
        };
    }

    fn remove(&mut self, arrival: Arrival, room: &Room) {
        if self.seen.remove(&arrival).is_some() {
            room.give_back();
            if self.seen.capacity() > Self::SMALL && self.seen.len() < self.seen.capacity() / 4 {
                self.seen.shrink_to(self.seen.len() * 2);
            }
        }
    }
}
