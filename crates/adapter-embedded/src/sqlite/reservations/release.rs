//! Releases held seats.

use diesel::{QueryResult, SqliteConnection};
use frontrow_domain::{
    model::{ReservationId, ReservationState, UserId, WrongState},
    ports::ReleaseOutcome,
};
use jiff::Timestamp;

use super::{expire, read};
use crate::sqlite::columns::Phase;

/// Releases a user's held seats.
pub(super) fn release(
    connection: &mut SqliteConnection,
    now: Timestamp,
    id: ReservationId,
    user: &UserId,
) -> QueryResult<ReleaseOutcome> {
    let Some(reservation) = read::find(connection, id, user)? else {
        return Ok(ReleaseOutcome::NotFound);
    };
    match reservation.held_at(now) {
        Ok(held) => {
            expire::end(connection, held.release().id, Phase::Cancelled)?;
            Ok(ReleaseOutcome::Released)
        }
        Err(WrongState { now: state }) => Ok(match state {
            ReservationState::Cancelled => ReleaseOutcome::Released,
            ReservationState::Confirmed { .. } => ReleaseOutcome::Confirmed,
            ReservationState::Expired | ReservationState::Held { .. } => ReleaseOutcome::Expired,
        }),
    }
}
