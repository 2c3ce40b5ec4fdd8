//! How users get places back that the store has lost.

use std::time::Duration;

use frontrow_domain::model::queue::{Arrival, Place, Served, Ticket};
use jiff::Timestamp;

use super::{ModelQueue, queue::Lost};

/// Promise 11: the clock of another server may be up to 5 s behind.
const BEHIND_US: i64 = 5_000_000;
/// How many losses of last writes are remembered.
const LOSSES: usize = 8;

impl ModelQueue {
    /// Promises 10 and 11: whether users may still re-enter.
    pub(crate) fn gives_places_back(&self, now: Timestamp) -> bool {
        self.gives_places_back_until(now).is_some()
    }

    pub(crate) fn gives_places_back_until(&self, now: Timestamp) -> Option<Timestamp> {
        let sure = self.lost.iter().filter(|lost| lost.is_sure);
        let ends = sure.map(|lost| self.end_of_loss(lost));
        let ends = ends.filter(|end| now < *end);
        ends.chain(self.gives_queue_back_until(now)).max()
    }

    fn gives_queue_back_until(&self, now: Timestamp) -> Option<Timestamp> {
        let until = self.coming_back?.places_given_back_until;
        (now < until).then_some(until)
    }

    /// The ends of the periods that follow a loss.
    pub(crate) fn ends_of_losses(&self) -> Vec<Timestamp> {
        let coming_back = self.coming_back.iter().flat_map(|coming_back| {
            [
                coming_back.nobody_admitted_until,
                coming_back.places_given_back_until,
            ]
        });
        let gaps = self.lost.iter().map(|lost| self.end_of_loss(lost));
        coming_back.chain(gaps).collect()
    }

    fn end_of_loss(&self, lost: &Lost) -> Timestamp {
        lost.found_at + self.rules().waiting_ttl
    }

    /// Returns true if a ticket gets back a place that the store has lost.
    pub(crate) fn gives_back(&self, ticket: &Ticket, now: Timestamp) -> bool {
        let is_here = self.waiting.iter().any(|place| place.user == ticket.user)
            || self.active.iter().any(|place| place.user == ticket.user);
        if is_here {
            return false;
        }
        let mut ended = self.ended.iter().filter(|(user, _)| *user == ticket.user);
        if ticket.generation != self.generation {
            let served = self.coming_back.and_then(|coming| coming.served_up_to);
            return self.gives_queue_back_until(now).is_some()
                && served < Some(ticket.arrival)
                && ended.next().is_none();
        }
        let is_lost = ticket.arrival > self.last_arrival || self.is_in_loss(ticket.arrival, now);
        is_lost && ended.all(|(_, arrival)| *arrival < ticket.arrival)
    }

    /// Promise 10: the users who were admitted or are gone.
    pub(crate) fn served(&self, now: Timestamp) -> Option<Served> {
        Some(Served {
            up_to: self.served_up_to(now)?,
            serving_since: self.serving_since_at(now),
        })
    }

    fn served_up_to(&self, now: Timestamp) -> Option<Arrival> {
        if self.gives_queue_back_until(now).is_some() {
            let served = self.coming_back.and_then(|coming| coming.served_up_to);
            // Any user may still re-enter.
            return Some(served.unwrap_or(Arrival::from_micros(0)));
        }
        let mut served = self.passed_to.max(self.at_once)?;
        for place in &self.waiting {
            served = served.min(Arrival::from_micros(place.arrival.micros() - 1));
        }
        for lost in &self.lost {
            if lost.is_sure && now < self.end_of_loss(lost) {
                served = served.min(lost.after);
            }
        }
        Some(served)
    }

    fn is_in_loss(&self, arrival: Arrival, now: Timestamp) -> bool {
        let mut lost = self.lost.iter();
        lost.any(|lost| self.covers(lost, arrival, now))
    }

    fn covers(&self, lost: &Lost, arrival: Arrival, now: Timestamp) -> bool {
        lost.after < arrival && arrival <= lost.until && now < self.end_of_loss(lost)
    }

    pub(crate) fn give_back(&mut self, ticket: &Ticket, now: Timestamp) -> Place {
        self.take_first_place(now);
        self.prove_loss(ticket, now);
        self.reentered = true;
        self.last_arrival = self.last_arrival.max(ticket.arrival);
        self.put_in_line(ticket.user.clone(), ticket.arrival, now);
        self.beat(&ticket.user, now)
    }

    /// Promise 11: a ticket of this generation that the store cannot know proves that it has lost
    /// writes.
    pub(crate) fn prove_loss(&mut self, ticket: &Ticket, now: Timestamp) {
        if ticket.generation != self.generation {
            return;
        }
        let number = self
            .lost
            .iter()
            .position(|lost| self.covers(lost, ticket.arrival, now));
        match number {
            Some(number) => self.lost[number].is_sure = true,
            None => self.find_loss(Some(ticket.arrival), now),
        }
    }

    /// Promise 11: arrivals that were given out in a silence that ends now may have come from
    /// another server.
    pub(crate) fn note_silence(&mut self, now: Timestamp) {
        let until = Arrival::from_micros(now.as_microsecond() - 1);
        if self.last_arrival < until {
            self.note_loss(Lost {
                after: self.last_arrival,
                until,
                found_at: now,
                is_sure: false,
            });
        }
    }

    /// An arrival that is given out now was not lost, and neither was any before it.
    pub(crate) fn give_out(&mut self, arrival: Arrival) {
        for lost in &mut self.lost {
            if lost.after < arrival && arrival <= lost.until {
                lost.after = arrival;
            }
        }
    }

    /// Promise 11: is called by each call that may change the queue. The first one that reaches
    /// another server records the loss. The first one after more than 1 min without a tick records
    /// the silence.
    pub(crate) fn meet_server(&mut self, now: Timestamp) {
        if std::mem::take(&mut self.is_moved) {
            self.find_loss(None, now);
        }
        let found = self.lost.last().map(|lost| lost.found_at);
        if now > self.last_tick + Duration::from_mins(1) && found <= Some(self.last_tick) {
            self.note_silence(now);
        }
    }

    fn find_loss(&mut self, shown: Option<Arrival>, now: Timestamp) {
        let after = self.last_arrival;
        let latest = after.max(shown.unwrap_or(after)).micros();
        let until = latest.max(now.as_microsecond()) + BEHIND_US;
        let until = Arrival::from_micros(until);
        self.last_arrival = until;
        self.note_loss(Lost {
            after,
            until,
            found_at: now,
            is_sure: true,
        });
    }

    fn note_loss(&mut self, found: Lost) {
        let ttl = self.rules().waiting_ttl;
        self.lost
            .retain(|lost| found.found_at < lost.found_at + ttl);
        match self.lost.last_mut() {
            // A gap that begins where the one before ended is merged with it.
            Some(before) if before.until >= found.after && before.is_sure == found.is_sure => {
                before.until = before.until.max(found.until);
                before.found_at = found.found_at;
            }
            _ => self.lost.push(found),
        }
        if self.lost.len() > LOSSES {
            let unsure = self.lost.iter().position(|lost| !lost.is_sure);
            self.lost.remove(unsure.unwrap_or(0));
        }
    }
}
