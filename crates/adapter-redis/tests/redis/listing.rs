//! The list of busy queues, which is in another slot than the queues.

use frontrow_domain::{
    model::ConcertId,
    ports::{Queue, QueueTicks, TickOutcome},
};
use frontrow_port_contracts::{policies, test_queue::TestQueue};
use frontrow_test_harness::RedisServer;
use jiff::SignedDuration;
use uuid::Uuid;

use crate::{
    one_store::OneStore,
    test_store::{Raw, key, quick},
};

#[tokio::test]
async fn an_entry_that_was_lost_is_made_again_by_the_next_tick() {
    let one = OneStore::open().await;
    let test_queue = TestQueue::open(one.store.clone(), policies::paused()).await;
    test_queue.join("ann").await;
    let busy = format!("{}busy", one.keyspace.prefix());
    let mut raw = Raw::connect(one.keyspace.url()).await;
    raw.ask::<()>(&["DEL", &busy]).await;
    assert!(!test_queue.is_busy().await);
    test_queue.admit(1).await;
    assert!(test_queue.is_busy().await);
}

/// An instance that dies after a join, and before it has listed the queue, leaves this behind.
#[tokio::test]
async fn a_queue_that_nobody_listed_is_listed_by_the_next_join_or_tick() {
    for by_tick in [false, true] {
        let one = OneStore::open().await;
        let test_queue = TestQueue::open(one.store.clone(), policies::paused()).await;
        test_queue.join("ann").await;
        let busy = format!("{}busy", one.keyspace.prefix());
        let queue = format!("{}{{{}}}:queue", one.keyspace.prefix(), test_queue.concert);
        let mut raw = Raw::connect(one.keyspace.url()).await;
        raw.ask::<()>(&["DEL", &busy]).await;
        raw.ask::<()>(&["HDEL", &queue, "listing"]).await;
        if by_tick {
            test_queue.expire(1).await;
        } else {
            test_queue.join("ben").await;
        }
        assert!(test_queue.is_busy().await);
    }
}

/// What an instance does late must not take a queue off the list that was listed again since.
#[tokio::test]
async fn a_queue_comes_and_goes_on_the_list_under_ever_new_numbers() {
    let one = OneStore::open().await;
    let test_queue = TestQueue::open(one.store.clone(), policies::paused()).await;
    let busy = format!("{}busy", one.keyspace.prefix());
    let concert = test_queue.concert.to_string();
    let mut raw = Raw::connect(one.keyspace.url()).await;
    let mut before = 0;
    for _ in 0..3 {
        let ann = test_queue.join("ann").await;
        let listing: i64 = raw.ask(&["ZSCORE", &busy, &concert]).await;
        assert!(listing > before && listing % 2 == 1, "{before} {listing}");
        before = listing;
        test_queue.expire(1).await;
        assert!(test_queue.is_busy().await);
        test_queue.store.leave(&ann).await.unwrap();
        assert!(test_queue.is_busy().await, "only a tick takes it off");
        test_queue.expire(1).await;
        assert!(!test_queue.is_busy().await);
    }
}

#[tokio::test]
async fn an_entry_that_cannot_be_read_stops_nobody_and_stays() {
    let one = OneStore::open().await;
    let test_queue = TestQueue::open(one.store.clone(), policies::paused()).await;
    test_queue.join("ann").await;
    let busy = format!("{}busy", one.keyspace.prefix());
    let mut raw = Raw::connect(one.keyspace.url()).await;
    let mut malformed_reply = deadpool_redis::redis::cmd("ZADD");
    malformed_reply
        .arg(&busy)
        .arg(1)
        .arg("a typo")
        .arg(1)
        .arg(b"\xff\xfe");
    malformed_reply
        .arg("inf")
        .arg(test_queue.concert.0.simple().to_string());
    raw.send::<()>(&malformed_reply).await;
    for _ in 0..2 {
        assert_eq!(test_queue.store.busy().await.unwrap(), [test_queue.concert]);
        test_queue.admit(1).await;
        test_queue.expire(1).await;
    }
    assert_eq!(raw.ask::<usize>(&["ZCARD", &busy]).await, 4);
}

#[tokio::test]
async fn a_queue_that_the_store_does_not_know_leaves_the_list() {
    let one = OneStore::open().await;
    let test_queue = TestQueue::on(one.store.clone());
    let (busy, concert) = (
        format!("{}busy", one.keyspace.prefix()),
        test_queue.concert.to_string(),
    );
    let mut raw = Raw::connect(one.keyspace.url()).await;
    for number in ["7", "9007199254740991"] {
        raw.ask::<()>(&["ZADD", &busy, number, &concert]).await;
        assert!(test_queue.is_busy().await);
        let ticked = one.store.admit(test_queue.concert, 1).await.unwrap().value;
        assert_eq!(ticked, TickOutcome::NotSeeded);
        assert!(!test_queue.is_busy().await, "{number}");
    }
}

/// The keys of a queue were lost, and the list was not: its next life begins above the entry.
#[tokio::test]
async fn a_queue_whose_keys_were_lost_leaves_the_list_when_it_is_idle_again() {
    let one = OneStore::open().await;
    let mut test_queue = TestQueue::open(one.store.clone(), policies::paused()).await;
    test_queue.join("ann").await;
    let mut raw = Raw::connect(one.keyspace.url()).await;
    let busy = format!("{}busy", one.keyspace.prefix());
    let before: i64 = raw
        .ask(&["ZSCORE", &busy, &test_queue.concert.to_string()])
        .await;
    for part in ["queue", "waiting", "heard"] {
        raw.ask::<()>(&["DEL", &key(&test_queue, &one.keyspace, part)])
            .await;
    }
    test_queue.change(policies::paused()).await;
    let ben = test_queue.join("ben").await;
    let listed: i64 = raw
        .ask(&["ZSCORE", &busy, &test_queue.concert.to_string()])
        .await;
    assert!(listed > before);
    test_queue.store.leave(&ben).await.unwrap();
    test_queue.expire(1).await;
    assert!(!test_queue.is_busy().await);
}

/// The same, where the clock has stepped back in between.
#[tokio::test]
async fn a_number_of_a_clock_that_was_ahead_does_not_stay_for_ever() {
    let one = OneStore::open().await;
    let test_queue = TestQueue::open(one.store.clone(), policies::paused()).await;
    let mut raw = Raw::connect(one.keyspace.url()).await;
    let (busy, concert) = (
        format!("{}busy", one.keyspace.prefix()),
        test_queue.concert.to_string(),
    );
    raw.ask::<()>(&["ZADD", &busy, "9007199254740991", &concert])
        .await;
    assert!(test_queue.is_busy().await);
    test_queue.expire(1).await;
    assert!(!test_queue.is_busy().await);
}

/// How often scripts and commands of this name ran, and how often anything was changed.
async fn work(raw: &mut Raw) -> (u64, u64, u64) {
    let info: String = raw.ask(&["INFO", "everything"]).await;
    let field = |name: &str| {
        let line = info.lines().find_map(|line| line.strip_prefix(name));
        let digits = line.map(|line| line.split(',').next().unwrap());
        digits.map_or(0, |digits| digits.parse().unwrap())
    };
    (
        field("cmdstat_evalsha:calls="),
        field("cmdstat_zadd:calls="),
        field("rdb_changes_since_last_save:"),
    )
}

#[tokio::test]
async fn a_tick_that_changes_nothing_is_one_call_and_writes_at_most_its_instant() {
    let server = RedisServer::start().await.unwrap();
    let offset = frontrow_adapter_redis::TimeOffset::default();
    let store = frontrow_adapter_redis::RedisStore::open(&quick(&server), offset.clone()).await;
    let mut test_queue = TestQueue::open(store.unwrap(), policies::paused()).await;
    let mut raw = Raw::connect(&server.url()).await;
    // The server knows the scripts from now on.
    for _ in 0..2 {
        test_queue.admit(1).await;
        test_queue.expire(1).await;
    }
    for (idle, due) in [(true, false), (true, true), (false, false), (false, true)] {
        if !idle && !due {
            test_queue.concert = ConcertId(Uuid::from_u128(0xc0_0002));
            test_queue.change(policies::paused()).await;
            test_queue.join("ann").await;
            assert!(test_queue.is_busy().await);
            test_queue.expire(1).await;
        }
        for by_admission in [true, false] {
            if due {
                offset.shift(SignedDuration::from_millis(1_500));
            }
            let before = work(&mut raw).await;
            if by_admission {
                test_queue.admit(1).await;
            } else {
                test_queue.expire(1).await;
            }
            let after = work(&mut raw).await;
            let case = format!("idle {idle}, due {due}, by admission {by_admission}");
            assert_eq!((after.0 - before.0, after.1 - before.1), (1, 0), "{case}");
            // Two fields of the hash.
            let written = if due && !idle { 2 } else { 0 };
            assert_eq!(after.2 - before.2, written, "{case}");
        }
    }
}
