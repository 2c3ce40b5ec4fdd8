//! The numbers behind the rankings, read from one index that holds all they need.

use async_trait::async_trait;
use diesel::{
    QueryResult, QueryableByName, sql_query,
    sql_types::{BigInt, Binary, Datetime, Text},
};
use diesel_async::RunQueryDsl;
use frontrow_domain::{
    model::{ConcertId, ConcertTitle, RankedConcert, Span},
    ports::{RankingSource, StoreResult},
};
use futures_util::{FutureExt, TryFutureExt};

use super::{MySqlDatabase, columns::Db};
use crate::{calls::Turn, session::Session, statement::Fixed};

#[async_trait]
impl RankingSource for MySqlDatabase {
    async fn top(&self, span: Span, limit: u8) -> StoreResult<Vec<RankedConcert>> {
        self.call((span, limit), |session, (span, limit)| {
            top(session, *span, *limit).map_ok(Turn::Done).boxed()
        })
        .await
    }
}

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Binary)]
    concert_id: Db<ConcertId>,
    #[diesel(sql_type = Text)]
    title: Db<ConcertTitle>,
    #[diesel(sql_type = BigInt)]
    sold: Db<u64>,
}

async fn top(session: &mut Session, span: Span, limit: u8) -> QueryResult<Vec<RankedConcert>> {
    // The titles are looked up for the few that are left.
    let statement = sql_query(
        "SELECT best.concert_id, c.title, best.sold
         FROM (SELECT r.concert_id, CAST(SUM(r.seat_count) AS SIGNED) AS sold
               FROM reservations r FORCE INDEX (reservations_confirmed)
               WHERE r.confirmed_at >= ? AND r.confirmed_at < ?
               GROUP BY r.concert_id ORDER BY sold DESC, r.concert_id LIMIT ?) best
         JOIN concerts c ON c.id = best.concert_id
         ORDER BY best.sold DESC, best.concert_id",
    )
    .bind::<Datetime, _>(Db(span.from))
    .bind::<Datetime, _>(Db(span.to))
    .bind::<BigInt, _>(Db(u32::from(limit)));
    let lines: Vec<Line> = Fixed(statement).load(session.connection()).await?;
    let ranked = |line: Line| RankedConcert {
        concert: line.concert_id.0,
        title: line.title.0.to_string(),
        seats_sold: line.sold.0,
    };
    Ok(lines.into_iter().map(ranked).collect())
}
