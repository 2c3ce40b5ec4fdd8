//! When somebody was found waiting, and what follows from that together with a later snapshot.

use std::time::Duration;

use jiff::Timestamp;

use super::shard::Version;
use crate::{
    model::{
        UserId, later,
        queue::{LineSnapshot, Place, Standing, Ticket, Turn},
    },
    ports::Stamped,
};

/// A look at a line, as this instance keeps it.
#[derive(Debug)]
pub(super) struct Snapshot {
    /// What was asked of the store at this version or later was asked after this snapshot.
    pub(super) version: Version,
    /// When it was asked for, by this instance's clock: it is not older than that.
    pub(super) asked_at: Timestamp,
    /// When it was true, by the store's.
    pub(super) as_of: Timestamp,
    /// What it showed; none where the store had no such queue.
    pub(super) line: Option<LineSnapshot>,
    /// For how long after they were found in the store people are answered from it at most.
    pub(super) longest_silence: Duration,
}

impl Snapshot {
    /// True where this snapshot is `age` old at most at `now`, by this instance's clock.
    pub(super) fn is_within(&self, age: Duration, now: Timestamp) -> bool {
        self.asked_at <= now && now.duration_since(self.asked_at).unsigned_abs() <= age
    }

    /// What time it is in the store when it is `now` by this instance's clock, as far as this snapshot
    /// can tell.
    pub(super) fn store_time(&self, now: Timestamp) -> Timestamp {
        let elapsed = now.duration_since(self.asked_at);
        later(self.as_of, Duration::try_from(elapsed).unwrap_or_default())
    }

    /// How long after the last heartbeat that the store has of a user at `position` it is told of a
    /// later one.
    pub(super) fn heartbeat_within(&self, position: u64) -> Duration {
        let line = self.line.as_ref();
        line.map_or(Duration::ZERO, |line| {
            line.heartbeat_within(position, self.longest_silence)
        })
    }

    /// For how long after the store has told of a user at `position` they are answered from this
    /// snapshot: half as long again as heartbeats may stay here, so that a user who polls at another
    /// instance in between is still known. Less than half of the waiting time to live after the
    /// heartbeat that the store knew then, so the place has not ended.
    pub(super) fn answers_for(&self, position: u64) -> Duration {
        self.heartbeat_within(position) * 3 / 2
    }

    /// True where heartbeats of a user at `position` reach the store sooner than those of others.
    pub(super) fn is_near(&self, position: u64) -> bool {
        self.heartbeat_within(position) < self.heartbeat_within(u64::MAX)
    }

    /// The line, where what was seen of people in it is worth remembering.
    pub(super) fn steady_line(&self) -> Option<&LineSnapshot> {
        self.line
            .as_ref()
            .filter(|line| line.reentry_until.is_none())
    }
}

/// Somebody who was found waiting in the store.
#[derive(Debug)]
pub(super) struct CachedPlace {
    user: UserId,
    turn: Turn,
    /// How many had been admitted when the store said so.
    admitted: u64,
    /// When the store was last asked.
    confirmed_at: Timestamp,
    /// The last heartbeat that the store is known to have.
    recorded_at: Timestamp,
    /// The last heartbeat; not before `recorded_at`.
    heard_at: Timestamp,
    /// Their instant in the order in which heartbeats are due.
    pub(super) queued_at: Timestamp,
    /// What is known from before a change of the line says nothing after it.
    pub(super) epoch: Version,
    /// True once the user was near the head: their heartbeats reach the store sooner.
    pub(super) is_near: bool,
}

impl CachedPlace {
    /// `place`, as the store told it in this epoch after a heartbeat at `heard_at`; none where it does
    /// not wait.
    pub(super) fn of(
        place: &Place,
        as_of: Timestamp,
        heard_at: Timestamp,
        epoch: Version,
    ) -> Option<Self> {
        let Standing::Waiting {
            position, admitted, ..
        } = place.standing
        else {
            return None;
        };
        Some(Self {
            user: place.ticket.user.clone(),
            turn: Turn::of(position, admitted),
            admitted,
            confirmed_at: as_of,
            recorded_at: heard_at,
            heard_at,
            queued_at: heard_at,
            epoch,
            is_near: false,
        })
    }

    /// Takes over what an earlier cached of the same place knows better: of answers that overtook
    /// each other on their way, the earlier turn is the truer one.
    pub(super) fn after(&mut self, before: &Self) {
        self.is_near = before.is_near;
        self.queued_at = before.queued_at;
        if before.epoch == self.epoch && before.user == self.user {
            self.turn = self.turn.min(before.turn);
            self.admitted = self.admitted.max(before.admitted);
            self.confirmed_at = self.confirmed_at.max(before.confirmed_at);
            self.recorded_at = self.recorded_at.max(before.recorded_at);
            self.heard_at = self.heard_at.max(before.heard_at);
        }
    }

    /// The place of `ticket` as of `snapshot`, at which `line` was seen; none where the store must be
    /// asked when it is `at` there.
    pub(super) fn place(
        &self,
        ticket: &Ticket,
        snapshot: &Snapshot,
        line: &LineSnapshot,
        at: Timestamp,
    ) -> Option<Stamped<Place>> {
        if self.user != ticket.user || line.has_admitted(ticket.arrival) {
            return None;
        }
        // Where the snapshot is from before they were found, what the store said then is newer. Where it
        // is from after, all who were admitted between stood ahead: their turn stays the same.
        let position = self.turn.position(line.admitted.max(self.admitted))?;
        // The second only where the store had an old heartbeat when it was last asked.
        if at >= later(self.confirmed_at, snapshot.answers_for(position))
            || at >= later(self.recorded_at, line.waiting_ttl)
        {
            return None;
        }
        let place = Place {
            ticket: Ticket {
                generation: line.generation,
                ..ticket.clone()
            },
            standing: Standing::Waiting {
                position,
                behind: line.waiting.saturating_sub(position),
                admitted: line.admitted.max(self.admitted),
            },
            queue: line.queue,
        };
        Some(Stamped {
            as_of: snapshot.as_of.max(self.confirmed_at),
            value: place,
        })
    }

    /// The position as of `snapshot`. None where the turn has come.
    pub(super) fn position(&self, snapshot: &Snapshot) -> Option<u64> {
        let line = snapshot.line.as_ref()?;
        self.turn.position(line.admitted.max(self.admitted))
    }

    /// Notes that they were answered here with what was true then.
    pub(super) fn heard(&mut self, as_of: Timestamp) {
        self.heard_at = self.heard_at.max(as_of);
    }

    /// When the store was last asked.
    pub(super) fn confirmed_at(&self) -> Timestamp {
        self.confirmed_at
    }

    /// The last heartbeat that the store is known to have.
    pub(super) fn recorded_at(&self) -> Timestamp {
        self.recorded_at
    }

    /// Who was heard of when, where the store does not know it.
    pub(super) fn unrecorded(&self) -> Option<(UserId, Timestamp)> {
        (self.heard_at > self.recorded_at).then(|| (self.user.clone(), self.heard_at))
    }
}
