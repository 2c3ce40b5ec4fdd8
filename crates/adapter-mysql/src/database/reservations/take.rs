//! Takes seats that were free a moment ago. The seats' own rows decide.

use diesel::{
    QueryResult, sql_query,
    sql_types::{BigInt, Binary, Datetime, Nullable, Text, TinyInt},
};
use diesel_async::RunQueryDsl;
use frontrow_domain::model::{NewHold, PricedSeat};

use super::{expire, facts::four};
use crate::{database::columns::Db, errors, session::Session, statement::Fixed};

/// Inserts a reservation if its performance is still on sale. Shares a lock on the performance, so
/// that its seat plan is not replaced before the commit.
const RESERVE: &str = "
    INSERT INTO reservations
        (id, user_id, concert_id, performance_id, state, held_until, total, seat_count, seats,
         place_arrival, place_generation)
    SELECT CAST(? AS BINARY(16)), ?, p.concert_id, p.id, 'held', ?, ?, ?, ?, ?, ?
    FROM performances p
    WHERE p.id = ? AND p.concert_id = ? AND p.starts_at > UTC_TIMESTAMP(6) + INTERVAL ? MICROSECOND
    LOCK IN SHARE MODE";

/// Takes up to four seats, in the order of their labels, if they are free and have the same price
/// as before.
const TAKE: &str = "
    UPDATE seats FORCE INDEX (PRIMARY)
    SET reservation_id = ?, held_until = ?, user_id = ?,
        user_slot = CASE label WHEN ? THEN ? WHEN ? THEN ? WHEN ? THEN ? WHEN ? THEN ? END
    WHERE performance_id = ? AND label IN (?, ?, ?, ?)
      AND (label, price) IN ((?, ?), (?, ?), (?, ?), (?, ?))
      AND (reservation_id IS NULL OR held_until <= UTC_TIMESTAMP(6) + INTERVAL ? MICROSECOND)";

/// Writes the reservation and takes its seats. Returns false if anything is no longer as it was
/// read: then the caller rolls everything back.
pub(super) async fn take(session: &mut Session, new: &NewHold) -> QueryResult<bool> {
    for id in &new.lapsed {
        expire::expire(session, *id).await?;
    }
    let reserved = reserve(session, new).await;
    if errors::unless_duplicate(reserved)? != Some(1) {
        return Ok(false);
    }
    let taken = take_seats(session, new).await;
    Ok(errors::unless_duplicate(taken)? == Some(new.reservation.seats.len()))
}

async fn reserve(session: &mut Session, new: &NewHold) -> QueryResult<usize> {
    let reservation = &new.reservation;
    // At most four.
    let count = i8::try_from(reservation.seats.len()).unwrap_or(i8::MAX);
    let ticket = reservation.ticket.as_ref();
    let statement = sql_query(RESERVE)
        .bind::<Binary, _>(Db(reservation.id))
        .bind::<Text, _>(Db(reservation.user.clone()))
        .bind::<Datetime, _>(Db(new.until))
        .bind::<BigInt, _>(Db(reservation.total))
        .bind::<TinyInt, _>(count)
        .bind::<Text, _>(Db(reservation.seats.clone()))
        .bind::<Nullable<BigInt>, _>(ticket.map(|ticket| ticket.arrival.micros()))
        .bind::<Nullable<BigInt>, _>(ticket.map(|ticket| ticket.generation.0.cast_signed()))
        .bind::<Binary, _>(Db(reservation.performance))
        .bind::<Binary, _>(Db(reservation.concert))
        .bind::<BigInt, _>(session.now().0);
    Fixed(statement).execute(session.connection()).await
}

async fn take_seats(session: &mut Session, new: &NewHold) -> QueryResult<usize> {
    let reservation = &new.reservation;
    let slots = new.slots.iter().map(|slot| slot.cast_signed());
    let seats: Vec<(PricedSeat, i8)> = reservation.seats.iter().cloned().zip(slots).collect();
    let padded = four(&seats);
    let label = |at: &Option<(PricedSeat, i8)>| at.as_ref().map(|(seat, _)| Db(seat.label.clone()));
    let price = |at: &Option<(PricedSeat, i8)>| at.as_ref().map(|(seat, _)| Db(seat.price));
    let slot = |at: &Option<(PricedSeat, i8)>| at.as_ref().map(|(_, slot)| *slot);
    let [a, b, c, d] = &padded;
    let statement = sql_query(TAKE)
        .bind::<Binary, _>(Db(reservation.id))
        .bind::<Datetime, _>(Db(new.until))
        .bind::<Text, _>(Db(reservation.user.clone()))
        .bind::<Nullable<Text>, _>(label(a))
        .bind::<Nullable<TinyInt>, _>(slot(a))
        .bind::<Nullable<Text>, _>(label(b))
        .bind::<Nullable<TinyInt>, _>(slot(b))
        .bind::<Nullable<Text>, _>(label(c))
        .bind::<Nullable<TinyInt>, _>(slot(c))
        .bind::<Nullable<Text>, _>(label(d))
        .bind::<Nullable<TinyInt>, _>(slot(d))
        .bind::<Binary, _>(Db(reservation.performance))
        .bind::<Nullable<Text>, _>(label(a))
        .bind::<Nullable<Text>, _>(label(b))
        .bind::<Nullable<Text>, _>(label(c))
        .bind::<Nullable<Text>, _>(label(d))
        .bind::<Nullable<Text>, _>(label(a))
        .bind::<Nullable<BigInt>, _>(price(a))
        .bind::<Nullable<Text>, _>(label(b))
        .bind::<Nullable<BigInt>, _>(price(b))
        .bind::<Nullable<Text>, _>(label(c))
        .bind::<Nullable<BigInt>, _>(price(c))
        .bind::<Nullable<Text>, _>(label(d))
        .bind::<Nullable<BigInt>, _>(price(d))
        .bind::<BigInt, _>(session.now().0);
    Fixed(statement).execute(session.connection()).await
}
