//! Holds seats.
//!
//! Everything is read before anything is changed, and no other call writes meanwhile, so a refusal
//! leaves the database unchanged. The statement that takes a seat still checks that it is free: the
//! seat's row decides.

use diesel::{
    BoolExpressionMethods, ExpressionMethods, QueryDsl, QueryResult, RunQueryDsl, SqliteConnection,
    insert_into, update,
};
use frontrow_domain::{
    model::{HoldDecision, HoldRequest, NewHold},
    ports::HoldOutcome,
};
use jiff::Timestamp;

use super::{expire::expire, facts::facts};
use crate::sqlite::{
    columns::Db,
    errors,
    rows::{ReservationRow, ReservedSeatRow},
    schema::{reservation_seats, reservations, seats},
};

/// Holds the seats of `request`, all or none.
pub(super) fn hold(
    connection: &mut SqliteConnection,
    now: Timestamp,
    request: &HoldRequest,
) -> QueryResult<HoldOutcome> {
    let facts = facts(connection, now, request)?;
    let decision = request
        .decide(facts)
        .map_err(|error| errors::broken(error.to_string()))?;
    Ok(match decision {
        HoldDecision::Take(new) => {
            take(connection, now, &new)?;
            HoldOutcome::Held(new.reservation)
        }
        HoldDecision::AlreadyHeld(reservation) => HoldOutcome::AlreadyHeld(reservation),
        HoldDecision::Refused(refusal) => HoldOutcome::Refused(refusal),
    })
}

fn take(connection: &mut SqliteConnection, now: Timestamp, new: &NewHold) -> QueryResult<()> {
    for id in &new.lapsed {
        expire(connection, *id)?;
    }
    let reservation = &new.reservation;
    insert_into(reservations::table)
        .values(ReservationRow::from(reservation))
        .execute(connection)?;
    for (seat, slot) in reservation.seats.iter().zip(&new.slots) {
        let free = seats::table
            .find((Db(reservation.performance), Db(seat.label.clone())))
            .filter(
                seats::reservation_id
                    .is_null()
                    .or(seats::held_until.le(Db(now))),
            );
        let taken = update(free)
            .set((
                seats::reservation_id.eq(Db(reservation.id)),
                seats::held_until.eq(Db(new.until)),
                seats::user_id.eq(Db(reservation.user.clone())),
                seats::user_slot.eq(i64::from(*slot)),
            ))
            .execute(connection)?;
        if taken != 1 {
            return Err(errors::broken(format!(
                "seat {} was free and is not",
                seat.label
            )));
        }
        insert_into(reservation_seats::table)
            .values(ReservedSeatRow {
                reservation_id: Db(reservation.id),
                label: Db(seat.label.clone()),
                price: Db(seat.price),
            })
            .execute(connection)?;
    }
    Ok(())
}
