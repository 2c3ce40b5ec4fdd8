//! The cost of reading a ranking, and of an upgrade.

use diesel::{QueryableByName, RunQueryDsl, sql_query, sql_types::BigInt};
use frontrow_domain::{
    model::{Period, Span},
    ports::RankingSource,
};
use jiff::{SignedDuration, Timestamp, tz::TimeZone};

use crate::{Bench, CONCERT, PERFORMANCE, RESERVATION, id, numbers, timed};

const CONCERTS: u32 = 5_000;
const SALES: u32 = 1_000_000;

pub(crate) async fn figures() {
    for (days, periods) in [
        (1, &[Period::Realtime, Period::Daily][..]),
        (31, &[Period::Weekly, Period::Monthly][..]),
    ] {
        println!("{SALES} seats of {CONCERTS} concerts, sold in {days} days");
        let mut bench = Bench::open(CONCERTS).await;
        // As in a file from before the counters.
        bench.run("DROP TRIGGER added_reservations_are_counted");
        bench.run(&sales(days));
        let ((), ms) = timed(async { bench.run(COUNT_ALL) }).await;
        println!("  counted by an upgrade in {:.1} s", ms / 1_000.0);
        bench.run("ANALYZE");
        for period in periods {
            let span = span(*period, days);
            let from_counters = best_of(&bench, span).await;
            let from_index = best_scan(&mut bench, span).await;
            println!(
                "  {period:?}: {from_counters:.1} ms from counters, {from_index:.1} ms from the index"
            );
        }
    }
}

/// The statement of the migration that adds the counters.
const COUNT_ALL: &str = "
    INSERT INTO concert_sales (grain, starts_at, concert_id, seats)
    SELECT grains.grain, r.confirmed_at / grains.lasts * grains.lasts, r.concert_id, sum(r.seat_count)
    FROM reservations r
    JOIN (SELECT 1 AS grain, 60000000 AS lasts UNION ALL SELECT 2, 3600000000
          UNION ALL SELECT 3, 86400000000) grains
    WHERE r.confirmed_at IS NOT NULL
    GROUP BY 1, 2, 3";

/// Returns statements that insert confirmed reservations, spread evenly over the concerts and over
/// the last `days` days before 1 November 2026 in Seoul.
fn sales(days: i64) -> String {
    // A large step without a common factor, so that consecutive reservations are of different
    // concerts.
    let of = format!("(n * 7919) % {CONCERTS}");
    let (concert, performance) = (id(CONCERT, &of), id(PERFORMANCE, &of));
    let (reservation, n) = (id(RESERVATION, "n"), numbers(0, SALES));
    let from = end() - SignedDuration::from_hours(24 * days);
    let (from_us, step_us) = (from.as_microsecond(), days * 86_400);
    format!(
        "BEGIN;
         INSERT INTO reservations (id, user_id, concert_id, performance_id, state, confirmed_at, total,
                                   seat_count)
         SELECT {reservation}, 'user-' || n, {concert}, {performance}, 'confirmed',
                {from_us} + n * {step_us}, 100, 1 FROM {n};
         COMMIT"
    )
}

fn end() -> Timestamp {
    "2026-10-31T15:00:00Z".parse().unwrap()
}

/// Returns the span of a ranking that is read in the hours after the sale. A realtime ranking is
/// read in its middle.
fn span(period: Period, days: i64) -> Span {
    let seoul = TimeZone::get("Asia/Seoul").unwrap();
    let later = match period {
        Period::Weekly => SignedDuration::from_hours(27),
        Period::Realtime => SignedDuration::from_hours(-12 * days),
        _ => SignedDuration::from_hours(3),
    };
    period.span(end() + later, &seoul)
}

/// Returns the shortest of five reads from the counters, in milliseconds.
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
#[expect(dead_code, reason = "only the duration is measured")]
struct Sum {
    #[diesel(sql_type = BigInt)]
    number: i64,
}

/// Does the same with the index of reservations by confirmation, concert and seats.
async fn best_scan(bench: &mut Bench, span: Span) -> f64 {
    let sql = format!(
        "SELECT sum(seat_count) AS number FROM reservations INDEXED BY reservations_confirmed
         WHERE confirmed_at IS NOT NULL AND confirmed_at >= {} AND confirmed_at < {}
         GROUP BY concert_id ORDER BY number DESC, concert_id LIMIT 20",
        span.from.as_microsecond(),
        span.to.as_microsecond()
    );
    let mut best = f64::INFINITY;
    for _ in 0..5 {
        let raw = &mut bench.raw;
        let (top, ms) = timed(async { sql_query(&sql).load::<Sum>(raw).unwrap() }).await;
        assert_eq!(top.len(), 20);
        best = best.min(ms);
    }
    best
}
