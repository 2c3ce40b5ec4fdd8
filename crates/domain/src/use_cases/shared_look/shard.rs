//! A part of those whom this instance has found waiting in a queue, behind a lock of its own.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::Arc,
};

use jiff::Timestamp;

use super::{
    SharedLook,
    refused::Refused,
    room::{Room, SMALL, is_sparse},
    sightings::{Look, Sighting},
    tombstones::Tombstones,
    turns::Turns,
};
use crate::{
    model::{
        later,
        queue::{Arrival, Place, SignOfLife, Ticket},
    },
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
    pub(super) refused: Refused,
    /// The turns of those who are not near the head, and of those who are.
    far: Turns,
    near: Turns,
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
                let position = sighting.position(look);
                let comes_near =
                    !sighting.is_near && position.is_some_and(|position| look.is_near(position));
                sighting.is_near |= comes_near;
                // Users who were silent for long are in the order where they are to be forgotten.
                if comes_near || sighting.queued_at > sighting.recorded_at() {
                    sighting.queued_at = sighting.recorded_at();
                    let (is_near, queued_at) = (sighting.is_near, sighting.queued_at);
                    self.queue_turn(ticket.arrival, queued_at, is_near);
                }
                Answer::Found(place)
            }
            None => Answer::Ask,
        }
    }

    /// True where what was asked of the store at `tag` was asked in the present era.
    pub(super) fn is_of_this_era(&self, tag: Tag) -> bool {
        tag >= self.era
    }

    /// Notes what the store has said of a place to somebody who asked at `tag`, with a heartbeat at
    /// `heard_at`. Where that is not to be remembered, what was remembered before is forgotten: it
    /// would send its user back.
    pub(super) fn note(
        &mut self,
        tag: Tag,
        place: &Place,
        as_of: Timestamp,
        heard_at: Timestamp,
        room: &Room,
    ) {
        let arrival = place.ticket.arrival;
        let Some(mut sighting) = self.sighting(tag, place, as_of, heard_at) else {
            self.remove(arrival, room);
            return;
        };
        match self.seen.entry(arrival) {
            Entry::Occupied(mut before) => {
                sighting.after(before.get());
                before.insert(sighting);
            }
            Entry::Vacant(free) if room.take() => {
                let (is_near, queued_at) = (sighting.is_near, sighting.queued_at);
                free.insert(sighting);
                self.queue_turn(arrival, queued_at, is_near);
            }
            Entry::Vacant(_) => {}
        }
    }

    /// What the store has said of a place, where it is worth remembering.
    fn sighting(
        &mut self,
        tag: Tag,
        place: &Place,
        as_of: Timestamp,
        heard_at: Timestamp,
    ) -> Option<Sighting> {
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
        let mut sighting = Sighting::of(place, as_of, heard_at, self.era)?;
        let position = sighting.position(look);
        sighting.is_near = position.is_some_and(|position| look.is_near(position));
        Some(sighting)
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
        self.near.is_empty() && self.far.is_empty() && self.refused.is_empty()
    }

    /// Adds to `signs`, up to `limit` in all, the heartbeats that `look` lets stay here no longer at
    /// `now`, by the store's clock: so much time has passed since the last one that the store has, or
    /// the store has refused it.
    /// Forgets users who were silent until they would not be answered from a look any more.
    pub(super) fn due_signs(
        &mut self,
        signs: &mut Vec<SignOfLife>,
        limit: usize,
        now: Timestamp,
        look: &Look,
        room: &Room,
    ) {
        signs.extend(self.refused.some(limit.saturating_sub(signs.len())));
        for (is_near, position) in [(true, 1), (false, u64::MAX)] {
            let mut turns = std::mem::take(self.turns_mut(is_near));
            let within = look.heartbeat_within(position);
            let mut kept = 0;
            while signs.len() < limit
                && let Some((arrival, queued_at)) = turns.get(kept)
            {
                // In either direction: a clock that stepped back must not hold them back.
                let is_due = |at: Timestamp| now.duration_since(at).unsigned_abs() >= within;
                let Some(sighting) = self.seen.get_mut(&arrival).filter(|sighting| {
                    // Else they are in the order once more.
                    sighting.is_near == is_near && sighting.queued_at == queued_at
                }) else {
                    turns.remove(kept);
                    continue;
                };
                if !is_due(queued_at) {
                    break;
                }
                let spare = look.answers_for(position).saturating_sub(within);
                let next = if !is_due(sighting.recorded_at()) {
                    // The store has heard of them since.
                    sighting.recorded_at()
                } else if let Some((user, at)) = sighting.unknown_sign() {
                    signs.push(SignOfLife { user, arrival, at });
                    kept += 1;
                    continue;
                } else {
                    // Due again when they would not be answered from a look any more.
                    later(sighting.confirmed_at(), spare)
                };
                turns.remove(kept);
                if is_due(next) {
                    self.remove(arrival, room);
                } else {
                    sighting.queued_at = next;
                    turns.insert(arrival, next, kept);
                }
            }
            turns.shrink();
            *self.turns_mut(is_near) = turns;
        }
    }

    fn turns_mut(&mut self, is_near: bool) -> &mut Turns {
        if is_near {
            &mut self.near
        } else {
            &mut self.far
        }
    }

    /// Notes the turn of somebody who has just been added.
    fn queue_turn(&mut self, arrival: Arrival, found_at: Timestamp, is_near: bool) {
        let live = self.seen.len();
        if self.turns_mut(is_near).len() >= 2 * live + SMALL {
            // Most of them are of people who were forgotten.
            let seen = self.seen.iter();
            let of_class = seen.filter(|(_, sighting)| sighting.is_near == is_near);
            let turns = of_class.map(|(arrival, sighting)| (*arrival, sighting.queued_at));
            *self.turns_mut(is_near) = turns.collect();
        } else {
            self.turns_mut(is_near).insert(arrival, found_at, 0);
        }
    }

    fn clear(&mut self, room: &Room) {
        for _ in self.seen.drain() {
            room.give_back();
        }
        self.refused.clear(room);
        self.seen = HashMap::new();
        self.near = Turns::default();
        self.far = Turns::default();
    }

    /// Forgets where a place is. What the store is being asked about it may be remembered.
    pub(super) fn remove(&mut self, arrival: Arrival, room: &Room) {
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
            .max(self.refused.capacity())
            .max(self.near.capacity())
            .max(self.far.capacity())
            .max(self.tombstones.capacity())
    }
}
