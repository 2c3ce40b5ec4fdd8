//! No script handles more than its chunk, so that none blocks the others for long, and no request
//! waits until expired places are removed.

use std::time::Duration;

use frontrow_adapter_redis::RedisStore;
use frontrow_domain::{
    model::queue::{PolicyState, Recovery, Standing},
    ports::{LookUpOutcome, Queue, QueueControl},
};
use jiff::SignedDuration;

use crate::{
    one_store::OneStore,
    test_queue::{Raw, TestQueue},
};

const CHUNK: usize = RedisStore::CHUNK as usize;
const EXPIRED_CHUNK: usize = RedisStore::EXPIRED_CHUNK as usize;

/// So many who wait, without a heartbeat for longer than that may be.
async fn past_their_end(people: usize) -> (OneStore, TestQueue) {
    let one = OneStore::open().await;
    let room = TestQueue::paused(one.store.clone()).await;
    room.throng(people).await;
    room.outlive(&one.offset).await;
    (one, room)
}

#[tokio::test]
async fn an_admission_tick_admits_a_chunk_at_most() {
    let one = OneStore::open().await;
    let mut room = TestQueue::paused(one.store.clone()).await;
    room.throng(CHUNK + 10).await;
    room.change(PolicyState::Bypass).await;
    let report = room.admit(u32::MAX).await;
    assert_eq!((report.done, report.more), (RedisStore::CHUNK, true));
    let report = room.admit(u32::MAX).await;
    assert_eq!((report.done, report.more), (10, false));
}

#[tokio::test]
async fn an_expiry_tick_removes_a_chunk_at_most_and_counts_none_that_is_over() {
    let (_one, room) = past_their_end(EXPIRED_CHUNK + 10).await;
    let report = room.expire(u32::MAX).await;
    assert_eq!(
        (report.done, report.more),
        (RedisStore::EXPIRED_CHUNK, true)
    );
    assert_eq!(report.waiting, 0);
    let report = room.expire(u32::MAX).await;
    assert_eq!((report.done, report.more), (10, false));
}

#[tokio::test]
async fn an_admission_tick_passes_a_chunk_of_heads_past_their_end_at_most() {
    const LIVING: usize = CHUNK + 10;
    let (one, mut room) = past_their_end(2 * EXPIRED_CHUNK + 10).await;
    let mut living = Vec::new();
    for number in 0..LIVING {
        living.push(room.join(&format!("late-{number}")).await);
    }
    room.change(PolicyState::Bypass).await;
    let mut raw = Raw::connect(one.keyspace.url()).await;
    let waiting = room.key(&one.keyspace, "waiting");
    let mut told = Vec::new();
    for _ in 0..4 {
        let report = room.admit(u32::MAX).await;
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
            room.standing(ticket).await,
            Standing::Active { .. }
        ));
    }
    let report = room.expire(u32::MAX).await;
    assert_eq!((report.done, report.active), (0, LIVING as u64));
    assert_eq!(report.departed, (2 * EXPIRED_CHUNK + 10 + LIVING) as u64);
    assert_eq!(report.admitted, LIVING as u64);
}

/// Requests leave the removal to ticks: they neither do it nor wait for it nor fail because of it.
#[tokio::test]
async fn one_who_lives_among_twenty_thousand_past_their_end_is_served() {
    const MANY: usize = 20_000;
    let one = OneStore::open().await;
    let mut room = TestQueue::paused(one.store.clone()).await;
    let line = room.throng(MANY).await;
    let Some(ann) = line.last() else {
        panic!("twenty thousand have joined");
    };
    for _ in 0..100 {
        one.offset.shift(SignedDuration::from_secs(4));
        room.expire(0).await;
        room.standing(ann).await;
    }
    let waiting = room.key(&one.keyspace, "waiting");
    let mut raw = Raw::connect(one.keyspace.url()).await;
    let Standing::Waiting { position, .. } = room.standing(ann).await else {
        panic!("ann waits");
    };
    assert!((1..=MANY as u64).contains(&position));
    let gone = room.store.look_up(&line[0]).await.unwrap().value;
    assert_eq!(gone, LookUpOutcome::Gone);
    assert_eq!(raw.ask::<usize>(&["ZCARD", &waiting]).await, MANY);
    // The own place past its end is removed by who joins again, and no other.
    let anew = room.join(line[0].user.as_str()).await;
    assert!(anew.arrival > ann.arrival);
    assert_eq!(raw.ask::<usize>(&["ZCARD", &waiting]).await, MANY);

    // All heads past their end are passed, and the two who live are admitted.
    room.change(PolicyState::Bypass).await;
    let mut calls = 0;
    while room.admit(u32::MAX).await.more {
        calls += 1;
        assert!(calls <= MANY / EXPIRED_CHUNK, "it does not come to an end");
    }
    for ticket in [ann, &anew] {
        assert!(matches!(
            room.standing(ticket).await,
            Standing::Active { .. }
        ));
    }
    // Nobody who lives waits, so nobody has to wait, whatever is left in the sets.
    let late = room.join("late").await;
    assert!(matches!(
        room.standing(&late).await,
        Standing::Active { .. }
    ));
    while room.expire(u32::MAX).await.more {
        calls += 1;
        assert!(
            calls <= MANY / EXPIRED_CHUNK + 1,
            "it does not come to an end"
        );
    }
    let report = room.expire(u32::MAX).await;
    assert_eq!((report.done, report.waiting, report.active), (0, 0, 3));
    assert_eq!(raw.ask::<usize>(&["EXISTS", &waiting]).await, 0);
}

#[tokio::test]
async fn a_join_that_finds_only_places_past_their_end_is_admitted_at_once() {
    let (one, mut room) = past_their_end(2 * EXPIRED_CHUNK).await;
    room.change(PolicyState::Bypass).await;
    let late = room.join("late").await;
    assert!(matches!(
        room.standing(&late).await,
        Standing::Active { .. }
    ));
    let mut raw = Raw::connect(one.keyspace.url()).await;
    let waiting = room.key(&one.keyspace, "waiting");
    assert_eq!(
        raw.ask::<usize>(&["ZCARD", &waiting]).await,
        2 * EXPIRED_CHUNK
    );
}

#[tokio::test]
async fn what_a_recovery_remembers_is_forgotten_after_it() {
    let one = OneStore::open().await;
    let room = TestQueue::paused(one.store.clone()).await;
    one.keyspace.clear().await.unwrap();
    let recovery = Recovery::lasting(Duration::from_secs(5));
    let seed = room.seed_of(PolicyState::Paused, Some(recovery));
    one.store.seed(&seed).await.unwrap();
    let ann = room.join("ann").await;
    room.store.leave(&ann).await.unwrap();
    let ended = room.key(&one.keyspace, "ended_at");
    let mut raw = Raw::connect(one.keyspace.url()).await;
    room.expire(1).await;
    assert_eq!(raw.ask::<usize>(&["ZCARD", &ended]).await, 1);
    one.offset.shift(SignedDuration::from_hours(1));
    let gone = room.store.look_up(&ann).await.unwrap().value;
    assert_eq!(gone, LookUpOutcome::Gone);
    room.expire(1).await;
    assert_eq!(raw.ask::<usize>(&["EXISTS", &ended]).await, 0);
}
