//! Calls of a queue under test, and the answers that they must get.

use frontrow_domain::{
    model::queue::{GatePurpose, JoinRefusal, Place, Standing, Ticket},
    ports::{
        GateOutcome, JoinOutcome, LeaveOutcome, LookUpOutcome, Stamped, TickOutcome, TickReport,
    },
};
use jiff::Timestamp;

use super::{ALL, ContractQueue, QueueFixture};
use crate::test_queue::user;

impl<F: QueueFixture> ContractQueue<F> {
    /// Joins under this name.
    pub(crate) async fn join(&self, name: &str) -> Stamped<JoinOutcome> {
        let user = user(name);
        let joined = self.ports.queue.join(self.concert, &user, None).await;
        joined.expect("join")
    }

    /// Joins with a ticket.
    pub(crate) async fn join_showing(&self, ticket: &Ticket) -> Stamped<JoinOutcome> {
        let joined = self
            .ports
            .queue
            .join(self.concert, &ticket.user, Some(ticket.clone()));
        joined.await.expect("join")
    }

    /// Joins. Returns the new place. Panics if the user had one or is refused.
    pub(crate) async fn join_new(&self, name: &str) -> Place {
        match self.join(name).await.value {
            JoinOutcome::Joined(place) => place,
            other => panic!("{name} should have joined: {other:?}"),
        }
    }

    /// Joins. Returns the ticket of a new place in the line. Panics if the user does not wait.
    pub(crate) async fn join_line(&self, name: &str) -> Ticket {
        let place = self.join_new(name).await;
        assert!(position(&place).is_some(), "{name} should wait: {place:?}");
        place.ticket
    }

    /// Lets these users join the line one after the other. Returns their tickets.
    pub(crate) async fn all_join_line(&self, names: &[&str]) -> Vec<Ticket> {
        let mut tickets = Vec::new();
        for name in names {
            tickets.push(self.join_line(name).await);
        }
        tickets
    }

    /// Joins. Returns the ticket of a new active place. Panics if the user waits.
    pub(crate) async fn join_active(&self, name: &str) -> Ticket {
        let place = self.join_new(name).await;
        assert!(
            until(&place).is_some(),
            "{name} should be active: {place:?}"
        );
        place.ticket
    }

    /// Joins with a ticket. Returns the place that the user already has. Panics if it is a new one.
    pub(crate) async fn held(&self, ticket: &Ticket) -> Place {
        match self.join_showing(ticket).await.value {
            JoinOutcome::Held(place) => place,
            other => panic!("{} should hold a place: {other:?}", ticket.user),
        }
    }

    /// Joins. Returns the reason of the refusal. Panics if the user gets a place.
    pub(crate) async fn refused(&self, name: &str) -> JoinRefusal {
        match self.join(name).await.value {
            JoinOutcome::Refused(why, _) => why,
            other => panic!("{name} should be refused: {other:?}"),
        }
    }

    /// Looks up a place.
    pub(crate) async fn look_up(&self, ticket: &Ticket) -> Stamped<LookUpOutcome> {
        self.ports.queue.look_up(ticket).await.expect("look up")
    }

    /// Looks up a place. Panics if it is gone.
    pub(crate) async fn find(&self, ticket: &Ticket) -> Place {
        match self.look_up(ticket).await.value {
            LookUpOutcome::Found(place) => {
                assert_eq!(place.ticket.user, ticket.user);
                assert_eq!(place.ticket.arrival, ticket.arrival);
                place
            }
            other => panic!("{} should have a place: {other:?}", ticket.user),
        }
    }

    /// Looks up a place in the line. Returns its position, and the number of users behind it.
    pub(crate) async fn in_line(&self, ticket: &Ticket) -> (u64, u64) {
        let place = self.find(ticket).await;
        match place.standing {
            Standing::Waiting {
                position, behind, ..
            } => (position, behind),
            Standing::Active { .. } => panic!("{} should wait: {place:?}", ticket.user),
        }
    }

    /// Looks up an active place. Returns its deadline.
    pub(crate) async fn active_until(&self, ticket: &Ticket) -> Timestamp {
        let place = self.find(ticket).await;
        until(&place).unwrap_or_else(|| panic!("{} should be active: {place:?}", ticket.user))
    }

    /// Returns true if a place waits, false if it is active.
    pub(crate) async fn waits(&self, ticket: &Ticket) -> bool {
        position(&self.find(ticket).await).is_some()
    }

    /// Checks that a place is gone for a look-up, at the gate, and for its user who leaves.
    pub(crate) async fn assert_gone(&self, ticket: &Ticket) {
        let user = &ticket.user;
        let looked_up = self.look_up(ticket).await.value;
        assert_eq!(looked_up, LookUpOutcome::Gone, "{user}'s place");
        let at_gate = self.gate(ticket, GatePurpose::Browse).await.value;
        assert_eq!(at_gate, GateOutcome::Gone, "{user} at the gate");
        let left = self.leave(ticket).await.value;
        assert_eq!(left, LeaveOutcome::Gone, "{user} leaving");
    }

    /// Shows a ticket at the gate.
    pub(crate) async fn gate(&self, ticket: &Ticket, purpose: GatePurpose) -> Stamped<GateOutcome> {
        let passed = self.ports.queue.pass_gate(ticket, purpose);
        passed.await.expect("gate")
    }

    /// Passes the gate. Returns the instant of the answer, and the deadline of the place after it.
    pub(crate) async fn pass_gate(
        &self,
        ticket: &Ticket,
        purpose: GatePurpose,
    ) -> (Timestamp, Timestamp) {
        let passed = self.gate(ticket, purpose).await;
        match &passed.value {
            GateOutcome::Passed(Place {
                standing:
                    Standing::Active {
                        until,
                        claimed: true,
                        ..
                    },
                ..
            }) => (passed.as_of, *until),
            other => panic!("{} should pass the gate: {other:?}", ticket.user),
        }
    }

    /// Leaves with a ticket.
    pub(crate) async fn leave(&self, ticket: &Ticket) -> Stamped<LeaveOutcome> {
        self.ports.queue.leave(ticket).await.expect("leave")
    }

    /// Leaves a place. Panics if it is gone.
    pub(crate) async fn leave_place(&self, ticket: &Ticket) {
        let left = self.leave(ticket).await.value;
        assert_eq!(left, LeaveOutcome::Left, "{} leaving", ticket.user);
    }

    /// Admits as many users as the limits allow. Returns their number.
    pub(crate) async fn admit_all(&mut self) -> u32 {
        self.admit(ALL).await.done
    }

    /// Runs one call of a tick that admits at most `limit` users.
    pub(crate) async fn admit(&mut self, limit: u32) -> TickReport {
        let tick = self.ports.ticks.admit(self.concert, limit).await;
        self.ticked(&tick.expect("admission tick"))
    }

    /// Removes all expired places.
    pub(crate) async fn expire_all(&mut self) -> TickReport {
        self.expire(ALL).await
    }

    /// Removes at most `limit` expired places.
    pub(crate) async fn expire(&mut self, limit: u32) -> TickReport {
        let tick = self.ports.ticks.expire(self.concert, limit).await;
        self.ticked(&tick.expect("expiry tick"))
    }

    fn ticked(&mut self, tick: &Stamped<TickOutcome>) -> TickReport {
        self.record_tick(tick.as_of);
        match tick.value {
            TickOutcome::Ticked(report) => report,
            TickOutcome::NotSeeded => panic!("the store has the queue"),
        }
    }
}

/// Returns the position of a waiting place. None if it is active.
pub(crate) fn position(place: &Place) -> Option<u64> {
    match place.standing {
        Standing::Waiting { position, .. } => Some(position),
        Standing::Active { .. } => None,
    }
}

/// Returns the deadline of an active place. None if it waits.
pub(crate) fn until(place: &Place) -> Option<Timestamp> {
    match place.standing {
        Standing::Waiting { .. } => None,
        Standing::Active { until, .. } => Some(until),
    }
}
