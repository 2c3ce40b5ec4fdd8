//! After a long season every call still reads no more than it needs, as the server itself counts.

mod buying;
mod operating;
mod season;
mod tour;

use std::env;

use frontrow_domain::ports::Idempotency;
use season::Season;
use tour::Tour;

use crate::program::execute;

/// How many rows each of the large tables has, where somebody has the time for more.
const ROWS_VARIABLE: &str = "FRONTROW_INDEX_ROWS";
const ROWS: u64 = 50_000;

fn rows() -> u64 {
    env::var(ROWS_VARIABLE).map_or(ROWS, |rows| rows.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_call_reads_little_more_than_it_gives_and_writes() {
    let mut tour = Tour::start(Season::of(rows())).await;
    buying::look_around(&mut tour).await;
    buying::points(&mut tour).await;
    buying::holds(&mut tour).await;
    buying::payments(&mut tour).await;
    operating::catalogue(&mut tour).await;
    operating::policies(&mut tour).await;
    operating::rankings(&mut tour).await;
    operating::sweeps_and_purges(&mut tour).await;
    tour.report();
    what_scans_is_noticed(&mut tour).await;
}

/// What the tour above would not let pass.
async fn what_scans_is_noticed(tour: &mut Tour) {
    for sql in [
        "SELECT COUNT(*) FROM reservations WHERE total = 1",
        "SELECT id FROM reservations WHERE user_id = 'regular' ORDER BY total LIMIT 20",
        "SELECT id FROM reservations FORCE INDEX (reservations_due)
         WHERE held_until > '2100-01-01' AND id > 'a'",
        "UPDATE seats SET price = 1 WHERE label = 'nowhere'",
    ] {
        let bill = tour.bill_of(sql).await;
        assert!(!bill.is_lean(0), "{bill}");
    }
    // A statement of ours without its index.
    let drop = "ALTER TABLE idempotency_records DROP KEY idempotency_records_due";
    execute(&mut tour.raw, drop).await.unwrap();
    let (purged, bill) = tour
        .metered(async |program| program.database.purge(100).await.unwrap())
        .await;
    assert_eq!(purged, 0);
    assert!(bill.iter().any(|one| !one.is_lean(0)), "{bill:?}");
}
