//! How a queue whose store lost it gets its people back.

use std::{collections::BTreeSet, time::Duration};

use frontrow_domain::model::{
    UserId, later,
    queue::{Recovery, Ticket},
};
use jiff::Timestamp;

use super::state::QueueState;

/// The time after a loss in which people bring their places back.
#[derive(Debug)]
pub(super) struct Return {
    /// Until then nobody is admitted.
    recovering_until: Timestamp,
    /// Until then places are given back.
    open_until: Timestamp,
    /// Whose place has ended since the loss: tickets from before it are worth nothing to them. A
    /// tree, because it is forgotten piece by piece.
    ended: BTreeSet<UserId>,
    /// Once it is over it stays over, even when the clock steps back.
    over: bool,
}

impl Return {
    /// A return that begins at `now`, to a queue where places wait for so long unheard of.
    pub(super) fn begin(now: Timestamp, recovery: Recovery, waiting_ttl: Duration) -> Self {
        let recovering_until = later(now, recovery.lasts);
        Self {
            recovering_until,
            open_until: later(recovering_until, waiting_ttl),
            ended: BTreeSet::new(),
            over: false,
        }
    }

    /// True while nobody is admitted.
    pub(super) fn recovering(&self, now: Timestamp) -> bool {
        !self.over && now < self.recovering_until
    }

    /// True while places can be brought back.
    pub(super) fn is_open(&self, now: Timestamp) -> bool {
        !self.over && now < self.open_until
    }

    /// Notes that the place of `user` has ended.
    pub(super) fn note_end(&mut self, user: UserId) {
        self.ended.insert(user);
    }

    /// True where the place of `user` has ended since the loss.
    pub(super) fn has_ended(&self, user: &UserId) -> bool {
        self.ended.contains(user)
    }

    /// Notes that the time to return is over and forgets at most `limit` of the ends; true when none
    /// is left.
    pub(super) fn forget(&mut self, limit: u32) -> bool {
        self.over = true;
        for _ in 0..limit {
            if self.ended.pop_first().is_none() {
                return true;
            }
        }
        self.ended.is_empty()
    }
}

impl QueueState {
    /// Lets the place of `ticket` re-enter, if it is from before a loss and can come back.
    pub(super) fn take_back(&mut self, ticket: &Ticket, now: Timestamp) {
        if self.may_come_back(ticket, now) {
            // New joins come after everybody who was there before.
            self.last_arrival = self.last_arrival.max(Some(ticket.arrival));
            self.waiting.enter(ticket.user.clone(), ticket.arrival, now);
        }
    }

    /// True where the place of `ticket` was lost with the store, is not back yet, and can come back.
    pub(super) fn may_come_back(&self, ticket: &Ticket, now: Timestamp) -> bool {
        ticket.generation != self.generation
            && self.takes_people_back(now)
            && self.arrival_of(&ticket.user).is_none()
            && self
                .comeback
                .as_ref()
                .is_some_and(|comeback| !comeback.has_ended(&ticket.user))
    }

    /// True while places from before a loss can be brought back.
    pub(super) fn takes_people_back(&self, now: Timestamp) -> bool {
        self.comeback
            .as_ref()
            .is_some_and(|comeback| comeback.is_open(now))
    }

    /// Remembers that the place of `user` has ended, while that can matter.
    pub(super) fn remember_end(&mut self, user: &UserId, now: Timestamp) {
        if self.takes_people_back(now)
            && let Some(comeback) = &mut self.comeback
        {
            comeback.note_end(user.clone());
        }
    }

    /// Forgets at most `limit` of what is remembered of a recovery that is over; true when nothing
    /// is left.
    pub(super) fn forget_recovery(&mut self, now: Timestamp, limit: u32) -> bool {
        if self.takes_people_back(now) {
            return true;
        }
        let forgotten = self
            .comeback
            .as_mut()
            .is_none_or(|comeback| comeback.forget(limit));
        if forgotten {
            self.comeback = None;
        }
        forgotten
    }
}
