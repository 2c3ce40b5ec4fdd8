//! Ends holds that were not paid. A new hold ends the expired holds of its seats, a release ends
//! its own hold, the sweep ends all expired holds, and a new seat plan those of its performance.

use diesel::{ExpressionMethods, QueryDsl, QueryResult, RunQueryDsl, SqliteConnection, update};
use frontrow_domain::model::{PerformanceId, ReservationId};
use jiff::Timestamp;

use crate::sqlite::{
    columns::{Db, Phase},
    schema::{reservation_seats, reservations, seats},
};

/// Expires all holds of a performance that are past their deadline.
pub(in crate::sqlite) fn expire_all(
    connection: &mut SqliteConnection,
    now: Timestamp,
    performance: PerformanceId,
) -> QueryResult<()> {
    let over: Vec<Option<Db<ReservationId>>> = seats::table
        .filter(seats::performance_id.eq(Db(performance)))
        .filter(seats::held_until.le(Db(now)))
        .select(seats::reservation_id)
        .distinct()
        .load(connection)?;
    for id in over.into_iter().flatten() {
        expire(connection, id.0)?;
    }
    Ok(())
}

/// Marks a hold as expired and frees its seats. Does nothing if the reservation is not held.
pub(super) fn expire(connection: &mut SqliteConnection, id: ReservationId) -> QueryResult<()> {
    end(connection, id, Phase::Expired)
}

/// Ends a hold with this state and frees the seats that still belong to it.
pub(super) fn end(
    connection: &mut SqliteConnection,
    id: ReservationId,
    phase: Phase,
) -> QueryResult<()> {
    let held = reservations::table
        .find(Db(id))
        .filter(reservations::held_until.is_not_null());
    let performance: Vec<Db<PerformanceId>> = update(held)
        .set((
            reservations::state.eq(Db(phase)),
            reservations::held_until.eq(None::<Db<Timestamp>>),
        ))
        .returning(reservations::performance_id)
        .get_results(connection)?;
    for performance in performance {
        free(connection, id, performance)?;
    }
    Ok(())
}

fn free(
    connection: &mut SqliteConnection,
    id: ReservationId,
    performance: Db<PerformanceId>,
) -> QueryResult<()> {
    let labels = reservation_seats::table
        .filter(reservation_seats::reservation_id.eq(Db(id)))
        .select(reservation_seats::label);
    let its_own = seats::table
        .filter(seats::performance_id.eq(performance))
        .filter(seats::label.eq_any(labels))
        .filter(seats::reservation_id.eq(Db(id)));
    update(its_own)
        .set((
            seats::reservation_id.eq(None::<Db<ReservationId>>),
            seats::held_until.eq(None::<Db<Timestamp>>),
            seats::user_id.eq(None::<String>),
            seats::user_slot.eq(None::<i64>),
        ))
        .execute(connection)
        .map(drop)
}
