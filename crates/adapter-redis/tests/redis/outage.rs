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

use crate::test_store::{Raw, SOON, paused_on, quick};

/// Waits until this many calls in a row fail at once: every connection knows.
async fn fails_at_once(test_queue: &TestQueue<RedisStore>, ticket: &Ticket) {
    const IN_A_ROW: usize = 8;
    eventually("calls fail at once", SOON, async || {
        for _ in 0..IN_A_ROW {
            let mut call = pin!(test_queue.store.look_up(ticket));
            match poll!(call.as_mut()) {
                Poll::Ready(Err(StoreError::NotApplied { retry_after, .. })) => {
                    assert!(retry_after.is_some());
                }
                Poll::Ready(other) => panic!("the server does not answer, but: {other:?}"),
                // Its connection does not know yet.
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

/// Waits until a call of each connection is served. None may be of unknown outcome: nothing was sent
/// to a server that was known to be away.
async fn serves_again(test_queue: &TestQueue<RedisStore>, ticket: &Ticket) {
    eventually("calls are served again", SOON, async || {
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
async fn a_paused_server_fails_calls_in_time_then_at_once_and_goes_on_when_it_does() {
    let mut server = RedisServer::start().await.unwrap();
    let test_queue = paused_on(&server).await;
    let ann = test_queue.join("ann").await;
    server.pause().unwrap();
    let call = tokio::time::timeout(SOON, test_queue.store.look_up(&ann));
    let first = call.await.expect("an end in bounded time");
    assert!(is_unknown(&first), "it was sent: {first:?}");
    fails_at_once(&test_queue, &ann).await;
    server.resume().unwrap();
    serves_again(&test_queue, &ann).await;
}

#[tokio::test]
async fn a_server_that_ended_fails_calls_at_once_and_goes_on_when_it_is_back() {
    let options = RedisOptions {
        append_only: true,
        ..RedisOptions::default()
    };
    let mut server = RedisServer::start_with(options).await.unwrap();
    let test_queue = paused_on(&server).await;
    let ann = test_queue.join("ann").await;
    server.kill().unwrap();
    fails_at_once(&test_queue, &ann).await;
    server.restart().await.unwrap();
    serves_again(&test_queue, &ann).await;
}

/// All connections are hung up while nobody uses them: no call pays for that.
#[tokio::test]
async fn a_hung_up_connection_is_replaced_before_anybody_uses_it() {
    let server = RedisServer::start().await.unwrap();
    let test_queue = paused_on(&server).await;
    let ann = test_queue.join("ann").await;
    let mut raw = Raw::connect(&server.url()).await;
    let connected: String = raw.ask(&["CLIENT", "LIST"]).await;
    raw.ask::<()>(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"])
        .await;
    eventually("all connections are new", SOON, async || {
        let now: String = raw.ask(&["CLIENT", "LIST"]).await;
        Ok((now.lines().count() == connected.lines().count()).then_some(()))
    })
    .await
    .unwrap();
    for _ in 0..6 {
        test_queue.standing(&ann).await;
    }
}

/// An answer is lost on the way, and its connection goes on, as no network does it, but a broken proxy may:
/// the next answer comes to who waits for the lost one.
#[tokio::test]
async fn nobody_is_told_the_answer_to_somebody_else() {
    let server = RedisServer::start().await.unwrap();
    let address = server.url();
    let address = address.strip_prefix("redis://").unwrap();
    let network = FaultProxy::start(address.parse().unwrap()).unwrap();
    let settings = RedisSettings {
        answer_timeout: SOON,
        ..RedisSettings::new(format!("redis://{}", network.address()))
    };
    let store = RedisStore::open(&settings, TimeOffset::default()).await;
    let test_queue = TestQueue::open(store.unwrap(), policies::paused()).await;
    let (ann, bob) = (test_queue.join("ann").await, test_queue.join("bob").await);
    // The server knows the scripts, so there is one answer only. At the gate, bob does not share a call with ann.
    test_queue.standing(&ann).await;
    let gate = test_queue.store.pass_gate(&bob, GatePurpose::Browse).await;
    assert!(matches!(gate.unwrap().value, GateOutcome::Waiting(_)));
    network.set(Fault::LoseAnswers).await.unwrap();
    let anns = tokio::spawn({
        let (store, ann) = (test_queue.store.clone(), ann.clone());
        async move { store.look_up(&ann).await }
    });
    network.answer_lost().await.unwrap();
    network.set(Fault::Forward).await.unwrap();
    let bobs = tokio::spawn({
        let (store, bob) = (test_queue.store.clone(), bob.clone());
        async move { store.pass_gate(&bob, GatePurpose::Browse).await }
    });
    let told = anns.await.unwrap();
    assert!(is_unknown(&told), "this was of bob: {told:?}");
    // On a new connection everything is as it should be; bob goes on waiting on the old.
    eventually("calls are served again", SOON, async || {
        match test_queue.store.look_up(&ann).await {
            Ok(found) => Ok(Some(found)),
            Err(_) => Ok(None),
        }
    })
    .await
    .unwrap();
    bobs.abort();
}

/// A connection on which nothing comes back any more, though new ones work: its server was replaced without
/// a word, say. Whoever asks for a ranking gives up long before the adapter would.
#[tokio::test]
async fn a_silent_connection_is_replaced_though_nobody_waits_for_its_answers() {
    const SHORT: Duration = Duration::from_millis(20);
    let server = RedisServer::start().await.unwrap();
    let address = server.url();
    let address = address.strip_prefix("redis://").unwrap();
    let network = FaultProxy::start(address.parse().unwrap()).unwrap();
    let settings = RedisSettings::new(format!("redis://{}", network.address()));
    let cache = RedisStore::open_cache(&settings).unwrap();
    let ask = async |period| {
        let call = cache.get(period, Timestamp::MIN);
        tokio::time::timeout(SHORT, call).await.ok()?.ok()
    };
    eventually("the cache answers", SOON, async || {
        Ok(ask(Period::Daily).await)
    })
    .await
    .unwrap();
    let silent = Fault::LoseAnswersTo("ranking:weekly");
    network.set(silent).await.unwrap();
    assert_eq!(ask(Period::Weekly).await, None);
    network.answer_lost().await.unwrap();
    assert_eq!(ask(Period::Daily).await, None, "its connection is silent");
    eventually("another connection answers", SOON, async || {
        Ok(ask(Period::Daily).await)
    })
    .await
    .unwrap();
}

/// What is said of a connection by somebody who still waits for its answer does not concern the one that
/// has taken its place.
#[tokio::test]
async fn a_late_time_out_replaces_no_healthy_connection() {
    let server = RedisServer::start().await.unwrap();
    let address = server.url();
    let network =
        FaultProxy::start(address.strip_prefix("redis://").unwrap().parse().unwrap()).unwrap();
    let settings = RedisSettings {
        url: format!("redis://{}", network.address()),
        answer_timeout: Duration::from_millis(800),
        ..quick(&server)
    };
    let store = RedisStore::open(&settings, TimeOffset::default());
    let test_queue = TestQueue::open(store.await.unwrap(), policies::paused()).await;
    let (ann, bob) = (test_queue.join("ann").await, test_queue.join("bob").await);
    let mut raw = Raw::connect(&address).await;

    let anns_arrival: &str = ann.arrival.micros().to_string().leak();
    network
        .set(Fault::LoseAnswersTo(anns_arrival))
        .await
        .unwrap();
    let mut first = pin!(test_queue.store.look_up(&ann));
    assert!(poll!(first.as_mut()).is_pending());
    network.answer_lost().await.unwrap();
    // By half of that time this one ends later, when the first has long had the connection replaced.
    tokio::time::sleep(settings.answer_timeout / 2).await;
    let mut late = pin!(test_queue.store.pass_gate(&bob, GatePurpose::Browse));
    assert!(poll!(late.as_mut()).is_pending());
    assert!(is_unknown(&first.await));
    serves_again(&test_queue, &bob).await;
    let before = connections(&mut raw).await;
    assert!(late.await.is_err());
    for _ in 0..6 {
        test_queue.standing(&bob).await;
    }
    assert_eq!(connections(&mut raw).await, before);
}

/// How many connections the server has had.
async fn connections(raw: &mut Raw) -> String {
    let stats: String = raw.ask(&["INFO", "stats"]).await;
    let mut lines = stats.lines();
    let received = lines.find(|line| line.starts_with("total_connections_received"));
    received.unwrap().to_owned()
}
