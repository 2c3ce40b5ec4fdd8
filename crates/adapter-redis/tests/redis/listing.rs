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
    store_fixture::StoreFixture,
    test_store::{Raw, key, short_timeouts},
};

#[tokio::test]
async fn the_next_tick_writes_a_lost_entry_again() {
    let fixture = StoreFixture::open().await;
    let test_queue = TestQueue::open(fixture.store.clone(), policies::paused()).await;
    test_queue.join("ann").await;
    let busy = format!("{}busy", fixture.keyspace.prefix());
    let mut raw = Raw::connect(fixture.keyspace.url()).await;
    raw.run::<()>(&["DEL", &busy]).await;
    assert!(!test_queue.is_busy().await);
    test_queue.admit(1).await;
    assert!(test_queue.is_busy().await);
}

/// An instance that dies between a join and the listing of the queue leaves such a queue.
#[tokio::test]
async fn the_next_join_or_tick_lists_a_busy_queue_that_is_not_listed() {
    for by_tick in [false, true] {
        let fixture = StoreFixture::open().await;
        let test_queue = TestQueue::open(fixture.store.clone(), policies::paused()).await;
        test_queue.join("ann").await;
        let busy = format!("{}busy", fixture.keyspace.prefix());
        let queue = format!(
            "{}{{{}}}:queue",
            fixture.keyspace.prefix(),
            test_queue.concert
        );
        let mut raw = Raw::connect(fixture.keyspace.url()).await;
        raw.run::<()>(&["DEL", &busy]).await;
        raw.run::<()>(&["HDEL", &queue, "listing"]).await;
        if by_tick {
            test_queue.expire(1).await;
        } else {
            test_queue.join("ben").await;
        }
        assert!(test_queue.is_busy().await);
    }
}

/// A late call of an instance must not remove an entry that was written again since.
#[tokio::test]
async fn a_queue_is_listed_under_a_larger_number_each_time() {
    let fixture = StoreFixture::open().await;
    let test_queue = TestQueue::open(fixture.store.clone(), policies::paused()).await;
    let busy = format!("{}busy", fixture.keyspace.prefix());
    let concert = test_queue.concert.to_string();
    let mut raw = Raw::connect(fixture.keyspace.url()).await;
    let mut before = 0;
    for _ in 0..3 {
        let ann = test_queue.join("ann").await;
        let listing: i64 = raw.run(&["ZSCORE", &busy, &concert]).await;
        assert!(listing > before && listing % 2 == 1, "{before} {listing}");
        before = listing;
        test_queue.expire(1).await;
        assert!(test_queue.is_busy().await);
        test_queue.store.leave(&ann).await.unwrap();
        assert!(test_queue.is_busy().await, "only a tick removes the entry");
        test_queue.expire(1).await;
        assert!(!test_queue.is_busy().await);
    }
}

#[tokio::test]
async fn an_entry_that_cannot_be_read_is_skipped_and_kept() {
    let fixture = StoreFixture::open().await;
    let test_queue = TestQueue::open(fixture.store.clone(), policies::paused()).await;
    test_queue.join("ann").await;
    let busy = format!("{}busy", fixture.keyspace.prefix());
    let mut raw = Raw::connect(fixture.keyspace.url()).await;
    let mut malformed = deadpool_redis::redis::cmd("ZADD");
    malformed
        .arg(&busy)
        .arg(1)
        .arg("a typo")
        .arg(1)
        .arg(b"\xff\xfe");
    malformed
        .arg("inf")
        .arg(test_queue.concert.0.simple().to_string());
    raw.send::<()>(&malformed).await;
    for _ in 0..2 {
        assert_eq!(test_queue.store.busy().await.unwrap(), [test_queue.concert]);
        test_queue.admit(1).await;
        test_queue.expire(1).await;
    }
    assert_eq!(raw.run::<usize>(&["ZCARD", &busy]).await, 4);
}

#[tokio::test]
async fn a_tick_removes_the_entry_of_a_queue_that_the_store_lacks() {
    let fixture = StoreFixture::open().await;
    let test_queue = TestQueue::on(fixture.store.clone());
    let (busy, concert) = (
        format!("{}busy", fixture.keyspace.prefix()),
        test_queue.concert.to_string(),
    );
    let mut raw = Raw::connect(fixture.keyspace.url()).await;
    for number in ["7", "9007199254740991"] {
        raw.run::<()>(&["ZADD", &busy, number, &concert]).await;
        assert!(test_queue.is_busy().await);
        let ticked = fixture
            .store
            .admit(test_queue.concert, 1)
            .await
            .unwrap()
            .value;
        assert_eq!(ticked, TickOutcome::NotSeeded);
        assert!(!test_queue.is_busy().await, "{number}");
    }
}

/// The keys of a queue were lost, and the list was not. The numbers of the new queue begin above
/// the entry.
#[tokio::test]
async fn a_queue_whose_keys_were_lost_leaves_the_list_once_it_is_idle_again() {
    let fixture = StoreFixture::open().await;
    let mut test_queue = TestQueue::open(fixture.store.clone(), policies::paused()).await;
    test_queue.join("ann").await;
    let mut raw = Raw::connect(fixture.keyspace.url()).await;
    let busy = format!("{}busy", fixture.keyspace.prefix());
    let before: i64 = raw
        .run(&["ZSCORE", &busy, &test_queue.concert.to_string()])
        .await;
    for part in ["queue", "waiting", "heard"] {
        raw.run::<()>(&["DEL", &key(&test_queue, &fixture.keyspace, part)])
            .await;
    }
    test_queue.change(policies::paused()).await;
    let ben = test_queue.join("ben").await;
    let listed: i64 = raw
        .run(&["ZSCORE", &busy, &test_queue.concert.to_string()])
        .await;
    assert!(listed > before);
    test_queue.store.leave(&ben).await.unwrap();
    test_queue.expire(1).await;
    assert!(!test_queue.is_busy().await);
}

/// The lost queue was seeded while the clock was ahead, so its number is above that of the new
/// queue.
#[tokio::test]
async fn a_tick_removes_an_entry_whose_number_is_from_a_clock_that_was_ahead() {
    let fixture = StoreFixture::open().await;
    let test_queue = TestQueue::open(fixture.store.clone(), policies::paused()).await;
    let mut raw = Raw::connect(fixture.keyspace.url()).await;
    let (busy, concert) = (
        format!("{}busy", fixture.keyspace.prefix()),
        test_queue.concert.to_string(),
    );
    raw.run::<()>(&["ZADD", &busy, "9007199254740991", &concert])
        .await;
    assert!(test_queue.is_busy().await);
    test_queue.expire(1).await;
    assert!(!test_queue.is_busy().await);
}

/// Returns the numbers of script calls, of `ZADD` calls and of changes so far.
async fn counts(raw: &mut Raw) -> (u64, u64, u64) {
    let info: String = raw.run(&["INFO", "everything"]).await;
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
    let store =
        frontrow_adapter_redis::RedisStore::open(&short_timeouts(&server), offset.clone()).await;
    let mut test_queue = TestQueue::open(store.unwrap(), policies::paused()).await;
    let mut raw = Raw::connect(&server.url()).await;
    // Loads the scripts, which would count as calls.
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
            let before = counts(&mut raw).await;
            if by_admission {
                test_queue.admit(1).await;
            } else {
                test_queue.expire(1).await;
            }
            let after = counts(&mut raw).await;
            let case = format!("idle {idle}, due {due}, by admission {by_admission}");
            assert_eq!((after.0 - before.0, after.1 - before.1), (1, 0), "{case}");
            // Two fields of the hash.
            let written = if due && !idle { 2 } else { 0 };
            assert_eq!(after.2 - before.2, written, "{case}");
        }
    }
}
