//! A part of the waiting users in a queue cache, behind its own lock.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::Arc,
};

use jiff::Timestamp;

use super::{
    SnapshotQueue,
    cache_limit::{CacheLimit, SMALL, is_sparse},
    cached_place::{CachedPlace, Snapshot},
    due_order::DueOrder,
    failed_heartbeats::FailedHeartbeats,
    tombstones::Tombstones,
};
use crate::{
    model::{
        later,
        queue::{Arrival, Heartbeat, Place, Ticket},
    },
    ports::Stamped,
};

/// A point in the order in which this instance learns about a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) struct Version(pub(super) u64);

/// The answer about a place without a call to the store.
#[derive(Debug)]
pub(super) enum Answer {
    /// The place.
    Found(Stamped<Place>),
    /// A fresh snapshot is needed: it gives the answer, or makes the store's answer worth caching.
    RefreshFirst,
    /// Nothing is known: ask the store.
    Ask,
}

/// The kinds of due heartbeats.
#[derive(Debug, Clone, Copy)]
pub(super) enum Due {
    /// Of users who are near.
    Near,
    /// Of requests that failed in the store.
    Failed,
    /// Of all other users.
    Far,
}

impl Due {
    /// All kinds, the most urgent first.
    pub(super) const ALL: [Self; 3] = [Self::Near, Self::Failed, Self::Far];
}

/// A part of the users who were found waiting.
#[derive(Debug, Default)]
pub(super) struct Shard {
    snapshot: Option<Arc<Snapshot>>,
    /// The version of the first snapshot of the present epoch. A user found waiting since then
    /// waits still, unless a later snapshot says otherwise.
    epoch: Version,
    places: HashMap<Arrival, CachedPlace>,
    pub(super) failed: FailedHeartbeats,
    /// The order in which heartbeats are due: of users who are not near, and of users who are.
    far: DueOrder,
    near: DueOrder,
    tombstones: Tombstones,
}

impl Shard {
    /// Returns the place of `ticket` at `now`, for a request that arrived at `asked_at`. Both
    /// instants are by this instance's clock.
    pub(super) fn answer(
        &mut self,
        ticket: &Ticket,
        asked_at: Timestamp,
        now: Timestamp,
    ) -> Answer {
        // A snapshot requested after this request arrived is as fresh as a store read.
        let is_fresh = |snapshot: &Snapshot| {
            snapshot.asked_at <= now
                && (snapshot.asked_at >= asked_at
                    || snapshot.is_within(SnapshotQueue::MAX_AGE, now))
        };
        self.answer_from(ticket, |snapshot| (is_fresh(snapshot), snapshot.as_of))
    }

    /// Returns the place of `ticket` at `now`, by this instance's clock, while no newer snapshot
    /// can be taken. A user is not answered without the store for longer than with fresh snapshots.
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

    /// `judge` returns whether the snapshot is fresh enough, and the instant, by the store's clock,
    /// as of which the cached place is judged.
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
                cached.record_heartbeat(place.as_of);
                let position = cached.position(snapshot);
                let comes_near =
                    !cached.is_near && position.is_some_and(|position| snapshot.is_near(position));
                cached.is_near |= comes_near;
                // A user who was silent for long is queued at the instant of their removal. This
                // heartbeat ends the silence.
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

    /// True if a call to the store at `version` began in the present epoch.
    pub(super) fn is_of_this_epoch(&self, version: Version) -> bool {
        version >= self.epoch
    }

    /// Caches the store's answer about a place, to a call that began at `version`, with a heartbeat
    /// at `heard_at`. If the answer must not be cached, the cached place is removed too: it could
    /// move its user back in the line.
    pub(super) fn note(
        &mut self,
        version: Version,
        place: &Place,
        as_of: Timestamp,
        heard_at: Timestamp,
        limit: &CacheLimit,
    ) {
        let arrival = place.ticket.arrival;
        let Some(mut cached) = self.cached(version, place, as_of, heard_at) else {
            self.remove(arrival, limit);
            return;
        };
        match self.places.entry(arrival) {
            Entry::Occupied(mut before) => {
                cached.after(before.get());
                before.insert(cached);
            }
            Entry::Vacant(free) if limit.take() => {
                let (is_near, queued_at) = (cached.is_near, cached.queued_at);
                free.insert(cached);
                self.queue_due(arrival, queued_at, is_near);
            }
            Entry::Vacant(_) => {}
        }
    }

    /// Converts the store's answer about a place into a cache entry. None if it must not be cached.
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
        // If the call began before the snapshot was there, only the instant of its answer tells
        // which of the two is newer. All answers that get here are of one epoch, because the floor
        // of the tombstones is at its start or later, and an epoch has only one generation.
        let asked_after = version >= snapshot.version;
        let is_newer = asked_after || as_of > snapshot.as_of;
        let clock_stepped_back = asked_after && as_of < snapshot.as_of;
        if clock_stepped_back
            || line.generation != place.ticket.generation
            || (is_newer && line.queue != place.queue)
        {
            // The store's clock has stepped back since the snapshot, or the store has lost the
            // queue, or the state of the queue has changed.
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

    /// Removes a place that ended at `version`. Answers to earlier calls about it are not cached.
    pub(super) fn forget(&mut self, arrival: Arrival, version: Version, limit: &CacheLimit) {
        self.remove(arrival, limit);
        let line = self
            .snapshot
            .as_ref()
            .and_then(|snapshot| snapshot.steady_line());
        // No answer about an arrival that the snapshot shows as admitted is cached, so it needs no
        // tombstone.
        if !line.is_some_and(|line| line.has_admitted(arrival)) {
            self.tombstones.add(arrival, version);
        }
    }

    /// Makes `snapshot` the one from which later look-ups are answered. The users in `gone` have
    /// left. In a new epoch, any user may have left. Answers to calls that began before `floor` are
    /// not cached.
    pub(super) fn apply(
        &mut self,
        snapshot: Arc<Snapshot>,
        epoch: Version,
        floor: Version,
        gone: &[Arrival],
        limit: &CacheLimit,
    ) {
        if snapshot.line.is_none() {
            self.clear(limit);
        }
        let version = snapshot.version;
        self.snapshot = Some(snapshot);
        self.epoch = epoch;
        self.tombstones.raise_floor(floor);
        for arrival in gone {
            self.forget(*arrival, version, limit);
        }
    }

    /// True if no user is cached, and no heartbeat of a failed request is kept.
    pub(super) fn is_empty(&self) -> bool {
        self.near.is_empty() && self.far.is_empty() && self.failed.is_empty()
    }

    /// Adds to `heartbeats`, up to `max` in all, the heartbeats of this `kind` that are due at
    /// `now`, by the store's clock: the last one that the store has is
    /// [`Snapshot::heartbeat_within`] old, or the request failed in the store. Removes users who
    /// were silent for so long that a snapshot cannot answer them any more.
    pub(super) fn due_heartbeats(
        &mut self,
        kind: Due,
        heartbeats: &mut Vec<Heartbeat>,
        max: usize,
        now: Timestamp,
        snapshot: &Snapshot,
        limit: &CacheLimit,
    ) {
        let (is_near, position) = match kind {
            Due::Near => (true, 1),
            Due::Far => (false, u64::MAX),
            Due::Failed => {
                self.failed.drop_useless(snapshot, now, limit);
                let remaining = max.saturating_sub(heartbeats.len());
                heartbeats.extend(self.failed.some(remaining));
                return;
            }
        };
        let mut due_order = std::mem::take(self.due_order_mut(is_near));
        let within = snapshot.heartbeat_within(position);
        let mut kept = 0;
        while heartbeats.len() < max
            && let Some((arrival, queued_at)) = due_order.get(kept)
        {
            // In both directions: a clock that stepped back must not hold heartbeats back.
            let is_due = |at: Timestamp| now.duration_since(at).unsigned_abs() >= within;
            let Some(cached) = self.places.get_mut(&arrival).filter(|cached| {
                // Otherwise this entry is outdated: the user has another one.
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
                // The store has recorded a later heartbeat.
                cached.recorded_at()
            } else if let Some((user, at)) = cached.unrecorded() {
                heartbeats.push(Heartbeat { user, arrival, at });
                kept += 1;
                continue;
            } else {
                // Due again when a snapshot cannot answer this user any more.
                later(cached.confirmed_at(), spare)
            };
            due_order.remove(kept);
            if is_due(next) {
                self.remove(arrival, limit);
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

    /// Queues a user for the next write of their heartbeat.
    fn queue_due(&mut self, arrival: Arrival, found_at: Timestamp, is_near: bool) {
        let live = self.places.len();
        if self.due_order_mut(is_near).len() >= 2 * live + SMALL {
            // Most entries belong to users who were removed.
            let seen = self.places.iter();
            let of_class = seen.filter(|(_, cached)| cached.is_near == is_near);
            let due_order = of_class.map(|(arrival, cached)| (*arrival, cached.queued_at));
            *self.due_order_mut(is_near) = due_order.collect();
        } else {
            self.due_order_mut(is_near).insert(arrival, found_at, 0);
        }
    }

    fn clear(&mut self, limit: &CacheLimit) {
        for _ in self.places.drain() {
            limit.give_back();
        }
        self.failed.clear(limit);
        self.places = HashMap::new();
        self.near = DueOrder::default();
        self.far = DueOrder::default();
    }

    /// Removes a place. The answer to a call about it that is under way may still be cached.
    pub(super) fn remove(&mut self, arrival: Arrival, limit: &CacheLimit) {
        if self.places.remove(&arrival).is_some() {
            limit.give_back();
            if is_sparse(self.places.len(), self.places.capacity()) {
                self.places.shrink_to(self.places.len() * 2);
            }
        }
    }

    /// The number of users that fit without another allocation.
    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.places
            .capacity()
            .max(self.failed.capacity())
            .max(self.near.capacity())
            .max(self.far.capacity())
            .max(self.tombstones.capacity())
    }
}
