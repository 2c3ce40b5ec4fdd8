//! The numbers behind the rankings: the counters, what is not counted yet, and for spans whose ends
//! lie within a minute the reservations of those partial minutes.

use async_trait::async_trait;
use diesel::{
    QueryResult, QueryableByName, sql_query,
    sql_types::{BigInt, Binary, Datetime, Text},
};
use diesel_async::RunQueryDsl;
use frontrow_domain::{
    model::{Buckets, ConcertId, ConcertTitle, RankedConcert, Span},
    ports::{RankingSource, StoreResult},
};
use futures_util::{FutureExt, TryFutureExt};

use super::{MySqlDatabase, columns::Db};
use crate::{session::Session, statement::Fixed, transactions::Verdict};

#[async_trait]
impl RankingSource for MySqlDatabase {
    async fn top(&self, span: Span, limit: u8) -> StoreResult<Vec<RankedConcert>> {
        self.call((span, limit), |session, (span, limit)| {
            top(session, *span, *limit).map_ok(Verdict::Commit).boxed()
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

/// One statement, and so one state of the database: a reservation that is being counted at this
/// moment is in the counters or among the uncounted, never in both. The titles are read only for
/// the few concerts in the result.
const TOP: &str = "
    SELECT best.concert_id, c.title, best.sold
    FROM (
        SELECT part.concert_id, CAST(SUM(part.seats) AS SIGNED) AS sold
        FROM (
            SELECT n.concert_id, SUM(n.seats) AS seats FROM concert_sales n FORCE INDEX (PRIMARY)
            WHERE (n.grain = 3 AND n.starts_at >= ? AND n.starts_at < ?)
               OR (n.grain = 2 AND n.starts_at >= ? AND n.starts_at < ?)
               OR (n.grain = 2 AND n.starts_at >= ? AND n.starts_at < ?)
               OR (n.grain = 1 AND n.starts_at >= ? AND n.starts_at < ?)
               OR (n.grain = 1 AND n.starts_at >= ? AND n.starts_at < ?)
            GROUP BY n.concert_id
            UNION ALL
            SELECT r.concert_id, r.seat_count FROM reservations r FORCE INDEX (reservations_uncounted)
            WHERE r.counted_at IS NULL AND r.confirmed_at >= ? AND r.confirmed_at < ?
            UNION ALL
            SELECT r.concert_id, r.seat_count FROM reservations r FORCE INDEX (reservations_confirmed)
            WHERE r.confirmed_at >= ? AND r.confirmed_at < ? AND r.counted_at IS NOT NULL
            UNION ALL
            SELECT r.concert_id, r.seat_count FROM reservations r FORCE INDEX (reservations_confirmed)
            WHERE r.confirmed_at >= ? AND r.confirmed_at < ? AND r.counted_at IS NOT NULL
        ) part
        GROUP BY part.concert_id ORDER BY sold DESC, part.concert_id LIMIT ?
    ) best
    JOIN concerts c ON c.id = best.concert_id
    ORDER BY best.sold DESC, best.concert_id";

async fn top(session: &mut Session, span: Span, limit: u8) -> QueryResult<Vec<RankedConcert>> {
    let Buckets {
        days,
        hours: [early_hours, late_hours],
        minutes: [early_minutes, late_minutes],
        rest: [first, last],
    } = span.buckets();
    let statement = sql_query(TOP)
        .bind::<Datetime, _>(Db(days.from))
        .bind::<Datetime, _>(Db(days.to))
        .bind::<Datetime, _>(Db(early_hours.from))
        .bind::<Datetime, _>(Db(early_hours.to))
        .bind::<Datetime, _>(Db(late_hours.from))
        .bind::<Datetime, _>(Db(late_hours.to))
        .bind::<Datetime, _>(Db(early_minutes.from))
        .bind::<Datetime, _>(Db(early_minutes.to))
        .bind::<Datetime, _>(Db(late_minutes.from))
        .bind::<Datetime, _>(Db(late_minutes.to))
        .bind::<Datetime, _>(Db(span.from))
        .bind::<Datetime, _>(Db(span.to))
        .bind::<Datetime, _>(Db(first.from))
        .bind::<Datetime, _>(Db(first.to))
        .bind::<Datetime, _>(Db(last.from))
        .bind::<Datetime, _>(Db(last.to))
        .bind::<BigInt, _>(Db(u32::from(limit)));
    let lines: Vec<Line> = Fixed(statement).load(session.connection()).await?;
    let ranked = |line: Line| RankedConcert {
        concert: line.concert_id.0,
        title: line.title.0.to_string(),
        seats_sold: line.sold.0,
    };
    Ok(lines.into_iter().map(ranked).collect())
}
