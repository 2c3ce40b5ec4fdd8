//! The record of clean stops.

use frontrow_domain::{
    model::{DatabaseId, RunId, StopNumber},
    ports::BegunRun,
};

use super::{BoxOffice, DatabaseFixture, at_once};

async fn begin<F: DatabaseFixture>(office: &BoxOffice<F>, fresh: u64, run: u64) -> BegunRun {
    let begun = office.ports.stops.begin(DatabaseId(fresh), RunId(run));
    begun.await.expect("begin")
}

async fn record<F: DatabaseFixture>(office: &BoxOffice<F>, run: u64, stop: u64) -> bool {
    let recorded = office.ports.stops.record(RunId(run), StopNumber(stop));
    recorded.await.expect("record")
}

async fn recorded<F: DatabaseFixture>(office: &BoxOffice<F>) -> Option<StopNumber> {
    office.ports.stops.recorded().await.expect("recorded")
}

/// A stop is found by one start, also after a restart of the store.
pub async fn a_stop_is_found_once<F: DatabaseFixture>(fixture: F) {
    let mut office = BoxOffice::empty(fixture);
    assert_eq!(recorded(&office).await, None);
    assert_eq!(begin(&office, 1, 10).await.stop, None);
    assert!(record(&office, 10, u64::MAX).await);
    office.reopen().await;
    let stop = Some(StopNumber(u64::MAX));
    for _ in 0..2 {
        assert_eq!(recorded(&office).await, stop, "looking changes nothing");
    }
    assert_eq!(begin(&office, 2, 11).await.stop, stop);
    assert_eq!(recorded(&office).await, None);
    assert_eq!(begin(&office, 3, 12).await.stop, None);
}

/// The first id stays.
pub async fn a_database_keeps_its_id<F: DatabaseFixture>(fixture: F) {
    let mut office = BoxOffice::empty(fixture);
    let first = begin(&office, u64::MAX, 10).await.database;
    assert_eq!(first, DatabaseId(u64::MAX));
    office.reopen().await;
    assert_eq!(begin(&office, 2, 11).await.database, first);
}

/// A run that was replaced records nothing, and removes no record.
pub async fn only_the_last_run_records_a_stop<F: DatabaseFixture>(fixture: F) {
    let office = BoxOffice::empty(fixture);
    assert!(!record(&office, 10, 1).await, "no run has begun");
    begin(&office, 1, 10).await;
    begin(&office, 1, 11).await;
    assert!(!record(&office, 10, 1).await);
    assert_eq!(recorded(&office).await, None);
    assert!(record(&office, 11, 2).await);
    assert!(!record(&office, 10, 3).await);
    assert_eq!(recorded(&office).await, Some(StopNumber(2)));
}

/// If several runs begin at the same time, one gets the stop, and one may record the next.
pub async fn of_runs_at_once_one_gets_the_stop<F: DatabaseFixture>(fixture: F) {
    let office = BoxOffice::empty(fixture);
    begin(&office, 1, 10).await;
    assert!(record(&office, 10, 7).await);
    let begun = at_once((20..26).map(|run| {
        let stops = office.ports.stops.clone();
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
        may_record += usize::from(record(&office, run, run).await);
    }
    assert_eq!(may_record, 1);
}
