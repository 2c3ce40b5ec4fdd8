//! The state of a queue in the model, and when the places in it end.

use std::time::Duration;

use frontrow_domain::model::{
    ConcertId, UserId,
    queue::{
        Arrival, Generation, Place, PolicyState, QueuePolicy, QueueView, SaleCount, SaleState,
        Standing, Ticket, VersionedPolicy,
    },
};
use jiff::{SignedDuration, Timestamp};

use super::window::Window;

/// A waiting place.
#[derive(Debug, Clone)]
pub(crate) struct Waiting {
    pub(crate) user: UserId,
    pub(crate) arrival: Arrival,
    pub(crate) last_seen: Timestamp,
    /// Promise 2: the user was absent when their turn came, and has sent no heartbeat since.
    pub(crate) is_aside: bool,
}

/// An active place.
#[derive(Debug, Clone)]
pub(crate) struct Active {
    pub(crate) user: UserId,
    pub(crate) arrival: Arrival,
    pub(crate) admitted_at: Timestamp,
    pub(crate) claim: Option<Claim>,
}

/// The first use of an active place, and its deadline since then.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Claim {
    pub(crate) at: Timestamp,
    pub(crate) until: Timestamp,
}

/// Until when no user is admitted after a loss of the queue, and until when users may re-enter.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reentry {
    pub(crate) recovery_ends_at: Timestamp,
    pub(crate) ends_at: Timestamp,
    /// Users who arrived up to this were served before the loss.
    pub(crate) served_up_to: Option<Arrival>,
}

/// Promise 11: a gap of arrivals later than the first and no later than the second, found lost at
/// an instant.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Gap {
    pub(crate) after: Arrival,
    pub(crate) until: Arrival,
    pub(crate) found_at: Timestamp,
    /// False after a silence, until a lost ticket is shown.
    pub(crate) is_confirmed: bool,
}

/// The states of promise 9, in the order of precedence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Situation {
    Closed,
    Ended,
    Recovering,
    Paused,
    SoldOut,
    Bypass,
    Open,
}

/// One queue.
#[derive(Debug, Clone)]
pub(crate) struct ModelQueue {
    pub(crate) concert: ConcertId,
    pub(crate) policy: VersionedPolicy,
    pub(crate) generation: Generation,
    pub(crate) reentry: Option<Reentry>,
    pub(crate) sale: SaleCount,
    pub(crate) last_arrival: Arrival,
    /// True if the store was replaced by a copy on another server, and no call that may change the
    /// queue has reached that server.
    pub(crate) is_moved: bool,
    /// The arrivals that were perhaps lost with the last writes, oldest first.
    pub(crate) gaps: Vec<Gap>,
    /// In the order of arrival.
    pub(crate) waiting: Vec<Waiting>,
    pub(crate) active: Vec<Active>,
    /// How many expired active places made room for others. A store that had room without removing
    /// them may report them as active until a tick removes them.
    pub(crate) replaced_active: usize,
    /// The users whose places ended in this generation, with the arrivals of those places.
    pub(crate) ended: Vec<(UserId, Arrival)>,
    /// The arrivals of users who stopped waiting without being admitted.
    pub(crate) stopped_waiting: Vec<Arrival>,
    /// True once any user has re-entered.
    pub(crate) reentered: bool,
    pub(crate) window: Option<Window>,
    pub(crate) last_tick: Timestamp,
    /// The last instant of service that every store has recorded. Stores need not record ticks of a
    /// queue without places.
    pub(crate) last_recorded: Timestamp,
    /// The start of service as every store had recorded it then.
    pub(crate) recorded_since: Timestamp,
    /// The instant of the first place, if only some stores have recorded the ticks before it. Those
    /// stores serve since earlier, which shows if the clock steps back.
    pub(crate) uncertain_before: Option<Timestamp>,
    pub(crate) serving_since: Timestamp,
    pub(crate) departed: u64,
    /// The arrivals of users who were admitted from the line.
    pub(crate) admitted: Vec<Arrival>,
    /// The latest arrival of those users and of users who stood aside.
    pub(crate) admitted_up_to: Option<Arrival>,
    /// The latest arrival of users who were admitted as they joined.
    pub(crate) at_once: Option<Arrival>,
    /// The departures: the arrivals of users who chose to leave the line.
    pub(crate) departures: Vec<Arrival>,
    /// How many departures a store may have forgotten.
    pub(crate) forgotten: usize,
}

impl ModelQueue {
    /// Returns true if a store may or may not count the queue as out of service. It records a tick
    /// that changes nothing at most once a second, and no tick of a queue without places.
    pub(crate) fn is_uncertain(&self, now: Timestamp) -> bool {
        let quiet = now.duration_since(self.last_tick);
        (SignedDuration::from_secs(4)..=SignedDuration::from_secs(5)).contains(&quiet)
            || self
                .uncertain_before
                .is_some_and(|first_place| now < first_place)
    }

    /// Promise 6: records a tick, which counts as service.
    pub(crate) fn serve(&mut self, now: Timestamp) {
        self.serving_since = self.serving_since_at(now);
        self.last_tick = now;
        if !self.has_no_entry() {
            self.last_recorded = now;
            self.recorded_since = self.serving_since;
        }
    }

    /// Records the first place in a queue without any as service, because ticks of such a queue
    /// need not be recorded.
    pub(crate) fn take_first_place(&mut self, now: Timestamp) {
        if !self.has_no_entry() {
            return;
        }
        self.serve(now);
        let may_seem_silent = now > self.last_recorded + Duration::from_secs(4);
        let was_served_longer = self.serving_since < self.recorded_since.min(now);
        if was_served_longer || (may_seem_silent && self.serving_since < now) {
            self.uncertain_before = Some(now);
        }
        self.last_recorded = now;
        self.recorded_since = self.serving_since;
    }

    fn has_no_entry(&self) -> bool {
        self.waiting.is_empty() && self.active.is_empty()
    }

    pub(crate) fn rules(&self) -> &QueuePolicy {
        &self.policy.policy
    }

    /// Promise 6: returns the start of service. After more than 5 s without a tick, service starts
    /// again only now.
    pub(crate) fn serving_since_at(&self, now: Timestamp) -> Timestamp {
        if now > self.last_tick + Duration::from_secs(5) {
            now
        } else {
            self.serving_since.min(now)
        }
    }

    /// Promise 6: returns false `waiting_ttl` after the last heartbeat of a waiting place.
    pub(crate) fn waits(&self, place: &Waiting, now: Timestamp) -> bool {
        let counted_from = place.last_seen.max(self.serving_since_at(now));
        now < counted_from + self.rules().waiting_ttl
    }

    /// Promise 2: returns true if a user is absent after too long without a heartbeat in service.
    pub(crate) fn is_absent(&self, place: &Waiting, now: Timestamp) -> bool {
        let counted_from = place.last_seen.max(self.serving_since_at(now));
        let absence = self.rules().absence();
        absence.is_some_and(|absence| now > counted_from + absence)
    }

    /// Promise 5: returns true if any user waits for their turn.
    pub(crate) fn has_line(&self, now: Timestamp) -> bool {
        let mut line = self.waiting.iter().filter(|place| !place.is_aside);
        line.any(|place| self.waits(place, now))
    }

    /// Returns how many users stand aside, without expired places.
    pub(crate) fn aside_count(&self, now: Timestamp) -> usize {
        let aside = self.waiting.iter().filter(|place| place.is_aside);
        aside.filter(|place| self.waits(place, now)).count()
    }

    /// Promise 6: returns the claim deadline, or the deadline since the claim.
    pub(crate) fn end_of(&self, place: &Active, now: Timestamp) -> Timestamp {
        match place.claim {
            Some(claim) => claim.until,
            None => place.admitted_at.max(self.serving_since_at(now)) + self.rules().claim_ttl,
        }
    }

    pub(crate) fn is_active(&self, place: &Active, now: Timestamp) -> bool {
        now < self.end_of(place, now)
    }

    /// Returns how many users wait, without expired places.
    pub(crate) fn waiting_count(&self, now: Timestamp) -> usize {
        self.waiting
            .iter()
            .filter(|place| self.waits(place, now))
            .count()
    }

    /// Returns how many users are active, without expired places.
    pub(crate) fn active_count(&self, now: Timestamp) -> usize {
        self.active
            .iter()
            .filter(|place| self.is_active(place, now))
            .count()
    }

    /// Returns the users whose places have expired and are not removed.
    pub(crate) fn expired(&self, now: Timestamp) -> Vec<UserId> {
        let waiting = self.waiting.iter().filter(|place| !self.waits(place, now));
        let active = self
            .active
            .iter()
            .filter(|place| !self.is_active(place, now));
        let waiting = waiting.map(|place| place.user.clone());
        waiting
            .chain(active.map(|place| place.user.clone()))
            .collect()
    }

    /// Returns true if two users in the line have the same arrival. Promise 2 excludes that within
    /// a generation. But a user who joined a recovering queue may have got the arrival of a user
    /// from the generation before who had not re-entered yet, if that arrival was ahead of the
    /// clock.
    pub(crate) fn has_tie(&self) -> bool {
        let next = self.waiting.iter().skip(1);
        self.waiting
            .iter()
            .zip(next)
            .any(|(one, other)| one.arrival == other.arrival)
    }

    /// Promise 9: takes a count of the seats, unless it is older than the last one.
    #[cfg(test)]
    pub(crate) fn count_sale(&mut self, count: SaleCount) {
        if count.counted_at >= self.sale.counted_at {
            self.sale = count;
        }
    }

    /// Promise 9: returns the first state that applies.
    pub(crate) fn situation(&self, now: Timestamp) -> Situation {
        let rules = self.rules();
        if rules.state == PolicyState::Closed {
            Situation::Closed
        } else if self.sale.sale == SaleState::Ended {
            Situation::Ended
        } else if self.is_recovering(now) {
            Situation::Recovering
        } else if rules.state == PolicyState::Paused
            || rules.opens_at.is_some_and(|opens_at| now < opens_at)
            || self.sale.sale == SaleState::Unplanned
        {
            Situation::Paused
        } else if self.sale.sale == SaleState::SoldOut {
            Situation::SoldOut
        } else if rules.state == PolicyState::Bypass {
            Situation::Bypass
        } else {
            Situation::Open
        }
    }

    pub(crate) fn is_recovering(&self, now: Timestamp) -> bool {
        self.reentry
            .is_some_and(|reentry| now < reentry.recovery_ends_at)
    }

    pub(crate) fn view(&self, now: Timestamp) -> QueueView {
        QueueView {
            state: self.rules().state,
            opens_at: self.rules().opens_at,
            recovering: self.is_recovering(now),
            sale: self.sale.sale,
        }
    }

    /// Returns the place of a user, unless it has expired.
    pub(crate) fn place_of(&self, user: &UserId, now: Timestamp) -> Option<Place> {
        self.active_place_of(user, now)
            .or_else(|| self.waiting_place_of(user, now))
    }

    fn active_place_of(&self, user: &UserId, now: Timestamp) -> Option<Place> {
        let place = self.active.iter().find(|place| place.user == *user)?;
        if !self.is_active(place, now) {
            return None;
        }
        let standing = Standing::Active {
            admitted_at: place.admitted_at,
            until: self.end_of(place, now),
            claimed: place.claim.is_some(),
        };
        Some(self.place(user, place.arrival, standing, now))
    }

    fn waiting_place_of(&self, user: &UserId, now: Timestamp) -> Option<Place> {
        let place = self.waiting.iter().find(|place| place.user == *user)?;
        if !self.waits(place, now) {
            return None;
        }
        let mut standing = (1, 0);
        for other in self.waiting.iter().filter(|other| self.waits(other, now)) {
            if other.arrival < place.arrival {
                standing.0 += 1;
            } else if other.arrival > place.arrival {
                standing.1 += 1;
            }
        }
        let (position, behind) = standing;
        let standing = Standing::Waiting {
            position,
            behind,
            admitted: self.admitted.len() as u64,
        };
        Some(self.place(user, place.arrival, standing, now))
    }

    fn place(&self, user: &UserId, arrival: Arrival, standing: Standing, now: Timestamp) -> Place {
        Place {
            ticket: Ticket {
                concert: self.concert,
                user: user.clone(),
                arrival,
                generation: self.generation,
            },
            standing,
            queue: self.view(now),
        }
    }
}
