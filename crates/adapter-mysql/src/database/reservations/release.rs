//! Giving held seats back.

use diesel::QueryResult;
use frontrow_domain::{
    model::{ReservationId, ReservationState, UserId, WrongState},
    ports::ReleaseOutcome,
};

use super::{expire, read};
use crate::{calls::Turn, session::Session};

/// Gives a user's held seats back.
pub(super) async fn release(
    session: &mut Session,
    id: ReservationId,
    user: &UserId,
) -> QueryResult<Turn<ReleaseOutcome>> {
    let Some((reservation, now)) = read::find(session, id, user).await? else {
        return Ok(Turn::Done(ReleaseOutcome::NotFound));
    };
    let held = match reservation.held_at(now) {
        Ok(held) => held,
        Err(WrongState { now: state }) => {
            return Ok(Turn::Done(match state {
                ReservationState::Cancelled => ReleaseOutcome::Released,
                ReservationState::Confirmed { .. } => ReleaseOutcome::Confirmed,
                ReservationState::Expired | ReservationState::Held { .. } => {
                    ReleaseOutcome::Expired
                }
            }));
        }
    };
    session.begin().await?;
    Ok(if expire::cancel(session, held.release().id).await? {
        Turn::Done(ReleaseOutcome::Released)
    } else {
        Turn::Again
    })
}
