//! On a large database every call reads only the rows that it needs, by the server's own counters.

mod buying;
mod cost_check;
mod dataset;
mod operating;

use std::env;

use cost_check::CostCheck;
use dataset::Dataset;
use frontrow_domain::ports::Idempotency;

use crate::program::execute;

/// Sets the number of rows of each large table, for longer runs.
const ROWS_VARIABLE: &str = "FRONTROW_INDEX_ROWS";
const ROWS: u64 = 50_000;

fn rows() -> u64 {
    env::var(ROWS_VARIABLE).map_or(ROWS, |rows| rows.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_call_reads_little_more_than_it_returns_and_writes() {
    let mut check = CostCheck::start(Dataset::with_rows(rows())).await;
    buying::browsing(&mut check).await;
    buying::points(&mut check).await;
    buying::holds(&mut check).await;
    buying::payments(&mut check).await;
    operating::catalogue(&mut check).await;
    operating::policies(&mut check).await;
    operating::rankings(&mut check).await;
    operating::sweeps_and_purges(&mut check).await;
    check.report();
    scans_are_noticed(&mut check).await;
}

/// Shows that the checks above can fail.
async fn scans_are_noticed(check: &mut CostCheck) {
    for sql in [
        "SELECT COUNT(*) FROM reservations WHERE total = 1",
        "SELECT id FROM reservations WHERE user_id = 'regular' ORDER BY total LIMIT 20",
        "SELECT id FROM reservations FORCE INDEX (reservations_due)
         WHERE held_until > '2100-01-01' AND id > 'a'",
        "UPDATE seats SET price = 1 WHERE label = 'nowhere'",
    ] {
        let statement = check.measure_statement(sql).await;
        assert!(!statement.is_cheap(0), "{statement}");
    }
    // A statement of the adapter without its index.
    let drop = "ALTER TABLE idempotency_records DROP KEY idempotency_records_due";
    execute(&mut check.raw, drop).await.unwrap();
    let (purged, statements) = check
        .measure(async |program| program.database.purge(100).await.unwrap())
        .await;
    assert_eq!(purged, 0);
    let expensive = statements.iter().any(|one| !one.is_cheap(0));
    assert!(expensive, "{statements:?}");
}
