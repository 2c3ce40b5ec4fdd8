//! The calls that users make.

use std::time::Duration;

use frontrow_domain::{
    model::{
        UserId,
        queue::{Arrival, GatePurpose, JoinRefusal, Place, Standing, Ticket},
    },
    ports::{GateOutcome, JoinOutcome, LeaveOutcome, LookUpOutcome},
};
use jiff::Timestamp;

use super::{
    ModelQueue,
    queue::{Active, Claim, Situation, Waiting},
};

impl ModelQueue {
    pub(crate) fn join(
        &mut self,
        now: Timestamp,
        user: &UserId,
        shown: Option<&Ticket>,
    ) -> JoinOutcome {
        self.record_losses(now);
        if self.place_of(user, now).is_some() {
            return JoinOutcome::Held(self.place_after_heartbeat(user, now));
        }
        self.remove_if_expired(user, now);
        if let Some(ticket) = shown.filter(|ticket| self.may_re_enter(ticket, now)) {
            return JoinOutcome::Held(self.re_enter(ticket, now));
        }
        match self.situation(now) {
            Situation::Closed => return self.refused(JoinRefusal::Closed, now),
            Situation::Ended => return self.refused(JoinRefusal::Ended, now),
            Situation::SoldOut => return self.refused(JoinRefusal::SoldOut, now),
            _ => {}
        }
        let waiting = self.waiting_count(now);
        let at_once = !self.has_line(now) && self.room(now) > 0;
        let most = self.rules().max_waiting;
        if !at_once && most.is_some_and(|most| waiting as u64 >= most) {
            return self.refused(JoinRefusal::Full, now);
        }
        self.take_first_place(now);
        let arrival = self.next_arrival(now);
        if at_once {
            self.at_once = Some(arrival);
            self.make_active(user.clone(), arrival, now);
        } else {
            self.put_in_line(user.clone(), arrival, now);
        }
        JoinOutcome::Joined(self.place_after_heartbeat(user, now))
    }

    pub(crate) fn look_up(&mut self, now: Timestamp, ticket: &Ticket) -> LookUpOutcome {
        match self.place_for(ticket, now) {
            Some(place) => LookUpOutcome::Found(place),
            None => LookUpOutcome::Gone,
        }
    }

    /// Returns the places of these tickets, and changes nothing.
    #[cfg(test)]
    pub(crate) fn peek(&self, now: Timestamp, tickets: &[Ticket]) -> Vec<Option<Place>> {
        let place = |ticket: &Ticket| {
            let place = self.place_of(&ticket.user, now);
            place.filter(|place| place.ticket.arrival == ticket.arrival)
        };
        tickets.iter().map(place).collect()
    }

    pub(crate) fn pass_gate(
        &mut self,
        now: Timestamp,
        ticket: &Ticket,
        purpose: GatePurpose,
    ) -> GateOutcome {
        let Some(place) = self.place_for(ticket, now) else {
            return GateOutcome::Gone;
        };
        if matches!(place.standing, Standing::Waiting { .. }) {
            return GateOutcome::Waiting(place);
        }
        let active_ttl = self.rules().active_ttl;
        if let Some(place) = self
            .active
            .iter_mut()
            .find(|place| place.user == ticket.user)
        {
            let claim = place.claim.unwrap_or(Claim {
                at: now,
                until: now + active_ttl,
            });
            place.claim = Some(extended(claim, now, active_ttl, purpose));
        }
        GateOutcome::Passed(self.place_after_heartbeat(&ticket.user, now))
    }

    pub(crate) fn leave(&mut self, now: Timestamp, ticket: &Ticket) -> LeaveOutcome {
        self.record_losses(now);
        if self.may_re_enter(ticket, now) {
            self.confirm_loss(ticket, now);
            self.ended.push((ticket.user.clone(), ticket.arrival));
            return LeaveOutcome::Left;
        }
        match self.place_of(&ticket.user, now) {
            Some(place) if place.ticket.arrival == ticket.arrival => {
                if matches!(place.standing, Standing::Waiting { .. }) {
                    self.departures.push(ticket.arrival);
                }
                self.end_place_of(&ticket.user);
                LeaveOutcome::Left
            }
            _ => LeaveOutcome::Gone,
        }
    }

    /// Returns the place for which a ticket is valid, after this heartbeat. The place re-enters if
    /// it may.
    fn place_for(&mut self, ticket: &Ticket, now: Timestamp) -> Option<Place> {
        self.record_losses(now);
        if self.may_re_enter(ticket, now) {
            return Some(self.re_enter(ticket, now));
        }
        let place = self.place_of(&ticket.user, now)?;
        // Promise 1: a ticket of any generation is valid while its arrival is that of the place.
        (place.ticket.arrival == ticket.arrival)
            .then(|| self.place_after_heartbeat(&ticket.user, now))
    }

    /// Records a heartbeat of a user who has a place. Returns the place.
    pub(crate) fn place_after_heartbeat(&mut self, user: &UserId, now: Timestamp) -> Place {
        if let Some(place) = self.waiting.iter_mut().find(|place| place.user == *user) {
            place.last_seen = now;
            place.is_aside = false;
        }
        self.place_of(user, now).expect("the user has a place")
    }

    fn refused(&self, why: JoinRefusal, now: Timestamp) -> JoinOutcome {
        JoinOutcome::Refused(why, self.view(now))
    }

    /// Promise 2: returns an arrival that is strictly later than every arrival before.
    fn next_arrival(&mut self, now: Timestamp) -> Arrival {
        let arrival = now.as_microsecond().max(self.last_arrival.micros() + 1);
        self.last_arrival = Arrival::from_micros(arrival);
        self.narrow_gaps(self.last_arrival);
        self.last_arrival
    }

    pub(crate) fn put_in_line(&mut self, user: UserId, arrival: Arrival, now: Timestamp) {
        self.waiting.push(Waiting {
            user,
            arrival,
            last_seen: now,
            is_aside: false,
        });
        self.waiting.sort_by_key(|place| place.arrival);
    }

    /// Makes a user active now, and counts the admission.
    pub(crate) fn make_active(&mut self, user: UserId, arrival: Arrival, now: Timestamp) {
        self.count_admission(now);
        self.active.push(Active {
            user,
            arrival,
            admitted_at: now,
            claim: None,
        });
    }

    /// Removes the place of a user if it has expired.
    fn remove_if_expired(&mut self, user: &UserId, now: Timestamp) {
        if self.place_of(user, now).is_none() {
            self.end_place_of(user);
        }
    }

    /// Ends the place of a user, if there is one, for good.
    pub(crate) fn end_place_of(&mut self, user: &UserId) {
        if let Some(place) = self.waiting.iter().find(|place| place.user == *user) {
            self.stopped_waiting.push(place.arrival);
            self.departed += 1;
            self.ended.push((user.clone(), place.arrival));
        }
        if let Some(place) = self.active.iter().find(|place| place.user == *user) {
            self.ended.push((user.clone(), place.arrival));
        }
        self.waiting.retain(|place| place.user != *user);
        self.active.retain(|place| place.user != *user);
    }
}

/// Promise 6: returns a claim after a passage of the gate. A hold extends the place to the end of
/// the hold and 30 s more. The limit is the claim plus the active lifetime, the hold and 30 s.
fn extended(claim: Claim, now: Timestamp, active_ttl: Duration, purpose: GatePurpose) -> Claim {
    let GatePurpose::Hold { hold_for } = purpose else {
        return claim;
    };
    let to_pay = hold_for + Duration::from_secs(30);
    let wanted = now + to_pay;
    let at_most = claim.at + active_ttl + to_pay;
    Claim {
        until: claim.until.max(wanted.min(at_most)),
        ..claim
    }
}
