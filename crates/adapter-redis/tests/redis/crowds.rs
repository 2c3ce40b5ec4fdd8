//! More users than a batch takes, a distant or slow server, and a stored place that cannot be read.

use std::time::Duration;

use frontrow_adapter_redis::{RedisSettings, RedisStore, TimeOffset};
use frontrow_domain::ports::{JoinOutcome, LookUpOutcome, Queue, StoreError};
use frontrow_port_contracts::{
    policies,
    test_queue::{TestQueue, user},
};
use frontrow_test_harness::{Fault, FaultProxy, RedisServer};
use futures_util::future::join_all;

use crate::test_store::{Raw, WAIT_LIMIT, paused_on, short_timeouts};

/// The delay of the network, in each direction.
const ONE_WAY_DELAY: Duration = Duration::from_millis(100);

/// Returns a proxy in front of this server.
fn proxy_to(server: &RedisServer) -> FaultProxy {
    let address = server.url();
    let address = address.strip_prefix("redis://").unwrap();
    FaultProxy::start(address.parse().unwrap()).unwrap()
}

/// Returns a queue behind this network, in which one user waits.
async fn queue_behind(
    network: &FaultProxy,
    server: &RedisServer,
    connect_timeout: Duration,
    answer_timeout: Duration,
) -> TestQueue<RedisStore> {
    let settings = RedisSettings {
        url: format!("redis://{}", network.address()),
        connect_timeout,
        answer_timeout,
        ..short_timeouts(server)
    };
    let store = RedisStore::open(&settings, TimeOffset::default());
    let test_queue = TestQueue::open(store.await.unwrap(), policies::paused()).await;
    test_queue.join("first").await;
    test_queue
}

/// One call after the other would take fifteen round trips, and the last of these users would reach
/// the queue time-out.
#[tokio::test]
async fn concurrent_calls_to_a_distant_server_do_not_wait_for_each_other() {
    let server = RedisServer::start().await.unwrap();
    let network = proxy_to(&server);
    network.set(Fault::Delay(ONE_WAY_DELAY)).await.unwrap();
    let test_queue = queue_behind(&network, &server, ONE_WAY_DELAY * 5, ONE_WAY_DELAY * 20).await;
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

/// More users than the server can serve within the queue time-out.
#[tokio::test]
async fn a_join_that_reaches_the_queue_time_out_fails_as_not_applied() {
    let server = RedisServer::start().await.unwrap();
    let network = proxy_to(&server);
    let test_queue = queue_behind(&network, &server, ONE_WAY_DELAY, WAIT_LIMIT).await;
    network.set(Fault::Delay(ONE_WAY_DELAY)).await.unwrap();
    let names: Vec<_> = (0..9_000).map(|n| user(&format!("user-{n}"))).collect();
    let joins = names
        .iter()
        .map(|name| test_queue.store.join(test_queue.concert, name, None));
    let mut joined = 1;
    for outcome in join_all(joins).await {
        match outcome {
            Ok(answer) => {
                assert!(matches!(answer.value, JoinOutcome::Joined(_)));
                joined += 1;
            }
            Err(error) => assert!(matches!(error, StoreError::NotApplied { .. }), "{error:?}"),
        }
    }
    network.set(Fault::Forward).await.unwrap();
    assert_eq!(test_queue.expire(1).await.waiting, joined);
}

#[tokio::test]
async fn a_user_with_too_many_calls_at_once_delays_no_other_user() {
    let server = RedisServer::start().await.unwrap();
    let test_queue = paused_on(&server).await;
    let line = test_queue.line(2).await;
    let flood = join_all((0..9_000).map(|_| test_queue.store.look_up(&line[0])));
    let (flood, other) = tokio::join!(flood, test_queue.store.look_up(&line[1]));
    assert!(matches!(other.unwrap().value, LookUpOutcome::Found(_)));
    let served = flood.iter().filter(|answer| answer.is_ok()).count();
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
async fn a_place_that_cannot_be_read_is_gone_and_fails_no_other_look_up() {
    let server = RedisServer::start().await.unwrap();
    let mut test_queue = paused_on(&server).await;
    test_queue.change(policies::bypass()).await;
    let (ann, bob) = (test_queue.join("ann").await, test_queue.join("bob").await);
    let mut raw = Raw::connect(&server.url()).await;
    let keys: Vec<String> = raw.run(&["KEYS", "*:places"]).await;
    let [places] = keys.as_slice() else {
        panic!("a queue has one such key: {keys:?}");
    };
    let members: Vec<Vec<u8>> = raw.run(&["HKEYS", places]).await;
    let mut overwrite = deadpool_redis::redis::cmd("HSET");
    overwrite.arg(places);
    overwrite.arg(&members[0]).arg("no place");
    raw.send::<i64>(&overwrite).await;

    let (ann_result, bob_result) = tokio::join!(
        test_queue.store.look_up(&ann),
        test_queue.store.look_up(&bob)
    );
    let outcomes = [ann_result.unwrap().value, bob_result.unwrap().value];
    let gone = outcomes
        .iter()
        .filter(|outcome| **outcome == LookUpOutcome::Gone);
    assert_eq!(gone.count(), 1, "{outcomes:?}");
    let found = |outcome: &&LookUpOutcome| matches!(outcome, LookUpOutcome::Found(_));
    assert_eq!(outcomes.iter().filter(found).count(), 1, "{outcomes:?}");
    assert_eq!(test_queue.join("ann").await.user, ann.user);
    assert_eq!(test_queue.join("bob").await.user, bob.user);
}
