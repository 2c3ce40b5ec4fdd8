//! The gate: a look-up that may claim or extend the place, with one statement on its row.

use diesel::{
    QueryResult, sql_query,
    sql_types::{BigInt, Binary, Text, TinyInt},
};
use frontrow_domain::{
    model::queue::{GatePurpose, Place, Standing, Ticket},
    ports::{GateOutcome, LookUpOutcome, Stamped, StoreResult},
};
use frontrow_request_batching::Priority;
use futures_util::{FutureExt, TryFutureExt};
use jiff::Timestamp;

use super::reads::Seen;
use crate::{
    errors,
    queue::{
        MySqlQueue,
        changes::place,
        rows::{
            places::{Phase, PlaceRow},
            queue_row::key,
        },
    },
    session::Session,
    statement::Fixed,
    transactions::Verdict,
};

/// Maximum number of reads of a place that changes each time before it can be claimed.
const READS_MAX: u32 = 10;

/// Claims or extends a place if it is still as it was read.
const CLAIM: &str = "
    UPDATE queue_places FORCE INDEX (PRIMARY) SET phase = 3, since_us = ?, claimed_at_us = ?
    WHERE concert_id = ? AND user_id = ? AND arrival = ? AND phase = ? AND since_us = ?";

/// The ticket of a place, and its row before and after it passed the gate.
type Claim = (Ticket, PlaceRow, PlaceRow);

impl MySqlQueue {
    /// Lets the place of `ticket` pass the gate, if it is active.
    pub(in crate::queue) async fn pass(
        &self,
        ticket: &Ticket,
        purpose: GatePurpose,
    ) -> StoreResult<Stamped<GateOutcome>> {
        for _ in 0..READS_MAX {
            let Stamped { as_of, value } = self.reads().see(ticket, Priority::Urgent).await?;
            let Some(seen) = value else {
                return Ok(Stamped {
                    as_of,
                    value: GateOutcome::NotSeeded,
                });
            };
            if seen.is_to_be_changed(ticket, as_of) {
                let Stamped { as_of, value } = self.look_up_in_transaction(ticket).await?;
                let Some(value) = at_gate(value) else {
                    // The place was admitted since it was read.
                    continue;
                };
                return Ok(Stamped { as_of, value });
            }
            let as_place =
                |row: &PlaceRow| place(ticket.concert, &ticket.user, row, &seen.queue, as_of);
            let value = match seen.row_of(ticket, as_of) {
                None => GateOutcome::Gone,
                Some(row) => {
                    let after = after_gate(&seen, &row, as_of, purpose);
                    if after != row && !self.claim(ticket, row, after).await? {
                        continue;
                    }
                    GateOutcome::Passed(as_place(&after))
                }
            };
            return Ok(Stamped { as_of, value });
        }
        Err(errors::busy("the place changed each time it was read"))
    }

    /// Changes the row from `before` to `after`. Returns false if it is no longer `before`.
    async fn claim(&self, ticket: &Ticket, before: PlaceRow, after: PlaceRow) -> StoreResult<bool> {
        self.call((ticket.clone(), before, after), |session, claim| {
            write(session, claim).map_ok(Verdict::Commit).boxed()
        })
        .await
    }
}

/// Returns the gate's outcome for a place that was looked up. None if it is active: the gate may
/// change it.
fn at_gate(looked_up: LookUpOutcome) -> Option<GateOutcome> {
    match looked_up {
        LookUpOutcome::Found(Place {
            standing: Standing::Active { .. },
            ..
        }) => None,
        LookUpOutcome::Found(place) => Some(GateOutcome::Waiting(place)),
        LookUpOutcome::Gone => Some(GateOutcome::Gone),
        LookUpOutcome::NotSeeded => Some(GateOutcome::NotSeeded),
    }
}

/// Returns the row of an active place after it passed the gate at `now`.
fn after_gate(seen: &Seen, row: &PlaceRow, now: Timestamp, purpose: GatePurpose) -> PlaceRow {
    let deadlines = seen.queue.terms.deadlines(now);
    let (claimed_at, until) = match (row.phase, row.claimed_at) {
        (Phase::Claimed, Some(claimed_at)) => (claimed_at, row.since),
        _ => (now, deadlines.active_end(now)),
    };
    PlaceRow {
        phase: Phase::Claimed,
        since: deadlines.end_after_gate(now, claimed_at, until, purpose),
        claimed_at: Some(claimed_at),
        ..*row
    }
}

async fn write(session: &mut Session, (ticket, before, after): &Claim) -> QueryResult<bool> {
    let claimed_at = after.claimed_at.unwrap_or(after.since);
    let statement = sql_query(CLAIM)
        .bind::<BigInt, _>(after.since.as_microsecond())
        .bind::<BigInt, _>(claimed_at.as_microsecond())
        .bind::<Binary, _>(key(&ticket.concert))
        .bind::<Text, _>(ticket.user.as_str())
        .bind::<BigInt, _>(before.arrival.micros())
        .bind::<TinyInt, _>(before.phase as i8)
        .bind::<BigInt, _>(before.since.as_microsecond());
    Ok(session.execute_alone(Fixed(statement)).await? == 1)
}
