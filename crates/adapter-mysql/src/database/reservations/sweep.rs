//! Expires holds that are past their deadline.

use diesel::{ExpressionMethods, NullableExpressionMethods, QueryDsl, QueryResult, update};
use diesel_async::RunQueryDsl;
use frontrow_domain::model::{ReservationId, UserId};
use jiff::Timestamp;

use crate::{
    database::{
        columns::{Db, Phase},
        schema::{reservations, seats},
    },
    session::Session,
    transactions::Verdict,
};

/// Maximum number of holds that one transaction ends: their rows are locked until its commit.
pub(super) const HOLDS_A_TRANSACTION: u32 = 100;

/// Expires at most `limit` holds that are past their deadline, the longest ago first. Returns their
/// number. Holds that another call is ending at this moment are left to it.
pub(super) async fn sweep(session: &mut Session, limit: u32) -> QueryResult<Verdict<u32>> {
    session.begin().await?;
    let due: Vec<Db<ReservationId>> = reservations::table
        .filter(reservations::held_until.le(session.now().nullable()))
        .order(reservations::held_until)
        .limit(limit.into())
        .select(reservations::id)
        .for_update()
        .skip_locked()
        .load(session.connection())
        .await?;
    if due.is_empty() {
        return Ok(Verdict::Rollback(0));
    }
    update(reservations::table.filter(reservations::id.eq_any(&due)))
        .set((
            reservations::state.eq(Db(Phase::Expired)),
            reservations::held_until.eq(None::<Db<Timestamp>>),
        ))
        .execute(session.connection())
        .await?;
    update(seats::table.filter(seats::reservation_id.eq_any(&due)))
        .set((
            seats::reservation_id.eq(None::<Db<ReservationId>>),
            seats::held_until.eq(None::<Db<Timestamp>>),
            seats::user_id.eq(None::<Db<UserId>>),
            seats::user_slot.eq(None::<i8>),
        ))
        .execute(session.connection())
        .await?;
    Ok(Verdict::Commit(due.len().try_into().unwrap_or(limit)))
}
