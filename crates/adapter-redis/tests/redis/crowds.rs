//! More users than a batch takes, a distant or slow server, and users whose data fails a batch for
//! others.

use std::time::Duration;

use frontrow_adapter_redis::{RedisSettings, RedisStore, TimeOffset};
use frontrow_domain::ports::{JoinOutcome, LookUpOutcome, Queue, StoreError};
use frontrow_port_contracts::{
    policies,
    test_queue::{TestQueue, user},
};
use frontrow_test_harness::{Fault, FaultProxy, RedisServer};
use futures_util::future::join_all;

use crate::test_store::{Raw, SOON, paused_on, quick};

/// In each direction.
const FAR: Duration = Duration::from_millis(100);

/// What lies between a store and its server.
fn network_to(server: &RedisServer) -> FaultProxy {
    let address = server.url();
    let address = address.strip_prefix("redis://").unwrap();
    FaultProxy::start(address.parse().unwrap()).unwrap()
}

/// A queue behind that network, in which one user waits.
async fn room_behind(
    network: &FaultProxy,
    server: &RedisServer,
    connect_timeout: Duration,
    answer_timeout: Duration,
) -> TestQueue<RedisStore> {
    let settings = RedisSettings {
        url: format!("redis://{}", network.address()),
        connect_timeout,
        answer_timeout,
        ..quick(server)
    };
    let store = RedisStore::open(&settings, TimeOffset::default());
    let test_queue = TestQueue::open(store.await.unwrap(), policies::paused()).await;
    test_queue.join("first").await;
    test_queue
}

/// One call after the other would take fifteen round trips, and the last of these people would have waited in
/// vain.
#[tokio::test]
async fn a_crowd_far_from_the_server_does_not_wait_for_one_call_after_the_other() {
    let server = RedisServer::start().await.unwrap();
    let network = network_to(&server);
    network.set(Fault::Delay(FAR)).await.unwrap();
    let test_queue = room_behind(&network, &server, FAR * 5, FAR * 20).await;
    let names: Vec<_> = (0..1_500).map(|n| user(&format!("user-{n}"))).collect();
    let joins = names
        .iter()
        .map(|name| test_queue.store.join(test_queue.concert, name, None));
    for joined in join_all(joins).await {
        assert!(matches!(joined.unwrap().value, JoinOutcome::Joined(_)));
    }
    network.set(Fault::Forward).await.unwrap();
    assert_eq!(test_queue.expire(1).await.waiting, 1_501);
}

/// More people than the server can be asked about in the time that anybody waits.
#[tokio::test]
async fn who_has_waited_in_vain_is_told_that_nothing_was_done() {
    let server = RedisServer::start().await.unwrap();
    let network = network_to(&server);
    let test_queue = room_behind(&network, &server, FAR, SOON).await;
    network.set(Fault::Delay(FAR)).await.unwrap();
    let names: Vec<_> = (0..9_000).map(|n| user(&format!("user-{n}"))).collect();
    let joins = names
        .iter()
        .map(|name| test_queue.store.join(test_queue.concert, name, None));
    let mut joined = 1;
    for outcome in join_all(joins).await {
        match outcome {
            Ok(told) => {
                assert!(matches!(told.value, JoinOutcome::Joined(_)));
                joined += 1;
            }
            Err(error) => assert!(matches!(error, StoreError::NotApplied { .. }), "{error:?}"),
        }
    }
    network.set(Fault::Forward).await.unwrap();
    assert_eq!(test_queue.expire(1).await.waiting, joined);
}

#[tokio::test]
async fn who_asks_too_often_at_once_keeps_nobody_else_waiting() {
    let server = RedisServer::start().await.unwrap();
    let test_queue = paused_on(&server).await;
    let line = test_queue.line(2).await;
    let flood = join_all((0..9_000).map(|_| test_queue.store.look_up(&line[0])));
    let (flood, other) = tokio::join!(flood, test_queue.store.look_up(&line[1]));
    assert!(matches!(other.unwrap().value, LookUpOutcome::Found(_)));
    let served = flood.iter().filter(|told| told.is_ok()).count();
    assert!((1..=101).contains(&served), "{served} of one user");
    let refused = flood.into_iter().filter_map(Result::err);
    for refused in refused {
        assert!(
            matches!(refused, StoreError::NotApplied { .. }),
            "{refused:?}"
        );
    }
}

#[tokio::test]
async fn a_place_that_cannot_be_read_is_none_and_costs_nobody_else_theirs() {
    let server = RedisServer::start().await.unwrap();
    let mut test_queue = paused_on(&server).await;
    test_queue.change(policies::bypass()).await;
    let (ann, bob) = (test_queue.join("ann").await, test_queue.join("bob").await);
    let mut raw = Raw::connect(&server.url()).await;
    let keys: Vec<String> = raw.ask(&["KEYS", "*:places"]).await;
    let [places] = keys.as_slice() else {
        panic!("a queue has one such key: {keys:?}");
    };
    let members: Vec<Vec<u8>> = raw.ask(&["HKEYS", places]).await;
    let mut spoil = deadpool_redis::redis::cmd("HSET");
    spoil.arg(places);
    spoil.arg(&members[0]).arg("no place");
    raw.send::<i64>(&spoil).await;

    let (anns, bobs) = tokio::join!(
        test_queue.store.look_up(&ann),
        test_queue.store.look_up(&bob)
    );
    let told = [anns.unwrap().value, bobs.unwrap().value];
    let gone = told.iter().filter(|told| **told == LookUpOutcome::Gone);
    assert_eq!(gone.count(), 1, "{told:?}");
    let found = |told: &&LookUpOutcome| matches!(told, LookUpOutcome::Found(_));
    assert_eq!(told.iter().filter(found).count(), 1, "{told:?}");
    assert_eq!(test_queue.join("ann").await.user, ann.user);
    assert_eq!(test_queue.join("bob").await.user, bob.user);
}
