//! Counting of sold seats during payments: it waits for no payment, and misses none that is
//! committed late.

use frontrow_domain::{
    model::{Ranking, Reservation, Span},
    ports::{RankingCounters, RankingSource},
};
use jiff::Timestamp;

use crate::{
    contention::begin,
    program::{Program, execute, far, texts},
};

/// Returns how many seats were sold at any time.
async fn sold(program: &Program) -> u64 {
    let span = Span {
        from: Timestamp::UNIX_EPOCH,
        to: far(),
    };
    let top = program
        .database
        .top(span, Ranking::MAX_ITEMS)
        .await
        .unwrap();
    top.iter().map(|ranked| ranked.seats_sold).sum()
}

/// Returns a statement that confirms a reservation as of an hour ago.
fn confirm_an_hour_ago(reservation: &Reservation) -> String {
    format!(
        "UPDATE reservations SET state = 'confirmed', held_until = NULL,
                confirmed_at = UTC_TIMESTAMP(6) - INTERVAL 1 HOUR
         WHERE id = X'{:032x}'",
        reservation.id.0.as_u128()
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_payment_committed_late_is_counted_late_and_delays_no_count() {
    let program = Program::start().await;
    let counters = &program.database;
    let late = program.held("ann", &["A-1", "A-2"]).await;
    let never = program.held("ben", &["A-3"]).await;
    let (paying, failing) = (&mut program.raw().await, &mut program.raw().await);
    begin(paying, &confirm_an_hour_ago(&late)).await.unwrap();
    begin(failing, &confirm_an_hour_ago(&never)).await.unwrap();

    // A count that waited for these transactions would never end.
    program.charge("cat", 100).await;
    let held = program.held("cat", &["A-4"]).await;
    program.pay(&held).await;
    assert_eq!(counters.add_up(10).await.unwrap(), 1);
    assert_eq!(counters.add_up(10).await.unwrap(), 0);
    assert_eq!(sold(&program).await, 1);

    execute(paying, "COMMIT").await.unwrap();
    execute(failing, "ROLLBACK").await.unwrap();
    assert_eq!(sold(&program).await, 3, "before it is counted");
    assert_eq!(counters.add_up(10).await.unwrap(), 1);
    assert_eq!(counters.add_up(10).await.unwrap(), 0);
    assert_eq!(sold(&program).await, 3, "after it is counted");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reservations_being_counted_delay_no_payment_and_no_other_count() {
    let program = Program::start().await;
    for (name, seat) in [("ann", "A-1"), ("ben", "A-2")] {
        program.charge(name, 100).await;
        let held = program.held(name, &[seat]).await;
        program.pay(&held).await;
    }
    let job = &mut program.raw().await;
    let as_the_adapter = "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED";
    execute(job, as_the_adapter).await.unwrap();
    let take = "SELECT id FROM reservations
                WHERE counted_at IS NULL AND confirmed_at IS NOT NULL
                ORDER BY confirmed_at LIMIT 1000 FOR UPDATE SKIP LOCKED";
    begin(job, take).await.unwrap();
    let mark =
        "UPDATE reservations SET counted_at = UTC_TIMESTAMP(6) WHERE confirmed_at IS NOT NULL";
    execute(job, mark).await.unwrap();

    // The job has not committed and never does.
    let before = program.database.retries();
    program.charge("cat", 100).await;
    let held = program.held("cat", &["A-3"]).await;
    program.pay(&held).await;
    assert_eq!(program.database.retries(), before);
    assert_eq!(sold(&program).await, 3);
    assert_eq!(program.database.add_up(10).await.unwrap(), 1);
    execute(job, "ROLLBACK").await.unwrap();
    assert_eq!(program.database.add_up(10).await.unwrap(), 2);
    assert_eq!(sold(&program).await, 3);
    let twice = "SELECT CAST(SUM(seats) AS CHAR) AS text FROM concert_sales WHERE grain = 3";
    assert_eq!(texts(job, twice).await, ["3"]);
}
