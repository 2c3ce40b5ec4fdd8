//! No script handles more than its chunk, so that none blocks the others for long, and no request
//! waits until expired places are removed.

use std::time::Duration;

use frontrow_adapter_redis::RedisStore;
use frontrow_domain::{
    model::queue::{Recovery, Standing},
    ports::{LookUpOutcome, Queue, QueueControl},
};
use frontrow_port_contracts::{policies, test_queue::TestQueue};
use jiff::SignedDuration;

use crate::{
    store_fixture::StoreFixture,
    test_store::{Raw, key, let_places_expire},
};

const CHUNK: usize = RedisStore::CHUNK as usize;
const EXPIRED_CHUNK: usize = RedisStore::EXPIRED_CHUNK as usize;

/// Returns a queue with this number of waiting places, all of which have expired.
async fn queue_of_expired_places(users: usize) -> (StoreFixture, TestQueue<RedisStore>) {
    let fixture = StoreFixture::open().await;
    let test_queue = TestQueue::open(fixture.store.clone(), policies::paused()).await;
    test_queue.crowd(users).await;
    let_places_expire(&test_queue, &fixture.offset).await;
    (fixture, test_queue)
}

#[tokio::test]
async fn an_admission_tick_admits_a_chunk_at_most() {
    let fixture = StoreFixture::open().await;
    let mut test_queue = TestQueue::open(fixture.store.clone(), policies::paused()).await;
    test_queue.crowd(CHUNK + 10).await;
    test_queue.change(policies::bypass()).await;
    let report = test_queue.admit(u32::MAX).await;
    assert_eq!((report.done, report.more), (RedisStore::CHUNK, true));
    let report = test_queue.admit(u32::MAX).await;
    assert_eq!((report.done, report.more), (10, false));
}

#[tokio::test]
async fn an_expiry_tick_removes_a_chunk_at_most_and_counts_no_expired_place() {
    let (_fixture, test_queue) = queue_of_expired_places(EXPIRED_CHUNK + 10).await;
    let report = test_queue.expire(u32::MAX).await;
    assert_eq!(
        (report.done, report.more),
        (RedisStore::EXPIRED_CHUNK, true)
    );
    assert_eq!(report.waiting, 0);
    let report = test_queue.expire(u32::MAX).await;
    assert_eq!((report.done, report.more), (10, false));
}

#[tokio::test]
async fn an_admission_tick_removes_a_chunk_of_expired_heads_at_most() {
    const UNEXPIRED: usize = CHUNK + 10;
    let (fixture, mut test_queue) = queue_of_expired_places(2 * EXPIRED_CHUNK + 10).await;
    let mut unexpired = Vec::new();
    for number in 0..UNEXPIRED {
        unexpired.push(test_queue.join(&format!("late-{number}")).await);
    }
    test_queue.change(policies::bypass()).await;
    let mut raw = Raw::connect(fixture.keyspace.url()).await;
    let waiting = key(&test_queue, &fixture.keyspace, "waiting");
    let mut reports = Vec::new();
    for _ in 0..4 {
        let report = test_queue.admit(u32::MAX).await;
        let left: usize = raw.run(&["ZCARD", &waiting]).await;
        reports.push((report.done as usize, report.more, report.waiting, left));
    }
    assert_eq!(
        reports,
        [
            (
                0,
                true,
                unexpired.len() as u64,
                EXPIRED_CHUNK + 10 + UNEXPIRED
            ),
            (0, true, unexpired.len() as u64, 10 + UNEXPIRED),
            (CHUNK, true, 10, 10),
            (10, false, 0, 0),
        ]
    );
    for ticket in &unexpired {
        assert!(matches!(
            test_queue.standing(ticket).await,
            Standing::Active { .. }
        ));
    }
    let report = test_queue.expire(u32::MAX).await;
    assert_eq!((report.done, report.active), (0, UNEXPIRED as u64));
    assert_eq!(report.departed, (2 * EXPIRED_CHUNK + 10 + UNEXPIRED) as u64);
    assert_eq!(report.admitted, UNEXPIRED as u64);
}

/// Requests leave the removal of expired places to ticks. They do not wait for it or fail because
/// of it.
#[tokio::test]
async fn a_user_behind_twenty_thousand_expired_places_is_served() {
    const MANY: usize = 20_000;
    let fixture = StoreFixture::open().await;
    let mut test_queue = TestQueue::open(fixture.store.clone(), policies::paused()).await;
    let line = test_queue.crowd(MANY).await;
    let Some(ann) = line.last() else {
        panic!("twenty thousand have joined");
    };
    for _ in 0..100 {
        fixture.offset.shift(SignedDuration::from_secs(4));
        test_queue.expire(0).await;
        test_queue.standing(ann).await;
    }
    let waiting = key(&test_queue, &fixture.keyspace, "waiting");
    let mut raw = Raw::connect(fixture.keyspace.url()).await;
    let Standing::Waiting { position, .. } = test_queue.standing(ann).await else {
        panic!("ann waits");
    };
    assert!((1..=MANY as u64).contains(&position));
    let gone = test_queue.store.look_up(&line[0]).await.unwrap().value;
    assert_eq!(gone, LookUpOutcome::Gone);
    assert_eq!(raw.run::<usize>(&["ZCARD", &waiting]).await, MANY);
    // A user who joins again removes their own expired place, and no other.
    let rejoined = test_queue.join(line[0].user.as_str()).await;
    assert!(rejoined.arrival > ann.arrival);
    assert_eq!(raw.run::<usize>(&["ZCARD", &waiting]).await, MANY);

    // All expired heads are removed, and the two other users are admitted.
    test_queue.change(policies::bypass()).await;
    let mut calls = 0;
    while test_queue.admit(u32::MAX).await.more {
        calls += 1;
        assert!(calls <= MANY / EXPIRED_CHUNK, "the ticks do not end");
    }
    for ticket in [ann, &rejoined] {
        assert!(matches!(
            test_queue.standing(ticket).await,
            Standing::Active { .. }
        ));
    }
    // No user waits for their turn, so a new user does not wait, whatever is left in the sets.
    let late = test_queue.join("late").await;
    assert!(matches!(
        test_queue.standing(&late).await,
        Standing::Active { .. }
    ));
    while test_queue.expire(u32::MAX).await.more {
        calls += 1;
        assert!(calls <= MANY / EXPIRED_CHUNK + 1, "the ticks do not end");
    }
    let report = test_queue.expire(u32::MAX).await;
    assert_eq!((report.done, report.waiting, report.active), (0, 0, 3));
    assert_eq!(raw.run::<usize>(&["EXISTS", &waiting]).await, 0);
}

#[tokio::test]
async fn a_join_behind_expired_places_only_is_admitted_at_once() {
    let (fixture, mut test_queue) = queue_of_expired_places(2 * EXPIRED_CHUNK).await;
    test_queue.change(policies::bypass()).await;
    let late = test_queue.join("late").await;
    assert!(matches!(
        test_queue.standing(&late).await,
        Standing::Active { .. }
    ));
    let mut raw = Raw::connect(fixture.keyspace.url()).await;
    let waiting = key(&test_queue, &fixture.keyspace, "waiting");
    assert_eq!(
        raw.run::<usize>(&["ZCARD", &waiting]).await,
        2 * EXPIRED_CHUNK
    );
}

#[tokio::test]
async fn the_ended_places_of_a_recovery_are_removed_after_it() {
    let fixture = StoreFixture::open().await;
    let test_queue = TestQueue::open(fixture.store.clone(), policies::paused()).await;
    fixture.keyspace.clear().await.unwrap();
    let recovery = Recovery::lasting(Duration::from_secs(5));
    let seed = test_queue.seed_of(policies::paused(), Some(recovery));
    fixture.store.seed(&seed).await.unwrap();
    let ann = test_queue.join("ann").await;
    test_queue.store.leave(&ann).await.unwrap();
    let ended = key(&test_queue, &fixture.keyspace, "ended_at");
    let mut raw = Raw::connect(fixture.keyspace.url()).await;
    test_queue.expire(1).await;
    assert_eq!(raw.run::<usize>(&["ZCARD", &ended]).await, 1);
    fixture.offset.shift(SignedDuration::from_hours(1));
    let gone = test_queue.store.look_up(&ann).await.unwrap().value;
    assert_eq!(gone, LookUpOutcome::Gone);
    test_queue.expire(1).await;
    assert_eq!(raw.run::<usize>(&["EXISTS", &ended]).await, 0);
}
