//! Look-ups whose answers from the store stay in flight while other steps are taken.

use std::sync::Arc;

use frontrow_domain::{
    model::queue::{Standing, Ticket},
    ports::{LookUpOutcome, Queue, Stamped, StoreResult},
};
use futures_util::{FutureExt, future::BoxFuture};
use tokio::sync::oneshot;

use super::run::{Run, failed};

/// A look-up that the store has answered, and whose answer is in flight.
pub(super) struct InFlight {
    at: usize,
    ticket: Ticket,
    answer: BoxFuture<'static, StoreResult<Stamped<LookUpOutcome>>>,
    arrive: oneshot::Sender<()>,
}

impl Run<'_> {
    /// Looks up a place. If the store is called, its answer stays in flight until it is delivered.
    pub(super) async fn look_up_slowly(&mut self, at: usize, user: usize) -> Result<(), String> {
        let Some(ticket) = self.tickets[user].clone() else {
            return Ok(());
        };
        let before = self.mirror.state().look_ups;
        let (answered, arrive) = self.mirror.delay_answer();
        let (instance, asked) = (Arc::clone(&self.instances[at]), ticket.clone());
        let mut answer = async move { instance.look_up(&asked).await }.boxed();
        let found = tokio::select! {
            result = &mut answer => Err(result),
            Ok(found) = answered => Ok(found),
        };
        self.mirror.end_delay();
        match found {
            Err(result) => return self.check_look_up(at, user, &ticket, before, result),
            Ok(true) => {
                let now = self.store_clock.peek();
                self.record_heartbeat(&ticket.user, now);
            }
            Ok(false) => {}
        }
        self.in_flight.push(InFlight {
            at,
            ticket,
            answer,
            arrive,
        });
        Ok(())
    }

    /// Delivers one of the answers in flight. It may have anything that was true since its request.
    /// Later answers may not.
    pub(super) async fn deliver(&mut self, which: usize) -> Result<(), String> {
        if self.in_flight.is_empty() {
            return Ok(());
        }
        let number = which % self.in_flight.len();
        let InFlight {
            at,
            ticket,
            answer,
            arrive,
        } = self.in_flight.swap_remove(number);
        arrive
            .send(())
            .map_err(|()| "no call waits for an answer")?;
        let answer = answer.await.map_err(failed)?;
        if let LookUpOutcome::Found(place) = answer.value
            && let Standing::Waiting { position, .. } = place.standing
        {
            let key = (at, ticket.arrival, place.ticket.generation);
            let before = self.last_positions.get(&key).copied();
            // After a re-entry there is no entry: nothing is promised about positions then.
            if let Some(before) = before {
                self.last_positions.insert(key, before.min(position));
            }
        }
        Ok(())
    }

    pub(super) async fn deliver_all(&mut self) -> Result<(), String> {
        while !self.in_flight.is_empty() {
            self.deliver(0).await?;
        }
        Ok(())
    }
}
