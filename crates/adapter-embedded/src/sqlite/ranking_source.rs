//! The numbers behind the rankings: the counters, and for spans whose ends lie within a minute the
//! reservations of those partial minutes.

use std::collections::HashMap;

use async_trait::async_trait;
use diesel::{
    ExpressionMethods, QueryDsl, QueryResult, QueryableByName, RunQueryDsl, SqliteConnection,
    sql_query,
    sql_types::{BigInt, Binary},
};
use frontrow_domain::{
    model::{Buckets, ConcertId, ConcertTitle, RankedConcert, Span},
    ports::{RankingSource, StoreResult},
};

use super::{SqliteDatabase, columns::Db, schema::concerts};

#[async_trait]
impl RankingSource for SqliteDatabase {
    async fn top(&self, span: Span, limit: u8) -> StoreResult<Vec<RankedConcert>> {
        self.read(move |connection, _| top(connection, span, limit))
            .await
    }
}

const TOP: &str = "SELECT concert_id, sum(seats) AS sold
    FROM (
        SELECT concert_id, seats FROM concert_sales
        WHERE grain = 3 AND starts_at >= ? AND starts_at < ?
        UNION ALL
        SELECT concert_id, seats FROM concert_sales
        WHERE grain = 2 AND starts_at >= ? AND starts_at < ?
        UNION ALL
        SELECT concert_id, seats FROM concert_sales
        WHERE grain = 2 AND starts_at >= ? AND starts_at < ?
        UNION ALL
        SELECT concert_id, seats FROM concert_sales
        WHERE grain = 1 AND starts_at >= ? AND starts_at < ?
        UNION ALL
        SELECT concert_id, seats FROM concert_sales
        WHERE grain = 1 AND starts_at >= ? AND starts_at < ?
        UNION ALL
        SELECT concert_id, seat_count FROM reservations
        WHERE confirmed_at IS NOT NULL AND confirmed_at >= ? AND confirmed_at < ?
        UNION ALL
        SELECT concert_id, seat_count FROM reservations
        WHERE confirmed_at IS NOT NULL AND confirmed_at >= ? AND confirmed_at < ?
    )
    GROUP BY concert_id ORDER BY sold DESC, concert_id LIMIT ?";

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Binary)]
    concert_id: Db<ConcertId>,
    #[diesel(sql_type = BigInt)]
    sold: Db<u64>,
}

fn top(
    connection: &mut SqliteConnection,
    span: Span,
    limit: u8,
) -> QueryResult<Vec<RankedConcert>> {
    let lines = best(connection, span, limit)?;
    let ids = lines.iter().map(|line| &line.concert_id);
    let titles: Vec<(Db<ConcertId>, Db<ConcertTitle>)> = concerts::table
        .filter(concerts::id.eq_any(ids))
        .select((concerts::id, concerts::title))
        .load(connection)?;
    let mut titles: HashMap<_, _> = titles
        .into_iter()
        .map(|(id, title)| (id.0, title.0))
        .collect();
    let ranked = |line: Line| {
        let concert = line.concert_id.0;
        titles.remove(&concert).map(|title| RankedConcert {
            concert,
            title: title.to_string(),
            seats_sold: line.sold.0,
        })
    };
    Ok(lines.into_iter().filter_map(ranked).collect())
}

fn best(connection: &mut SqliteConnection, span: Span, limit: u8) -> QueryResult<Vec<Line>> {
    let Buckets {
        days,
        hours: [early_hours, late_hours],
        minutes: [early_minutes, late_minutes],
        rest: [first, last],
    } = span.buckets();
    sql_query(TOP)
        .bind::<BigInt, _>(Db(days.from))
        .bind::<BigInt, _>(Db(days.to))
        .bind::<BigInt, _>(Db(early_hours.from))
        .bind::<BigInt, _>(Db(early_hours.to))
        .bind::<BigInt, _>(Db(late_hours.from))
        .bind::<BigInt, _>(Db(late_hours.to))
        .bind::<BigInt, _>(Db(early_minutes.from))
        .bind::<BigInt, _>(Db(early_minutes.to))
        .bind::<BigInt, _>(Db(late_minutes.from))
        .bind::<BigInt, _>(Db(late_minutes.to))
        .bind::<BigInt, _>(Db(first.from))
        .bind::<BigInt, _>(Db(first.to))
        .bind::<BigInt, _>(Db(last.from))
        .bind::<BigInt, _>(Db(last.to))
        .bind::<BigInt, _>(Db(u32::from(limit)))
        .load(connection)
}
