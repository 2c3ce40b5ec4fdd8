//! Refusals of a server that cannot serve now: nothing was applied, and the caller may retry.

use std::time::Duration;

use deadpool_redis::redis::Client;
use frontrow_adapter_redis::{RedisSettings, RedisStore, TimeOffset};
use frontrow_domain::{
    model::queue::{GatePurpose, PolicyState, Standing},
    ports::{
        GateOutcome, LeaveOutcome, LookUpOutcome, Queue, QueueControl, SeedOutcome, StoreError,
    },
};
use frontrow_port_contracts::{policies, test_queue::TestQueue};
use frontrow_test_harness::{RedisOptions, RedisServer, eventually};

use crate::test_store::{Raw, WAIT_LIMIT, paused_on};

/// Checks that a join fails without having changed anything, for this reason.
async fn assert_refused(test_queue: &TestQueue<RedisStore>, reason: &str) {
    let error = test_queue.try_join("ann").await.unwrap_err();
    let StoreError::NotApplied {
        what, retry_after, ..
    } = &error
    else {
        panic!("{error}");
    };
    assert!(what.contains(reason), "{what}");
    assert!(retry_after.is_some());
}

/// Waits until the store serves again.
async fn wait_until_served(test_queue: &TestQueue<RedisStore>) {
    eventually(
        "the store serves again",
        WAIT_LIMIT,
        async || match test_queue.try_join("ann").await {
            Ok(_) => Ok(Some(())),
            Err(StoreError::NotApplied { .. }) => Ok(None),
            Err(unknown) => Err(unknown.into()),
        },
    )
    .await
    .unwrap();
}

#[tokio::test]
async fn a_server_that_became_a_replica_refuses_joins() {
    let server = RedisServer::start().await.unwrap();
    let test_queue = paused_on(&server).await;
    let mut raw = Raw::connect(&server.url()).await;
    raw.run::<()>(&["REPLICAOF", "127.0.0.1", "1"]).await;
    assert_refused(&test_queue, "ead only replica").await;
    raw.run::<()>(&["REPLICAOF", "NO", "ONE"]).await;
    wait_until_served(&test_queue).await;
}

#[tokio::test]
async fn a_server_without_memory_refuses_joins() {
    let server = RedisServer::start().await.unwrap();
    let test_queue = paused_on(&server).await;
    let mut raw = Raw::connect(&server.url()).await;
    raw.run::<()>(&["CONFIG", "SET", "maxmemory", "1"]).await;
    assert_refused(&test_queue, "maxmemory").await;
    let keys: Vec<String> = raw.run(&["KEYS", "*"]).await;
    assert_eq!(keys.len(), 2, "the format, and an empty queue: {keys:?}");
    raw.run::<()>(&["CONFIG", "SET", "maxmemory", "0"]).await;
    wait_until_served(&test_queue).await;
}

/// Ticks, look-ups and gate passes still work, so that places end and memory becomes free.
#[tokio::test]
async fn a_full_server_serves_users_with_places() {
    let server = RedisServer::start().await.unwrap();
    let mut test_queue = paused_on(&server).await;
    let line = test_queue.line(3).await;
    let mut raw = Raw::connect(&server.url()).await;
    test_queue.change(policies::bypass()).await;
    raw.run::<()>(&["CONFIG", "SET", "maxmemory", "1"]).await;
    assert_refused(&test_queue, "maxmemory").await;
    for ticket in &line {
        assert!(matches!(
            test_queue.standing(ticket).await,
            Standing::Waiting { .. }
        ));
    }
    assert_eq!(test_queue.admit(10).await.done, 3);
    for ticket in &line {
        let passed = test_queue
            .store
            .pass_gate(ticket, GatePurpose::Browse)
            .await;
        assert!(matches!(passed.unwrap().value, GateOutcome::Passed(_)));
    }
    assert_eq!(test_queue.expire(10).await.active, 3);
    for ticket in &line {
        let left = test_queue.store.leave(ticket).await.unwrap().value;
        assert_eq!(left, LeaveOutcome::Left);
    }
    assert_eq!(test_queue.expire(10).await.active, 0);
}

/// When memory runs out, operators close and pause queues, and shorten lifetimes.
#[tokio::test]
async fn a_full_server_accepts_changes_of_policies() {
    let server = RedisServer::start().await.unwrap();
    let mut test_queue = paused_on(&server).await;
    test_queue.change(policies::bypass()).await;
    let (ann, ben) = (test_queue.join("ann").await, test_queue.join("ben").await);
    let mut raw = Raw::connect(&server.url()).await;
    raw.run::<()>(&["CONFIG", "SET", "maxmemory", "1"]).await;
    let mut seed = test_queue.seed_of(policies::paused(), None);
    for (version, state) in [
        (10, PolicyState::Closed),
        (11, PolicyState::Paused),
        (12, PolicyState::Bypass),
    ] {
        seed.policy.version.0 = version;
        seed.policy.policy.state = state;
        seed.policy.policy.claim_ttl = Duration::from_secs(20);
        let seeded = test_queue.store.seed(&seed).await.unwrap().value;
        assert_eq!(seeded, SeedOutcome::Taken { recovering: false });
        let found = test_queue.store.look_up(&ann).await.unwrap();
        let LookUpOutcome::Found(place) = found.value else {
            panic!("ann is active: {found:?}");
        };
        assert_eq!(place.queue.state, state);
        let Standing::Active {
            admitted_at, until, ..
        } = place.standing
        else {
            panic!("ann is active: {place:?}");
        };
        assert_eq!(until, admitted_at + Duration::from_secs(20));
    }
    let version = test_queue
        .store
        .policy_version(test_queue.concert)
        .await
        .unwrap();
    assert_eq!(version, Some(seed.policy.version));
    test_queue.store.leave(&ben).await.unwrap();
    assert_eq!(test_queue.expire(10).await.active, 1);
}

#[tokio::test]
async fn a_server_that_does_not_permit_scripts_refuses_joins() {
    let server = RedisServer::start().await.unwrap();
    let test_queue = paused_on(&server).await;
    let mut raw = Raw::connect(&server.url()).await;
    raw.run::<()>(&["ACL", "SETUSER", "default", "-evalsha"])
        .await;
    assert_refused(&test_queue, "evalsha").await;
}

#[tokio::test]
async fn a_server_busy_with_a_foreign_script_refuses_joins() {
    let server = RedisServer::start().await.unwrap();
    let test_queue = paused_on(&server).await;
    let mut raw = Raw::connect(&server.url()).await;
    raw.run::<()>(&["CONFIG", "SET", "busy-reply-threshold", "1"])
        .await;
    let url = server.url();
    let busy = std::thread::spawn(move || {
        let mut connection = Client::open(url).unwrap().get_connection().unwrap();
        deadpool_redis::redis::cmd("EVAL")
            .arg("while true do end")
            .arg(0)
            .exec(&mut connection)
            .unwrap_err()
    });
    eventually("the server is busy", WAIT_LIMIT, async || {
        Ok(raw.refusal(&["DBSIZE"]).await)
    })
    .await
    .unwrap();
    assert_refused(&test_queue, "BUSY").await;
    raw.run::<()>(&["SCRIPT", "KILL"]).await;
    busy.join().unwrap();
    wait_until_served(&test_queue).await;
}

#[tokio::test]
async fn a_server_that_loads_its_files_refuses_joins() {
    let options = RedisOptions {
        append_only: true,
        ..RedisOptions::default()
    };
    let mut server = RedisServer::start_with(options).await.unwrap();
    paused_on(&server).await;
    let fill = "for i = 1, 60000 do redis.call('SET', 'other:' .. i, i) end";
    let mut raw = Raw::connect(&server.url()).await;
    raw.run::<()>(&["EVAL", fill, "0"]).await;
    // The delay is 0.1 ms a key, so that loading takes seconds unless the delay is removed.
    server
        .restart_reading(&[("key-load-delay", "100")])
        .await
        .unwrap();
    // The server replies only now and then while it loads.
    let settings = RedisSettings {
        connect_timeout: WAIT_LIMIT,
        answer_timeout: WAIT_LIMIT,
        ..RedisSettings::new(server.url())
    };
    let store = RedisStore::open(&settings, TimeOffset::default()).await;
    let test_queue = TestQueue::on(store.unwrap());
    assert_refused(&test_queue, "loading the dataset").await;
    let mut raw = Raw::connect(&server.url()).await;
    raw.run::<()>(&["CONFIG", "SET", "key-load-delay", "0"])
        .await;
    wait_until_served(&test_queue).await;
}
