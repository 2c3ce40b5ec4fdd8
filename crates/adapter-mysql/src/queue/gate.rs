//! The gate: a look-up that may claim or extend the place, with one statement on its row.

use diesel::{
    QueryResult, sql_query,
    sql_types::{BigInt, Binary, Text, TinyInt},
};
use frontrow_domain::{
    model::queue::{GatePurpose, Place, Standing, Ticket},
    ports::{GateOutcome, Stamped, StoreResult},
};
use futures_util::FutureExt;
use jiff::Timestamp;

use super::{
    MySqlQueue,
    look_up::{self, Seen, Whose},
    places::{Phase, PlaceRow},
};
use crate::{calls::Turn, errors, session::Session, statement::Fixed};

/// How often a ticket is looked at that is being brought back.
const LOOKS_MAX: u32 = 10;

/// Claims or extends a place, where it is still as it was read.
const CLAIM: &str = "
    UPDATE queue_places FORCE INDEX (PRIMARY) SET phase = 3, since_us = ?, claimed_at_us = ?
    WHERE concert_id = ? AND user_id = ? AND arrival = ? AND phase = ? AND since_us = ?";

/// What came of one attempt.
enum Passage {
    Is(GateOutcome),
    /// The place waits.
    Waits(Seen, Place),
    /// The user has no row.
    Missing(Seen),
}

impl MySqlQueue {
    /// Lets the place of `ticket` through, if it is active.
    pub(super) async fn pass(
        &self,
        ticket: &Ticket,
        purpose: GatePurpose,
    ) -> StoreResult<Stamped<GateOutcome>> {
        for _ in 0..LOOKS_MAX {
            let Stamped { as_of, value } = self
                .call((ticket.clone(), purpose), |session, (ticket, purpose)| {
                    pass(session, ticket, *purpose).boxed()
                })
                .await?;
            let value = match value {
                Passage::Is(outcome) => outcome,
                Passage::Waits(seen, place) => {
                    self.heard_of(&Whose::from(ticket), &seen, as_of).await?;
                    GateOutcome::Waiting(place)
                }
                Passage::Missing(seen) => {
                    if self.brings_back(ticket, &seen, as_of).await? {
                        continue;
                    }
                    GateOutcome::Gone
                }
            };
            return Ok(Stamped { as_of, value });
        }
        Err(errors::busy("the place changed each time it was looked at"))
    }
}

async fn pass(
    session: &mut Session,
    ticket: &Ticket,
    purpose: GatePurpose,
) -> QueryResult<Turn<Stamped<Passage>>> {
    let whose = Whose::from(ticket);
    let Stamped { as_of, value } = look_up::see(session, &whose).await?;
    let done = |value| Turn::Done(Stamped { as_of, value });
    let Some(seen) = value else {
        return Ok(done(Passage::Is(GateOutcome::NotSeeded)));
    };
    let Some(row) = seen.row else {
        return Ok(done(Passage::Missing(seen)));
    };
    let place = seen.place(&whose, as_of);
    let Some(place) = place.filter(|place| place.ticket.arrival == ticket.arrival) else {
        return Ok(done(Passage::Is(GateOutcome::Gone)));
    };
    if row.phase.waits() {
        return Ok(done(Passage::Waits(seen, place)));
    }
    let after = after_gate(&seen, &row, as_of, purpose);
    if after != row && !claim(session, &whose, &row, &after).await? {
        return Ok(Turn::Again);
    }
    let standing = Standing::Active {
        admitted_at: after.admitted_at,
        until: after.since,
        claimed: true,
    };
    Ok(done(Passage::Is(GateOutcome::Passed(Place {
        standing,
        ..place
    }))))
}

/// The row of an active place after it passed the gate at `now`.
fn after_gate(seen: &Seen, row: &PlaceRow, now: Timestamp, purpose: GatePurpose) -> PlaceRow {
    let lives = seen.head.lives(now);
    let (claimed_at, until) = match row.phase {
        Phase::Claimed => (row.claimed_at, row.since),
        _ => (now, lives.active_end(now)),
    };
    PlaceRow {
        phase: Phase::Claimed,
        since: lives.end_after_gate(now, claimed_at, until, purpose),
        claimed_at,
        ..*row
    }
}

/// Makes the row `before` into `after`; false where it is not `before` any more.
async fn claim(
    session: &mut Session,
    whose: &Whose,
    before: &PlaceRow,
    after: &PlaceRow,
) -> QueryResult<bool> {
    let statement = sql_query(CLAIM)
        .bind::<BigInt, _>(after.since.as_microsecond())
        .bind::<BigInt, _>(after.claimed_at.as_microsecond())
        .bind::<Binary, _>(whose.concert.0.as_bytes().as_slice())
        .bind::<Text, _>(whose.user.as_str())
        .bind::<BigInt, _>(before.arrival.micros())
        .bind::<TinyInt, _>(before.phase as i8)
        .bind::<BigInt, _>(before.since.as_microsecond());
    Ok(session.execute_alone(Fixed(statement)).await? == 1)
}
