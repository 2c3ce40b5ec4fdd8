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
    one_store::OneStore,
    test_store::{Raw, key, outlive},
};

const CHUNK: usize = RedisStore::CHUNK as usize;
const EXPIRED_CHUNK: usize = RedisStore::EXPIRED_CHUNK as usize;

/// So many who wait, without a heartbeat for longer than that may be.
async fn past_their_end(people: usize) -> (OneStore, TestQueue<RedisStore>) {
    let one = OneStore::open().await;
    let test_queue = TestQueue::open(one.store.clone(), policies::paused()).await;
    test_queue.crowd(people).await;
    outlive(&test_queue, &one.offset).await;
    (one, test_queue)
}

#[tokio::test]
async fn an_admission_tick_admits_a_chunk_at_most() {
    let one = OneStore::open().await;
    let mut test_queue = TestQueue::open(one.store.clone(), policies::paused()).await;
    test_queue.crowd(CHUNK + 10).await;
    test_queue.change(policies::bypass()).await;
    let report = test_queue.admit(u32::MAX).await;
    assert_eq!((report.done, report.more), (RedisStore::CHUNK, true));
    let report = test_queue.admit(u32::MAX).await;
    assert_eq!((report.done, report.more), (10, false));
}

#[tokio::test]
async fn an_expiry_tick_removes_a_chunk_at_most_and_counts_none_that_is_over() {
    let (_one, test_queue) = past_their_end(EXPIRED_CHUNK + 10).await;
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
async fn an_admission_tick_passes_a_chunk_of_heads_past_their_end_at_most() {
    const LIVING: usize = CHUNK + 10;
    let (one, mut test_queue) = past_their_end(2 * EXPIRED_CHUNK + 10).await;
    let mut living = Vec::new();
    for number in 0..LIVING {
        living.push(test_queue.join(&format!("late-{number}")).await);
    }
    test_queue.change(policies::bypass()).await;
    let mut raw = Raw::connect(one.keyspace.url()).await;
    let waiting = key(&test_queue, &one.keyspace, "waiting");
    let mut told = Vec::new();
    for _ in 0..4 {
        let report = test_queue.admit(u32::MAX).await;
        let left: usize = raw.ask(&["ZCARD", &waiting]).await;
        told.push((report.done as usize, report.more, report.waiting, left));
    }
    assert_eq!(
        told,
        [
            (0, true, living.len() as u64, EXPIRED_CHUNK + 10 + LIVING),
            (0, true, living.len() as u64, 10 + LIVING),
            (CHUNK, true, 10, 10),
            (10, false, 0, 0),
        ]
    );
    for ticket in &living {
        assert!(matches!(
            test_queue.standing(ticket).await,
            Standing::Active { .. }
        ));
    }
    let report = test_queue.expire(u32::MAX).await;
    assert_eq!((report.done, report.active), (0, LIVING as u64));
    assert_eq!(report.departed, (2 * EXPIRED_CHUNK + 10 + LIVING) as u64);
    assert_eq!(report.admitted, LIVING as u64);
}

/// Requests leave the removal to ticks: they neither do it nor wait for it nor fail because of it.
#[tokio::test]
async fn one_who_lives_among_twenty_thousand_past_their_end_is_served() {
    const MANY: usize = 20_000;
    let one = OneStore::open().await;
    let mut test_queue = TestQueue::open(one.store.clone(), policies::paused()).await;
    let line = test_queue.crowd(MANY).await;
    let Some(ann) = line.last() else {
        panic!("twenty thousand have joined");
    };
    for _ in 0..100 {
        one.offset.shift(SignedDuration::from_secs(4));
        test_queue.expire(0).await;
        test_queue.standing(ann).await;
    }
    let waiting = key(&test_queue, &one.keyspace, "waiting");
    let mut raw = Raw::connect(one.keyspace.url()).await;
    let Standing::Waiting { position, .. } = test_queue.standing(ann).await else {
        panic!("ann waits");
    };
    assert!((1..=MANY as u64).contains(&position));
    let gone = test_queue.store.look_up(&line[0]).await.unwrap().value;
    assert_eq!(gone, LookUpOutcome::Gone);
    assert_eq!(raw.ask::<usize>(&["ZCARD", &waiting]).await, MANY);
    // The own place past its end is removed by who joins again, and no other.
    let anew = test_queue.join(line[0].user.as_str()).await;
    assert!(anew.arrival > ann.arrival);
    assert_eq!(raw.ask::<usize>(&["ZCARD", &waiting]).await, MANY);

    // All heads past their end are passed, and the two who live are admitted.
    test_queue.change(policies::bypass()).await;
    let mut calls = 0;
    while test_queue.admit(u32::MAX).await.more {
        calls += 1;
        assert!(calls <= MANY / EXPIRED_CHUNK, "it does not come to an end");
    }
    for ticket in [ann, &anew] {
        assert!(matches!(
            test_queue.standing(ticket).await,
            Standing::Active { .. }
        ));
    }
    // Nobody who lives waits, so nobody has to wait, whatever is left in the sets.
    let late = test_queue.join("late").await;
    assert!(matches!(
        test_queue.standing(&late).await,
        Standing::Active { .. }
    ));
    while test_queue.expire(u32::MAX).await.more {
        calls += 1;
        assert!(
            calls <= MANY / EXPIRED_CHUNK + 1,
            "it does not come to an end"
        );
    }
    let report = test_queue.expire(u32::MAX).await;
    assert_eq!((report.done, report.waiting, report.active), (0, 0, 3));
    assert_eq!(raw.ask::<usize>(&["EXISTS", &waiting]).await, 0);
}

#[tokio::test]
async fn a_join_that_finds_only_places_past_their_end_is_admitted_at_once() {
    let (one, mut test_queue) = past_their_end(2 * EXPIRED_CHUNK).await;
    test_queue.change(policies::bypass()).await;
    let late = test_queue.join("late").await;
    assert!(matches!(
        test_queue.standing(&late).await,
        Standing::Active { .. }
    ));
    let mut raw = Raw::connect(one.keyspace.url()).await;
    let waiting = key(&test_queue, &one.keyspace, "waiting");
    assert_eq!(
        raw.ask::<usize>(&["ZCARD", &waiting]).await,
        2 * EXPIRED_CHUNK
    );
}

#[tokio::test]
async fn what_a_recovery_remembers_is_forgotten_after_it() {
    let one = OneStore::open().await;
    let test_queue = TestQueue::open(one.store.clone(), policies::paused()).await;
    one.keyspace.clear().await.unwrap();
    let recovery = Recovery::lasting(Duration::from_secs(5));
    let seed = test_queue.seed_of(policies::paused(), Some(recovery));
    one.store.seed(&seed).await.unwrap();
    let ann = test_queue.join("ann").await;
    test_queue.store.leave(&ann).await.unwrap();
    let ended = key(&test_queue, &one.keyspace, "ended_at");
    let mut raw = Raw::connect(one.keyspace.url()).await;
    test_queue.expire(1).await;
    assert_eq!(raw.ask::<usize>(&["ZCARD", &ended]).await, 1);
    one.offset.shift(SignedDuration::from_hours(1));
    let gone = test_queue.store.look_up(&ann).await.unwrap().value;
    assert_eq!(gone, LookUpOutcome::Gone);
    test_queue.expire(1).await;
    assert_eq!(raw.ask::<usize>(&["EXISTS", &ended]).await, 0);
}
