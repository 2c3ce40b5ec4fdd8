//! Releases held seats.

use diesel::QueryResult;
use frontrow_domain::{
    model::{ReservationId, ReservationState, UserId, WrongState},
    ports::ReleaseOutcome,
};

use super::{expire, read};
use crate::{session::Session, transactions::Verdict};

/// Releases a user's held seats.
pub(super) async fn release(
    session: &mut Session,
    id: ReservationId,
    user: &UserId,
) -> QueryResult<Verdict<ReleaseOutcome>> {
    let Some((reservation, now)) = read::find(session, id, user).await? else {
        return Ok(Verdict::Commit(ReleaseOutcome::NotFound));
    };
    let held = match reservation.held_at(now) {
        Ok(held) => held,
        Err(WrongState { now: state }) => {
            return Ok(Verdict::Commit(match state {
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
        Verdict::Commit(ReleaseOutcome::Released)
    } else {
        Verdict::Retry
    })
}
