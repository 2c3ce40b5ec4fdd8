//! Leaving: one statement on the place's own row, which says that its user has left. The next tick counts it
//! out, so whoever pays waits for nobody else. Whoever leaves the line is put on record as well (`exits`), and
//! waits for those who leave it at the same time, but for no join and no tick.

use diesel::{
    QueryResult, sql_query,
    sql_types::{BigInt, Binary, Text, TinyInt},
};
use diesel_async::RunQueryDsl;
use frontrow_domain::{
    model::queue::Ticket,
    ports::{LeaveOutcome, Stamped, StoreResult},
};
use futures_util::FutureExt;
use jiff::Timestamp;

use super::{
    MySqlQueue, exits,
    look_up::{self, Whose},
    places::{Phase, PlaceRow},
};
use crate::{calls::Turn, errors, session::Session, statement::Fixed};

const LEAVE: &str = "
    UPDATE queue_places FORCE INDEX (PRIMARY) SET phase = ?, since_us = ?
    WHERE concert_id = ? AND user_id = ? AND arrival = ? AND phase = ?";

/// Remembers that a place that never came back is over.
const REMEMBER: &str = "
    INSERT INTO queue_places (concert_id, user_id, arrival, phase, since_us) VALUES (?, ?, ?, 6, ?)";

impl MySqlQueue {
    /// Ends the place of `ticket`, wherever it is.
    pub(super) async fn leave_place(&self, ticket: &Ticket) -> StoreResult<Stamped<LeaveOutcome>> {
        self.call(ticket.clone(), |session, ticket| {
            leave(session, ticket).boxed()
        })
        .await
    }
}

async fn leave(session: &mut Session, ticket: &Ticket) -> QueryResult<Turn<Stamped<LeaveOutcome>>> {
    let whose = Whose::from(ticket);
    let Stamped { as_of, value } = look_up::see(session, &whose).await?;
    let done = |value| Turn::Done(Stamped { as_of, value });
    let Some(seen) = value else {
        return Ok(done(LeaveOutcome::NotSeeded));
    };
    let written = match seen.row {
        Some(row) => {
            let held = row.is_held(&seen.head.lives(as_of), as_of);
            if !held || row.arrival != ticket.arrival {
                return Ok(done(LeaveOutcome::Gone));
            }
            end(session, &whose, &row, as_of).await?
        }
        None if seen.head.takes_back(ticket, as_of) => remember(session, ticket, as_of).await?,
        None => return Ok(done(LeaveOutcome::Gone)),
    };
    Ok(if written {
        done(LeaveOutcome::Left)
    } else {
        Turn::Again
    })
}

/// Says that the place of `row` is left; false where it is not as it was any more.
async fn end(
    session: &mut Session,
    whose: &Whose,
    row: &PlaceRow,
    now: Timestamp,
) -> QueryResult<bool> {
    let left = if row.phase.waits() {
        Phase::LeftLine
    } else {
        Phase::LeftActive
    };
    let statement = sql_query(LEAVE)
        .bind::<TinyInt, _>(left as i8)
        .bind::<BigInt, _>(now.as_microsecond())
        .bind::<Binary, _>(whose.concert.0.as_bytes().as_slice())
        .bind::<Text, _>(whose.user.as_str())
        .bind::<BigInt, _>(row.arrival.micros())
        .bind::<TinyInt, _>(row.phase as i8);
    if left == Phase::LeftActive {
        return Ok(session.execute_alone(Fixed(statement)).await? == 1);
    }
    session.begin().await?;
    let written = Fixed(statement).execute(session.connection()).await? == 1;
    if written {
        exits::note(session, whose.concert, row.arrival).await?;
    }
    Ok(written)
}

/// Notes the end of a place from before a loss; false where its user has a row meanwhile.
async fn remember(session: &mut Session, ticket: &Ticket, now: Timestamp) -> QueryResult<bool> {
    let statement = sql_query(REMEMBER)
        .bind::<Binary, _>(ticket.concert.0.as_bytes().as_slice())
        .bind::<Text, _>(ticket.user.as_str())
        .bind::<BigInt, _>(ticket.arrival.micros())
        .bind::<BigInt, _>(now.as_microsecond());
    let written = session.execute_alone(Fixed(statement)).await;
    Ok(errors::unless_duplicate(written)?.is_some())
}
