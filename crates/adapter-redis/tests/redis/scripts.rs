//! The scripts on a server: they are loaded again after a flush, and each runs atomically.

use frontrow_domain::{
    model::queue::{PolicyState, Standing},
    ports::{LeaveOutcome, Queue, QueueControl},
};
use frontrow_port_contracts::{policies, test_queue::TestQueue};
use frontrow_test_harness::RedisServer;
use futures_util::future::join_all;
use jiff::Timestamp;

use crate::{
    one_store::OneStore,
    test_store::{Raw, key, paused_on},
};

#[tokio::test]
async fn a_server_that_forgot_the_scripts_is_given_them_again() {
    // One of its own: others must not be robbed of theirs again and again.
    let server = RedisServer::start().await.unwrap();
    let test_queue = paused_on(&server).await;
    let mut raw = Raw::connect(&server.url()).await;
    for number in 0..3 {
        raw.ask::<()>(&["SCRIPT", "FLUSH"]).await;
        test_queue.join(&format!("user-{number}")).await;
        raw.ask::<()>(&["SCRIPT", "FLUSH"]).await;
        assert_eq!(test_queue.expire(10).await.waiting, number + 1);
    }
}

/// Reads both sets at one instant: how many are in them, and how many are in more than one.
const WATCH: &str = r"
    local there, twice = 0, 0
    for i = 1, #KEYS do
        there = there + redis.call('ZCARD', KEYS[i])
        for j = i + 1, #KEYS do
            twice = twice + redis.call('ZINTERCARD', 2, KEYS[i], KEYS[j])
        end
    end
    return { there, twice }
";

#[tokio::test]
async fn at_no_instant_is_an_admitted_user_in_neither_set() {
    const PEOPLE: usize = 600;
    let one = OneStore::open().await;
    let mut test_queue = TestQueue::open(one.store.clone(), policies::paused()).await;
    let line = test_queue.line(PEOPLE).await;
    test_queue.change(policies::bypass()).await;
    let keys = ["waiting", "active", "unclaimed"]
        .map(|part| format!("{}{{{}}}:{part}", one.keyspace.prefix(), test_queue.concert));
    let [waiting, active, unclaimed] = &keys;
    let watch = ["EVAL", WATCH, "3", waiting, active, unclaimed];
    let mut raw = Raw::connect(one.keyspace.url()).await;
    let admitting = async {
        for ticket in &line {
            test_queue.admit(1).await;
            let purpose = frontrow_domain::model::queue::GatePurpose::Browse;
            test_queue.store.pass_gate(ticket, purpose).await.unwrap();
        }
    };
    let watching = async {
        loop {
            let seen: (usize, usize) = raw.ask(&watch).await;
            assert_eq!(seen, (PEOPLE, 0));
        }
    };
    tokio::select! {
        () = admitting => {}
        () = watching => {}
    }
    assert_eq!(raw.ask::<usize>(&["ZCARD", active]).await, PEOPLE);
}

#[tokio::test]
async fn who_left_the_line_is_remembered_and_those_before_are_forgotten() {
    const MOST: usize = 10_000;
    let one = OneStore::open().await;
    let test_queue = TestQueue::open(one.store.clone(), policies::paused()).await;
    test_queue.join("first").await;
    let left = key(&test_queue, &one.keyspace, "left");
    let queue = key(&test_queue, &one.keyspace, "queue");
    let mut raw = Raw::connect(one.keyspace.url()).await;
    for _ in 0..6 {
        let line = test_queue.crowd(MOST / 5).await;
        for outcome in join_all(line.iter().map(|ticket| test_queue.store.leave(ticket))).await {
            assert_eq!(outcome.unwrap().value, LeaveOutcome::Left);
        }
    }
    assert_eq!(raw.ask::<usize>(&["LLEN", &left]).await, MOST);
    assert_eq!(
        raw.ask::<usize>(&["HGET", &queue, "left"]).await,
        MOST / 5 * 6
    );
}

/// Doubles, in which scripts keep instants, round the last one up.
#[tokio::test]
async fn a_queue_that_never_opens_is_served() {
    let one = OneStore::open().await;
    let test_queue = TestQueue::on(one.store.clone());
    let mut seed = test_queue.seed_of(policies::in_state(PolicyState::Open), None);
    seed.policy.policy.opens_at = Some(Timestamp::MAX);
    one.store.seed(&seed).await.unwrap();
    let ann = test_queue.try_join("ann").await.unwrap();
    assert!(matches!(
        ann.standing,
        Standing::Waiting { position: 1, .. }
    ));
    assert!(ann.queue.opens_at > Some(Timestamp::constant(9_000_000_000, 0)));
    assert_eq!(test_queue.admit(1).await.waiting, 1);
    assert_eq!(test_queue.standing(&ann.ticket).await, ann.standing);
}
