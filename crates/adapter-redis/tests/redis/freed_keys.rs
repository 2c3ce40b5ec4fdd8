//! A queue without users frees its keys on the server, except for one small hash.

use std::time::Duration;

use frontrow_adapter_redis::RedisStore;
use frontrow_domain::{
    model::queue::{GatePurpose, PolicyState, Recovery},
    ports::{Queue, QueueControl},
};
use frontrow_port_contracts::{policies, test_queue::TestQueue};
use frontrow_test_harness::RedisKeyspace;
use futures_util::future::join_all;
use jiff::SignedDuration;

use crate::{
    store_fixture::StoreFixture,
    test_store::{Raw, key},
};

/// Returns the existing keys of a queue.
async fn keys(
    raw: &mut Raw,
    test_queue: &TestQueue<RedisStore>,
    keyspace: &RedisKeyspace,
) -> Vec<String> {
    let mut keys: Vec<String> = raw.run(&["KEYS", &key(test_queue, keyspace, "*")]).await;
    keys.sort();
    keys
}

#[tokio::test]
async fn an_idle_queue_keeps_one_small_hash() {
    let fixture = StoreFixture::open().await;
    let mut test_queue = TestQueue::open(fixture.store.clone(), policies::paused()).await;
    let mut raw = Raw::connect(fixture.keyspace.url()).await;
    test_queue.crowd(300).await;
    test_queue
        .change(policies::in_state(PolicyState::Open))
        .await;
    test_queue.admit(100).await;
    let line = test_queue.crowd(300).await;
    for ticket in line.iter().take(5) {
        let passed = test_queue
            .store
            .pass_gate(ticket, GatePurpose::Browse)
            .await;
        passed.unwrap();
    }
    for left in join_all(line.iter().map(|ticket| test_queue.store.leave(ticket))).await {
        left.unwrap();
    }
    let queue = key(&test_queue, &fixture.keyspace, "queue");
    let left = key(&test_queue, &fixture.keyspace, "left");
    assert_eq!(
        keys(&mut raw, &test_queue, &fixture.keyspace).await,
        [left, queue.clone()]
    );
    test_queue.expire(1).await;
    assert_eq!(
        keys(&mut raw, &test_queue, &fixture.keyspace).await,
        std::slice::from_ref(&queue)
    );
    let bytes: usize = raw.run(&["MEMORY", "USAGE", &queue, "SAMPLES", "0"]).await;
    assert!(bytes < 1_500, "an idle queue takes {bytes} bytes");
}

#[tokio::test]
async fn the_keys_of_a_recovery_are_kept_until_it_is_over() {
    let fixture = StoreFixture::open().await;
    let test_queue = TestQueue::on(fixture.store.clone());
    let recovery = Recovery::lasting(Duration::from_secs(5));
    let seed = test_queue.seed_of(policies::paused(), Some(recovery));
    fixture.store.seed(&seed).await.unwrap();
    let ann = test_queue.join("ann").await;
    test_queue.store.leave(&ann).await.unwrap();
    let mut raw = Raw::connect(fixture.keyspace.url()).await;
    test_queue.expire(1).await;
    let needed =
        ["ended_at", "left", "queue"].map(|part| key(&test_queue, &fixture.keyspace, part));
    assert_eq!(keys(&mut raw, &test_queue, &fixture.keyspace).await, needed);
    fixture.offset.shift(SignedDuration::from_hours(1));
    test_queue.expire(1).await;
    let [.., queue] = needed;
    assert_eq!(
        keys(&mut raw, &test_queue, &fixture.keyspace).await,
        [queue]
    );
}
