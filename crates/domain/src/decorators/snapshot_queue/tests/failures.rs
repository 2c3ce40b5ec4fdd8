//! What happens when a snapshot of the line fails.

use std::sync::atomic::AtomicUsize;

use async_trait::async_trait;

use super::*;
use crate::{
    model::{
        ConcertId,
        queue::{Heartbeat, Ticket},
    },
    ports::{PeekOutcome, QueueSnapshots},
};

impl TestSnapshots {
    fn looks_fail(&self, fail: bool) {
        self.store.lock().unwrap().looks_fail = fail;
    }
}

#[tokio::test]
async fn who_is_remembered_is_answered_from_the_last_look_for_five_seconds() {
    let stage = TestSnapshots::new(2, 3);
    stage.position().await;
    stage.looks_fail(true);
    stage.pass(4_400);
    assert_eq!(stage.position().await, (5, at(100)));
    stage.pass(600);
    assert_eq!(stage.position().await, (5, at(100)));
    stage.pass(1);
    let now = stage.store.lock().unwrap().now;
    assert_eq!(stage.position().await, (5, now)); // from the store
}

#[tokio::test]
async fn who_is_not_remembered_asks_the_store() {
    let stage = TestSnapshots::new(3, 1);
    stage.looks_fail(true);
    stage.position().await;
    stage.position().await;
    stage.look_up(&other(8)).await.unwrap();
}

#[tokio::test]
async fn a_look_that_failed_is_taken_again_half_a_second_later() {
    let stage = TestSnapshots::new(1, 4);
    stage.position().await;
    stage.looks_fail(true);
    stage.pass(1_000);
    for _ in 0..5 {
        assert_eq!(stage.position().await, (5, at(100)));
        stage.pass(99); // one more snapshot
    }
    stage.pass(5); // and the third
    assert_eq!(stage.position().await, (5, at(100)));
    stage.looks_fail(false);
    stage.pass(500);
    let now = stage.store.lock().unwrap().now;
    assert_eq!(stage.position().await, (5, now));
}

#[tokio::test]
async fn while_looks_fail_nobody_who_was_admitted_or_left_by_the_last_one_is_told_to_wait() {
    let changes: [fn(&mut LineSnapshot); 2] = [
        |line| line.admitted_up_to = Some(ticket().arrival),
        |line| line.left = Departures::These(vec![ticket().arrival]),
    ];
    for change in changes {
        let stage = TestSnapshots::new(2, 2);
        stage.position().await;
        stage.pass(1_000);
        stage.change(change);
        stage.look_anew().await;
        stage.looks_fail(true);
        stage.pass(1_000);
        let now = stage.store.lock().unwrap().now;
        assert_eq!(stage.position().await, (5, now));
    }
}

/// They are answered for 75 s, as they are while snapshots succeed.
#[tokio::test]
async fn looks_that_fail_keep_nobody_from_the_store_for_longer() {
    let stage = TestSnapshots::new(2, 3);
    stage.position().await;
    stage.pass(73_000);
    stage.position().await;
    stage.looks_fail(true);
    stage.pass(1_999);
    assert_eq!(stage.position().await, (5, at(173)));
    stage.pass(1);
    let now = stage.store.lock().unwrap().now;
    assert_eq!(stage.position().await, (5, now)); // from the store
    assert_eq!(stage.position().await, (5, now));
}

#[tokio::test]
async fn a_clock_that_stepped_back_makes_no_old_look_good() {
    let stage = TestSnapshots::new(2, 2);
    stage.position().await;
    stage.looks_fail(true);
    stage.step(-1);
    let now = stage.store.lock().unwrap().now;
    assert_eq!(stage.position().await, (5, now));
}

/// A line whose first snapshot panics.
#[derive(Default)]
struct PanickingLine {
    snapshots: AtomicUsize,
}

#[async_trait]
impl QueueSnapshots for PanickingLine {
    async fn snapshot(
        &self,
        _: ConcertId,
        _: Option<DepartureCursor>,
    ) -> StoreResult<Stamped<SnapshotOutcome>> {
        let before = self.snapshots.fetch_add(1, Ordering::Relaxed);
        assert!(before > 0, "the first snapshot panics");
        Ok(stamped(SnapshotOutcome::Seen(line())))
    }

    async fn record_heartbeats(
        &self,
        _: ConcertId,
        heartbeats: &[Heartbeat],
    ) -> StoreResult<Vec<Stamped<LookUpOutcome>>> {
        Ok(vec![stamped(LookUpOutcome::Gone); heartbeats.len()])
    }

    async fn peek(&self, _: ConcertId, _: &[Ticket]) -> StoreResult<Stamped<PeekOutcome>> {
        Ok(stamped(PeekOutcome::NotSeeded))
    }
}

#[tokio::test]
async fn a_look_that_panics_is_one_that_failed() {
    let store = TestSnapshots::new(0, 0).store;
    let mut queue = MockQueue::new();
    let says = Arc::clone(&store);
    queue.expect_look_up().times(2).returning(move |_| {
        let store = says.lock().unwrap();
        store.says(LookUpOutcome::Found(store.place.clone()))
    });
    let stage = TestSnapshots::of(store, queue, PanickingLine::default(), 10);
    stage.position().await;
    stage.pass(500);
    let now = stage.store.lock().unwrap().now;
    assert_eq!(stage.position().await, (5, now)); // from the store
    assert_eq!(stage.position().await, (5, now));
}
