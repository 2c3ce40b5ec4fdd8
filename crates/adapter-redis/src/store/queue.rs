//! The queues, as the people in them use them.

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
    people::{Came, Person},
    questions::Question,
    reply,
};

/// How many of the last departures of a line are remembered: 8 bytes each.
const DEPARTURES: u64 = 10_000;

#[async_trait]
impl Queue for RedisStore {
    async fn join(
        &self,
        concert: ConcertId,
        user: &UserId,
        shown: Option<Ticket>,
    ) -> StoreResult<Stamped<JoinOutcome>> {
        let person = Person::new(user, shown.as_ref());
        let Stamped { as_of, value } = self.batches.ask(Question::Join, concert, person).await?;
        let value = match value {
            None => JoinOutcome::NotSeeded,
            Some(told) => match told.came {
                Came::Joined => JoinOutcome::Joined(told.place(concert, user)?),
                Came::Place => JoinOutcome::Held(told.place(concert, user)?),
                Came::Closed => JoinOutcome::Refused(JoinRefusal::Closed, told.queue),
                Came::Ended => JoinOutcome::Refused(JoinRefusal::Ended, told.queue),
                Came::SoldOut => JoinOutcome::Refused(JoinRefusal::SoldOut, told.queue),
                Came::Full => JoinOutcome::Refused(JoinRefusal::Full, told.queue),
                Came::Gone | Came::Left => return Err(reply::strange()),
            },
        };
        Ok(Stamped { as_of, value })
    }

    async fn look_up(&self, ticket: &Ticket) -> StoreResult<Stamped<LookUpOutcome>> {
        let person = Person::new(&ticket.user, Some(ticket));
        let asked = self.batches.ask(Question::LookUp, ticket.concert, person);
        let Stamped { as_of, value } = asked.await?;
        let value = match value {
            None => LookUpOutcome::NotSeeded,
            Some(told) => told
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
        let person = Person::new(&ticket.user, Some(ticket)).with(extension(purpose));
        let asked = self.batches.ask(Question::PassGate, ticket.concert, person);
        let Stamped { as_of, value } = asked.await?;
        let value = match value {
            None => GateOutcome::NotSeeded,
            Some(told) if told.came == Came::Gone => GateOutcome::Gone,
            Some(told) => {
                let place = told.place(ticket.concert, &ticket.user)?;
                match place.standing {
                    Standing::Waiting { .. } => GateOutcome::Waiting(place),
                    Standing::Active { .. } => GateOutcome::Passed(place),
                }
            }
        };
        Ok(Stamped { as_of, value })
    }

    async fn leave(&self, ticket: &Ticket) -> StoreResult<Stamped<LeaveOutcome>> {
        let person = Person::new(&ticket.user, Some(ticket)).with(Some(DEPARTURES));
        let asked = self.batches.ask(Question::Leave, ticket.concert, person);
        let left = asked.await?.map(|told| match told {
            None => LeaveOutcome::NotSeeded,
            Some(told) if told.came == Came::Left => LeaveOutcome::Left,
            Some(_) => LeaveOutcome::Gone,
        });
        Ok(left)
    }
}

/// How long a place must last from now on so that what is held can be paid for, in microseconds.
fn extension(purpose: GatePurpose) -> Option<u64> {
    match purpose {
        GatePurpose::Hold { hold_for } => {
            let lasts = hold_for.saturating_add(Deadlines::PAYMENT_MARGIN);
            Some(u64::try_from(lasts.as_micros()).unwrap_or(u64::MAX))
        }
        GatePurpose::Browse | GatePurpose::Pay => None,
    }
}
