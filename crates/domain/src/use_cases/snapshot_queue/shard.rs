//! A part of those whom this instance has found waiting in a queue, behind a lock of its own.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::Arc,
};

use jiff::Timestamp;

use super::{
    SnapshotQueue,
    cached_place::{CachedPlace, Snapshot},
    capacity::{Capacity, SMALL, is_sparse},
    due_order::DueOrder,
    refused::Refused,
    tombstones::Tombstones,
};
use crate::{
    model::{
        later,
        queue::{Arrival, Heartbeat, Place, Ticket},
    },
    ports::Stamped,
};

/// An instant in the order of what this instance learns of a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) struct Version(pub(super) u64);

/// What can be said of a place without source the store.
#[derive(Debug)]
pub(super) enum Answer {
    /// It is here.
    Found(Stamped<Place>),
    /// A fresh snapshot will tell, or make it worth remembering what the store says.
    RefreshFirst,
    /// Nothing: ask the store.
    Ask,
}

/// Heartbeats that reach the store together.
#[derive(Debug, Clone, Copy)]
pub(super) enum Due {
    /// Of users near the head of the line.
    Near,
    /// Of requests that the store has refused.
    Refused,
    /// Of all other users.
    Far,
}

impl Due {
    /// In the order in which they are urgent.
    pub(super) const ALL: [Self; 3] = [Self::Near, Self::Refused, Self::Far];
}

/// A part of those who were found waiting.
#[derive(Debug, Default)]
pub(super) struct Shard {
    snapshot: Option<Arc<Snapshot>>,
    /// The snapshot from which on those who were found waiting are known to wait still.
    epoch: Version,
    places: HashMap<Arrival, CachedPlace>,
    pub(super) refused: Refused,
    /// The due_order of those who are not near the head, and of those who are.
    far: DueOrder,
    near: DueOrder,
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
        // As good as source the store oneself is a snapshot that was asked for after oneself.
        let is_fresh = |snapshot: &Snapshot| {
            snapshot.asked_at <= now
                && (snapshot.asked_at >= asked_at
                    || snapshot.is_within(SnapshotQueue::MAX_AGE, now))
        };
        self.answer_from(ticket, |snapshot| (is_fresh(snapshot), snapshot.as_of))
    }

    /// The place of `ticket` at `now`, by this instance's clock, where no newer snapshot can be had. Nobody
    /// is kept from the store for longer by that than by fresh snapshots.
    pub(super) fn stale_answer(&mut self, ticket: &Ticket, now: Timestamp) -> Answer {
        let judge = |snapshot: &Snapshot| {
            let is_usable = snapshot.is_within(SnapshotQueue::STALE_MAX, now);
            (is_usable, snapshot.store_time(now))
        };
        match self.answer_from(ticket, judge) {
            Answer::RefreshFirst => Answer::Ask,
            answer => answer,
        }
    }

    /// `judge` tells whether the snapshot is new enough, and at which instant of the store it counts.
    fn answer_from(
        &mut self,
        ticket: &Ticket,
        judge: impl FnOnce(&Snapshot) -> (bool, Timestamp),
    ) -> Answer {
        let Some(snapshot) = &self.snapshot else {
            return Answer::RefreshFirst;
        };
        let (is_fresh, at) = judge(snapshot);
        let Some(line) = snapshot.steady_line() else {
            return if is_fresh {
                Answer::Ask
            } else {
                Answer::RefreshFirst
            };
        };
        let cached = self.places.get_mut(&ticket.arrival);
        let Some(cached) = cached.filter(|cached| cached.epoch == self.epoch) else {
            return Answer::Ask;
        };
        match cached.place(ticket, snapshot, line, at) {
            Some(_) if !is_fresh => Answer::RefreshFirst,
            Some(place) => {
                cached.heard(place.as_of);
                let position = cached.position(snapshot);
                let comes_near =
                    !cached.is_near && position.is_some_and(|position| snapshot.is_near(position));
                cached.is_near |= comes_near;
                // Users who were silent for long are in the order where they are to be forgotten.
                if comes_near || cached.queued_at > cached.recorded_at() {
                    cached.queued_at = cached.recorded_at();
                    let (is_near, queued_at) = (cached.is_near, cached.queued_at);
                    self.queue_due(ticket.arrival, queued_at, is_near);
                }
                Answer::Found(place)
            }
            None => Answer::Ask,
        }
    }

    /// True where what was asked of the store at `version` was asked in the present epoch.
    pub(super) fn is_of_this_epoch(&self, version: Version) -> bool {
        version >= self.epoch
    }

    /// Notes what the store has said of a place to somebody who asked at `version`, with a heartbeat at
    /// `heard_at`. Where that is not to be remembered, what was remembered before is forgotten: it
    /// would send its user back.
    pub(super) fn note(
        &mut self,
        version: Version,
        place: &Place,
        as_of: Timestamp,
        heard_at: Timestamp,
        capacity: &Capacity,
    ) {
        let arrival = place.ticket.arrival;
        let Some(mut cached) = self.cached(version, place, as_of, heard_at) else {
            self.remove(arrival, capacity);
            return;
        };
        match self.places.entry(arrival) {
            Entry::Occupied(mut before) => {
                cached.after(before.get());
                before.insert(cached);
            }
            Entry::Vacant(free) if capacity.take() => {
                let (is_near, queued_at) = (cached.is_near, cached.queued_at);
                free.insert(cached);
                self.queue_due(arrival, queued_at, is_near);
            }
            Entry::Vacant(_) => {}
        }
    }

    /// What the store has said of a place, where it is worth remembering.
    fn cached(
        &mut self,
        version: Version,
        place: &Place,
        as_of: Timestamp,
        heard_at: Timestamp,
    ) -> Option<CachedPlace> {
        let arrival = place.ticket.arrival;
        if self.tombstones.forbid(arrival, version) {
            return None;
        }
        let snapshot = self.snapshot.as_ref()?;
        let line = snapshot.steady_line()?;
        // Of an answer that was asked for before the snapshot was there, only its instant tells which of
        // the two is newer. In an epoch, which the floor of the tombstones begins with, there is but one
        // generation.
        let asked_after = version >= snapshot.version;
        let is_newer = asked_after || as_of > snapshot.as_of;
        let clock_stepped_back = asked_after && as_of < snapshot.as_of;
        if clock_stepped_back
            || line.generation != place.ticket.generation
            || (is_newer && line.queue != place.queue)
        {
            // The store's clock has stepped back since the snapshot, or it has lost the queue, or the
            // queue's state has changed.
            self.snapshot = None;
            return None;
        }
        if line.has_admitted(arrival) {
            return None;
        }
        let mut cached = CachedPlace::of(place, as_of, heard_at, self.epoch)?;
        let position = cached.position(snapshot);
        cached.is_near = position.is_some_and(|position| snapshot.is_near(position));
        Some(cached)
    }

    /// Forgets a place that ended at `version`; older answers about it are not remembered.
    pub(super) fn forget(&mut self, arrival: Arrival, version: Version, capacity: &Capacity) {
        self.remove(arrival, capacity);
        let line = self
            .snapshot
            .as_ref()
            .and_then(|snapshot| snapshot.steady_line());
        // What a snapshot shows as admitted is remembered of no answer.
        if !line.is_some_and(|line| line.has_admitted(arrival)) {
            self.tombstones.add(arrival, version);
        }
    }

    /// Answers from `snapshot` from now on. `gone` have left; in another epoch than before, anybody may
    /// have. Answers that were asked for before `floor` are not remembered.
    pub(super) fn apply(
        &mut self,
        snapshot: Arc<Snapshot>,
        epoch: Version,
        floor: Version,
        gone: &[Arrival],
        capacity: &Capacity,
    ) {
        if snapshot.line.is_none() {
            self.clear(capacity);
        }
        let version = snapshot.version;
        self.snapshot = Some(snapshot);
        self.epoch = epoch;
        self.tombstones.raise_floor(floor);
        for arrival in gone {
            self.forget(*arrival, version, capacity);
        }
    }

    /// True when nobody is remembered.
    pub(super) fn is_empty(&self) -> bool {
        self.near.is_empty() && self.far.is_empty() && self.refused.is_empty()
    }

    /// Adds to `heartbeats`, up to `limit` in all, the heartbeats that `snapshot` lets stay here no longer at
    /// `now`, by the store's clock: so much time has passed since the last one that the store has, or
    /// the store has refused it.
    /// Forgets users who were silent until they would not be answered from a snapshot any more.
    pub(super) fn due_heartbeats(
        &mut self,
        kind: Due,
        heartbeats: &mut Vec<Heartbeat>,
        limit: usize,
        now: Timestamp,
        snapshot: &Snapshot,
        capacity: &Capacity,
    ) {
        let (is_near, position) = match kind {
            Due::Near => (true, 1),
            Due::Far => (false, u64::MAX),
            Due::Refused => {
                self.refused.drop_useless(snapshot, now, capacity);
                let room = limit.saturating_sub(heartbeats.len());
                heartbeats.extend(self.refused.some(room));
                return;
            }
        };
        let mut due_order = std::mem::take(self.due_order_mut(is_near));
        let within = snapshot.heartbeat_within(position);
        let mut kept = 0;
        while heartbeats.len() < limit
            && let Some((arrival, queued_at)) = due_order.get(kept)
        {
            // In either direction: a clock that stepped back must not hold them back.
            let is_due = |at: Timestamp| now.duration_since(at).unsigned_abs() >= within;
            let Some(cached) = self.places.get_mut(&arrival).filter(|cached| {
                // Else they are in the order once more.
                cached.is_near == is_near && cached.queued_at == queued_at
            }) else {
                due_order.remove(kept);
                continue;
            };
            if !is_due(queued_at) {
                break;
            }
            let spare = snapshot.answers_for(position).saturating_sub(within);
            let next = if !is_due(cached.recorded_at()) {
                // The store has heard of them since.
                cached.recorded_at()
            } else if let Some((user, at)) = cached.unrecorded() {
                heartbeats.push(Heartbeat { user, arrival, at });
                kept += 1;
                continue;
            } else {
                // Due again when they would not be answered from a snapshot any more.
                later(cached.confirmed_at(), spare)
            };
            due_order.remove(kept);
            if is_due(next) {
                self.remove(arrival, capacity);
            } else {
                cached.queued_at = next;
                due_order.insert(arrival, next, kept);
            }
        }
        due_order.shrink();
        *self.due_order_mut(is_near) = due_order;
    }

    fn due_order_mut(&mut self, is_near: bool) -> &mut DueOrder {
        if is_near {
            &mut self.near
        } else {
            &mut self.far
        }
    }

    /// Notes the turn of somebody who has just been added.
    fn queue_due(&mut self, arrival: Arrival, found_at: Timestamp, is_near: bool) {
        let live = self.places.len();
        if self.due_order_mut(is_near).len() >= 2 * live + SMALL {
            // Most of them are of people who were forgotten.
            let seen = self.places.iter();
            let of_class = seen.filter(|(_, cached)| cached.is_near == is_near);
            let due_order = of_class.map(|(arrival, cached)| (*arrival, cached.queued_at));
            *self.due_order_mut(is_near) = due_order.collect();
        } else {
            self.due_order_mut(is_near).insert(arrival, found_at, 0);
        }
    }

    fn clear(&mut self, capacity: &Capacity) {
        for _ in self.places.drain() {
            capacity.give_back();
        }
        self.refused.clear(capacity);
        self.places = HashMap::new();
        self.near = DueOrder::default();
        self.far = DueOrder::default();
    }

    /// Forgets where a place is. What the store is being asked about it may be remembered.
    pub(super) fn remove(&mut self, arrival: Arrival, capacity: &Capacity) {
        if self.places.remove(&arrival).is_some() {
            capacity.give_back();
            if is_sparse(self.places.len(), self.places.capacity()) {
                self.places.shrink_to(self.places.len() * 2);
            }
        }
    }

    /// For how many users there is room without another allocation.
    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.places
            .capacity()
            .max(self.refused.capacity())
            .max(self.near.capacity())
            .max(self.far.capacity())
            .max(self.tombstones.capacity())
    }
}
