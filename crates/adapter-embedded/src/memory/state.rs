//! One queue: its terms, its places, and its counters.
//!
//! All functions here take the time as an argument and do no I/O. `requests.rs` has users'
//! requests, `ticks.rs` the calls of jobs and operators.

use std::collections::BTreeMap;

use frontrow_domain::model::{
    ConcertId, UserId,
    queue::{
        Admission, Arrival, EffectiveState, Place, QueueSeed, QueueTerms, Served, Standing, Ticket,
    },
};
use jiff::Timestamp;

use super::{active::Active, departures::DepartureLog, waiting::Waiting};

/// A queue.
///
/// Expired places stay until a tick removes them. Every decision about a place checks its deadline,
/// so no request waits for their removal.
#[derive(Debug)]
pub(super) struct QueueState {
    pub(super) concert: ConcertId,
    pub(super) terms: QueueTerms,
    pub(super) admission: Admission,
    pub(super) waiting: Waiting,
    pub(super) active: Active,
    /// Number of users who stopped waiting.
    pub(super) departed: u64,
    /// Number of them who were admitted.
    pub(super) admitted: u64,
    /// The latest arrival that admission has passed.
    pub(super) passed_to: Option<Arrival>,
    /// The latest arrival of a user who was admitted immediately.
    pub(super) at_once_up_to: Option<Arrival>,
    /// The users who left the line.
    pub(super) departures: DepartureLog,
    /// The users whose place ended since a loss, and its arrival: that place does not re-enter. It
    /// is a tree because it is emptied piece by piece.
    pub(super) ended: BTreeMap<UserId, Arrival>,
}

impl QueueState {
    /// Maximum number of expired active places that one call removes so that others may be
    /// admitted.
    const ROOM_MAX: usize = 500;

    /// Makes the queue that `seed` describes, without places.
    pub(super) fn new(seed: &QueueSeed, now: Timestamp) -> Self {
        Self {
            concert: seed.concert,
            terms: QueueTerms::new(
                seed.policy.clone(),
                seed.generation,
                seed.recovery,
                None,
                now,
            ),
            admission: Admission::default(),
            waiting: Waiting::default(),
            active: Active::default(),
            departed: 0,
            admitted: 0,
            passed_to: None,
            at_once_up_to: None,
            departures: DepartureLog::default(),
            ended: BTreeMap::new(),
        }
    }

    /// Returns the arrival of `user`. None if they have no entry. The entry may be expired.
    pub(super) fn arrival_of(&self, user: &UserId) -> Option<Arrival> {
        self.waiting
            .arrival_of(user)
            .or_else(|| self.active.arrival_of(user))
    }

    /// Returns the place of `user`. None if they have none or it is expired.
    pub(super) fn place_of(&self, user: &UserId, now: Timestamp) -> Option<Place> {
        let deadlines = self.terms.deadlines(now);
        let (arrival, standing) = self
            .waiting
            .find(user, self.admitted, &deadlines, now)
            .or_else(|| self.active.find(user, &deadlines, now))?;
        Some(self.place(user.clone(), arrival, standing, now))
    }

    /// Returns a place as its user sees it.
    pub(super) fn place(
        &self,
        user: UserId,
        arrival: Arrival,
        standing: Standing,
        now: Timestamp,
    ) -> Place {
        Place {
            ticket: Ticket {
                concert: self.concert,
                user,
                arrival,
                generation: self.terms.generation,
            },
            standing,
            queue: self.terms.view(now),
        }
    }

    /// Returns true if `ticket` restores a place that was lost with the store.
    pub(super) fn reenters(&self, ticket: &Ticket, now: Timestamp) -> bool {
        let ended = self.ended.get(&ticket.user).copied();
        self.terms.reenters(ticket, ended, now) && self.arrival_of(&ticket.user).is_none()
    }

    /// Puts the user of `ticket`, which [re-enters](Self::reenters), back into the line. New joins
    /// get arrivals after every arrival seen.
    pub(super) fn reenter(&mut self, ticket: &Ticket, now: Timestamp) {
        self.take_first_place(now);
        self.terms.reenter(ticket, now);
        self.waiting.enter(ticket.user.clone(), ticket.arrival, now);
    }

    /// Records the instant if the place that is about to be taken is the only one.
    pub(super) fn take_first_place(&mut self, now: Timestamp) {
        if self.waiting.is_empty() && self.active.is_empty() {
            self.terms.first_place(now);
        }
    }

    /// Removes the entry of `user`, waiting or active.
    pub(super) fn remove(&mut self, user: &UserId, now: Timestamp) {
        let Some(arrival) = self.arrival_of(user) else {
            return;
        };
        let waited = self.waiting.remove(user);
        self.departed += u64::from(waited);
        self.active.remove(user);
        self.remember_end(user, arrival, now);
    }

    /// Records that the place of `user` with this arrival ended, while users may re-enter.
    pub(super) fn remember_end(&mut self, user: &UserId, arrival: Arrival, now: Timestamp) {
        if self.terms.accepts_reentry(now) {
            self.ended.insert(user.clone(), arrival);
        }
    }

    /// Returns the number of waiting and of active users, without expired places.
    pub(super) fn counts(&self, now: Timestamp) -> (u64, u64) {
        let deadlines = self.terms.deadlines(now);
        let waiting = self.waiting.count(&deadlines, now);
        let active = self.active.count(&deadlines, now);
        (waiting as u64, active as u64)
    }

    /// Returns the number of active places that count against a capacity, if there is one. Only a
    /// removed place is certain not to count: after an outage, or under longer lifetimes, a place
    /// that was expired may be held again. At most [`Self::ROOM_MAX`] are removed at a time.
    pub(super) fn occupied(&mut self, now: Timestamp) -> u64 {
        if self.terms.policy().capacity.is_some() && self.terms.state(now) == EffectiveState::Open {
            for _ in 0..Self::ROOM_MAX {
                let over = self.active.past_end(&self.terms.deadlines(now), now);
                let Some(user) = over else {
                    break;
                };
                self.remove(&user, now);
            }
        }
        self.active.len() as u64
    }

    /// Returns the arrival up to which all users were admitted or are gone. None if it is not
    /// known.
    pub(super) fn served(&self, now: Timestamp) -> Option<Served> {
        let admitted = self.passed_to.max(self.at_once_up_to);
        let waits = self.waiting.first_arrival();
        self.terms.served(admitted, waits, now)
    }

    /// Returns true if no user has a place.
    pub(super) fn is_empty(&self, now: Timestamp) -> bool {
        self.counts(now) == (0, 0)
    }

    /// Returns true if no user has a place and no user can re-enter.
    pub(super) fn holds_nothing(&self, now: Timestamp) -> bool {
        self.is_empty(now) && !self.terms.accepts_reentry(now)
    }

    /// Returns true if there is any entry, including expired ones that no tick has removed.
    pub(super) fn is_busy(&self) -> bool {
        !self.waiting.is_empty() || !self.active.is_empty() || !self.ended.is_empty()
    }
}
