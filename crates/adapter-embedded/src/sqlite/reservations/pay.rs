//! Payment: the hold, the points, the ledger row, the seats and the key, all or nothing.

use diesel::{ExpressionMethods, QueryDsl, QueryResult, RunQueryDsl, SqliteConnection, update};
use frontrow_domain::{
    model::{
        Applied, LedgerEntry, LedgerReason, PayRefusal, Reservation, ReservationState, WrongState,
    },
    ports::{EffectOf, Paid, PayOutcome, PaymentRequest},
};
use jiff::Timestamp;

use super::read;
use crate::sqlite::{
    columns::{Db, Phase},
    errors,
    idempotency::{self, Replay},
    points,
    schema::{performances, reservations, seats},
};

/// Pays a user's held seats.
pub(super) fn pay(
    connection: &mut SqliteConnection,
    now: Timestamp,
    request: &PaymentRequest,
) -> QueryResult<PayOutcome> {
    match idempotency::replay(connection, &request.user, &request.keyed)? {
        Replay::Effect(EffectOf::Payment(effect)) => {
            return Ok(PayOutcome::Paid(Applied {
                effect,
                replayed: true,
            }));
        }
        Replay::Effect(EffectOf::Charge(_)) | Replay::OtherRequest => {
            return Ok(PayOutcome::KeyReused);
        }
        Replay::Nothing => {}
    }
    let Some(reservation) = read::find(connection, request.reservation, &request.user)? else {
        return Ok(PayOutcome::NotFound);
    };
    if reservation.concert != request.concert {
        return Ok(PayOutcome::OtherConcert);
    }
    match transition(connection, now, reservation)? {
        Err(PayRefusal::NotHeld(WrongState { now: state })) => Ok(PayOutcome::NotHeld(state)),
        Err(PayRefusal::NotEnoughPoints { balance, total }) => {
            Ok(PayOutcome::NotEnoughPoints { balance, total })
        }
        Ok(paid) => {
            write(connection, now, request, &paid)?;
            Ok(PayOutcome::Paid(Applied {
                effect: paid,
                replayed: false,
            }))
        }
    }
}

/// What the domain makes of paying now.
fn transition(
    connection: &mut SqliteConnection,
    now: Timestamp,
    reservation: Reservation,
) -> QueryResult<Result<Paid, PayRefusal>> {
    let balance = points::balance(connection, &reservation.user)?;
    let paid = reservation.held_at(now).map_err(PayRefusal::from);
    Ok(paid
        .and_then(|held| held.pay(balance, now))
        .map(|(reservation, balance)| Paid {
            charged: reservation.total,
            reservation,
            balance,
        }))
}

fn write(
    connection: &mut SqliteConnection,
    now: Timestamp,
    request: &PaymentRequest,
    paid: &Paid,
) -> QueryResult<()> {
    confirm(connection, &paid.reservation)?;
    sell(connection, &paid.reservation)?;
    let entry = LedgerEntry {
        id: request.entry,
        user: request.user.clone(),
        reason: LedgerReason::Payment(paid.reservation.id),
        amount: paid.charged,
        balance: paid.balance,
        at: now,
    };
    points::record(connection, &entry)?;
    idempotency::remember(connection, &request.keyed, &entry)
}

fn confirm(connection: &mut SqliteConnection, reservation: &Reservation) -> QueryResult<()> {
    let ReservationState::Confirmed { at } = reservation.state else {
        return Err(errors::broken("paid and not confirmed"));
    };
    update(reservations::table.find(Db(reservation.id)))
        .set((
            reservations::state.eq(Db(Phase::Confirmed)),
            reservations::held_until.eq(None::<Db<Timestamp>>),
            reservations::confirmed_at.eq(Db(at)),
        ))
        .execute(connection)
        .map(drop)
}

/// Makes the reservation's seats sold, all of them or it fails.
fn sell(connection: &mut SqliteConnection, reservation: &Reservation) -> QueryResult<()> {
    let labels = reservation.seats.iter().map(|seat| Db(seat.label.clone()));
    let its_own = seats::table
        .filter(seats::performance_id.eq(Db(reservation.performance)))
        .filter(seats::label.eq_any(labels))
        .filter(seats::reservation_id.eq(Db(reservation.id)));
    let sold = update(its_own)
        .set(seats::held_until.eq(None::<Db<Timestamp>>))
        .execute(connection)?;
    if sold != reservation.seats.len() {
        let id = reservation.id;
        return Err(errors::broken(format!("reservation {id} has lost a seat")));
    }
    let sold = i64::try_from(sold).unwrap_or_default();
    update(performances::table.find(Db(reservation.performance)))
        .set(performances::seats_sold.eq(performances::seats_sold + sold))
        .execute(connection)
        .map(drop)
}
