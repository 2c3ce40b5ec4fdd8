//! The effect of users' requests on a queue.

use frontrow_domain::{
    model::{
        UserId,
        queue::{GatePurpose, JoinDecision, JoinFacts, Place, Standing, Ticket},
    },
    ports::{GateOutcome, JoinOutcome, LeaveOutcome, LookUpOutcome},
};
use jiff::Timestamp;

use super::state::QueueState;

impl QueueState {
    /// Takes a place for `user`, or returns the one that they have or re-enter with.
    pub(super) fn join(
        &mut self,
        user: &UserId,
        shown: Option<&Ticket>,
        now: Timestamp,
    ) -> JoinOutcome {
        self.terms.find_losses(None, now);
        self.heartbeat(user, now);
        let place = self.place_of(user, now);
        if place.is_none() {
            // An expired entry is no longer needed.
            self.remove(user, now);
        }
        let (waiting, active) = self.counts(now);
        let mut facts = JoinFacts {
            has_place: place.is_some(),
            reenters: shown.is_some_and(|ticket| self.reenters(ticket, now)),
            line: self.waiting.has_line(&self.terms.deadlines(now), now),
            waiting,
            active,
        };
        if !(facts.has_place || facts.reenters || facts.line) {
            facts.active = self.occupied(now);
        }
        match facts.decide(&self.terms, &mut self.admission, now) {
            JoinDecision::Keep => {}
            JoinDecision::Reenter => {
                if let Some(ticket) = shown {
                    self.reenter(ticket, now);
                }
            }
            JoinDecision::Admit => return JoinOutcome::Joined(self.enter(user, true, now)),
            JoinDecision::Wait => return JoinOutcome::Joined(self.enter(user, false, now)),
            JoinDecision::Refuse(why) => {
                return JoinOutcome::Refused(why, self.terms.view(now));
            }
        }
        match place.or_else(|| self.place_of(user, now)) {
            Some(place) => JoinOutcome::Held(place),
            None => JoinOutcome::Joined(self.enter(user, false, now)),
        }
    }

    /// Returns the place of `ticket`.
    pub(super) fn look_up(&mut self, ticket: &Ticket, now: Timestamp) -> LookUpOutcome {
        match self.place_with(ticket, now) {
            Some(place) => LookUpOutcome::Found(place),
            None => LookUpOutcome::Gone,
        }
    }

    /// Lets the place of `ticket` through the gate, if it is active.
    pub(super) fn pass_gate(
        &mut self,
        ticket: &Ticket,
        purpose: GatePurpose,
        now: Timestamp,
    ) -> GateOutcome {
        let Some(place) = self.place_with(ticket, now) else {
            return GateOutcome::Gone;
        };
        if matches!(place.standing, Standing::Waiting { .. }) {
            return GateOutcome::Waiting(place);
        }
        let deadlines = self.terms.deadlines(now);
        self.active
            .pass_gate(&ticket.user, &deadlines, now, purpose);
        let passed = self.active.find(&ticket.user, &deadlines, now);
        GateOutcome::Passed(Place {
            standing: passed.map_or(place.standing, |(_, standing)| standing),
            ..place
        })
    }

    /// Ends the place of `ticket`.
    pub(super) fn leave(&mut self, ticket: &Ticket, now: Timestamp) -> LeaveOutcome {
        self.terms.find_losses(None, now);
        if self.reenters(ticket, now) {
            self.terms.record_lost(ticket, now);
            self.remember_end(&ticket.user, ticket.arrival, now);
            return LeaveOutcome::Left;
        }
        match self.place_of(&ticket.user, now) {
            Some(place) if place.ticket.arrival == ticket.arrival => {
                if matches!(place.standing, Standing::Waiting { .. }) {
                    self.departures.record(ticket.arrival);
                }
                self.remove(&ticket.user, now);
                LeaveOutcome::Left
            }
            _ => LeaveOutcome::Gone,
        }
    }

    /// Returns the place of `ticket`. None if the ticket is not for the user's place. Counts as a
    /// heartbeat.
    fn place_with(&mut self, ticket: &Ticket, now: Timestamp) -> Option<Place> {
        self.terms.find_losses(None, now);
        if self.reenters(ticket, now) {
            self.reenter(ticket, now);
        }
        if self.arrival_of(&ticket.user)? != ticket.arrival {
            return None;
        }
        self.heartbeat(&ticket.user, now);
        self.place_of(&ticket.user, now)
    }

    /// Records a heartbeat of `user`, if they wait. An expired place stays expired.
    fn heartbeat(&mut self, user: &UserId, now: Timestamp) {
        let deadlines = self.terms.deadlines(now);
        self.waiting.heartbeat(user, &deadlines, now);
    }

    /// Gives `user`, who has no place, a new one: active or at the end of the line.
    fn enter(&mut self, user: &UserId, admitted: bool, now: Timestamp) -> Place {
        self.take_first_place(now);
        let arrival = self.terms.next_arrival(now);
        let standing = if admitted {
            self.active.admit(user.clone(), arrival, now);
            self.at_once_up_to = Some(arrival);
            Standing::Active {
                admitted_at: now,
                until: self.terms.deadlines(now).claim_end(now),
                claimed: false,
            }
        } else {
            self.waiting.enter(user.clone(), arrival, now);
            // No arrival is later than the last, so no user is behind.
            Standing::Waiting {
                position: self.waiting.len() as u64,
                behind: 0,
                admitted: self.admitted,
            }
        };
        self.place(user.clone(), arrival, standing, now)
    }
}
