//! A queue without users frees its keys on the server, except for one small hash.

use std::time::Duration;

use frontrow_domain::{
    model::queue::{GatePurpose, PolicyState, Recovery},
    ports::{Queue, QueueControl},
};
use frontrow_test_harness::RedisKeyspace;
use futures_util::future::join_all;
use jiff::SignedDuration;

use crate::{
    one_store::OneStore,
    test_queue::{Raw, TestQueue},
};

/// The keys of a queue that there are.
async fn keys(raw: &mut Raw, room: &TestQueue, keyspace: &RedisKeyspace) -> Vec<String> {
    let mut keys: Vec<String> = raw.ask(&["KEYS", &room.key(keyspace, "*")]).await;
    keys.sort();
    keys
}

#[tokio::test]
async fn an_idle_queue_keeps_one_small_hash() {
    let one = OneStore::open().await;
    let mut room = TestQueue::paused(one.store.clone()).await;
    let mut raw = Raw::connect(one.keyspace.url()).await;
    room.throng(300).await;
    room.change(PolicyState::Open).await;
    room.admit(100).await;
    let line = room.throng(300).await;
    for ticket in line.iter().take(5) {
        let passed = room.store.pass_gate(ticket, GatePurpose::Browse).await;
        passed.unwrap();
    }
    for left in join_all(line.iter().map(|ticket| room.store.leave(ticket))).await {
        left.unwrap();
    }
    let queue = room.key(&one.keyspace, "queue");
    let left = room.key(&one.keyspace, "left");
    assert_eq!(
        keys(&mut raw, &room, &one.keyspace).await,
        [left, queue.clone()]
    );
    room.expire(1).await;
    assert_eq!(
        keys(&mut raw, &room, &one.keyspace).await,
        std::slice::from_ref(&queue)
    );
    let bytes: usize = raw.ask(&["MEMORY", "USAGE", &queue, "SAMPLES", "0"]).await;
    assert!(bytes < 1_500, "an idle queue takes {bytes} bytes");
}

#[tokio::test]
async fn what_a_recovery_needs_is_kept_until_it_is_over() {
    let one = OneStore::open().await;
    let room = TestQueue::on(one.store.clone());
    let recovery = Recovery::lasting(Duration::from_secs(5));
    let seed = room.seed_of(PolicyState::Paused, Some(recovery));
    one.store.seed(&seed).await.unwrap();
    let ann = room.join("ann").await;
    room.store.leave(&ann).await.unwrap();
    let mut raw = Raw::connect(one.keyspace.url()).await;
    room.expire(1).await;
    let kept = ["ended_at", "left", "queue"].map(|part| room.key(&one.keyspace, part));
    assert_eq!(keys(&mut raw, &room, &one.keyspace).await, kept);
    one.offset.shift(SignedDuration::from_hours(1));
    room.expire(1).await;
    let [.., queue] = kept;
    assert_eq!(keys(&mut raw, &room, &one.keyspace).await, [queue]);
}
