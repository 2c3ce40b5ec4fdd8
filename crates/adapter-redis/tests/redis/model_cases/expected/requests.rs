//! The expected results of the requests of users.

use frontrow_domain::{
    model::{
        UserId,
        queue::{GatePurpose, JoinDecision, JoinFacts, JoinRefusal, Place, Standing, Ticket},
    },
    ports::{GateOutcome, JoinOutcome, LeaveOutcome, LookUpOutcome},
};

use super::{
    super::case::{CasePlace, TicketKind},
    Expected, arrival, before,
};

impl Expected<'_> {
    pub(in super::super) fn join(
        &mut self,
        user: &UserId,
        number: usize,
        kind: TicketKind,
    ) -> (&'static str, JoinOutcome) {
        let ticket = self.ticket(user, number, kind);
        let (entry, has_place) = self.has(number);
        let (waiting, active) = self.counts();
        let facts = JoinFacts {
            has_place,
            reenters: !has_place
                && ticket
                    .as_ref()
                    .is_some_and(|ticket| self.reenters(ticket, entry.then_some(number))),
            line: self.has_line(),
            waiting,
            active,
        };
        if entry && !has_place {
            self.keep(|other| other != number);
        }
        if !has_place && !facts.reenters && !facts.line {
            self.make_room();
        }
        let decision = facts.decide(&self.terms, &mut self.admission, self.now);
        let view = self.terms.view(self.now);
        match decision {
            JoinDecision::Keep => {
                self.return_to_line(number);
                ("keep", JoinOutcome::Held(self.place_of(user, number)))
            }
            JoinDecision::Reenter => {
                self.note_first_place();
                self.terms.reenter(ticket.as_ref().unwrap(), self.now);
                let arrival = ticket.unwrap().arrival;
                let place = self.place(user, arrival, self.in_line(arrival));
                ("reenter", JoinOutcome::Held(place))
            }
            JoinDecision::Admit => {
                self.note_first_place();
                let standing = Standing::Active {
                    admitted_at: self.now,
                    until: self.deadlines().claim_end(self.now),
                    claimed: false,
                };
                let arrival = self.terms.next_arrival(self.now);
                let place = self.place(user, arrival, standing);
                ("admit at once", JoinOutcome::Joined(place))
            }
            JoinDecision::Wait => {
                self.note_first_place();
                let arrival = self.terms.next_arrival(self.now);
                let place = self.place(user, arrival, self.in_line(arrival));
                ("wait", JoinOutcome::Joined(place))
            }
            JoinDecision::Refuse(refusal) => {
                let kind = match refusal {
                    JoinRefusal::Closed => "refuse: closed",
                    JoinRefusal::Ended => "refuse: ended",
                    JoinRefusal::SoldOut => "refuse: sold out",
                    JoinRefusal::Full => "refuse: full",
                };
                (kind, JoinOutcome::Refused(refusal, view))
            }
        }
    }

    /// Returns the place of a ticket. None if it is gone.
    fn place_with(&mut self, ticket: &Ticket, number: usize) -> Option<Place> {
        let (entry, has_place) = self.has(number);
        if !entry && self.reenters(ticket, None) {
            self.note_first_place();
            self.terms.reenter(ticket, self.now);
            let standing = self.in_line(ticket.arrival);
            return Some(self.place(&ticket.user, ticket.arrival, standing));
        }
        let is_theirs = has_place && ticket.arrival == arrival(self.written, number);
        is_theirs.then(|| {
            self.return_to_line(number);
            self.place_of(&ticket.user, number)
        })
    }

    pub(in super::super) fn look_up(
        &mut self,
        ticket: &Ticket,
        number: usize,
    ) -> (&'static str, LookUpOutcome) {
        match self.place_with(ticket, number) {
            Some(place) => ("find", LookUpOutcome::Found(place)),
            None => ("find none", LookUpOutcome::Gone),
        }
    }

    pub(in super::super) fn gate(
        &mut self,
        ticket: &Ticket,
        number: usize,
        purpose: GatePurpose,
    ) -> (&'static str, GateOutcome) {
        let Some(place) = self.place_with(ticket, number) else {
            return ("find none", GateOutcome::Gone);
        };
        let Standing::Active {
            admitted_at, until, ..
        } = place.standing
        else {
            return ("wait at the gate", GateOutcome::Waiting(place));
        };
        let deadlines = self.deadlines();
        let (claimed_at, until) = match self.case.places[number] {
            CasePlace::Claimed { claimed, .. } => (before(self.written, claimed), until),
            _ => (self.now, deadlines.active_end(self.now)),
        };
        let standing = Standing::Active {
            admitted_at,
            until: deadlines.end_after_gate(self.now, claimed_at, until, purpose),
            claimed: true,
        };
        (
            "pass the gate",
            GateOutcome::Passed(Place { standing, ..place }),
        )
    }

    pub(in super::super) fn leave(
        &mut self,
        ticket: &Ticket,
        number: usize,
    ) -> (&'static str, LeaveOutcome) {
        let (entry, has_place) = self.has(number);
        let is_theirs = has_place && ticket.arrival == arrival(self.written, number);
        let reenters = !entry && self.reenters(ticket, None);
        if reenters {
            self.terms.record_lost(ticket, self.now);
        }
        self.keep(|other| other != number || !is_theirs);
        if is_theirs || reenters {
            ("leave", LeaveOutcome::Left)
        } else {
            ("leave nothing", LeaveOutcome::Gone)
        }
    }
}
