//! What people do in a queue.

use frontrow_domain::{
    model::{
        UserId,
        queue::{Arrival, GatePurpose, JoinRefusal, Place, Standing, Ticket},
    },
    ports::{GateOutcome, JoinOutcome, LeaveOutcome, LookUpOutcome},
};
use jiff::Timestamp;

use super::state::QueueState;

impl QueueState {
    /// Takes a place for `user`, or returns the one that they have or bring back.
    pub(super) fn join(
        &mut self,
        user: &UserId,
        shown: Option<&Ticket>,
        now: Timestamp,
    ) -> JoinOutcome {
        if let Some(ticket) = shown {
            self.take_back(ticket, now);
        }
        self.waiting.heard_of(user, now);
        if let Some(place) = self.place_of(user, now) {
            return JoinOutcome::Held(place);
        }
        match self.enter(user, now) {
            Ok(place) => JoinOutcome::Joined(place),
            Err(refusal) => JoinOutcome::Refused(refusal, self.view(now)),
        }
    }

    /// Where the place of `ticket` is.
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
        let lives = self.terms.lives(now);
        self.active.pass_gate(&ticket.user, &lives, now, purpose);
        let passed = self.active.find(&ticket.user, &lives);
        GateOutcome::Passed(Place {
            standing: passed.map_or(place.standing, |(_, standing)| standing),
            ..place
        })
    }

    /// Ends the place of `ticket`.
    pub(super) fn leave(&mut self, ticket: &Ticket, now: Timestamp) -> LeaveOutcome {
        if self.arrival_of(&ticket.user) == Some(ticket.arrival) {
            if self.waiting.arrival_of(&ticket.user).is_some() {
                self.leavers.note(ticket.arrival);
            }
            self.end(&ticket.user, now);
            LeaveOutcome::Left
        } else if self.may_come_back(ticket, now) {
            self.remember_end(&ticket.user, now);
            LeaveOutcome::Left
        } else {
            LeaveOutcome::Gone
        }
    }

    /// The place of `ticket`, if it is good; a sign of life.
    fn place_with(&mut self, ticket: &Ticket, now: Timestamp) -> Option<Place> {
        self.take_back(ticket, now);
        if self.arrival_of(&ticket.user)? != ticket.arrival {
            return None;
        }
        self.waiting.heard_of(&ticket.user, now);
        self.place_of(&ticket.user, now)
    }

    /// Gives `user`, who has no place, a new one.
    fn enter(&mut self, user: &UserId, now: Timestamp) -> Result<Place, JoinRefusal> {
        let view = self.view(now);
        if let Some(refusal) = view.effective(now).refuses_joins() {
            return Err(refusal);
        }
        // Asked only where nobody waits: it is an attempt to admit, which starts the first window.
        let admitted = self.waiting.is_empty().then(|| self.room(now));
        let admitted = admitted.filter(|(_, room)| *room > 0);
        let most = self.terms.policy().max_waiting.unwrap_or(u64::MAX);
        if admitted.is_none() && self.waiting.len() as u64 >= most {
            return Err(JoinRefusal::Full);
        }
        let arrival = Arrival::after(self.last_arrival, now);
        self.last_arrival = Some(arrival);
        let standing = if let Some((state, _)) = admitted {
            self.active.admit(user.clone(), arrival, now);
            self.admission.note(state, self.terms.policy(), 1);
            Standing::Active {
                admitted_at: now,
                until: self.terms.lives(now).claim_end(now),
                claimed: false,
            }
        } else {
            self.waiting.enter(user.clone(), arrival, now);
            // No arrival is later than the last.
            Standing::Waiting {
                position: self.waiting.len() as u64,
                behind: 0,
                admitted: self.admitted,
            }
        };
        Ok(self.place(user.clone(), arrival, standing, now))
    }
}
