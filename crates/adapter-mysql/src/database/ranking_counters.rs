//! The counters behind the rankings.
//!
//! The reservations themselves record what is still to be counted: `counted_at` is null until a job
//! has added them to the counters. A payment writes no more than it would without rankings, in
//! particular no row that another payment writes too. A payment that is committed late is found
//! when it is there. A job that dies has counted nothing, because it writes the counts and the
//! marks in one transaction.

use std::collections::BTreeMap;

use async_trait::async_trait;
use diesel::{
    ExpressionMethods, NullableExpressionMethods, QueryDsl, QueryResult, QueryableByName,
    dsl::{DuplicatedKeys, sql},
    insert_into, sql_query,
    sql_types::{BigInt, Binary, Datetime, TinyInt},
    update,
};
use diesel_async::RunQueryDsl;
use frontrow_domain::{
    model::{ConcertId, Grain, ReservationId},
    ports::{RankingCounters, StoreResult},
};
use futures_util::FutureExt;
use jiff::Timestamp;

use super::{
    MySqlDatabase,
    columns::Db,
    schema::{concert_sales, reservations},
};
use crate::{session::Session, statement::Fixed, transactions::Verdict};

#[async_trait]
impl RankingCounters for MySqlDatabase {
    async fn add_up(&self, limit: u32) -> StoreResult<u32> {
        self.call(limit, |session, limit| add_up(session, *limit).boxed())
            .await
    }

    async fn forget(&self, before: Timestamp, limit: u32) -> StoreResult<u32> {
        self.call((before, limit), |session, (before, limit)| {
            forget(session, *before, *limit).boxed()
        })
        .await
    }
}

#[derive(QueryableByName)]
struct Sale {
    #[diesel(sql_type = Binary)]
    id: Db<ReservationId>,
    #[diesel(sql_type = Binary)]
    concert_id: Db<ConcertId>,
    #[diesel(sql_type = Datetime)]
    confirmed_at: Db<Timestamp>,
    #[diesel(sql_type = TinyInt)]
    seat_count: i8,
}

/// The earliest uncounted reservations. Without a hint, a server may read everything that was ever
/// confirmed, in the requested order, and would lock all of it on its way.
const UNCOUNTED: &str = "
    SELECT id, concert_id, confirmed_at, seat_count
    FROM reservations FORCE INDEX (reservations_uncounted)
    WHERE counted_at IS NULL AND confirmed_at IS NOT NULL
    ORDER BY confirmed_at LIMIT ? FOR UPDATE SKIP LOCKED";

/// Counts the reservations that no other call is counting at this moment.
async fn add_up(session: &mut Session, limit: u32) -> QueryResult<Verdict<u32>> {
    session.begin().await?;
    let uncounted = sql_query(UNCOUNTED).bind::<BigInt, _>(Db(limit));
    let sales: Vec<Sale> = Fixed(uncounted).load(session.connection()).await?;
    if sales.is_empty() {
        return Ok(Verdict::Rollback(0));
    }
    let counted = sales.iter().map(|sale| &sale.id);
    update(reservations::table.filter(reservations::id.eq_any(counted)))
        .set(reservations::counted_at.eq(session.now().nullable()))
        .execute(session.connection())
        .await?;
    add(session, &sums(&sales)).await?;
    Ok(Verdict::Commit(sales.len().try_into().unwrap_or(limit)))
}

/// Seats by grain, start and concert, in the order of the table's key, so that two concurrent calls
/// wait for each other and do not deadlock.
type Sums = BTreeMap<(i8, Timestamp, ConcertId), i64>;

fn sums(sales: &[Sale]) -> Sums {
    let mut sums = Sums::new();
    for sale in sales {
        for grain in Grain::ALL {
            let starts_at = grain.start(sale.confirmed_at.0);
            let key = (number(grain), starts_at, sale.concert_id.0);
            *sums.entry(key).or_default() += i64::from(sale.seat_count);
        }
    }
    sums
}

async fn add(session: &mut Session, sums: &Sums) -> QueryResult<()> {
    let rows = sums.iter().map(|((grain, starts_at, concert), seats)| {
        (
            concert_sales::grain.eq(*grain),
            concert_sales::starts_at.eq(Db(*starts_at)),
            concert_sales::concert_id.eq(Db(*concert)),
            concert_sales::seats.eq(*seats),
        )
    });
    insert_into(concert_sales::table)
        .values(rows.collect::<Vec<_>>())
        .on_conflict(DuplicatedKeys)
        .do_update()
        .set(concert_sales::seats.eq(sql::<BigInt>("seats + VALUES(seats)")))
        .execute(session.connection())
        .await
        .map(drop)
}

async fn forget(session: &mut Session, before: Timestamp, limit: u32) -> QueryResult<Verdict<u32>> {
    session.begin().await?;
    let mut left = i64::from(limit);
    // The DSL has no limit for deletions.
    for statement in [
        "DELETE FROM concert_sales WHERE grain = 1 AND starts_at < ? ORDER BY starts_at LIMIT ?",
        "DELETE FROM concert_sales WHERE grain = 2 AND starts_at < ? ORDER BY starts_at LIMIT ?",
    ] {
        let statement = sql_query(statement)
            .bind::<Datetime, _>(Db(before))
            .bind::<BigInt, _>(left);
        let deleted = Fixed(statement).execute(session.connection()).await?;
        left -= i64::try_from(deleted).unwrap_or(left);
    }
    let left = u32::try_from(left).unwrap_or_default();
    Ok(Verdict::Commit(limit.saturating_sub(left)))
}

/// Returns the number of a grain in the table.
fn number(grain: Grain) -> i8 {
    match grain {
        Grain::Minute => 1,
        Grain::Hour => 2,
        Grain::Day => 3,
    }
}
