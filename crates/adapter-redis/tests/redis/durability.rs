//! Acknowledged writes survive a restart, as far as the configuration of the server makes them
//! durable.

use frontrow_domain::{
    model::queue::{GatePurpose, PolicyState, Standing, Ticket},
    ports::{GateOutcome, Queue, StoreError},
};
use frontrow_port_contracts::{policies, test_queue::TestQueue};
use frontrow_test_harness::{RedisOptions, RedisServer};

use crate::test_store::{WAIT_LIMIT, open, paused_on};

fn durable() -> RedisOptions {
    RedisOptions {
        append_only: true,
        ..RedisOptions::default()
    }
}

#[tokio::test]
async fn a_restart_keeps_every_place() {
    let mut server = RedisServer::start_with(durable()).await.unwrap();
    let mut test_queue = paused_on(&server).await;
    let line = test_queue.line(6).await;
    test_queue
        .change(policies::in_state(PolicyState::Open))
        .await;
    test_queue.admit(2).await;
    let [claimed, unclaimed, gone, third, ..] = line.as_slice() else {
        panic!("six have joined");
    };
    let passed = test_queue
        .store
        .pass_gate(claimed, GatePurpose::Browse)
        .await;
    let GateOutcome::Passed(passed) = passed.unwrap().value else {
        panic!("the first is active");
    };
    test_queue.change(policies::paused()).await;
    test_queue.store.leave(gone).await.unwrap();
    let before = test_queue.standing(unclaimed).await;
    server.restart().await.unwrap();

    let test_queue = TestQueue::on(open(&server).await);
    assert_eq!(test_queue.standing(claimed).await, passed.standing);
    assert!(matches!(before, Standing::Active { .. }));
    assert!(matches!(
        test_queue.standing(unclaimed).await,
        Standing::Active { claimed: false, .. }
    ));
    let expected = Standing::Waiting {
        position: 1,
        behind: 2,
        admitted: 2,
    };
    assert_eq!(test_queue.standing(third).await, expected);
    assert_eq!(test_queue.join(third.user.as_str()).await, *third);
    assert!(test_queue.is_busy().await);
    assert_eq!(test_queue.expire(10).await.departed, 3);
}

/// The server is killed while users join. Each acknowledged place exists after the restart.
#[tokio::test]
async fn no_acknowledged_join_is_lost_when_the_server_is_killed() {
    const TASKS: usize = 8;
    let mut server = RedisServer::start_with(durable()).await.unwrap();
    let test_queue = paused_on(&server).await;
    let (acknowledge, mut acknowledged) = tokio::sync::mpsc::unbounded_channel::<Ticket>();
    let tasks: Vec<_> = (0..TASKS)
        .map(|task| {
            let (test_queue, acknowledge) =
                (TestQueue::on(test_queue.store.clone()), acknowledge.clone());
            tokio::spawn(async move {
                for number in 0.. {
                    match test_queue.try_join(&format!("user-{task}-{number}")).await {
                        Ok(place) => acknowledge.send(place.ticket).unwrap(),
                        Err(StoreError::NotApplied { .. } | StoreError::OutcomeUnknown { .. }) => {
                            return;
                        }
                    }
                }
            })
        })
        .collect();
    drop(acknowledge);
    let mut tickets = Vec::new();
    while tickets.len() < 300 {
        tickets.push(acknowledged.recv().await.unwrap());
    }
    server.kill().unwrap();
    for task in tasks {
        tokio::time::timeout(WAIT_LIMIT, task)
            .await
            .unwrap()
            .unwrap();
    }
    while let Some(ticket) = acknowledged.recv().await {
        tickets.push(ticket);
    }
    server.restart().await.unwrap();

    let test_queue = TestQueue::on(open(&server).await);
    tickets.sort_by_key(|ticket| ticket.arrival);
    let mut before = 0;
    for ticket in &tickets {
        let Standing::Waiting { position, .. } = test_queue.standing(ticket).await else {
            panic!("no user was admitted");
        };
        assert!(position > before, "the order of arrival");
        before = position;
    }
}
