//! The port [`Queue`]: queues as users see them.

use async_trait::async_trait;
use frontrow_domain::{
    model::{
        ConcertId, UserId,
        queue::{GatePurpose, Ticket},
    },
    ports::{GateOutcome, JoinOutcome, LeaveOutcome, LookUpOutcome, Queue, Stamped, StoreResult},
};

use crate::errors;
use crate::queue::{
    MySqlQueue,
    changes::{Answer, Request},
};

#[async_trait]
impl Queue for MySqlQueue {
    async fn join(
        &self,
        concert: ConcertId,
        user: &UserId,
        shown: Option<Ticket>,
    ) -> StoreResult<Stamped<JoinOutcome>> {
        let request = Request::Join(user.clone(), shown);
        let Stamped { as_of, value } = self.changes().ask(concert, request).await?;
        let value = match value {
            Answer::Joined(place) => JoinOutcome::Joined(place),
            Answer::Held(place) => JoinOutcome::Held(place),
            Answer::Refused(why, view) => JoinOutcome::Refused(why, view),
            Answer::NotSeeded => JoinOutcome::NotSeeded,
            Answer::Left | Answer::Gone => return Err(errors::unexpected_answer()),
        };
        Ok(Stamped { as_of, value })
    }

    async fn look_up(&self, ticket: &Ticket) -> StoreResult<Stamped<LookUpOutcome>> {
        self.look_up_place(ticket).await
    }

    async fn pass_gate(
        &self,
        ticket: &Ticket,
        purpose: GatePurpose,
    ) -> StoreResult<Stamped<GateOutcome>> {
        self.pass(ticket, purpose).await
    }

    async fn leave(&self, ticket: &Ticket) -> StoreResult<Stamped<LeaveOutcome>> {
        let request = Request::Leave(ticket.clone());
        let answer = self.changes().ask(ticket.concert, request).await?;
        Ok(answer.map(|answer| match answer {
            Answer::Left => LeaveOutcome::Left,
            Answer::NotSeeded => LeaveOutcome::NotSeeded,
            _ => LeaveOutcome::Gone,
        }))
    }
}
