//! Which memory is freed when users and queues are no longer needed.

use super::*;
use crate::{
    decorators::snapshot_queue::{queue_cache::QueueCache, tombstones::Tombstones},
    model::queue::Heartbeat,
};

const USERS: i64 = 20_000;

/// Returns a fixture that allows any number of snapshots and has [`USERS`] users in its cache.
async fn with_many_users() -> (TestSnapshots, Arc<QueueCache>) {
    let store = TestSnapshots::new(0, 0).store;
    let mut queue = MockQueue::new();
    let state = Arc::clone(&store);
    queue
        .expect_look_up()
        .returning(move |_| state.lock().unwrap().answer(LookUpOutcome::Gone));
    let mut line = MockQueueSnapshots::new();
    let state = Arc::clone(&store);
    line.expect_snapshot().returning(move |_, _| {
        let store = state.lock().unwrap();
        store.answer(SnapshotOutcome::Seen(store.line.clone()))
    });
    line.expect_record_heartbeats()
        .returning(|_, heartbeats: &[Heartbeat]| {
            Ok(vec![stamped(LookUpOutcome::Gone); heartbeats.len()])
        });
    let fixture = TestSnapshots::of(store, queue, line, SnapshotQueue::MOST_USERS);
    fixture.refresh().await;
    let cache = fixture.shared.cache(CONCERT);
    for arrival in 0..USERS {
        cache_user(&cache, arrival);
    }
    (fixture, cache)
}

fn cache_user(cache: &QueueCache, arrival: i64) {
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
async fn the_memory_of_removed_users_is_freed() {
    let (fixture, cache) = with_many_users().await;
    assert!(cache.capacity() >= usize::try_from(USERS).unwrap());
    fixture.advance(75_000);
    fixture.shared.flush_heartbeats().await.unwrap();
    assert!(!cache.has_entries());
    assert!(cache.capacity() < 64 * 100, "{}", cache.capacity());
}

#[tokio::test]
async fn users_who_are_removed_and_found_repeatedly_take_no_more_memory() {
    let (fixture, cache) = with_many_users().await;
    let before = cache.capacity();
    for _ in 0..10 {
        for arrival in 0..USERS {
            cache.forget(Arrival::from_micros(10 + arrival));
            cache_user(&cache, arrival);
        }
    }
    assert!(
        cache.capacity() < 4 * before,
        "{before}, {}",
        cache.capacity()
    );
    drop(fixture);
}

#[tokio::test]
async fn an_unused_queue_is_dropped_after_a_minute() {
    let (fixture, cache) = with_many_users().await;
    drop(cache);
    fixture.advance(75_000);
    fixture.shared.flush_heartbeats().await.unwrap();
    fixture.advance(59_999);
    fixture.shared.flush_heartbeats().await.unwrap();
    assert_eq!(fixture.caches().0, 1);
    fixture.advance(1);
    fixture.shared.flush_heartbeats().await.unwrap();
    assert_eq!(fixture.caches(), (0, 0));
}

#[tokio::test]
async fn a_queue_with_a_cached_user_is_not_dropped() {
    let (fixture, cache) = with_many_users().await;
    drop(cache);
    fixture.advance(49_000);
    fixture.shared.flush_heartbeats().await.unwrap(); // takes a snapshot
    fixture.advance(59_999);
    fixture.shared.flush_heartbeats().await.unwrap(); // takes another, and removes all users
    fixture.advance(59_999);
    fixture.shared.flush_heartbeats().await.unwrap();
    assert_eq!(fixture.caches().0, 1);
}

#[tokio::test]
async fn a_queue_with_a_store_call_under_way_is_not_dropped() {
    let (fixture, cache) = with_many_users().await;
    fixture.advance(75_000);
    fixture.shared.flush_heartbeats().await.unwrap();
    fixture.advance(60_000);
    fixture.shared.flush_heartbeats().await.unwrap();
    assert_eq!(fixture.caches().0, 1);
    drop(cache);
    fixture.shared.flush_heartbeats().await.unwrap();
    assert_eq!(fixture.caches().0, 0);
}

#[tokio::test]
async fn departures_take_no_more_memory_than_the_bound() {
    let (fixture, cache) = with_many_users().await;
    for arrival in 0..500_000 {
        cache.forget(Arrival::from_micros(10 + arrival));
    }
    // A hash map that has just grown has a capacity of up to 16/7 of its length.
    assert!(cache.capacity() < 64 * Tombstones::MOST * 16 / 7 + 64 * 1_000);
    for second in 0..12 {
        fixture.advance(1_000);
        fixture.refresh().await;
        assert_eq!(cache.capacity() < 64 * 1_000, second >= 10, "{second}");
    }
}
