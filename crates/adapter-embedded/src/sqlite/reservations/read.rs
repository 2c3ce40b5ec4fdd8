//! Reads reservations.

use std::collections::HashMap;

use diesel::{
    ExpressionMethods, OptionalExtension, QueryDsl, QueryResult, RunQueryDsl, SelectableHelper,
    SqliteConnection,
};
use frontrow_domain::model::{
    ConcertId, Page, PageRequest, PricedSeat, Reservation, ReservationId, UserId,
};
use jiff::Timestamp;

use crate::sqlite::{
    columns::Db,
    rows::{ReservationRow, ReservedSeatRow},
    schema::{reservation_seats, reservations},
};

/// Returns a user's reservation as it is stored: an expired hold may still be stored as held.
pub(in crate::sqlite) fn find(
    connection: &mut SqliteConnection,
    id: ReservationId,
    user: &UserId,
) -> QueryResult<Option<Reservation>> {
    let row: Option<ReservationRow> = reservations::table
        .find(Db(id))
        .filter(reservations::user_id.eq(Db(user.clone())))
        .select(ReservationRow::as_select())
        .get_result(connection)
        .optional()?;
    one_with_seats(connection, row)
}

/// Returns the hold that a user has in a concert, as it is stored. It may be past its deadline.
pub(super) fn hold_of(
    connection: &mut SqliteConnection,
    user: &UserId,
    concert: ConcertId,
) -> QueryResult<Option<Reservation>> {
    let row: Option<ReservationRow> = reservations::table
        .filter(reservations::user_id.eq(Db(user.clone())))
        .filter(reservations::concert_id.eq(Db(concert)))
        .filter(reservations::held_until.is_not_null())
        .select(ReservationRow::as_select())
        .get_result(connection)
        .optional()?;
    one_with_seats(connection, row)
}

/// Returns a page of a user's reservations, the newest first, as seen at `now`.
pub(super) fn of_user(
    connection: &mut SqliteConnection,
    now: Timestamp,
    user: &UserId,
    page: PageRequest<ReservationId>,
) -> QueryResult<Page<Reservation, ReservationId>> {
    let mut rows = reservations::table
        .filter(reservations::user_id.eq(Db(user.clone())))
        .order(reservations::id.desc())
        .limit(i64::from(page.limit) + 1)
        .select(ReservationRow::as_select())
        .into_boxed();
    if let Some(after) = page.after {
        rows = rows.filter(reservations::id.lt(Db(after)));
    }
    let rows = rows.load(connection)?;
    page_of(connection, now, rows, page.limit)
}

/// Returns a page of a concert's reservations, the oldest first, as seen at `now`.
pub(super) fn of_concert(
    connection: &mut SqliteConnection,
    now: Timestamp,
    concert: ConcertId,
    page: PageRequest<ReservationId>,
) -> QueryResult<Page<Reservation, ReservationId>> {
    let mut rows = reservations::table
        .filter(reservations::concert_id.eq(Db(concert)))
        .order(reservations::id)
        .limit(i64::from(page.limit) + 1)
        .select(ReservationRow::as_select())
        .into_boxed();
    if let Some(after) = page.after {
        rows = rows.filter(reservations::id.gt(Db(after)));
    }
    let rows = rows.load(connection)?;
    page_of(connection, now, rows, page.limit)
}

fn page_of(
    connection: &mut SqliteConnection,
    now: Timestamp,
    rows: Vec<ReservationRow>,
    limit: u16,
) -> QueryResult<Page<Reservation, ReservationId>> {
    let items = with_seats(connection, rows)?
        .into_iter()
        .map(|reservation| reservation.seen_at(now))
        .collect();
    Ok(Page::from_one_more(items, limit, |item: &Reservation| {
        item.id
    }))
}

fn one_with_seats(
    connection: &mut SqliteConnection,
    row: Option<ReservationRow>,
) -> QueryResult<Option<Reservation>> {
    Ok(with_seats(connection, row.into_iter().collect())?.pop())
}

/// Returns the reservations of these rows, in their order, each with its seats sorted by label.
pub(in crate::sqlite) fn with_seats(
    connection: &mut SqliteConnection,
    rows: Vec<ReservationRow>,
) -> QueryResult<Vec<Reservation>> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let seats: Vec<ReservedSeatRow> = reservation_seats::table
        .filter(reservation_seats::reservation_id.eq_any(rows.iter().map(|row| &row.id)))
        .order((reservation_seats::reservation_id, reservation_seats::label))
        .select(ReservedSeatRow::as_select())
        .load(connection)?;
    let mut seats_of: HashMap<ReservationId, Vec<PricedSeat>> = HashMap::new();
    for seat in seats {
        seats_of
            .entry(seat.reservation_id.0)
            .or_default()
            .push(PricedSeat {
                label: seat.label.0,
                price: seat.price.0,
            });
    }
    rows.into_iter()
        .map(|row| {
            let seats = seats_of.remove(&row.id.0).unwrap_or_default();
            row.with_seats(seats)
        })
        .collect()
}
