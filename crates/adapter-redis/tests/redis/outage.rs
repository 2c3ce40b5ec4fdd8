//! Calls fail fast while the server does not answer or has stopped, and work again afterwards.

use std::{pin::pin, task::Poll, time::Duration};

use frontrow_adapter_redis::{RedisSettings, RedisStore, TimeOffset};
use frontrow_domain::{
    model::{
        Period,
        queue::{GatePurpose, Ticket},
    },
    ports::{GateOutcome, LookUpOutcome, Queue, RankingCache, StoreError, StoreResult},
};
use frontrow_port_contracts::{policies, test_queue::TestQueue};
use frontrow_test_harness::{Fault, FaultProxy, RedisOptions, RedisServer, eventually};
use futures_util::poll;
use jiff::Timestamp;

use crate::test_store::{Raw, WAIT_LIMIT, paused_on, short_timeouts};

/// Waits until `IN_A_ROW` calls in a row fail at once, so that every connection has found the
/// outage.
async fn wait_until_calls_fail_at_once(test_queue: &TestQueue<RedisStore>, ticket: &Ticket) {
    const IN_A_ROW: usize = 8;
    eventually("calls fail at once", WAIT_LIMIT, async || {
        for _ in 0..IN_A_ROW {
            let mut call = pin!(test_queue.store.look_up(ticket));
            match poll!(call.as_mut()) {
                Poll::Ready(Err(StoreError::NotApplied { retry_after, .. })) => {
                    assert!(retry_after.is_some());
                }
                Poll::Ready(other) => panic!("the server does not answer, but: {other:?}"),
                // Its connection has not found the outage yet.
                Poll::Pending => {
                    assert!(call.await.is_err());
                    return Ok(None);
                }
            }
        }
        Ok(Some(()))
    })
    .await
    .unwrap();
}

/// Waits until a call on each connection is served. No call may have an unknown outcome, because
/// nothing was sent while the server was known to be unreachable.
async fn wait_until_served(test_queue: &TestQueue<RedisStore>, ticket: &Ticket) {
    eventually("calls are served again", WAIT_LIMIT, async || {
        let mut served = true;
        for _ in 0..4 {
            match test_queue.store.look_up(ticket).await {
                Ok(found) => assert!(matches!(found.value, LookUpOutcome::Found(_))),
                Err(StoreError::NotApplied { .. }) => served = false,
                Err(unknown) => return Err(unknown.into()),
            }
        }
        Ok(served.then_some(()))
    })
    .await
    .unwrap();
}

fn is_unknown<T>(result: &StoreResult<T>) -> bool {
    matches!(result, Err(StoreError::OutcomeUnknown { .. }))
}

#[tokio::test]
async fn calls_to_a_paused_server_time_out_then_fail_at_once_and_work_once_it_resumes() {
    let mut server = RedisServer::start().await.unwrap();
    let test_queue = paused_on(&server).await;
    let ann = test_queue.join("ann").await;
    server.pause().unwrap();
    let call = tokio::time::timeout(WAIT_LIMIT, test_queue.store.look_up(&ann));
    let first = call.await.expect("an end in bounded time");
    assert!(is_unknown(&first), "it was sent: {first:?}");
    wait_until_calls_fail_at_once(&test_queue, &ann).await;
    server.resume().unwrap();
    wait_until_served(&test_queue, &ann).await;
}

#[tokio::test]
async fn calls_to_a_killed_server_fail_at_once_and_work_after_its_restart() {
    let options = RedisOptions {
        append_only: true,
        ..RedisOptions::default()
    };
    let mut server = RedisServer::start_with(options).await.unwrap();
    let test_queue = paused_on(&server).await;
    let ann = test_queue.join("ann").await;
    server.kill().unwrap();
    wait_until_calls_fail_at_once(&test_queue, &ann).await;
    server.restart().await.unwrap();
    wait_until_served(&test_queue, &ann).await;
}

/// The server closes all connections while no call uses them. No later call fails or waits.
#[tokio::test]
async fn a_closed_connection_is_replaced_before_the_next_call() {
    let server = RedisServer::start().await.unwrap();
    let test_queue = paused_on(&server).await;
    let ann = test_queue.join("ann").await;
    let mut raw = Raw::connect(&server.url()).await;
    let connected: String = raw.run(&["CLIENT", "LIST"]).await;
    raw.run::<()>(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"])
        .await;
    eventually("all connections are new", WAIT_LIMIT, async || {
        let now: String = raw.run(&["CLIENT", "LIST"]).await;
        Ok((now.lines().count() == connected.lines().count()).then_some(()))
    })
    .await
    .unwrap();
    for _ in 0..6 {
        test_queue.standing(&ann).await;
    }
}

/// A broken proxy loses one reply and keeps the connection open. The next reply on the connection
/// then arrives at the request whose reply was lost.
#[tokio::test]
async fn no_request_returns_the_reply_to_another_request() {
    let server = RedisServer::start().await.unwrap();
    let address = server.url();
    let address = address.strip_prefix("redis://").unwrap();
    let network = FaultProxy::start(address.parse().unwrap()).unwrap();
    let settings = RedisSettings {
        answer_timeout: WAIT_LIMIT,
        ..RedisSettings::new(format!("redis://{}", network.address()))
    };
    let store = RedisStore::open(&settings, TimeOffset::default()).await;
    let test_queue = TestQueue::open(store.unwrap(), policies::paused()).await;
    let (ann, bob) = (test_queue.join("ann").await, test_queue.join("bob").await);
    // The scripts are loaded now, so each call has one reply. Requests at the gate do not share a
    // call with look-ups.
    test_queue.standing(&ann).await;
    let gate = test_queue.store.pass_gate(&bob, GatePurpose::Browse).await;
    assert!(matches!(gate.unwrap().value, GateOutcome::Waiting(_)));
    network.set(Fault::LoseAnswers).await.unwrap();
    let ann_call = tokio::spawn({
        let (store, ann) = (test_queue.store.clone(), ann.clone());
        async move { store.look_up(&ann).await }
    });
    network.answer_lost().await.unwrap();
    network.set(Fault::Forward).await.unwrap();
    let bob_call = tokio::spawn({
        let (store, bob) = (test_queue.store.clone(), bob.clone());
        async move { store.pass_gate(&bob, GatePurpose::Browse).await }
    });
    let ann_result = ann_call.await.unwrap();
    assert!(
        is_unknown(&ann_result),
        "the reply was for bob: {ann_result:?}"
    );
    // A new connection serves ann. Bob's call still waits on the old one.
    eventually(
        "calls are served again",
        WAIT_LIMIT,
        async || match test_queue.store.look_up(&ann).await {
            Ok(found) => Ok(Some(found)),
            Err(_) => Ok(None),
        },
    )
    .await
    .unwrap();
    bob_call.abort();
}

/// No reply arrives on a connection any more, although new connections work. A caller that reads a
/// ranking gives up long before the time-out of the adapter.
#[tokio::test]
async fn a_silent_connection_is_replaced_though_its_callers_gave_up() {
    const SHORT: Duration = Duration::from_millis(20);
    let server = RedisServer::start().await.unwrap();
    let address = server.url();
    let address = address.strip_prefix("redis://").unwrap();
    let network = FaultProxy::start(address.parse().unwrap()).unwrap();
    let settings = RedisSettings::new(format!("redis://{}", network.address()));
    let cache = RedisStore::open_cache(&settings).unwrap();
    let get_ranking = async |period| {
        let call = cache.get(period, Timestamp::MIN);
        tokio::time::timeout(SHORT, call).await.ok()?.ok()
    };
    eventually("the cache answers", WAIT_LIMIT, async || {
        Ok(get_ranking(Period::Daily).await)
    })
    .await
    .unwrap();
    let silent = Fault::LoseAnswersTo("ranking:weekly");
    network.set(silent).await.unwrap();
    assert_eq!(get_ranking(Period::Weekly).await, None);
    network.answer_lost().await.unwrap();
    assert_eq!(
        get_ranking(Period::Daily).await,
        None,
        "its connection is silent"
    );
    eventually("another connection answers", WAIT_LIMIT, async || {
        Ok(get_ranking(Period::Daily).await)
    })
    .await
    .unwrap();
}

/// A fault that a late call reports on a replaced connection does not concern the next connection.
#[tokio::test]
async fn a_late_time_out_does_not_replace_a_healthy_connection() {
    let server = RedisServer::start().await.unwrap();
    let address = server.url();
    let network =
        FaultProxy::start(address.strip_prefix("redis://").unwrap().parse().unwrap()).unwrap();
    let settings = RedisSettings {
        url: format!("redis://{}", network.address()),
        answer_timeout: Duration::from_millis(800),
        ..short_timeouts(&server)
    };
    let store = RedisStore::open(&settings, TimeOffset::default());
    let test_queue = TestQueue::open(store.await.unwrap(), policies::paused()).await;
    let (ann, bob) = (test_queue.join("ann").await, test_queue.join("bob").await);
    let mut raw = Raw::connect(&address).await;

    let ann_arrival: &str = ann.arrival.micros().to_string().leak();
    network
        .set(Fault::LoseAnswersTo(ann_arrival))
        .await
        .unwrap();
    let mut first = pin!(test_queue.store.look_up(&ann));
    assert!(poll!(first.as_mut()).is_pending());
    network.answer_lost().await.unwrap();
    // The late call begins half a time-out later, so it ends after the connection was replaced.
    tokio::time::sleep(settings.answer_timeout / 2).await;
    let mut late = pin!(test_queue.store.pass_gate(&bob, GatePurpose::Browse));
    assert!(poll!(late.as_mut()).is_pending());
    assert!(is_unknown(&first.await));
    wait_until_served(&test_queue, &bob).await;
    let before = connections_received(&mut raw).await;
    assert!(late.await.is_err());
    for _ in 0..6 {
        test_queue.standing(&bob).await;
    }
    assert_eq!(connections_received(&mut raw).await, before);
}

/// Returns the line of `INFO` with the number of connections that the server has accepted.
async fn connections_received(raw: &mut Raw) -> String {
    let stats: String = raw.run(&["INFO", "stats"]).await;
    let mut lines = stats.lines();
    let received = lines.find(|line| line.starts_with("total_connections_received"));
    received.unwrap().to_owned()
}
