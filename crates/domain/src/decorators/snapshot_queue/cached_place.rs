//! A cached place: when the store confirmed that a user waits, and where they stand by a later
//! snapshot.

use std::time::Duration;

use jiff::Timestamp;

use super::shard::Version;
use crate::{
    model::{
        UserId, later,
        queue::{LineSnapshot, Ordinal, Place, Standing, Ticket},
    },
    ports::Stamped,
};

/// A snapshot of a line, as this instance keeps it.
#[derive(Debug)]
pub(super) struct Snapshot {
    /// A call to the store at this version or later began after this snapshot.
    pub(super) version: Version,
    /// When it was requested, by this instance's clock. It is not older than that.
    pub(super) asked_at: Timestamp,
    /// Its instant, by the store's clock.
    pub(super) as_of: Timestamp,
    /// The line. None if the store had no such queue.
    pub(super) line: Option<LineSnapshot>,
    /// The longest time for which the heartbeats of a user are held back from the store.
    pub(super) longest_silence: Duration,
}

impl Snapshot {
    /// True if this snapshot is at most `age` old at `now`, by this instance's clock.
    pub(super) fn is_within(&self, age: Duration, now: Timestamp) -> bool {
        self.asked_at <= now && now.duration_since(self.asked_at).unsigned_abs() <= age
    }

    /// The time by the store's clock when it is `now` by this instance's clock, as far as this
    /// snapshot can tell.
    pub(super) fn store_time(&self, now: Timestamp) -> Timestamp {
        let elapsed = now.duration_since(self.asked_at);
        later(self.as_of, Duration::try_from(elapsed).unwrap_or_default())
    }

    /// How long the heartbeats of a user at `position` are held back, counted from the last
    /// heartbeat that the store has.
    pub(super) fn heartbeat_within(&self, position: u64) -> Duration {
        let line = self.line.as_ref();
        line.map_or(Duration::ZERO, |line| {
            line.heartbeat_within(position, self.longest_silence)
        })
    }

    /// How long a user at `position` is answered from this snapshot, counted from the store's last
    /// answer. This is one and a half times as long as heartbeats are held back, so that a user who
    /// polls another instance in between is still cached. It ends less than half of the waiting
    /// time to live after the heartbeat that the store had then, so the place has not expired.
    pub(super) fn answers_for(&self, position: u64) -> Duration {
        self.heartbeat_within(position) * 3 / 2
    }

    /// True if the heartbeats of a user at `position` reach the store sooner than those of others.
    pub(super) fn is_near(&self, position: u64) -> bool {
        self.heartbeat_within(position) < self.heartbeat_within(u64::MAX)
    }

    /// The line. None while users may re-enter: then places in it must not be cached.
    pub(super) fn steady_line(&self) -> Option<&LineSnapshot> {
        self.line
            .as_ref()
            .filter(|line| line.reentry_until.is_none())
    }
}

/// A place that was found waiting in the store.
#[derive(Debug)]
pub(super) struct CachedPlace {
    user: UserId,
    ordinal: Ordinal,
    /// The number of users who had passed when the store answered.
    admitted: u64,
    /// The instant of the last answer of the store about this place.
    confirmed_at: Timestamp,
    /// The last heartbeat that the store is known to have.
    recorded_at: Timestamp,
    /// The last heartbeat. Not before `recorded_at`.
    heard_at: Timestamp,
    /// The instant at which the user is queued in the order of due heartbeats.
    pub(super) queued_at: Timestamp,
    /// The epoch of the store's answer. The entry is void in any later epoch.
    pub(super) epoch: Version,
    /// True once the user was near: their heartbeats reach the store sooner.
    pub(super) is_near: bool,
}

impl CachedPlace {
    /// The entry for `place`, which the store returned in this epoch after a heartbeat at
    /// `heard_at`. None if the place does not wait.
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
            ordinal: Ordinal::of(position, admitted),
            admitted,
            confirmed_at: as_of,
            recorded_at: heard_at,
            heard_at,
            queued_at: heard_at,
            epoch,
            is_near: false,
        })
    }

    /// Takes over what is newer in an earlier entry of the same place. When answers overtook each
    /// other, the smaller ordinal is the newer one.
    pub(super) fn after(&mut self, before: &Self) {
        self.is_near = before.is_near;
        self.queued_at = before.queued_at;
        if before.epoch == self.epoch && before.user == self.user {
            self.ordinal = self.ordinal.min(before.ordinal);
            self.admitted = self.admitted.max(before.admitted);
            self.confirmed_at = self.confirmed_at.max(before.confirmed_at);
            self.recorded_at = self.recorded_at.max(before.recorded_at);
            self.heard_at = self.heard_at.max(before.heard_at);
        }
    }

    /// Returns the place of `ticket` as of `snapshot`, which shows `line`. None if the store must
    /// be asked, its clock being at `at`.
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
        // If the snapshot is older than the store's answer, the count in that answer is newer. If
        // it is newer, all users admitted in between stood ahead, so the ordinal stays the same.
        let position = self.ordinal.position(line.admitted.max(self.admitted))?;
        // The second condition matters only if the store had an old heartbeat when it was last
        // asked.
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

    /// Returns the position as of `snapshot`. None if the user's turn has come.
    pub(super) fn position(&self, snapshot: &Snapshot) -> Option<u64> {
        let line = snapshot.line.as_ref()?;
        self.ordinal.position(line.admitted.max(self.admitted))
    }

    /// Records a heartbeat: the user was answered here as of `as_of`.
    pub(super) fn record_heartbeat(&mut self, as_of: Timestamp) {
        self.heard_at = self.heard_at.max(as_of);
    }

    /// The instant of the last answer of the store about this place.
    pub(super) fn confirmed_at(&self) -> Timestamp {
        self.confirmed_at
    }

    /// The last heartbeat that the store is known to have.
    pub(super) fn recorded_at(&self) -> Timestamp {
        self.recorded_at
    }

    /// Returns the user and their last heartbeat, if the store does not have it.
    pub(super) fn unrecorded(&self) -> Option<(UserId, Timestamp)> {
        (self.heard_at > self.recorded_at).then(|| (self.user.clone(), self.heard_at))
    }
}
