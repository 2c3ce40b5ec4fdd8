//! The keys that the adapter writes.

use std::collections::BTreeSet;

use frontrow_adapter_redis::RedisStore;
use frontrow_domain::{
    model::{
        Period, Ranking, Span,
        queue::{GatePurpose, PolicyState, Recovery},
    },
    ports::{Queue, QueueControl, RankingCache},
};
use frontrow_port_contracts::{policies, test_queue::TestQueue};
use frontrow_test_harness::{RedisOptions, RedisServer};
use jiff::Timestamp;

use crate::test_store::{Raw, WAIT_LIMIT, open, paused_on};

/// Returns a queue that has written every key, and puts a ranking.
async fn queue_with_every_key(server: &RedisServer) -> TestQueue<RedisStore> {
    let mut test_queue = paused_on(server).await;
    let mut raw = Raw::connect(&server.url()).await;
    raw.run::<()>(&["FLUSHALL"]).await;
    // Opening the store records the format of the keys.
    drop(open(server).await);
    let recovery = Recovery::lasting(std::time::Duration::ZERO);
    let seed = test_queue.seed_of(policies::paused(), Some(recovery));
    test_queue.store.seed(&seed).await.unwrap();
    let line = test_queue.line(4).await;
    test_queue
        .change(policies::in_state(PolicyState::Open))
        .await;
    test_queue.admit(2).await;
    for ticket in line.iter().take(1) {
        let passed = test_queue
            .store
            .pass_gate(ticket, GatePurpose::Browse)
            .await;
        passed.unwrap();
    }
    test_queue.store.leave(line.last().unwrap()).await.unwrap();
    let span = Span {
        from: Timestamp::UNIX_EPOCH,
        to: Timestamp::UNIX_EPOCH,
    };
    let ranking = Ranking {
        period: Period::Daily,
        span,
        as_of: Timestamp::UNIX_EPOCH,
        items: Vec::new(),
    };
    let far = "2199-11-22T12:00:00Z".parse().unwrap();
    test_queue.store.put(&ranking, far).await.unwrap();
    test_queue
}

#[tokio::test]
async fn every_key_has_the_prefix() {
    let server = RedisServer::start().await.unwrap();
    let test_queue = queue_with_every_key(&server).await;
    let keys: BTreeSet<String> = Raw::connect(&server.url()).await.run(&["KEYS", "*"]).await;
    let queue = |part: &str| format!("frontrow:{{{}}}:{part}", test_queue.concert);
    let expected = [
        "queue",
        "waiting",
        "heard",
        "active",
        "unclaimed",
        "places",
        "ended_at",
        "left",
    ]
    .map(queue)
    .into_iter()
    .chain(["busy", "format", "ranking:daily"].map(|name| format!("frontrow:{name}")))
    .collect();
    assert_eq!(keys, expected);
}

#[tokio::test]
async fn all_keys_of_a_queue_are_in_one_slot_so_its_scripts_run_on_a_cluster() {
    let options = RedisOptions {
        more: vec![("cluster-enabled".into(), "yes".into())],
        ..RedisOptions::default()
    };
    let server = RedisServer::start_with(options).await.unwrap();
    let mut raw = Raw::connect(&server.url()).await;
    raw.run::<()>(&["CLUSTER", "ADDSLOTSRANGE", "0", "16383"])
        .await;
    frontrow_test_harness::eventually("the cluster serves", WAIT_LIMIT, async || {
        let info: String = Raw::connect(&server.url())
            .await
            .run(&["CLUSTER", "INFO"])
            .await;
        Ok(info.contains("cluster_state:ok").then_some(()))
    })
    .await
    .unwrap();
    let test_queue = queue_with_every_key(&server).await;
    let of_queue = format!("*{{{}}}*", test_queue.concert);
    let keys: Vec<String> = raw.run(&["KEYS", &of_queue]).await;
    let mut slots = BTreeSet::new();
    for key in &keys {
        slots.insert(raw.run::<u16>(&["CLUSTER", "KEYSLOT", key]).await);
    }
    assert_eq!((keys.len(), slots.len()), (8, 1), "{keys:?}");
    drop(open(&server).await);
}
