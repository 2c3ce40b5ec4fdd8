//! The list of the busy queues, which is in another slot than they are.

use frontrow_domain::ports::Queue;

use crate::{
    one_store::OneStore,
    room::{Raw, Room},
};

#[tokio::test]
async fn an_entry_that_was_lost_is_made_again_by_the_next_tick() {
    let one = OneStore::open().await;
    let room = Room::paused(one.store.clone()).await;
    room.join("ann").await;
    let busy = format!("{}busy", one.keyspace.prefix());
    let mut raw = Raw::connect(one.keyspace.url()).await;
    raw.ask::<()>(&["DEL", &busy]).await;
    assert!(!room.is_busy().await);
    room.admit(1).await;
    assert!(room.is_busy().await);
}

/// An instance that dies after a join, and before it has listed the queue, leaves this behind.
#[tokio::test]
async fn a_queue_that_nobody_listed_is_listed_by_the_next_join_or_tick() {
    for by_tick in [false, true] {
        let one = OneStore::open().await;
        let room = Room::paused(one.store.clone()).await;
        room.join("ann").await;
        let busy = format!("{}busy", one.keyspace.prefix());
        let queue = format!("{}{{{}}}:queue", one.keyspace.prefix(), room.concert);
        let mut raw = Raw::connect(one.keyspace.url()).await;
        raw.ask::<()>(&["DEL", &busy]).await;
        raw.ask::<()>(&["HDEL", &queue, "listing"]).await;
        if by_tick {
            room.expire(1).await;
        } else {
            room.join("ben").await;
        }
        assert!(room.is_busy().await);
    }
}

/// What an instance does late must not take a queue off the list that was listed again since.
#[tokio::test]
async fn a_queue_comes_and_goes_on_the_list_under_ever_new_numbers() {
    let one = OneStore::open().await;
    let room = Room::paused(one.store.clone()).await;
    let busy = format!("{}busy", one.keyspace.prefix());
    let concert = room.concert.to_string();
    let mut raw = Raw::connect(one.keyspace.url()).await;
    for turn in 0..3 {
        let ann = room.join("ann").await;
        let listing: i64 = raw.ask(&["ZSCORE", &busy, &concert]).await;
        assert_eq!(listing, 2 * turn + 1);
        room.expire(1).await;
        assert!(room.is_busy().await);
        room.store.leave(&ann).await.unwrap();
        assert!(room.is_busy().await, "only a tick takes it off");
        room.expire(1).await;
        assert!(!room.is_busy().await);
    }
}
