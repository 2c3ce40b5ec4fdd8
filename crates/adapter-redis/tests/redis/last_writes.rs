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

use crate::test_store::{Raw, WAIT_LIMIT, open, paused_on, short_timeouts};

/// Returns a replica that follows its master over `link`.
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

/// Waits until the replica has all writes of the master.
async fn wait_for_replica(master: &mut Raw, replica: &mut Raw) {
    let caught_up = eventually("the replica has everything", WAIT_LIMIT, async || {
        let key = "in-step";
        let count: i64 = master.run(&["INCR", key]).await;
        let seen: Option<i64> = replica.run(&["GET", key]).await;
        Ok((seen == Some(count)).then_some(()))
    });
    caught_up.await.unwrap();
}

/// Checks that the line has the places of these tickets, in this order.
async fn assert_line(test_queue: &TestQueue<RedisStore>, line: &[&Ticket]) {
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

/// A replica that lacks the last joins of its master is promoted. The clock of the master was
/// ahead. A user joins on the replica before the first user with a lost place returns.
#[tokio::test]
async fn users_that_a_promoted_replica_lacks_re_enter() {
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
    wait_for_replica(&mut to_master, &mut to_follower).await;
    link.set(Fault::LoseAnswers).await.unwrap();
    let (ben, cat) = (test_queue.join("ben").await, test_queue.join("cat").await);
    test_queue
        .change(policies::in_state(PolicyState::Closed))
        .await;
    master.kill().unwrap();
    to_follower.run::<()>(&["REPLICAOF", "NO", "ONE"]).await;

    let offset = TimeOffset::default();
    offset.shift(SignedDuration::from_millis(-4_500));
    let store = RedisStore::open(&short_timeouts(&follower), offset)
        .await
        .unwrap();
    test_queue.store = store;
    let dan = test_queue.join("dan").await;
    assert!(dan.arrival > cat.arrival);
    assert_line(&test_queue, &[&ann, &ben, &cat, &dan]).await;
}

/// The connection to a replica stays open when the replica is promoted. The next call on it finds
/// another server than the recorded one.
#[tokio::test]
async fn an_open_connection_to_a_promoted_replica_finds_the_loss() {
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
    wait_for_replica(&mut to_master, &mut to_follower).await;
    let on_follower = TestQueue::on(open(&follower).await);
    link.set(Fault::LoseAnswers).await.unwrap();
    let ben = test_queue.join("ben").await;
    master.kill().unwrap();
    to_follower.run::<()>(&["REPLICAOF", "NO", "ONE"]).await;
    let cat = on_follower.join("cat").await;
    assert!(cat.arrival > ben.arrival);
    assert!(matches!(
        on_follower.standing(&ben).await,
        Standing::Waiting { position: 2, .. }
    ));
}

/// The machine of a server that syncs its file once a second fails, and the end of the file is
/// missing.
#[tokio::test]
async fn users_that_the_file_of_a_restarted_server_lacks_re_enter() {
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
    assert_line(&test_queue, &[&ann, &ben, &cat, &dan]).await;
}

/// The server does not return its name. A lost ticket proves the loss if it is shown before other
/// users have joined.
#[tokio::test]
async fn a_lost_ticket_proves_a_loss_on_a_server_without_a_name() {
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
        raw.run::<Option<String>>(&["HGET", &hash, "server"]).await,
        None
    );
    let lost = Ticket {
        user: frontrow_port_contracts::test_queue::user("ben"),
        arrival: ann.arrival.later(Duration::from_secs(1)),
        ..ann.clone()
    };
    assert_line(&test_queue, &[&ann, &lost]).await;
    server.ensure_running().unwrap();
}
