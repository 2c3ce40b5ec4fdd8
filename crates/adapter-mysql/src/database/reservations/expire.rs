//! Ends holds that were not paid. A hold does so for those in its way, a release for its own, and a
//! new seat plan for those of its performance. The sweep ends many at once.

use diesel::{
    ExpressionMethods, NullableExpressionMethods, QueryDsl, QueryResult, sql_query,
    sql_types::{Binary, Nullable},
    update,
};
use diesel_async::RunQueryDsl;
use frontrow_domain::model::{PerformanceId, ReservationId};
use jiff::Timestamp;

use crate::{
    database::{
        columns::{Db, Phase},
        schema::{reservations, seats},
    },
    session::Session,
    statement::Fixed,
};

/// Expires all holds of a performance that are past their deadline. Returns false if one of them is
/// not, after all.
pub(in crate::database) async fn expire_all(
    session: &mut Session,
    performance: PerformanceId,
) -> QueryResult<bool> {
    let over: Vec<Option<Db<ReservationId>>> = seats::table
        .filter(seats::held_performance_id.eq(Some(Db(performance))))
        .filter(seats::held_until.le(session.now().nullable()))
        .select(seats::reservation_id)
        .distinct()
        .order(seats::reservation_id)
        .load(session.connection())
        .await?;
    for id in over.into_iter().flatten() {
        if !expire(session, id.0).await? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Marks a hold that is past its deadline as expired and frees its seats. Returns false and changes
/// nothing if it is not held or not past its deadline.
pub(super) async fn expire(session: &mut Session, id: ReservationId) -> QueryResult<bool> {
    let over = reservations::table
        .find(Db(id))
        .filter(reservations::held_until.le(session.now().nullable()));
    let statement = update(over).set((
        reservations::state.eq(Db(Phase::Expired)),
        reservations::held_until.eq(None::<Db<Timestamp>>),
    ));
    let ended = Fixed(statement).execute(session.connection()).await?;
    free(session, id, ended).await
}

/// Marks a hold that is not past its deadline as cancelled and frees its seats. Returns false and
/// changes nothing if it is not held or past its deadline.
pub(super) async fn cancel(session: &mut Session, id: ReservationId) -> QueryResult<bool> {
    let live = reservations::table
        .find(Db(id))
        .filter(reservations::held_until.gt(session.now().nullable()));
    let statement = update(live).set((
        reservations::state.eq(Db(Phase::Cancelled)),
        reservations::held_until.eq(None::<Db<Timestamp>>),
    ));
    let ended = Fixed(statement).execute(session.connection()).await?;
    free(session, id, ended).await
}

/// Frees the seats of a reservation, if it was ended.
async fn free(session: &mut Session, id: ReservationId, ended: usize) -> QueryResult<bool> {
    if ended == 0 {
        return Ok(false);
    }
    // For a small table the optimizer would read the table from its start rather than use the
    // index.
    let statement = sql_query(
        "UPDATE seats FORCE INDEX (seats_of_reservation)
         SET reservation_id = NULL, held_until = NULL, user_id = NULL, user_slot = NULL
         WHERE reservation_id = ?",
    )
    .bind::<Nullable<Binary>, _>(Some(Db(id)));
    Fixed(statement).execute(session.connection()).await?;
    Ok(true)
}
