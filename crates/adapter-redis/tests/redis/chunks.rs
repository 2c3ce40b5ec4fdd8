//! No script handles more than its chunk, so that none holds up the others for long.

use std::time::Duration;

use frontrow_adapter_redis::RedisStore;
use frontrow_domain::{model::queue::PolicyState, ports::LookUpOutcome, ports::Queue};
use jiff::SignedDuration;

use crate::{
    one_store::OneStore,
    room::{Raw, Room, user},
};

const CHUNK: usize = RedisStore::CHUNK as usize;

/// So many who wait, unheard of for longer than they may be.
async fn past_their_end(people: usize) -> (OneStore, Room, String) {
    let one = OneStore::open().await;
    let room = Room::paused(one.store.clone()).await;
    let first = room.crowd(people).await.remove(0);
    // In service all the time, and nobody is removed.
    for _ in 0..100 {
        one.offset.shift(SignedDuration::from_secs(4));
        room.expire(0).await;
    }
    let waiting = format!("{}{{{}}}:waiting", one.keyspace.prefix(), room.concert);
    assert_eq!(first.user, user("user-0"));
    (one, room, waiting)
}

#[tokio::test]
async fn an_admission_tick_admits_a_chunk_at_most() {
    let one = OneStore::open().await;
    let mut room = Room::paused(one.store.clone()).await;
    room.crowd(CHUNK + 10).await;
    room.change(PolicyState::Bypass).await;
    let report = room.admit(u32::MAX).await;
    assert_eq!((report.done, report.more), (RedisStore::CHUNK, true));
    let report = room.admit(u32::MAX).await;
    assert_eq!((report.done, report.more), (10, false));
}

#[tokio::test]
async fn an_expiry_tick_removes_a_chunk_at_most_and_counts_as_if_it_removed_all() {
    let (_one, room, _) = past_their_end(CHUNK + 10).await;
    let report = room.expire(u32::MAX).await;
    assert_eq!((report.done, report.more), (RedisStore::CHUNK, true));
    assert_eq!(report.waiting, 0);
    let report = room.expire(u32::MAX).await;
    assert_eq!((report.done, report.more), (10, false));
}

#[tokio::test]
async fn a_call_that_finds_more_past_their_end_than_a_chunk_goes_on() {
    let (one, room, waiting) = past_their_end(CHUNK * 2 + 10).await;
    let late = room.join("late").await;
    let mut raw = Raw::connect(one.keyspace.url()).await;
    assert_eq!(raw.ask::<usize>(&["ZCARD", &waiting]).await, 1);
    assert_eq!(
        room.standing(&late).await,
        frontrow_domain::model::queue::Standing::Waiting {
            position: 1,
            behind: 0,
            admitted: 0,
        }
    );
    assert_eq!(room.expire(1).await.departed, CHUNK as u64 * 2 + 10);
}

#[tokio::test]
async fn what_a_recovery_remembers_is_forgotten_after_it() {
    let one = OneStore::open().await;
    let room = Room::paused(one.store.clone()).await;
    one.keyspace.clear().await.unwrap();
    let recovery = frontrow_domain::model::queue::Recovery {
        lasts: Duration::from_secs(5),
    };
    let seed = room.seed_of(PolicyState::Paused, Some(recovery));
    frontrow_domain::ports::QueueControl::seed(&one.store, &seed)
        .await
        .unwrap();
    let ann = room.join("ann").await;
    room.store.leave(&ann).await.unwrap();
    let ended = format!("{}{{{}}}:ended", one.keyspace.prefix(), room.concert);
    let mut raw = Raw::connect(one.keyspace.url()).await;
    assert_eq!(raw.ask::<usize>(&["SCARD", &ended]).await, 1);
    one.offset.shift(SignedDuration::from_hours(1));
    let gone = room.store.look_up(&ann).await.unwrap().value;
    assert_eq!(gone, LookUpOutcome::Gone);
    assert_eq!(raw.ask::<usize>(&["EXISTS", &ended]).await, 0);
}
