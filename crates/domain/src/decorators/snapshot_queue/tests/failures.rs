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
    fn snapshots_fail(&self, fail: bool) {
        self.store.lock().unwrap().snapshots_fail = fail;
    }
}

#[tokio::test]
async fn a_cached_user_is_answered_from_the_last_snapshot_for_five_seconds() {
    let fixture = TestSnapshots::new(2, 3);
    fixture.position().await;
    fixture.snapshots_fail(true);
    fixture.advance(4_400);
    assert_eq!(fixture.position().await, (5, at(100)));
    fixture.advance(600);
    assert_eq!(fixture.position().await, (5, at(100)));
    fixture.advance(1);
    let now = fixture.store.lock().unwrap().now;
    assert_eq!(fixture.position().await, (5, now)); // from the store
}

#[tokio::test]
async fn a_user_who_is_not_cached_is_looked_up_in_the_store() {
    let fixture = TestSnapshots::new(3, 1);
    fixture.snapshots_fail(true);
    fixture.position().await;
    fixture.position().await;
    fixture.look_up(&other(8)).await.unwrap();
}

#[tokio::test]
async fn a_failed_snapshot_is_retried_half_a_second_later() {
    let fixture = TestSnapshots::new(1, 4);
    fixture.position().await;
    fixture.snapshots_fail(true);
    fixture.advance(1_000);
    for _ in 0..5 {
        assert_eq!(fixture.position().await, (5, at(100)));
        fixture.advance(99); // one more attempt
    }
    fixture.advance(5); // and the third attempt
    assert_eq!(fixture.position().await, (5, at(100)));
    fixture.snapshots_fail(false);
    fixture.advance(500);
    let now = fixture.store.lock().unwrap().now;
    assert_eq!(fixture.position().await, (5, now));
}

#[tokio::test]
async fn while_snapshots_fail_users_admitted_or_gone_by_the_last_one_are_looked_up_in_the_store() {
    let changes: [fn(&mut LineSnapshot); 2] = [
        |line| line.admitted_up_to = Some(ticket().arrival),
        |line| line.left = Departures::These(vec![ticket().arrival]),
    ];
    for change in changes {
        let fixture = TestSnapshots::new(2, 2);
        fixture.position().await;
        fixture.advance(1_000);
        fixture.change_line(change);
        fixture.refresh().await;
        fixture.snapshots_fail(true);
        fixture.advance(1_000);
        let now = fixture.store.lock().unwrap().now;
        assert_eq!(fixture.position().await, (5, now));
    }
}

/// A cached user is answered without the store for 75 s, as while snapshots succeed.
#[tokio::test]
async fn failing_snapshots_do_not_lengthen_the_time_between_look_ups_in_the_store() {
    let fixture = TestSnapshots::new(2, 3);
    fixture.position().await;
    fixture.advance(73_000);
    fixture.position().await;
    fixture.snapshots_fail(true);
    fixture.advance(1_999);
    assert_eq!(fixture.position().await, (5, at(173)));
    fixture.advance(1);
    let now = fixture.store.lock().unwrap().now;
    assert_eq!(fixture.position().await, (5, now)); // from the store
    assert_eq!(fixture.position().await, (5, now));
}

#[tokio::test]
async fn a_clock_that_stepped_back_does_not_make_an_old_snapshot_usable() {
    let fixture = TestSnapshots::new(2, 2);
    fixture.position().await;
    fixture.snapshots_fail(true);
    fixture.step_clock(-1);
    let now = fixture.store.lock().unwrap().now;
    assert_eq!(fixture.position().await, (5, now));
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
async fn a_snapshot_that_panics_counts_as_failed() {
    let store = TestSnapshots::new(0, 0).store;
    let mut queue = MockQueue::new();
    let state = Arc::clone(&store);
    queue.expect_look_up().times(2).returning(move |_| {
        let store = state.lock().unwrap();
        store.answer(LookUpOutcome::Found(store.place.clone()))
    });
    let fixture = TestSnapshots::of(store, queue, PanickingLine::default(), 10);
    fixture.position().await;
    fixture.advance(500);
    let now = fixture.store.lock().unwrap().now;
    assert_eq!(fixture.position().await, (5, now)); // from the store
    assert_eq!(fixture.position().await, (5, now));
}
