//! The scripts on a server: a call loads its script again after a flush, and each runs atomically.

use frontrow_domain::{
    model::queue::{PolicyState, Standing},
    ports::{LeaveOutcome, Queue, QueueControl},
};
use frontrow_port_contracts::{policies, test_queue::TestQueue};
use frontrow_test_harness::RedisServer;
use futures_util::future::join_all;
use jiff::Timestamp;

use crate::{
    store_fixture::StoreFixture,
    test_store::{Raw, key, paused_on},
};

#[tokio::test]
async fn a_call_loads_its_script_again_after_a_flush() {
    // The server is its own, because a flush would slow down the other tests.
    let server = RedisServer::start().await.unwrap();
    let test_queue = paused_on(&server).await;
    let mut raw = Raw::connect(&server.url()).await;
    for number in 0..3 {
        raw.run::<()>(&["SCRIPT", "FLUSH"]).await;
        test_queue.join(&format!("user-{number}")).await;
        raw.run::<()>(&["SCRIPT", "FLUSH"]).await;
        assert_eq!(test_queue.expire(10).await.waiting, number + 1);
    }
}

/// Returns, at one instant, the number of members of all sets, and of those in more than one set.
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
async fn an_admitted_user_is_in_exactly_one_set_at_every_instant() {
    const USERS: usize = 600;
    let fixture = StoreFixture::open().await;
    let mut test_queue = TestQueue::open(fixture.store.clone(), policies::paused()).await;
    let line = test_queue.line(USERS).await;
    test_queue.change(policies::bypass()).await;
    let keys = ["waiting", "active", "unclaimed"].map(|part| {
        format!(
            "{}{{{}}}:{part}",
            fixture.keyspace.prefix(),
            test_queue.concert
        )
    });
    let [waiting, active, unclaimed] = &keys;
    let watch = ["EVAL", WATCH, "3", waiting, active, unclaimed];
    let mut raw = Raw::connect(fixture.keyspace.url()).await;
    let admitting = async {
        for ticket in &line {
            test_queue.admit(1).await;
            let purpose = frontrow_domain::model::queue::GatePurpose::Browse;
            test_queue.store.pass_gate(ticket, purpose).await.unwrap();
        }
    };
    let watching = async {
        loop {
            let seen: (usize, usize) = raw.run(&watch).await;
            assert_eq!(seen, (USERS, 0));
        }
    };
    tokio::select! {
        () = admitting => {}
        () = watching => {}
    }
    assert_eq!(raw.run::<usize>(&["ZCARD", active]).await, USERS);
}

#[tokio::test]
async fn the_line_keeps_the_latest_departures_and_drops_older_ones() {
    const DEPARTURES_MAX: usize = 10_000;
    let fixture = StoreFixture::open().await;
    let test_queue = TestQueue::open(fixture.store.clone(), policies::paused()).await;
    test_queue.join("first").await;
    let left = key(&test_queue, &fixture.keyspace, "left");
    let queue = key(&test_queue, &fixture.keyspace, "queue");
    let mut raw = Raw::connect(fixture.keyspace.url()).await;
    for _ in 0..6 {
        let line = test_queue.crowd(DEPARTURES_MAX / 5).await;
        for outcome in join_all(line.iter().map(|ticket| test_queue.store.leave(ticket))).await {
            assert_eq!(outcome.unwrap().value, LeaveOutcome::Left);
        }
    }
    assert_eq!(raw.run::<usize>(&["LLEN", &left]).await, DEPARTURES_MAX);
    assert_eq!(
        raw.run::<usize>(&["HGET", &queue, "left"]).await,
        DEPARTURES_MAX / 5 * 6
    );
}

/// Scripts keep instants as doubles, which round the last instant up.
#[tokio::test]
async fn a_queue_that_never_opens_is_served() {
    let fixture = StoreFixture::open().await;
    let test_queue = TestQueue::on(fixture.store.clone());
    let mut seed = test_queue.seed_of(policies::in_state(PolicyState::Open), None);
    seed.policy.policy.opens_at = Some(Timestamp::MAX);
    fixture.store.seed(&seed).await.unwrap();
    let ann = test_queue.try_join("ann").await.unwrap();
    assert!(matches!(
        ann.standing,
        Standing::Waiting { position: 1, .. }
    ));
    assert!(ann.queue.opens_at > Some(Timestamp::constant(9_000_000_000, 0)));
    assert_eq!(test_queue.admit(1).await.waiting, 1);
    assert_eq!(test_queue.standing(&ann.ticket).await, ann.standing);
}
