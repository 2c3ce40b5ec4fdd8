//! Reads reservations.

use diesel::{
    ExpressionMethods, OptionalExtension, QueryDsl, QueryResult, QueryableByName, SelectableHelper,
    sql_query,
    sql_types::{BigInt, Binary, Datetime, Text},
};
use diesel_async::RunQueryDsl;
use frontrow_domain::model::{ConcertId, Page, PageRequest, Reservation, ReservationId, UserId};
use jiff::Timestamp;
use uuid::Uuid;

use crate::{
    database::{columns::Db, rows::ReservationRow, schema::reservations},
    errors,
    session::Session,
    statement::Fixed,
};

type Row = (ReservationRow, Db<Timestamp>);

/// Without the hint, MySQL reads all reservations of a user by the key for their holds, and sorts
/// them.
const OF_USER: &str = "
    SELECT id, user_id, concert_id, performance_id, state, held_until, confirmed_at, total, seat_count,
           seats, place_arrival, place_generation, UTC_TIMESTAMP(6) + INTERVAL ? MICROSECOND AS now
    FROM reservations FORCE INDEX (reservations_of_user)
    WHERE user_id = ? AND id < ? ORDER BY id DESC LIMIT ?";

#[derive(QueryableByName)]
struct ReadAt {
    #[diesel(sql_type = Datetime)]
    now: Db<Timestamp>,
}

/// Returns a user's reservation, as it is stored (an expired hold may still be stored as held), and
/// the time.
pub(super) async fn find(
    session: &mut Session,
    id: ReservationId,
    user: &UserId,
) -> QueryResult<Option<(Reservation, Timestamp)>> {
    let row: Option<Row> = reservations::table
        .find(Db(id))
        .filter(reservations::user_id.eq(Db(user.clone())))
        .select((ReservationRow::as_select(), session.now()))
        .get_result(session.connection())
        .await
        .optional()?;
    row.map(|(row, now)| Ok((row.into_reservation()?, now.0)))
        .transpose()
}

/// Returns a user's reservation that the ledger records as paid.
pub(in crate::database) async fn paid(
    session: &mut Session,
    id: ReservationId,
    user: &UserId,
) -> QueryResult<Reservation> {
    let found = find(session, id, user).await?;
    found
        .map(|(reservation, _)| reservation)
        .ok_or_else(|| errors::broken(format!("no reservation {id} that is paid")))
}

/// Returns a page of a user's reservations, the newest first.
pub(super) async fn of_user(
    session: &mut Session,
    user: &UserId,
    page: PageRequest<ReservationId>,
) -> QueryResult<Page<Reservation, ReservationId>> {
    let after = page.after.unwrap_or(ReservationId(Uuid::max()));
    let statement = sql_query(OF_USER)
        .bind::<BigInt, _>(session.now().0)
        .bind::<Text, _>(Db(user.clone()))
        .bind::<Binary, _>(Db(after))
        .bind::<BigInt, _>(i64::from(page.limit) + 1);
    let lines: Vec<(ReservationRow, ReadAt)> = Fixed(statement).load(session.connection()).await?;
    let rows = lines.into_iter().map(|(row, at)| (row, at.now)).collect();
    page_of(rows, page.limit)
}

/// Returns a page of a concert's reservations, the oldest first.
pub(super) async fn of_concert(
    session: &mut Session,
    concert: ConcertId,
    page: PageRequest<ReservationId>,
) -> QueryResult<Page<Reservation, ReservationId>> {
    let after = page.after.unwrap_or(ReservationId(Uuid::nil()));
    let rows = reservations::table
        .filter(reservations::concert_id.eq(Db(concert)))
        .filter(reservations::id.gt(Db(after)))
        .order(reservations::id)
        .limit(i64::from(page.limit) + 1)
        .select((ReservationRow::as_select(), session.now()))
        .load(session.connection())
        .await?;
    page_of(rows, page.limit)
}

fn page_of(rows: Vec<Row>, limit: u16) -> QueryResult<Page<Reservation, ReservationId>> {
    let seen = |(row, now): Row| Ok(row.into_reservation()?.seen_at(now.0));
    let items = rows
        .into_iter()
        .map(seen)
        .collect::<QueryResult<Vec<_>>>()?;
    Ok(Page::from_one_more(items, limit, |item| item.id))
}
