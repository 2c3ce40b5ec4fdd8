//! The queues, as the people in them use them.

use async_trait::async_trait;
use deadpool_redis::redis::{Cmd, Script};
use frontrow_domain::{
    model::{
        ConcertId, UserId,
        queue::{GatePurpose, JoinRefusal, Left, Lives, Ticket},
    },
    ports::{GateOutcome, JoinOutcome, LeaveOutcome, LookUpOutcome, Queue, Stamped, StoreResult},
};

use super::RedisStore;
use crate::{
    calls::Caller,
    member::Member,
    reply::{self, Reply},
    scripts,
};

impl RedisStore {
    /// Runs a script on the place of `ticket`.
    async fn on_place(
        &self,
        script: &Script,
        ticket: &Ticket,
        arguments: impl Fn(&mut Cmd),
    ) -> StoreResult<Reply> {
        let request = |call: &mut Cmd| {
            call.arg(Member::from(&ticket.user).as_bytes());
            show(call, Some(ticket));
            arguments(call);
        };
        self.calls
            .on_queue(Caller::Request, ticket.concert, script, request)
            .await
    }
}

/// The arrival and the generation of a ticket, empty without one.
fn show(call: &mut Cmd, ticket: Option<&Ticket>) {
    match ticket {
        Some(ticket) => call
            .arg(ticket.arrival.micros())
            .arg(ticket.generation.to_string()),
        None => call.arg("").arg(""),
    };
}

#[async_trait]
impl Queue for RedisStore {
    async fn join(
        &self,
        concert: ConcertId,
        user: &UserId,
        shown: Option<Ticket>,
    ) -> StoreResult<Stamped<JoinOutcome>> {
        let request = |call: &mut Cmd| {
            call.arg(Member::from(user).as_bytes());
            show(call, shown.as_ref());
        };
        let mut reply = self
            .calls
            .on_queue(Caller::Request, concert, &scripts::JOIN, request)
            .await?;
        let outcome = match reply.what.as_str() {
            "joined" => {
                let place = reply.place(concert, user)?;
                if let Some(listing) = reply.optional()? {
                    self.try_to_list(Caller::Request, concert, listing).await;
                }
                JoinOutcome::Joined(place)
            }
            "held" => JoinOutcome::Held(reply.place(concert, user)?),
            "refused" => {
                let view = reply.view()?;
                let why = match reply.text()?.as_str() {
                    "closed" => JoinRefusal::Closed,
                    "sold_out" => JoinRefusal::SoldOut,
                    "full" => JoinRefusal::Full,
                    _ => return Err(reply::strange()),
                };
                JoinOutcome::Refused(why, view)
            }
            "unknown" => JoinOutcome::NotSeeded,
            _ => return Err(reply::strange()),
        };
        Ok(reply.stamp(outcome))
    }

    async fn look_up(&self, ticket: &Ticket) -> StoreResult<Stamped<LookUpOutcome>> {
        let mut reply = self.on_place(&scripts::LOOK_UP, ticket, |_| {}).await?;
        let outcome = match reply.what.as_str() {
            "found" => LookUpOutcome::Found(reply.place(ticket.concert, &ticket.user)?),
            "gone" => LookUpOutcome::Gone,
            "unknown" => LookUpOutcome::NotSeeded,
            _ => return Err(reply::strange()),
        };
        Ok(reply.stamp(outcome))
    }

    async fn pass_gate(
        &self,
        ticket: &Ticket,
        purpose: GatePurpose,
    ) -> StoreResult<Stamped<GateOutcome>> {
        let purpose = |call: &mut Cmd| match purpose {
            GatePurpose::Hold { hold_for } => {
                let extension = hold_for.saturating_add(Lives::TIME_TO_PAY);
                call.arg(u64::try_from(extension.as_micros()).unwrap_or(u64::MAX));
            }
            GatePurpose::Browse | GatePurpose::Pay => {
                call.arg("");
            }
        };
        let mut reply = self.on_place(&scripts::PASS_GATE, ticket, purpose).await?;
        let outcome = match reply.what.as_str() {
            "passed" => GateOutcome::Passed(reply.place(ticket.concert, &ticket.user)?),
            "waiting" => GateOutcome::Waiting(reply.place(ticket.concert, &ticket.user)?),
            "gone" => GateOutcome::Gone,
            "unknown" => GateOutcome::NotSeeded,
            _ => return Err(reply::strange()),
        };
        Ok(reply.stamp(outcome))
    }

    async fn leave(&self, ticket: &Ticket) -> StoreResult<Stamped<LeaveOutcome>> {
        let remembered = |call: &mut Cmd| {
            call.arg(Left::REMEMBERED);
        };
        let reply = self.on_place(&scripts::LEAVE, ticket, remembered).await?;
        let outcome = match reply.what.as_str() {
            "left" => LeaveOutcome::Left,
            "gone" => LeaveOutcome::Gone,
            "unknown" => LeaveOutcome::NotSeeded,
            _ => return Err(reply::strange()),
        };
        Ok(reply.stamp(outcome))
    }
}
