//! The record of clean stops.

use frontrow_domain::{
    model::{DatabaseId, RunId, StopNumber},
    ports::BegunRun,
};

use super::{DatabaseFixture, TestSale, at_once};

async fn begin<F: DatabaseFixture>(sale: &TestSale<F>, fresh: u64, run: u64) -> BegunRun {
    let begun = sale.ports.stops.begin(DatabaseId(fresh), RunId(run));
    begun.await.expect("begin")
}

async fn record<F: DatabaseFixture>(sale: &TestSale<F>, run: u64, stop: u64) -> bool {
    let recorded = sale.ports.stops.record(RunId(run), StopNumber(stop));
    recorded.await.expect("record")
}

async fn recorded<F: DatabaseFixture>(sale: &TestSale<F>) -> Option<StopNumber> {
    sale.ports.stops.recorded().await.expect("recorded")
}

/// A stop is found by one start, also after a restart of the store.
pub async fn a_stop_is_found_once<F: DatabaseFixture>(fixture: F) {
    let mut sale = TestSale::empty(fixture);
    assert_eq!(recorded(&sale).await, None);
    assert_eq!(begin(&sale, 1, 10).await.stop, None);
    assert!(record(&sale, 10, u64::MAX).await);
    sale.reopen().await;
    let stop = Some(StopNumber(u64::MAX));
    for _ in 0..2 {
        assert_eq!(recorded(&sale).await, stop, "looking changes nothing");
    }
    assert_eq!(begin(&sale, 2, 11).await.stop, stop);
    assert_eq!(recorded(&sale).await, None);
    assert_eq!(begin(&sale, 3, 12).await.stop, None);
}

/// The first id stays.
pub async fn a_database_keeps_its_id<F: DatabaseFixture>(fixture: F) {
    let mut sale = TestSale::empty(fixture);
    let first = begin(&sale, u64::MAX, 10).await.database;
    assert_eq!(first, DatabaseId(u64::MAX));
    sale.reopen().await;
    assert_eq!(begin(&sale, 2, 11).await.database, first);
}

/// A run that was replaced records nothing, and removes no record.
pub async fn only_the_last_run_records_a_stop<F: DatabaseFixture>(fixture: F) {
    let sale = TestSale::empty(fixture);
    assert!(!record(&sale, 10, 1).await, "no run has begun");
    begin(&sale, 1, 10).await;
    begin(&sale, 1, 11).await;
    assert!(!record(&sale, 10, 1).await);
    assert_eq!(recorded(&sale).await, None);
    assert!(record(&sale, 11, 2).await);
    assert!(!record(&sale, 10, 3).await);
    assert_eq!(recorded(&sale).await, Some(StopNumber(2)));
}

/// If several runs begin at the same time, one gets the stop, and one may record the next.
pub async fn one_of_several_concurrent_runs_gets_the_stop<F: DatabaseFixture>(fixture: F) {
    let sale = TestSale::empty(fixture);
    begin(&sale, 1, 10).await;
    assert!(record(&sale, 10, 7).await);
    let begun = at_once((20..26).map(|run| {
        let stops = sale.ports.stops.clone();
        async move {
            stops
                .begin(DatabaseId(run), RunId(run))
                .await
                .expect("begin")
        }
    }))
    .await;
    let got = begun.iter().filter(|begun| begun.stop.is_some()).count();
    assert_eq!(got, 1, "{begun:?}");
    assert!(begun.iter().all(|begun| begun.database == DatabaseId(1)));
    let mut may_record = 0;
    for run in 20..26 {
        may_record += usize::from(record(&sale, run, run).await);
    }
    assert_eq!(may_record, 1);
}
