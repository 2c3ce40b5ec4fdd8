//! The numbers behind the rankings, read from one index that holds all they need.

use std::collections::HashMap;

use async_trait::async_trait;
use diesel::{
    ExpressionMethods, QueryDsl, QueryResult, RunQueryDsl, SqliteConnection, dsl::sql,
    sql_types::BigInt,
};
use frontrow_domain::{
    model::{ConcertId, ConcertTitle, RankedConcert, Span},
    ports::{RankingSource, StoreResult},
};

use super::{
    SqliteDatabase,
    columns::Db,
    schema::{concerts, reservations},
};

#[async_trait]
impl RankingSource for SqliteDatabase {
    async fn top(&self, span: Span, limit: u8) -> StoreResult<Vec<RankedConcert>> {
        self.read(move |connection, _| top(connection, span, limit))
            .await
    }
}

fn top(
    connection: &mut SqliteConnection,
    span: Span,
    limit: u8,
) -> QueryResult<Vec<RankedConcert>> {
    // The DSL's own sum is a number that may be null; a group always has a row.
    let sold = || sql::<BigInt>("sum(seat_count)");
    let rows: Vec<(Db<ConcertId>, Db<u64>)> = reservations::table
        .filter(reservations::confirmed_at.ge(Db(span.from)))
        .filter(reservations::confirmed_at.lt(Db(span.to)))
        .group_by(reservations::concert_id)
        .select((reservations::concert_id, sold()))
        .order((sold().desc(), reservations::concert_id))
        .limit(limit.into())
        .load(connection)?;
    let ids = rows.iter().map(|(id, _)| id);
    let titles: Vec<(Db<ConcertId>, Db<ConcertTitle>)> = concerts::table
        .filter(concerts::id.eq_any(ids))
        .select((concerts::id, concerts::title))
        .load(connection)?;
    let mut titles: HashMap<_, _> = titles
        .into_iter()
        .map(|(id, title)| (id.0, title.0))
        .collect();
    let ranked = |(id, seats_sold): (Db<ConcertId>, Db<u64>)| {
        titles.remove(&id.0).map(|title| RankedConcert {
            concert: id.0,
            title: title.to_string(),
            seats_sold: seats_sold.0,
        })
    };
    Ok(rows.into_iter().filter_map(ranked).collect())
}
