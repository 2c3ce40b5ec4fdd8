//! Payment: the hold, the points, the ledger row, the seats and the key, all or nothing.

use diesel::{ExpressionMethods, QueryDsl, QueryResult, RunQueryDsl, SqliteConnection, update};
use frontrow_domain::{
    model::{
        Account, Applied, LedgerEntry, LedgerReason, PayRefusal, Reservation, ReservationState,
        WrongState,
    },
    ports::{EffectOf, KeyUse, Paid, PayOutcome, PaymentRequest},
};
use jiff::Timestamp;

use super::read;
use crate::sqlite::{
    columns::{Db, Phase},
    errors, idempotency, points,
    schema::{performances, reservations, seats},
};

/// Pays a user's held seats.
pub(super) fn pay(
    connection: &mut SqliteConnection,
    now: Timestamp,
    request: &PaymentRequest,
) -> QueryResult<PayOutcome> {
    match idempotency::find(connection, &request.keyed)? {
        KeyUse::New => {}
        KeyUse::Replayed(EffectOf::Payment(effect)) => {
            return Ok(PayOutcome::Paid(Applied::replayed(effect)));
        }
        KeyUse::Replayed(_) | KeyUse::OtherRequest => return Ok(PayOutcome::KeyReused),
    }
    let Some(reservation) = read::find(connection, request.reservation, &request.user)? else {
        return Ok(PayOutcome::NotFound);
    };
    if reservation.concert != request.concert {
        return Ok(PayOutcome::OtherConcert);
    }
    let account = points::account(connection, &reservation.user)?;
    match transition(account, now, reservation) {
        Err(PayRefusal::NotHeld(WrongState { now: state })) => Ok(PayOutcome::NotHeld(state)),
        Err(PayRefusal::NotEnoughPoints { balance, total }) => {
            Ok(PayOutcome::NotEnoughPoints { balance, total })
        }
        Ok(paid) => {
            write(connection, now, request, account, &paid)?;
            Ok(PayOutcome::Paid(Applied::first(paid)))
        }
    }
}

/// Returns the domain's decision about a payment now.
fn transition(
    account: Account,
    now: Timestamp,
    reservation: Reservation,
) -> Result<Paid, PayRefusal> {
    let (reservation, balance) = reservation.held_at(now)?.pay(account.balance, now)?;
    Ok(Paid {
        charged: reservation.total,
        reservation,
        balance,
    })
}

fn write(
    connection: &mut SqliteConnection,
    now: Timestamp,
    request: &PaymentRequest,
    account: Account,
    paid: &Paid,
) -> QueryResult<()> {
    confirm(connection, &paid.reservation)?;
    sell(connection, &paid.reservation)?;
    let entry = LedgerEntry {
        id: request.entry,
        user: request.user.clone(),
        seq: account.followed_by(paid.balance).last_seq,
        reason: LedgerReason::Payment(paid.reservation.id),
        amount: paid.charged,
        balance: paid.balance,
        at: now,
    };
    points::record(connection, &entry)?;
    idempotency::remember(connection, now, &request.keyed, entry.id.0)
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

/// Marks the reservation's seats as sold. Errors if that fails for one of them.
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
