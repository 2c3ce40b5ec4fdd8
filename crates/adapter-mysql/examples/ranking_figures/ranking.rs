//! Measures requests for a ranking, and the job that counts.

use diesel::{QueryableByName, sql_query, sql_types::BigInt};
use diesel_async::RunQueryDsl;
use frontrow_domain::{
    model::{Period, Span},
    ports::{RankingCounters, RankingSource},
};
use jiff::{Timestamp, tz::TimeZone};

use crate::{Bench, filling, timed};

const CONCERTS: u32 = 5_000;
const SALES: u32 = 1_000_000;

/// Measures the rankings of seats that were sold in `days` days.
pub(crate) async fn figures(days: u32, periods: &[Period]) {
    println!("{SALES} seats of {CONCERTS} concerts, sold in {days} days");
    let mut bench = Bench::open(4).await;
    bench.run(&filling::concerts(CONCERTS)).await;
    let ((), ms) = timed(bench.run(&filling::sales(CONCERTS, days))).await;
    println!("  written in {:.0} s", ms / 1_000.0);
    let _ = bench.raw_analyze().await;
    for period in periods {
        let ms = best_of(&bench, span(*period, days)).await;
        println!("  {period:?} before anything is counted: {ms:.0} ms");
    }
    let ((), ms) = timed(count_all(&bench)).await;
    println!(
        "  counted at {:.0} sales/s",
        f64::from(SALES) * 1_000.0 / ms
    );
    let _ = bench.raw_analyze().await;
    for period in periods {
        let span = span(*period, days);
        let from_counters = best_of(&bench, span).await;
        let from_index = best_scan(&mut bench, span).await;
        println!(
            "  {period:?}: {from_counters:.1} ms from counters, {from_index:.1} ms from the index"
        );
    }
    for (grain, name) in [(1, "minutes"), (2, "hours"), (3, "days")] {
        let sql = format!("SELECT COUNT(*) AS number FROM concert_sales WHERE grain = {grain}");
        println!("  counters of {name}: {}", bench.number(&sql).await);
    }
}

/// Returns the span of a period in the hours after the sale. For realtime, in the middle of the
/// sale.
fn span(period: Period, days: u32) -> Span {
    let seoul = TimeZone::get("Asia/Seoul").unwrap();
    let after = if period == Period::Weekly {
        "2026-11-01T18:00:00Z"
    } else {
        "2026-10-31T18:00:00Z"
    };
    let after: Timestamp = after.parse().unwrap();
    let now = match period {
        Period::Realtime => after - jiff::SignedDuration::from_hours(i64::from(days) * 12),
        _ => after,
    };
    period.span(now, &seoul)
}

/// Counts all sales.
async fn count_all(bench: &Bench) {
    while bench.database.add_up(1_000).await.unwrap() > 0 {}
}

/// Returns the shortest duration of five rankings, in milliseconds.
async fn best_of(bench: &Bench, span: Span) -> f64 {
    let mut best = f64::INFINITY;
    for _ in 0..5 {
        let (top, ms) = timed(bench.database.top(span, 20)).await;
        assert_eq!(top.unwrap().len(), 20);
        best = best.min(ms);
    }
    best
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    number: i64,
}

/// Returns the same for rankings from an index of reservations by confirmation, concert and seats.
async fn best_scan(bench: &mut Bench, span: Span) -> f64 {
    let instant = |at: Timestamp| at.strftime("%Y-%m-%d %H:%M:%S").to_string();
    let (from, to) = (instant(span.from), instant(span.to));
    let sql = format!(
        "SELECT CAST(SUM(r.seat_count) AS SIGNED) AS number
         FROM reservations r FORCE INDEX (reservations_confirmed)
         WHERE r.confirmed_at >= '{from}' AND r.confirmed_at < '{to}'
         GROUP BY r.concert_id ORDER BY number DESC, r.concert_id LIMIT 20"
    );
    let mut best = f64::INFINITY;
    for _ in 0..5 {
        let query = sql_query(&sql).load::<Count>(&mut bench.raw);
        let (top, ms) = timed(query).await;
        assert_eq!(top.unwrap().len(), 20);
        best = best.min(ms);
    }
    best
}

impl Bench {
    /// Updates the statistics of the tables.
    async fn raw_analyze(&mut self) -> diesel::QueryResult<usize> {
        let analyze = sql_query("ANALYZE TABLE reservations, concert_sales");
        analyze.execute(&mut self.raw).await
    }

    async fn number(&mut self, sql: &str) -> i64 {
        let count: Count = sql_query(sql).get_result(&mut self.raw).await.unwrap();
        count.number
    }
}
