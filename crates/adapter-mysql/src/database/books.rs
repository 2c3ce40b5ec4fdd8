//! Reads the rows about money and seats as they are stored, for a check of whether they agree. Each
//! call sees all of its rows as of one instant.

mod accounts;

use async_trait::async_trait;
use diesel::{
    ExpressionMethods, OptionalExtension, QueryDsl, QueryResult, QueryableByName, sql_query,
    sql_types::{BigInt, Binary, Text},
};
use diesel_async::RunQueryDsl;
use frontrow_domain::{
    model::{
        AccountBooks, Amount, BookedPayment, PerformanceId, PerformanceRecords, ReservationId,
        SeatLabel, TakenSeat, UserId,
    },
    ports::{Books, StoreResult},
};
use futures_util::{FutureExt, TryFutureExt};
use jiff::Timestamp;

use super::{
    MySqlDatabase,
    columns::Db,
    rows::ReservationRow,
    schema::{performances, seats},
};
use crate::{session::Session, statement::Fixed, transactions::Verdict};

/// A reservation that is stored as held or confirmed, or that a seat of the performance or a
/// payment names.
const RESERVATIONS: &str = "
    SELECT r.id, r.user_id, r.concert_id, r.performance_id, r.state, r.held_until, r.confirmed_at, r.total,
           r.seat_count, r.seats, r.place_arrival, r.place_generation
    FROM reservations r
    WHERE r.performance_id = ?
      AND (r.held_until IS NOT NULL OR r.confirmed_at IS NOT NULL
           OR EXISTS (SELECT 1 FROM ledger l WHERE l.reservation_id = r.id))
    UNION
    SELECT r.id, r.user_id, r.concert_id, r.performance_id, r.state, r.held_until, r.confirmed_at, r.total,
           r.seat_count, r.seats, r.place_arrival, r.place_generation
    FROM seats s JOIN reservations r ON r.id = s.reservation_id
    WHERE s.performance_id = ?";

const PAYMENTS: &str = "
    SELECT l.reservation_id, l.user_id, l.amount
    FROM reservations r JOIN ledger l ON l.reservation_id = r.id
    WHERE r.performance_id = ?";

const SOLD: &str = "
    SELECT CAST(COALESCE(SUM(seats_sold), 0) AS SIGNED) AS sold FROM performance_sales
    WHERE performance_id = ?";

#[async_trait]
impl Books for MySqlDatabase {
    async fn accounts(&self, after: Option<UserId>, limit: u32) -> StoreResult<Vec<AccountBooks>> {
        self.edit((after, limit), |session, (after, limit)| {
            accounts::page(session, after.as_ref(), *limit)
                .map_ok(Verdict::Commit)
                .boxed()
        })
        .await
    }

    async fn performances(
        &self,
        after: Option<PerformanceId>,
        limit: u32,
    ) -> StoreResult<Vec<PerformanceId>> {
        self.call((after, limit), |session, (after, limit)| {
            performances_after(session, *after, *limit)
                .map_ok(Verdict::Commit)
                .boxed()
        })
        .await
    }

    async fn performance(&self, id: PerformanceId) -> StoreResult<Option<PerformanceRecords>> {
        self.edit(id, |session, id| {
            performance(session, *id).map_ok(Verdict::Commit).boxed()
        })
        .await
    }
}

async fn performances_after(
    session: &mut Session,
    after: Option<PerformanceId>,
    limit: u32,
) -> QueryResult<Vec<PerformanceId>> {
    let mut page = performances::table
        .order(performances::id)
        .limit(limit.into())
        .select(performances::id)
        .into_boxed();
    if let Some(after) = after {
        page = page.filter(performances::id.gt(Db(after)));
    }
    let ids: Vec<Db<PerformanceId>> = page.load(session.connection()).await?;
    Ok(ids.into_iter().map(|id| id.0).collect())
}

async fn performance(
    session: &mut Session,
    id: PerformanceId,
) -> QueryResult<Option<PerformanceRecords>> {
    #[derive(QueryableByName)]
    struct Sold {
        #[diesel(sql_type = BigInt)]
        sold: Db<u64>,
    }
    session.begin_snapshot().await?;
    let found: Option<Db<PerformanceId>> = performances::table
        .find(Db(id))
        .select(performances::id)
        .get_result(session.connection())
        .await
        .optional()?;
    if found.is_none() {
        return Ok(None);
    }
    let sold = sql_query(SOLD).bind::<Binary, _>(Db(id));
    let sold: Sold = Fixed(sold).get_result(session.connection()).await?;
    let reservations = sql_query(RESERVATIONS)
        .bind::<Binary, _>(Db(id))
        .bind::<Binary, _>(Db(id));
    let reservations: Vec<ReservationRow> = Fixed(reservations).load(session.connection()).await?;
    Ok(Some(PerformanceRecords {
        id,
        seats_sold: sold.sold.0,
        seats: taken_seats(session, id).await?,
        reservations: reservations
            .into_iter()
            .map(ReservationRow::into_reservation)
            .collect::<QueryResult<_>>()?,
        payments: payments_of(session, id).await?,
    }))
}

async fn taken_seats(
    session: &mut Session,
    performance: PerformanceId,
) -> QueryResult<Vec<TakenSeat>> {
    type Row = (
        Db<SeatLabel>,
        Option<Db<ReservationId>>,
        Option<Db<UserId>>,
        Option<Db<Timestamp>>,
    );
    let rows: Vec<Row> = seats::table
        .filter(seats::performance_id.eq(Db(performance)))
        .filter(seats::reservation_id.is_not_null())
        .select((
            seats::label,
            seats::reservation_id,
            seats::user_id,
            seats::held_until,
        ))
        .load(session.connection())
        .await?;
    let taken = |(label, reservation, user, held_until): Row| {
        Some(TakenSeat {
            label: label.0,
            reservation: reservation?.0,
            user: user?.0,
            held_until: held_until.map(|at| at.0),
        })
    };
    Ok(rows.into_iter().filter_map(taken).collect())
}

async fn payments_of(
    session: &mut Session,
    performance: PerformanceId,
) -> QueryResult<Vec<BookedPayment>> {
    #[derive(QueryableByName)]
    struct Payment {
        #[diesel(sql_type = Binary)]
        reservation_id: Db<ReservationId>,
        #[diesel(sql_type = Text)]
        user_id: Db<UserId>,
        #[diesel(sql_type = BigInt)]
        amount: Db<Amount>,
    }
    let statement = sql_query(PAYMENTS).bind::<Binary, _>(Db(performance));
    let rows: Vec<Payment> = Fixed(statement).load(session.connection()).await?;
    let payments = rows.into_iter().map(|row| BookedPayment {
        reservation: row.reservation_id.0,
        user: row.user_id.0,
        amount: row.amount.0,
    });
    Ok(payments.collect())
}
