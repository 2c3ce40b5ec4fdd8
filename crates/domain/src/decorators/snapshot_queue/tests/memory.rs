//! Which memory is freed when users and queues are no longer needed.

use super::*;
use crate::{
    decorators::snapshot_queue::{queue_cache::QueueCache, tombstones::Tombstones},
    model::queue::Heartbeat,
};

const USERS: i64 = 20_000;

/// A stage with any number of snapshots, on which many users are cached.
async fn crowded() -> (TestSnapshots, Arc<QueueCache>) {
    let store = TestSnapshots::new(0, 0).store;
    let mut queue = MockQueue::new();
    let says = Arc::clone(&store);
    queue
        .expect_look_up()
        .returning(move |_| says.lock().unwrap().says(LookUpOutcome::Gone));
    let mut line = MockQueueSnapshots::new();
    let says = Arc::clone(&store);
    line.expect_snapshot().returning(move |_, _| {
        let store = says.lock().unwrap();
        store.says(SnapshotOutcome::Seen(store.line.clone()))
    });
    line.expect_record_heartbeats()
        .returning(|_, heartbeats: &[Heartbeat]| {
            Ok(vec![stamped(LookUpOutcome::Gone); heartbeats.len()])
        });
    let stage = TestSnapshots::of(store, queue, line, SnapshotQueue::MOST_USERS);
    stage.look_anew().await;
    let cache = stage.shared.cache(CONCERT);
    for arrival in 0..USERS {
        remember(&cache, arrival);
    }
    (stage, cache)
}

fn remember(cache: &QueueCache, arrival: i64) {
    let place = Place {
        ticket: other(10 + arrival),
        ..waiting(5)
    };
    cache.note(cache.version(), &place, at(100));
}

impl TestSnapshots {
    fn caches(&self) -> (usize, usize) {
        let caches = self.shared.caches.read().unwrap();
        (caches.len(), caches.capacity())
    }
}

#[tokio::test]
async fn the_memory_of_those_who_are_forgotten_is_given_back() {
    let (stage, cache) = crowded().await;
    assert!(cache.capacity() >= usize::try_from(USERS).unwrap());
    stage.pass(75_000);
    stage.shared.flush_heartbeats().await.unwrap();
    assert!(!cache.remembers_anybody());
    assert!(cache.capacity() < 64 * 100, "{}", cache.capacity());
}

#[tokio::test]
async fn who_is_forgotten_and_found_again_and_again_takes_no_more_memory() {
    let (stage, cache) = crowded().await;
    let before = cache.capacity();
    for _ in 0..10 {
        for arrival in 0..USERS {
            cache.forget(Arrival::from_micros(10 + arrival));
            remember(&cache, arrival);
        }
    }
    assert!(
        cache.capacity() < 4 * before,
        "{before}, {}",
        cache.capacity()
    );
    drop(stage);
}

#[tokio::test]
async fn a_queue_for_which_nobody_asks_any_more_is_dropped_after_a_minute() {
    let (stage, cache) = crowded().await;
    drop(cache);
    stage.pass(75_000);
    stage.shared.flush_heartbeats().await.unwrap();
    stage.pass(59_999);
    stage.shared.flush_heartbeats().await.unwrap();
    assert_eq!(stage.caches().0, 1);
    stage.pass(1);
    stage.shared.flush_heartbeats().await.unwrap();
    assert_eq!(stage.caches(), (0, 0));
}

#[tokio::test]
async fn a_queue_in_which_somebody_is_remembered_is_not_dropped() {
    let (stage, cache) = crowded().await;
    drop(cache);
    stage.pass(49_000);
    stage.shared.flush_heartbeats().await.unwrap(); // takes a snapshot
    stage.pass(59_999);
    stage.shared.flush_heartbeats().await.unwrap(); // takes another, and forgets all
    stage.pass(59_999);
    stage.shared.flush_heartbeats().await.unwrap();
    assert_eq!(stage.caches().0, 1);
}

#[tokio::test]
async fn a_queue_about_which_the_store_is_being_asked_is_not_dropped() {
    let (stage, cache) = crowded().await;
    stage.pass(75_000);
    stage.shared.flush_heartbeats().await.unwrap();
    stage.pass(60_000);
    stage.shared.flush_heartbeats().await.unwrap();
    assert_eq!(stage.caches().0, 1);
    drop(cache);
    stage.shared.flush_heartbeats().await.unwrap();
    assert_eq!(stage.caches().0, 0);
}

#[tokio::test]
async fn departures_take_no_more_memory_than_the_bound() {
    let (stage, cache) = crowded().await;
    for arrival in 0..500_000 {
        cache.forget(Arrival::from_micros(10 + arrival));
    }
    // A hash map has room for up to 16/7 of what it holds, when it has just grown.
    assert!(cache.capacity() < 64 * Tombstones::MOST * 16 / 7 + 64 * 1_000);
    for second in 0..12 {
        stage.pass(1_000);
        stage.look_anew().await;
        assert_eq!(cache.capacity() < 64 * 1_000, second >= 10, "{second}");
    }
}
