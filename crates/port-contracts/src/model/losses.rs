//! Re-entry of users whose places the store has lost.

use std::time::Duration;

use frontrow_domain::model::queue::{Arrival, Place, Served, Ticket};
use jiff::Timestamp;

use super::{ModelQueue, queue::Gap};

/// Promise 11: the clock of another server may be up to 5 s behind.
const BEHIND_US: i64 = 5_000_000;
/// How many losses of last writes are remembered.
const GAPS_MAX: usize = 8;

impl ModelQueue {
    /// Promises 10 and 11: returns true if users may still re-enter.
    pub(crate) fn takes_reentries(&self, now: Timestamp) -> bool {
        self.reentry_until(now).is_some()
    }

    pub(crate) fn reentry_until(&self, now: Timestamp) -> Option<Timestamp> {
        let confirmed = self.gaps.iter().filter(|gap| gap.is_confirmed);
        let ends = confirmed.map(|gap| self.end_of_gap(gap));
        let ends = ends.filter(|end| now < *end);
        ends.chain(self.queue_reentry_until(now)).max()
    }

    fn queue_reentry_until(&self, now: Timestamp) -> Option<Timestamp> {
        let until = self.reentry?.ends_at;
        (now < until).then_some(until)
    }

    /// Returns the ends of the periods that follow a loss.
    pub(crate) fn ends_of_losses(&self) -> Vec<Timestamp> {
        let ends = self
            .reentry
            .iter()
            .flat_map(|reentry| [reentry.recovery_ends_at, reentry.ends_at]);
        let gaps = self.gaps.iter().map(|gap| self.end_of_gap(gap));
        ends.chain(gaps).collect()
    }

    fn end_of_gap(&self, gap: &Gap) -> Timestamp {
        gap.found_at + self.rules().waiting_ttl
    }

    /// Returns true if a user may re-enter with a ticket for a place that the store has lost.
    pub(crate) fn may_re_enter(&self, ticket: &Ticket, now: Timestamp) -> bool {
        let is_here = self.waiting.iter().any(|place| place.user == ticket.user)
            || self.active.iter().any(|place| place.user == ticket.user);
        if is_here {
            return false;
        }
        let mut ended = self.ended.iter().filter(|(user, _)| *user == ticket.user);
        if ticket.generation != self.generation {
            let served = self.reentry.and_then(|reentry| reentry.served_up_to);
            return self.queue_reentry_until(now).is_some()
                && served < Some(ticket.arrival)
                && ended.next().is_none();
        }
        let is_lost = ticket.arrival > self.last_arrival || self.is_in_gap(ticket.arrival, now);
        is_lost && ended.all(|(_, arrival)| *arrival < ticket.arrival)
    }

    /// Promise 10: returns the users who were admitted or are gone.
    pub(crate) fn served(&self, now: Timestamp) -> Option<Served> {
        Some(Served {
            up_to: self.served_up_to(now)?,
            serving_since: self.serving_since_at(now),
        })
    }

    fn served_up_to(&self, now: Timestamp) -> Option<Arrival> {
        if self.queue_reentry_until(now).is_some() {
            let served = self.reentry.and_then(|reentry| reentry.served_up_to);
            // Any user may still re-enter.
            return Some(served.unwrap_or(Arrival::from_micros(0)));
        }
        let mut served = self.admitted_up_to.max(self.at_once)?;
        for place in &self.waiting {
            served = served.min(Arrival::from_micros(place.arrival.micros() - 1));
        }
        for gap in &self.gaps {
            if gap.is_confirmed && now < self.end_of_gap(gap) {
                served = served.min(gap.after);
            }
        }
        Some(served)
    }

    fn is_in_gap(&self, arrival: Arrival, now: Timestamp) -> bool {
        let mut gaps = self.gaps.iter();
        gaps.any(|gap| self.covers(gap, arrival, now))
    }

    fn covers(&self, gap: &Gap, arrival: Arrival, now: Timestamp) -> bool {
        gap.after < arrival && arrival <= gap.until && now < self.end_of_gap(gap)
    }

    pub(crate) fn re_enter(&mut self, ticket: &Ticket, now: Timestamp) -> Place {
        self.take_first_place(now);
        self.confirm_loss(ticket, now);
        self.reentered = true;
        self.last_arrival = self.last_arrival.max(ticket.arrival);
        self.put_in_line(ticket.user.clone(), ticket.arrival, now);
        self.place_after_heartbeat(&ticket.user, now)
    }

    /// Promise 11: records that the store has lost writes. A ticket of this generation that it
    /// cannot know proves the loss.
    pub(crate) fn confirm_loss(&mut self, ticket: &Ticket, now: Timestamp) {
        if ticket.generation != self.generation {
            return;
        }
        let number = self
            .gaps
            .iter()
            .position(|gap| self.covers(gap, ticket.arrival, now));
        match number {
            Some(number) => self.gaps[number].is_confirmed = true,
            None => self.record_loss(Some(ticket.arrival), now),
        }
    }

    /// Promise 11: records a gap for a silence that ends now. Another server may have given out its
    /// arrivals.
    pub(crate) fn record_silence(&mut self, now: Timestamp) {
        let until = Arrival::from_micros(now.as_microsecond() - 1);
        if self.last_arrival < until {
            self.record_gap(Gap {
                after: self.last_arrival,
                until,
                found_at: now,
                is_confirmed: false,
            });
        }
    }

    /// Takes an arrival that is given out now, and all before it, out of the gaps: they were not
    /// lost.
    pub(crate) fn narrow_gaps(&mut self, arrival: Arrival) {
        for gap in &mut self.gaps {
            if gap.after < arrival && arrival <= gap.until {
                gap.after = arrival;
            }
        }
    }

    /// Promise 11: records a loss if this is the first call that reaches another server, and the
    /// silence if it is the first call after more than 1 min without a tick. Each call that may
    /// change the queue calls this.
    pub(crate) fn record_losses(&mut self, now: Timestamp) {
        if std::mem::take(&mut self.is_moved) {
            self.record_loss(None, now);
        }
        let found = self.gaps.last().map(|gap| gap.found_at);
        if now > self.last_tick + Duration::from_mins(1) && found <= Some(self.last_tick) {
            self.record_silence(now);
        }
    }

    fn record_loss(&mut self, shown: Option<Arrival>, now: Timestamp) {
        let after = self.last_arrival;
        let latest = after.max(shown.unwrap_or(after)).micros();
        let until = latest.max(now.as_microsecond()) + BEHIND_US;
        let until = Arrival::from_micros(until);
        self.last_arrival = until;
        self.record_gap(Gap {
            after,
            until,
            found_at: now,
            is_confirmed: true,
        });
    }

    fn record_gap(&mut self, found: Gap) {
        let ttl = self.rules().waiting_ttl;
        self.gaps.retain(|gap| found.found_at < gap.found_at + ttl);
        match self.gaps.last_mut() {
            // A gap that begins where the one before ended is merged with it.
            Some(before)
                if before.until >= found.after && before.is_confirmed == found.is_confirmed =>
            {
                before.until = before.until.max(found.until);
                before.found_at = found.found_at;
            }
            _ => self.gaps.push(found),
        }
        if self.gaps.len() > GAPS_MAX {
            let unconfirmed = self.gaps.iter().position(|gap| !gap.is_confirmed);
            self.gaps.remove(unconfirmed.unwrap_or(0));
        }
    }
}
