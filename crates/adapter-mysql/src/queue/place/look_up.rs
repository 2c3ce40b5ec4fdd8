//! Looks up a place without a lock. The heartbeat of a waiting user, and a re-entry, are left to
//! the shared transaction.

use frontrow_domain::{
    model::queue::Ticket,
    ports::{LookUpOutcome, Stamped, StoreResult},
};
use frontrow_request_batching::Priority;
use jiff::Timestamp;

use super::reads::Seen;
use crate::queue::{
    MySqlQueue,
    changes::{Answer, Request, place},
    rows::places::PlaceRow,
};

impl MySqlQueue {
    /// Returns the place of `ticket`. Counts as a heartbeat.
    pub(in crate::queue) async fn look_up_place(
        &self,
        ticket: &Ticket,
    ) -> StoreResult<Stamped<LookUpOutcome>> {
        let Stamped { as_of, value } = self.reads().see(ticket, Priority::Normal).await?;
        let Some(seen) = value else {
            let value = LookUpOutcome::NotSeeded;
            return Ok(Stamped { as_of, value });
        };
        if seen.is_to_be_changed(ticket, as_of) {
            return self.look_up_in_transaction(ticket).await;
        }
        let value = match seen.row_of(ticket, as_of) {
            Some(row) => LookUpOutcome::Found(place(
                ticket.concert,
                &ticket.user,
                &row,
                &seen.queue,
                as_of,
            )),
            None => LookUpOutcome::Gone,
        };
        Ok(Stamped { as_of, value })
    }

    /// Returns the place of `ticket` by the shared transaction, which records the heartbeat and
    /// lets a lost place re-enter.
    pub(super) async fn look_up_in_transaction(
        &self,
        ticket: &Ticket,
    ) -> StoreResult<Stamped<LookUpOutcome>> {
        let request = Request::LookUp(ticket.clone());
        let answer = self.changes().ask(ticket.concert, request).await?;
        Ok(answer.map(Answer::into_look_up))
    }
}

impl Seen {
    /// Returns the row of the place of `ticket`. None if the place is gone.
    pub(super) fn row_of(&self, ticket: &Ticket, now: Timestamp) -> Option<PlaceRow> {
        self.row
            .filter(|row| row.arrival == ticket.arrival && row.is_held(&self.queue, now))
    }

    /// Returns true if a look-up by `ticket` changes the queue: its place waits, so that this is a
    /// heartbeat, or the user has no place and re-enters, or the store may have lost it.
    pub(super) fn is_to_be_changed(&self, ticket: &Ticket, now: Timestamp) -> bool {
        match self.row_of(ticket, now) {
            Some(row) => row.phase.waits(),
            None => {
                self.queue.may_have_lost_writes(now)
                    || self.queue.reenters(ticket, self.row.as_ref(), now)
            }
        }
    }
}
