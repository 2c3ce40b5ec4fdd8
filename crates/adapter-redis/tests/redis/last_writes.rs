//! Losses of last writes that a server had acknowledged, with real servers.

use std::{fs, time::Duration};

use frontrow_adapter_redis::{RedisStore, TimeOffset};
use frontrow_domain::{
    model::queue::{PolicyState, Standing, Ticket},
    ports::{LookUpOutcome, Queue},
};
use frontrow_port_contracts::{policies, test_queue::TestQueue};
use frontrow_test_harness::{Fault, FaultProxy, RedisOptions, RedisServer, eventually};
use jiff::SignedDuration;

use crate::test_store::{Raw, SOON, open, paused_on, quick};

/// A replica of `master` that follows it over `link`.
async fn replica(link: &FaultProxy) -> RedisServer {
    let master = link.address();
    RedisServer::start_with(RedisOptions {
        more: vec![(
            "replicaof".to_owned(),
            format!("{} {}", master.ip(), master.port()),
        )],
        ..RedisOptions::default()
    })
    .await
    .unwrap()
}

/// Waits until the replica has as much as the master.
async fn in_step(master: &mut Raw, replica: &mut Raw) {
    let caught_up = eventually("the replica has everything", SOON, async || {
        let key = "in-step";
        let mark: i64 = master.ask(&["INCR", key]).await;
        let seen: Option<i64> = replica.ask(&["GET", key]).await;
        Ok((seen == Some(mark)).then_some(()))
    });
    caught_up.await.unwrap();
}

/// Each of these has a place at their arrival, in this order.
async fn stand_in_order(test_queue: &TestQueue<RedisStore>, line: &[&Ticket]) {
    for ticket in line {
        match test_queue.store.look_up(ticket).await.unwrap().value {
            LookUpOutcome::Found(place) => assert_eq!(place.ticket, **ticket),
            other => panic!("{} is {other:?}", ticket.user),
        }
    }
    for (ahead, ticket) in (1..).zip(line) {
        match test_queue.standing(ticket).await {
            Standing::Waiting { position, .. } => assert_eq!(position, ahead, "{}", ticket.user),
            Standing::Active { .. } => panic!("{} waits", ticket.user),
        }
    }
}

/// A replica lacks the last joins of its master, whose clock was ahead, and takes its place. Users
/// have joined there before the first of the lost ones comes back.
#[tokio::test]
async fn a_promoted_replica_gets_back_the_users_that_it_lacks() {
    let mut master = RedisServer::start().await.unwrap();
    let address = master.url().trim_start_matches("redis://").parse().unwrap();
    let link = FaultProxy::start(address).unwrap();
    let follower = replica(&link).await;
    let mut test_queue = paused_on(&master).await;
    let ann = test_queue.join("ann").await;
    let (mut to_master, mut to_follower) = (
        Raw::connect(&master.url()).await,
        Raw::connect(&follower.url()).await,
    );
    in_step(&mut to_master, &mut to_follower).await;
    link.set(Fault::LoseAnswers).await.unwrap();
    let (ben, cat) = (test_queue.join("ben").await, test_queue.join("cat").await);
    test_queue
        .change(policies::in_state(PolicyState::Closed))
        .await;
    master.kill().unwrap();
    to_follower.ask::<()>(&["REPLICAOF", "NO", "ONE"]).await;

    let offset = TimeOffset::default();
    offset.shift(SignedDuration::from_millis(-4_500));
    let store = RedisStore::open(&quick(&follower), offset).await.unwrap();
    test_queue.store = store;
    let dan = test_queue.join("dan").await;
    assert!(dan.arrival > cat.arrival);
    stand_in_order(&test_queue, &[&ann, &ben, &cat, &dan]).await;
}

/// The connection to a replica stays when the replica takes the place of its master: what it is
/// asked next finds another server than the one that is recorded.
#[tokio::test]
async fn a_connection_to_a_replica_finds_the_loss_once_it_is_promoted() {
    let mut master = RedisServer::start().await.unwrap();
    let address = master.url().trim_start_matches("redis://").parse().unwrap();
    let link = FaultProxy::start(address).unwrap();
    let follower = replica(&link).await;
    let test_queue = paused_on(&master).await;
    test_queue.join("ann").await;
    let (mut to_master, mut to_follower) = (
        Raw::connect(&master.url()).await,
        Raw::connect(&follower.url()).await,
    );
    in_step(&mut to_master, &mut to_follower).await;
    let beside = TestQueue::on(open(&follower).await);
    link.set(Fault::LoseAnswers).await.unwrap();
    let ben = test_queue.join("ben").await;
    master.kill().unwrap();
    to_follower.ask::<()>(&["REPLICAOF", "NO", "ONE"]).await;
    let cat = beside.join("cat").await;
    assert!(cat.arrival > ben.arrival);
    assert!(matches!(
        beside.standing(&ben).await,
        Standing::Waiting { position: 2, .. }
    ));
}

/// The machine of a server that writes its file to the disk once a second fails: the end of the
/// file is not there.
#[tokio::test]
async fn a_server_gets_back_the_users_that_its_file_lacks() {
    let mut server = RedisServer::start_with(RedisOptions {
        more: vec![
            ("appendonly".to_owned(), "yes".to_owned()),
            ("appendfsync".to_owned(), "everysec".to_owned()),
        ],
        ..RedisOptions::default()
    })
    .await
    .unwrap();
    let test_queue = paused_on(&server).await;
    let ann = test_queue.join("ann").await;
    let folder = server.folder().join("appendonlydir");
    let file = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.to_string_lossy().ends_with(".incr.aof"))
        .unwrap();
    let on_disk = fs::metadata(&file).unwrap().len();
    let (ben, cat) = (test_queue.join("ben").await, test_queue.join("cat").await);
    server.kill().unwrap();
    assert!(fs::metadata(&file).unwrap().len() > on_disk);
    let file = fs::OpenOptions::new().write(true).open(&file).unwrap();
    file.set_len(on_disk).unwrap();
    server.restart().await.unwrap();

    let test_queue = TestQueue::on(open(&server).await);
    let dan = test_queue.join("dan").await;
    stand_in_order(&test_queue, &[&ann, &ben, &cat, &dan]).await;
}

/// A server that does not say which it is: a lost ticket proves the loss where it comes before
/// others have joined.
#[tokio::test]
async fn a_server_without_a_name_learns_of_a_loss_by_a_lost_ticket() {
    let mut server = RedisServer::start().await.unwrap();
    server
        .execute(&["ACL", "SETUSER", "default", "-info"])
        .await
        .unwrap();
    let test_queue = paused_on(&server).await;
    let ann = test_queue.join("ann").await;
    let mut raw = Raw::connect(&server.url()).await;
    let hash = format!("frontrow:{{{}}}:queue", test_queue.concert);
    assert_eq!(
        raw.ask::<Option<String>>(&["HGET", &hash, "server"]).await,
        None
    );
    let lost = Ticket {
        user: frontrow_port_contracts::test_queue::user("ben"),
        arrival: ann.arrival.later(Duration::from_secs(1)),
        ..ann.clone()
    };
    stand_in_order(&test_queue, &[&ann, &lost]).await;
    server.ensure_running().unwrap();
}
