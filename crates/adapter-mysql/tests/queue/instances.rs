//! Several instances of the service, each with its own connections, on one store. Together they
//! keep the guarantees of one instance.

use std::{collections::HashSet, time::Duration};

use diesel::{QueryableByName, sql_query, sql_types::BigInt};
use diesel_async::RunQueryDsl;
use frontrow_adapter_mysql::{MySqlQueue, MySqlSettings};
use frontrow_domain::{
    model::{
        ConcertId,
        queue::{Place, Standing, Ticket},
    },
    ports::{JoinOutcome, LookUpOutcome, Queue, QueueTicks, TickOutcome},
};
use frontrow_port_contracts::{
    policies,
    test_queue::{TestQueue, join_new, user},
};
use frontrow_test_harness::PROCESS_LIST;

use crate::one_queue::{OneQueue, execute, open_test_queue, settings};

const INSTANCES: usize = 3;

/// Opens the instances.
async fn instances(test_queue: &TestQueue<OneQueue>) -> Vec<MySqlQueue> {
    let settings = MySqlSettings {
        pool_size: 4,
        ..settings()
    };
    let mut instances = Vec::new();
    for _ in 0..INSTANCES {
        instances.push(test_queue.store.another(&settings).await);
    }
    instances
}

/// Joins `users` users, each through the next instance. Returns their places in order.
async fn join_users(instances: &[MySqlQueue], concert: ConcertId, users: usize) -> Vec<Place> {
    let joining: Vec<_> = (0..users)
        .map(|number| {
            let queue = instances[number % instances.len()].clone();
            tokio::spawn(async move { join_new(&queue, concert, &format!("user-{number}")).await })
        })
        .collect();
    let mut places = Vec::new();
    for joined in joining {
        places.push(joined.await.unwrap());
    }
    places.sort_by_key(|place| place.ticket.arrival);
    places
}

/// Ticks on all instances at once, `turns` times each. Returns how many users were admitted.
async fn tick_all(instances: &[MySqlQueue], concert: ConcertId, turns: usize) -> u64 {
    let ticking: Vec<_> = instances
        .iter()
        .map(|queue| {
            let queue = queue.clone();
            tokio::spawn(async move {
                let mut admitted = 0;
                for _ in 0..turns {
                    if let Ok(ticked) = queue.admit(concert, 7).await
                        && let TickOutcome::Ticked(report) = ticked.value
                    {
                        admitted += u64::from(report.done);
                    }
                    let _ = queue.expire(concert, 7).await;
                }
                admitted
            })
        })
        .collect();
    let mut admitted = 0;
    for ticked in ticking {
        admitted += ticked.await.unwrap();
    }
    admitted
}

fn is_active(place: &Place) -> bool {
    matches!(place.standing, Standing::Active { .. })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn instances_together_keep_to_the_rate_and_to_the_order() {
    for policy in [policies::throughput(50), policies::capacity(50)] {
        let test_queue = open_test_queue(policy).await;
        let instances = instances(&test_queue).await;
        let (joined, ticked) = futures_util::future::join(
            join_users(&instances, test_queue.concert, 150),
            tick_all(&instances, test_queue.concert, 30),
        )
        .await;
        let later = tick_all(&instances, test_queue.concert, 10).await;
        let at_once = joined.iter().filter(|place| is_active(place)).count();
        assert_eq!(at_once as u64 + ticked + later, 50);
        let arrivals: HashSet<_> = joined.iter().map(|place| place.ticket.arrival).collect();
        assert_eq!(arrivals.len(), 150);
        for (turn, place) in joined.iter().enumerate() {
            assert_eq!(
                test_queue.waits(&place.ticket).await,
                turn >= 50,
                "number {turn}"
            );
        }
        let report = test_queue.expire(10).await;
        assert_eq!((report.waiting, report.active), (100, 50));
    }
}

/// Deadlocks are impossible by design, so no transaction is retried.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_instances_retry_no_transaction() {
    let test_queue = open_test_queue(policies::throughput(120)).await;
    let instances = instances(&test_queue).await;
    let look_up = |places: Vec<Place>| async {
        for (number, place) in places.into_iter().enumerate() {
            let queue = &instances[number % INSTANCES];
            queue.look_up(&place.ticket).await.unwrap();
            let again = queue
                .join(test_queue.concert, &place.ticket.user, None)
                .await;
            assert!(matches!(again.unwrap().value, JoinOutcome::Held(_)));
        }
    };
    let first = join_users(&instances, test_queue.concert, 100).await;
    let (second, _, ()) = futures_util::future::join3(
        async {
            let mut places = Vec::new();
            for number in 0..100 {
                let queue = &instances[number % INSTANCES];
                places.push(join_new(queue, test_queue.concert, &format!("late-{number}")).await);
            }
            places
        },
        tick_all(&instances, test_queue.concert, 30),
        look_up(first),
    )
    .await;
    assert_eq!(second.len(), 100);
    for queue in &instances {
        assert_eq!(queue.retries(), 0);
    }
}

/// Connections die in the middle of calls. No user is lost or has two places, and each is admitted
/// once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_user_is_lost_when_connections_die() {
    let mut test_queue = open_test_queue(policies::paused()).await;
    let line = test_queue.crowd(200).await;
    test_queue.change(policies::bypass()).await;
    let instances = instances(&test_queue).await;
    let (_, killed) = futures_util::future::join(
        tick_all(&instances, test_queue.concert, 40),
        kill_connections(&test_queue, 25),
    )
    .await;
    assert!(killed > 0);
    while test_queue.admit(1_000).await.more {}
    for ticket in &line {
        assert!(!test_queue.waits(ticket).await);
    }
    let report = test_queue.expire(10).await;
    assert_eq!(
        (report.waiting, report.active, report.departed),
        (0, 200, 200)
    );
}

/// The answers to joins whose connections die are true. A user who got a place has it, and after
/// another join every user has one place.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn joins_whose_connections_die_return_true_answers() {
    let test_queue = open_test_queue(policies::paused()).await;
    let instances = instances(&test_queue).await;
    let joining = async {
        let mut answers: Vec<Option<Ticket>> = Vec::new();
        for number in 0..120 {
            let queue = &instances[number % INSTANCES];
            let name = user(&format!("user-{number}"));
            answers.push(match queue.join(test_queue.concert, &name, None).await {
                Ok(joined) => match joined.value {
                    JoinOutcome::Joined(place) | JoinOutcome::Held(place) => Some(place.ticket),
                    other => panic!("{other:?}"),
                },
                Err(_) => None,
            });
        }
        answers
    };
    let (answers, killed) =
        futures_util::future::join(joining, kill_connections(&test_queue, 40)).await;
    assert!(killed > 0);
    for (number, ticket) in answers.iter().enumerate() {
        if let Some(ticket) = ticket {
            let found = test_queue.queue().look_up(ticket).await.unwrap().value;
            assert!(matches!(found, LookUpOutcome::Found(_)), "{found:?}");
        }
        let name = user(&format!("user-{number}"));
        test_queue
            .queue()
            .join(test_queue.concert, &name, None)
            .await
            .unwrap();
    }
    let report = test_queue.expire(10).await;
    assert_eq!(report.waiting, 120);
}

/// Kills all other connections to this database, idle or not, `times` times. Returns their number,
/// which is at least one, since opening a queue opens connections.
async fn kill_connections(test_queue: &TestQueue<OneQueue>, times: usize) -> usize {
    #[derive(QueryableByName)]
    struct Connection {
        #[diesel(sql_type = BigInt)]
        id: i64,
    }
    let raw = &mut test_queue.store.raw().await;
    let others =
        format!("SELECT id FROM {PROCESS_LIST} WHERE db = DATABASE() AND id <> CONNECTION_ID()");
    let mut killed = 0;
    for _ in 0..times {
        let found: Vec<Connection> = sql_query(&others).load(raw).await.unwrap();
        for connection in found {
            let kill = format!("KILL {}", connection.id);
            killed += usize::from(execute(raw, &kill).await.is_ok());
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    killed
}
