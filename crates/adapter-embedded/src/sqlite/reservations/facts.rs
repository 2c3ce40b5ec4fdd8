//! The facts on which a hold depends.

use diesel::{
    BoolExpressionMethods, ExpressionMethods, OptionalExtension, QueryDsl, QueryResult,
    RunQueryDsl, SelectableHelper, SqliteConnection,
};
use frontrow_domain::model::{ConcertId, HoldFacts, HoldRequest, SeatFacts, SeatSelection};
use jiff::Timestamp;

use super::read;
use crate::sqlite::{
    columns::Db,
    rows::SeatRow,
    schema::{performances, seats},
};

/// Reads the facts for `request` at `now`. None if there is no such performance.
pub(super) fn facts(
    connection: &mut SqliteConnection,
    now: Timestamp,
    request: &HoldRequest,
) -> QueryResult<Option<HoldFacts>> {
    let performance: Option<(Db<ConcertId>, Db<Timestamp>)> = performances::table
        .find(Db(request.performance))
        .select((performances::concert_id, performances::starts_at))
        .get_result(connection)
        .optional()?;
    let Some((concert, starts_at)) = performance else {
        return Ok(None);
    };
    Ok(Some(HoldFacts {
        now,
        concert: concert.0,
        starts_at: starts_at.0,
        own_hold: read::hold_of(connection, &request.user, request.concert)?,
        free_slots: free_slots(connection, now, request)?,
        seats: wanted_seats(connection, request)?,
    }))
}

/// Returns the user's slots in this performance that no live seat has.
fn free_slots(
    connection: &mut SqliteConnection,
    now: Timestamp,
    request: &HoldRequest,
) -> QueryResult<Vec<u8>> {
    let live = seats::held_until
        .is_null()
        .or(seats::held_until.gt(Db(now)));
    let used: Vec<Option<i64>> = seats::table
        .filter(seats::performance_id.eq(Db(request.performance)))
        .filter(seats::user_id.eq(Db(request.user.clone())))
        .filter(live)
        // Without the order SQLite reads all seats of the performance rather than the index of the
        // user's.
        .order(seats::user_slot)
        .select(seats::user_slot)
        .load(connection)?;
    Ok(HoldFacts::free_slots(|slot| {
        used.contains(&Some(slot.into()))
    }))
}

/// Returns the requested seats that exist, sorted by label.
fn wanted_seats(
    connection: &mut SqliteConnection,
    request: &HoldRequest,
) -> QueryResult<Vec<SeatFacts>> {
    let mut found = Vec::with_capacity(SeatSelection::MAX);
    for label in request.seats.labels() {
        let row: Option<SeatRow> = seats::table
            .find((Db(request.performance), Db(label.clone())))
            .select(SeatRow::as_select())
            .get_result(connection)
            .optional()?;
        found.extend(row.map(SeatFacts::from));
    }
    Ok(found)
}
