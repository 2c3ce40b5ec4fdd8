//! A part of those whom this instance has found waiting in a queue, behind a lock of its own.

use std::{
    collections::{HashMap, VecDeque, hash_map::Entry},
    sync::Arc,
    time::Duration,
};

use jiff::Timestamp;

use super::{
    SharedLook,
    room::{Room, SMALL, is_sparse},
    sightings::{Look, Sighting},
    tombstones::Tombstones,
};
use crate::{
    model::queue::{Arrival, Place, SignOfLife, Ticket},
    ports::Stamped,
};

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
    /// The look from which on those who were found waiting are known to wait still.
    era: Tag,
    seen: HashMap<Arrival, Sighting>,
    /// Each of them with when it was last found, from who was found first: the order in which their
    /// signs of life are told. Who was forgotten stays until its turn comes.
    turns: VecDeque<(Arrival, Timestamp)>,
    tombstones: Tombstones,
}

impl Shard {
    /// The place of `ticket` at `now`, for somebody who has asked at `asked_at`, both by this
    /// instance's clock.
    pub(super) fn answer(
        &mut self,
        ticket: &Ticket,
        asked_at: Timestamp,
        now: Timestamp,
    ) -> Answer {
        // As good as asking the store oneself is a look that was asked for after oneself.
        let is_fresh = |look: &Look| {
            look.asked_at <= now
                && (look.asked_at >= asked_at || look.is_within(SharedLook::MAX_AGE, now))
        };
        self.answer_from(ticket, |look| (is_fresh(look), look.as_of))
    }

    /// The place of `ticket` at `now`, by this instance's clock, where no newer look can be had. Nobody
    /// is kept from the store for longer by that than by fresh looks.
    pub(super) fn stale_answer(&mut self, ticket: &Ticket, now: Timestamp) -> Answer {
        let judge = |look: &Look| {
            let is_usable = look.is_within(SharedLook::STALE_MAX, now);
            (is_usable, look.store_time(now))
        };
        match self.answer_from(ticket, judge) {
            Answer::LookFirst => Answer::Ask,
            answer => answer,
        }
    }

    /// `judge` tells whether the look is new enough, and at which instant of the store it counts.
    fn answer_from(
        &mut self,
        ticket: &Ticket,
        judge: impl FnOnce(&Look) -> (bool, Timestamp),
    ) -> Answer {
        let Some(look) = &self.look else {
            return Answer::LookFirst;
        };
        let (is_fresh, at) = judge(look);
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
        match sighting.place(ticket, look, line, at) {
            Some(_) if !is_fresh => Answer::LookFirst,
            Some(place) => {
                sighting.heard(place.as_of);
                Answer::Found(place)
            }
            None => Answer::Ask,
        }
    }

    /// True where what was asked of the store at `tag` was asked in the present era.
    pub(super) fn is_of_this_era(&self, tag: Tag) -> bool {
        tag >= self.era
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
                self.queue_turn(arrival, as_of);
            }
            Entry::Vacant(_) => {}
        }
    }

    /// What the store has said of a place, where it is worth remembering.
    fn sighting(&mut self, tag: Tag, place: &Place, as_of: Timestamp) -> Option<Sighting> {
        let arrival = place.ticket.arrival;
        if self.tombstones.forbid(arrival, tag) {
            return None;
        }
        let look = self.look.as_ref()?;
        let line = look.steady_line()?;
        // Of an answer that was asked for before the look was there, only its instant tells which of
        // the two is newer. In an era, which the floor of the tombstones begins with, there is but one
        // generation.
        let asked_after = tag >= look.tag;
        let is_newer = asked_after || as_of > look.as_of;
        let clock_stepped_back = asked_after && as_of < look.as_of;
        if clock_stepped_back
            || line.generation != place.ticket.generation
            || (is_newer && line.queue != place.queue)
        {
            // The store's clock has stepped back since the look, or it has lost the queue, or the
            // queue's state has changed.
            self.look = None;
            return None;
        }
        if line.has_admitted(arrival) {
            return None;
        }
        Sighting::of(place, as_of, self.era)
    }

    /// Forgets a place that ended at `tag`; older answers about it are not remembered.
    pub(super) fn forget(&mut self, arrival: Arrival, tag: Tag, room: &Room) {
        self.remove(arrival, room);
        let line = self.look.as_ref().and_then(|look| look.steady_line());
        // What a look shows as admitted is remembered of no answer.
        if !line.is_some_and(|line| line.has_admitted(arrival)) {
            self.tombstones.add(arrival, tag);
        }
    }

    /// Answers from `look` from now on. `gone` have left; in another era than before, anybody may
    /// have. Answers that were asked for before `floor` are not remembered.
    pub(super) fn see(
        &mut self,
        look: Arc<Look>,
        era: Tag,
        floor: Tag,
        gone: &[Arrival],
        room: &Room,
    ) {
        if look.line.is_none() {
            self.clear(room);
        }
        let tag = look.tag;
        self.look = Some(look);
        self.era = era;
        self.tombstones.raise_floor(floor);
        for arrival in gone {
            self.forget(*arrival, tag, room);
        }
    }

    /// True when nobody is remembered.
    pub(super) fn is_empty(&self) -> bool {
        self.turns.is_empty()
    }

    /// Adds to `signs`, up to `limit` in all, those of people who were found in the store
    /// `answers_for` before `now`, by the store's clock, or earlier; forgets those of them who were
    /// not heard of since.
    pub(super) fn due_signs(
        &mut self,
        signs: &mut Vec<SignOfLife>,
        limit: usize,
        now: Timestamp,
        answers_for: Duration,
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
            if now.duration_since(found_at).unsigned_abs() < answers_for {
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
        if is_sparse(self.turns.len(), self.turns.capacity()) {
            self.turns.shrink_to(self.turns.len() * 2);
        }
    }

    /// Notes the turn of somebody who has just been added. Answers may overtake each other, so it
    /// need not be the last.
    fn queue_turn(&mut self, arrival: Arrival, found_at: Timestamp) {
        if self.turns.len() >= 2 * self.seen.len() + SMALL {
            // Most of them are of people who were forgotten.
            let seen = self.seen.iter();
            let mut turns: Vec<_> = seen
                .map(|(arrival, sighting)| (*arrival, sighting.confirmed_at()))
                .collect();
            turns.sort_unstable_by_key(|&(_, at)| at);
            self.turns = turns.into();
        } else if self.turns.back().is_none_or(|&(_, at)| at <= found_at) {
            self.turns.push_back((arrival, found_at));
        } else {
            let turn = self.turns.partition_point(|&(_, at)| at <= found_at);
            self.turns.insert(turn, (arrival, found_at));
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
        self.seen = HashMap::new();
        self.turns = VecDeque::new();
    }

    fn remove(&mut self, arrival: Arrival, room: &Room) {
        if self.seen.remove(&arrival).is_some() {
            room.give_back();
            if is_sparse(self.seen.len(), self.seen.capacity()) {
                self.seen.shrink_to(self.seen.len() * 2);
            }
        }
    }

    /// For how many users there is room without another allocation.
    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.seen
            .capacity()
            .max(self.turns.capacity())
            .max(self.tombstones.capacity())
    }
}
