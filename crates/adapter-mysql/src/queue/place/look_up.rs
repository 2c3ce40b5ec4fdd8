//! Looking up a place: a read. The heartbeat of a waiting user, and a re-entry, go into the shared
//! transaction.

use std::time::Duration;

use frontrow_domain::{
    model::queue::Ticket,
    ports::{LookUpOutcome, Stamped, StoreResult},
};
use frontrow_request_batching::Priority;
use jiff::Timestamp;
use tokio::time::timeout;

use super::reads::Seen;
use crate::queue::{
    MySqlQueue,
    changes::{Answer, Request, place},
    rows::places::PlaceRow,
};

/// How long a look-up waits for its heartbeat to be recorded. A transaction that holds the queue's row for
/// longer hangs, and users are told of their places all the same.
const HEARTBEAT_TIMEOUT: Duration = Duration::from_millis(500);

impl MySqlQueue {
    /// Returns the place of `ticket`. A heartbeat.
    pub(in crate::queue) async fn look_up_place(
        &self,
        ticket: &Ticket,
    ) -> StoreResult<Stamped<LookUpOutcome>> {
        let Stamped { as_of, value } = self.reads().see(ticket, Priority::Normal).await?;
        let Some(seen) = value else {
            let value = LookUpOutcome::NotSeeded;
            return Ok(Stamped { as_of, value });
        };
        if seen.reenters(ticket, as_of) {
            return self.look_up_in_transaction(ticket).await;
        }
        let Some(row) = seen.row_of(ticket, as_of) else {
            let value = LookUpOutcome::Gone;
            return Ok(Stamped { as_of, value });
        };
        if row.phase.waits()
            && let Some(answer) = self.record_heartbeat(ticket).await
        {
            return Ok(answer);
        }
        let place = place(ticket.concert, &ticket.user, &row, &seen.queue, as_of);
        let value = LookUpOutcome::Found(place);
        Ok(Stamped { as_of, value })
    }

    /// Looks up a waiting place again in the shared transaction, which records the heartbeat. None where
    /// that cannot be done in time.
    pub(super) async fn record_heartbeat(&self, ticket: &Ticket) -> Option<Stamped<LookUpOutcome>> {
        let recording = self.look_up_in_transaction(ticket);
        let recorded = timeout(HEARTBEAT_TIMEOUT, recording).await.ok();
        recorded.and_then(Result::ok)
    }

    /// Returns the place of `ticket` by the shared transaction, in which a lost place re-enters.
    pub(super) async fn look_up_in_transaction(
        &self,
        ticket: &Ticket,
    ) -> StoreResult<Stamped<LookUpOutcome>> {
        let request = Request::LookUp(ticket.clone());
        let answer = self.changes().ask(ticket.concert, request).await?;
        Ok(answer.map(|answer| match answer {
            Answer::Held(place) | Answer::Joined(place) => LookUpOutcome::Found(place),
            Answer::NotSeeded => LookUpOutcome::NotSeeded,
            Answer::Gone | Answer::Left | Answer::Recorded | Answer::Refused(..) => {
                LookUpOutcome::Gone
            }
        }))
    }
}

impl Seen {
    /// The row of the place of `ticket`. None where the place is gone.
    pub(super) fn row_of(&self, ticket: &Ticket, now: Timestamp) -> Option<PlaceRow> {
        self.row
            .filter(|row| row.arrival == ticket.arrival && row.is_held(&self.queue, now))
    }

    /// True where `ticket` brings back the lost place of a user without a row.
    pub(super) fn reenters(&self, ticket: &Ticket, now: Timestamp) -> bool {
        self.row.is_none() && self.queue.terms.reenters(ticket, now)
    }
}
