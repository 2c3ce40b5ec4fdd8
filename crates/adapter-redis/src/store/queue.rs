//! The requests of users: join, look up, gate and leave.

use async_trait::async_trait;
use frontrow_domain::{
    model::{
        ConcertId, UserId,
        queue::{Deadlines, GatePurpose, JoinRefusal, Standing, Ticket},
    },
    ports::{GateOutcome, JoinOutcome, LeaveOutcome, LookUpOutcome, Queue, Stamped, StoreResult},
};

use super::RedisStore;
use crate::{
    operations::UserOperation,
    reply,
    user_requests::{ReplyCode, UserRequest},
};

/// The number of last departures that a line keeps, at 8 bytes each.
const DEPARTURES: u64 = 10_000;

#[async_trait]
impl Queue for RedisStore {
    async fn join(
        &self,
        concert: ConcertId,
        user: &UserId,
        ticket: Option<Ticket>,
    ) -> StoreResult<Stamped<JoinOutcome>> {
        let request = UserRequest::new(user, ticket.as_ref());
        let Stamped { as_of, value } = self
            .batches
            .submit(UserOperation::Join, concert, request)
            .await?;
        let value = match value {
            None => JoinOutcome::NotSeeded,
            Some(reply) => match reply.code {
                ReplyCode::Joined => JoinOutcome::Joined(reply.place(concert, user)?),
                ReplyCode::Place => JoinOutcome::Held(reply.place(concert, user)?),
                ReplyCode::Closed => JoinOutcome::Refused(JoinRefusal::Closed, reply.queue),
                ReplyCode::Ended => JoinOutcome::Refused(JoinRefusal::Ended, reply.queue),
                ReplyCode::SoldOut => JoinOutcome::Refused(JoinRefusal::SoldOut, reply.queue),
                ReplyCode::Full => JoinOutcome::Refused(JoinRefusal::Full, reply.queue),
                ReplyCode::Gone | ReplyCode::Left => return Err(reply::malformed_reply()),
            },
        };
        Ok(Stamped { as_of, value })
    }

    async fn look_up(&self, ticket: &Ticket) -> StoreResult<Stamped<LookUpOutcome>> {
        let request = UserRequest::new(&ticket.user, Some(ticket));
        let submitted = self
            .batches
            .submit(UserOperation::LookUp, ticket.concert, request);
        let Stamped { as_of, value } = submitted.await?;
        let value = match value {
            None => LookUpOutcome::NotSeeded,
            Some(reply) => reply
                .place_if_any(ticket.concert, &ticket.user)?
                .map_or(LookUpOutcome::Gone, LookUpOutcome::Found),
        };
        Ok(Stamped { as_of, value })
    }

    async fn pass_gate(
        &self,
        ticket: &Ticket,
        purpose: GatePurpose,
    ) -> StoreResult<Stamped<GateOutcome>> {
        let request = UserRequest::new(&ticket.user, Some(ticket)).with_number(extension(purpose));
        let submitted = self
            .batches
            .submit(UserOperation::PassGate, ticket.concert, request);
        let Stamped { as_of, value } = submitted.await?;
        let value = match value {
            None => GateOutcome::NotSeeded,
            Some(reply) if reply.code == ReplyCode::Gone => GateOutcome::Gone,
            Some(reply) => {
                let place = reply.place(ticket.concert, &ticket.user)?;
                match place.standing {
                    Standing::Waiting { .. } => GateOutcome::Waiting(place),
                    Standing::Active { .. } => GateOutcome::Passed(place),
                }
            }
        };
        Ok(Stamped { as_of, value })
    }

    async fn leave(&self, ticket: &Ticket) -> StoreResult<Stamped<LeaveOutcome>> {
        let request = UserRequest::new(&ticket.user, Some(ticket)).with_number(Some(DEPARTURES));
        let submitted = self
            .batches
            .submit(UserOperation::Leave, ticket.concert, request);
        let outcome = submitted.await?.map(|reply| match reply {
            None => LeaveOutcome::NotSeeded,
            Some(reply) if reply.code == ReplyCode::Left => LeaveOutcome::Left,
            Some(_) => LeaveOutcome::Gone,
        });
        Ok(outcome)
    }
}

/// Returns how long a place must last from now on so that the hold can be paid, in microseconds.
/// None if nothing is held.
fn extension(purpose: GatePurpose) -> Option<u64> {
    match purpose {
        GatePurpose::Hold { hold_for } => {
            let lasts = hold_for.saturating_add(Deadlines::PAYMENT_MARGIN);
            Some(u64::try_from(lasts.as_micros()).unwrap_or(u64::MAX))
        }
        GatePurpose::Browse | GatePurpose::Pay => None,
    }
}
