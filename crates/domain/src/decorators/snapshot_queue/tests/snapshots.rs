//! When a snapshot of the line is taken.

use std::sync::atomic::AtomicUsize;

use async_trait::async_trait;
use futures_util::future::join_all;

use super::*;
use crate::{
    model::{
        ConcertId,
        queue::{Heartbeat, Ticket},
    },
    ports::{PeekOutcome, QueueSnapshots},
};

#[tokio::test]
async fn a_clock_that_steps_back_makes_a_snapshot_old() {
    let fixture = TestSnapshots::new(1, 2);
    fixture.position().await;
    fixture.step_clock(-1);
    fixture.position().await;
    fixture.position().await;
}

#[tokio::test]
async fn when_the_stores_clock_steps_back_users_are_looked_up_in_the_store() {
    let fixture = TestSnapshots::new(2, 2);
    fixture.position().await;
    fixture.advance(1_000);
    fixture.store.lock().unwrap().now = at(99);
    assert_eq!(fixture.position().await, (5, at(99)));
}

#[tokio::test]
async fn one_snapshot_shows_for_all_users_that_the_store_lacks_the_queue() {
    let mut queue = MockQueue::new();
    queue
        .expect_look_up()
        .times(3)
        .returning(|_| Ok(stamped(LookUpOutcome::NotSeeded)));
    let mut line = MockQueueSnapshots::new();
    line.expect_snapshot()
        .once()
        .returning(|_, _| Ok(stamped(SnapshotOutcome::NotSeeded)));
    let store = TestSnapshots::new(0, 0).store;
    let fixture = TestSnapshots::of(store, queue, line, 10);
    for _ in 0..3 {
        let found = fixture.look_up(&ticket()).await.unwrap();
        assert_eq!(found.value, LookUpOutcome::NotSeeded);
    }
}

/// A line whose snapshots wait until its gate opens. They fail if `fails` is not 0.
#[derive(Default)]
struct SlowLine {
    /// Closed while it is locked.
    gate: futures_util::lock::Mutex<()>,
    snapshots: AtomicUsize,
    fails: AtomicUsize,
}

#[async_trait]
impl QueueSnapshots for SlowLine {
    async fn snapshot(
        &self,
        _: ConcertId,
        _: Option<DepartureCursor>,
    ) -> StoreResult<Stamped<SnapshotOutcome>> {
        self.snapshots.fetch_add(1, Ordering::Relaxed);
        drop(self.gate.lock().await);
        match self.fails.load(Ordering::Relaxed) {
            0 => Ok(stamped(SnapshotOutcome::Seen(line()))),
            _ => Err(down()),
        }
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
async fn concurrent_look_ups_wait_for_one_snapshot_or_one_failure() {
    let mut queue = MockQueue::new();
    queue
        .expect_look_up()
        .once()
        .returning(|_| Ok(stamped(LookUpOutcome::Found(waiting(5)))));
    let line = Arc::new(SlowLine::default());
    let clock = Arc::new(AtomicI64::new(at(100).as_microsecond()));
    let test_clock = Arc::new(TestClock(Arc::clone(&clock)));
    let shared = SnapshotQueue::new(
        Arc::new(queue),
        line.clone(),
        test_clock,
        10,
        Duration::from_secs(30),
    );
    let ticket = ticket();
    let all_ask = async || {
        let closed = line.gate.lock().await;
        let mut source: Vec<_> = (0..100).map(|_| shared.look_up(&ticket)).collect();
        for look_up in &mut source {
            assert!(futures_util::poll!(look_up.as_mut()).is_pending());
        }
        drop(closed);
        join_all(source).await
    };
    let snapshots = || line.snapshots.load(Ordering::Relaxed);
    assert!(all_ask().await.iter().all(Result::is_ok));
    assert_eq!(snapshots(), 1);
    clock.fetch_add(501_000, Ordering::Relaxed);
    assert!(all_ask().await.iter().all(Result::is_ok));
    assert_eq!(snapshots(), 2);
    clock.fetch_add(501_000, Ordering::Relaxed);
    line.fails.store(1, Ordering::Relaxed);
    assert!(all_ask().await.iter().all(Result::is_ok));
    assert_eq!(snapshots(), 3);
}

#[tokio::test]
async fn a_dropped_request_leaves_its_snapshot_to_the_others() {
    let mut queue = MockQueue::new();
    queue
        .expect_look_up()
        .returning(|_| Ok(stamped(LookUpOutcome::Found(waiting(5)))));
    let line = Arc::new(SlowLine::default());
    let clock = Arc::new(AtomicI64::new(at(100).as_microsecond()));
    let test_clock = Arc::new(TestClock(clock));
    let shared = SnapshotQueue::new(
        Arc::new(queue),
        line.clone(),
        test_clock,
        10,
        Duration::from_secs(30),
    );
    let ticket = ticket();
    let closed = line.gate.lock().await;
    let mut first = shared.look_up(&ticket);
    assert!(futures_util::poll!(first.as_mut()).is_pending());
    drop(first);
    drop(closed);
    assert!(shared.look_up(&ticket).await.is_ok());
    assert_eq!(line.snapshots.load(Ordering::Relaxed), 1);
}
