//! Expires holds that are past their deadline.

use diesel::{ExpressionMethods, QueryDsl, QueryResult, RunQueryDsl, SqliteConnection};
use frontrow_domain::model::ReservationId;
use jiff::Timestamp;

use super::expire::expire;
use crate::sqlite::{columns::Db, schema::reservations};

/// Expires at most `limit` holds that are past their deadline, the longest ago first. Returns their
/// number.
pub(super) fn sweep(
    connection: &mut SqliteConnection,
    now: Timestamp,
    limit: u32,
) -> QueryResult<u32> {
    let due: Vec<Db<ReservationId>> = reservations::table
        .filter(reservations::held_until.le(Db(now)))
        .order(reservations::held_until)
        .limit(limit.into())
        .select(reservations::id)
        .load(connection)?;
    for id in &due {
        expire(connection, id.0)?;
    }
    Ok(due.len().try_into().unwrap_or(limit))
}
