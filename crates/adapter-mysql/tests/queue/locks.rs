//! Which calls wait for the locks of other calls, and which do not.

use std::{pin::pin, time::Duration};

use diesel_async::AsyncMysqlConnection;
use frontrow_adapter_mysql::MySqlSettings;
use frontrow_domain::{
    model::queue::{GatePurpose, PolicyVersion},
    ports::{
        GateOutcome, JoinOutcome, LeaveOutcome, Queue, QueueControl, QueueSnapshots, QueueTicks,
        SeedOutcome, StoreError,
    },
};
use frontrow_port_contracts::{
    policies,
    test_queue::{TestQueue, report, user},
};
use futures_util::{future::join_all, poll};
use tokio::time::timeout;

use crate::one_queue::{OneQueue, execute, open_test_queue, settings};

/// The lock with which every transaction that changes more than one place begins.
const QUEUE: &str = "SELECT * FROM queues FOR UPDATE";

/// Ten times the limit of a call with [`impatient_settings`]. The batches of 5,000 joins, one after
/// the other, would take twice as long.
const SEVERAL_CALLS: Duration = Duration::from_secs(10);

/// Opens a connection that holds a lock until [`release`].
async fn hold(test_queue: &TestQueue<OneQueue>, lock: &str) -> AsyncMysqlConnection {
    let mut raw = test_queue.store.raw().await;
    execute(&mut raw, "BEGIN").await.unwrap();
    execute(&mut raw, lock).await.unwrap();
    raw
}

/// Releases the lock: a database whose rows are locked cannot be dropped.
async fn release(mut raw: AsyncMysqlConnection) {
    execute(&mut raw, "ROLLBACK").await.unwrap();
}

/// Returns settings with which an instance gives up after a second.
fn impatient_settings() -> MySqlSettings {
    MySqlSettings {
        statement_timeout: Duration::from_secs(1),
        lock_timeout: Duration::from_secs(1),
        ..settings()
    }
}

/// A tick soon gives up a queue whose row stays locked, and keeps no connection from other ticks.
#[tokio::test]
async fn a_tick_gives_up_a_queue_that_hangs() {
    let mut test_queue = open_test_queue(policies::paused()).await;
    let line = test_queue.crowd(3).await;
    test_queue.change(policies::bypass()).await;
    let other = hold(&test_queue, QUEUE).await;
    let ticking = (0..10).map(|_| test_queue.queue().admit(test_queue.concert, 10));
    let ticked = timeout(SEVERAL_CALLS, join_all(ticking)).await.unwrap();
    for outcome in ticked {
        let error = outcome.unwrap_err().to_string();
        assert!(error.contains("locked by another transaction"), "{error}");
    }
    // Reading needs no lock, and there are connections left.
    assert!(!test_queue.queue().busy().await.unwrap().is_empty());
    test_queue
        .queue()
        .snapshot(test_queue.concert, None)
        .await
        .unwrap();
    release(other).await;
    assert_eq!(test_queue.admit(10).await.done, 3);
    assert!(!test_queue.waits(&line[0]).await);
}

/// Admission waits for an expiry tick that holds the queue, and then admits all the same.
#[tokio::test]
async fn admission_waits_for_the_queue_and_then_admits() {
    let mut test_queue = open_test_queue(policies::paused()).await;
    test_queue.crowd(3).await;
    test_queue.change(policies::bypass()).await;
    let expiring = hold(&test_queue, QUEUE).await;
    let mut admission = pin!(test_queue.queue().admit(test_queue.concert, 10));
    for _ in 0..10 {
        assert!(poll!(admission.as_mut()).is_pending());
        test_queue.queue().busy().await.unwrap();
    }
    release(expiring).await;
    assert_eq!(report(admission.await.unwrap().value).done, 3);
}

/// A look-up of an active place, the gate, a snapshot and an unchanged policy wait for no
/// transaction of the queue.
#[tokio::test]
async fn a_call_that_changes_at_most_one_place_does_not_wait_for_the_queue() {
    let test_queue = open_test_queue(policies::capacity(2)).await;
    let ann = test_queue.join_new("ann").await.ticket;
    let ben = test_queue.join_new("ben").await.ticket;
    let joining = hold(&test_queue, QUEUE).await;
    let passed = test_queue
        .queue()
        .pass_gate(&ann, GatePurpose::Browse)
        .await;
    assert!(matches!(passed.unwrap().value, GateOutcome::Passed(_)));
    assert!(!test_queue.waits(&ben).await);
    test_queue
        .queue()
        .snapshot(test_queue.concert, None)
        .await
        .unwrap();
    test_queue
        .queue()
        .policy_version(test_queue.concert)
        .await
        .unwrap();
    assert_eq!(
        test_queue.seed(policies::paused()).await,
        SeedOutcome::HasNewer(PolicyVersion(1))
    );
    release(joining).await;
    let left = test_queue.queue().leave(&ben).await.unwrap().value;
    assert_eq!(left, LeaveOutcome::Left);
}

/// While another transaction changes the head of the line, admission waits for it and does not
/// admit the next user instead.
#[tokio::test]
async fn admission_never_skips_a_locked_place() {
    let mut test_queue = open_test_queue(policies::paused()).await;
    let line = test_queue.crowd(3).await;
    test_queue.change(policies::bypass()).await;
    let lock = format!(
        "SELECT * FROM queue_places WHERE concert_id = X'{}' AND user_id = '{}' FOR UPDATE",
        test_queue.concert.0.simple(),
        line[0].user
    );
    let other = hold(&test_queue, &lock).await;
    let impatient = test_queue.store.another(&impatient_settings()).await;
    let ticked = impatient.admit(test_queue.concert, 1).await;
    assert!(
        matches!(ticked, Err(StoreError::NotApplied { .. })),
        "{ticked:?}"
    );
    assert!(test_queue.waits(&line[1]).await);
    release(other).await;
    assert_eq!(test_queue.admit(1).await.done, 1);
    assert!(!test_queue.waits(&line[0]).await);
    assert!(test_queue.waits(&line[1]).await);
}

/// Every request in a transaction that fails returns that it was not applied, which is true.
#[tokio::test]
async fn a_failed_transaction_fails_every_request_in_it() {
    let test_queue = open_test_queue(policies::paused()).await;
    let impatient = test_queue.store.another(&impatient_settings()).await;
    let joining = hold(&test_queue, QUEUE).await;
    let joins: Vec<_> = (0..20)
        .map(|number| {
            let (queue, concert) = (impatient.clone(), test_queue.concert);
            let name = user(&format!("user-{number}"));
            tokio::spawn(async move { queue.join(concert, &name, None).await })
        })
        .collect();
    for join in joins {
        let joined = join.await.unwrap();
        assert!(
            matches!(
                joined,
                Err(StoreError::NotApplied {
                    retry_after: Some(_),
                    ..
                })
            ),
            "{joined:?}"
        );
    }
    release(joining).await;
    assert_eq!(test_queue.expire(10).await.waiting, 0);
    for number in 0..20 {
        test_queue.join_new(&format!("user-{number}")).await;
    }
}

/// Many joins that wait for a locked queue fail together, not one transaction after the other.
#[tokio::test]
async fn no_join_waits_much_longer_than_the_time_limit_of_a_call() {
    let test_queue = open_test_queue(policies::paused()).await;
    let impatient = test_queue.store.another(&impatient_settings()).await;
    let joining = hold(&test_queue, QUEUE).await;
    let joins: Vec<_> = (0..5_000)
        .map(|number| {
            let (queue, concert) = (impatient.clone(), test_queue.concert);
            let name = user(&format!("user-{number}"));
            tokio::spawn(async move { queue.join(concert, &name, None).await })
        })
        .collect();
    let outcomes = timeout(SEVERAL_CALLS, join_all(joins)).await.unwrap();
    for joined in outcomes {
        let joined = joined.unwrap();
        let not_applied = matches!(joined, Err(StoreError::NotApplied { .. }));
        assert!(not_applied, "{joined:?}");
    }
    release(joining).await;
    assert_eq!(test_queue.expire(10).await.waiting, 0);
}

/// A client that hangs up while its join waits takes no place from other users, and has at most
/// one.
#[tokio::test]
async fn a_client_that_hangs_up_affects_no_other_client() {
    let test_queue = open_test_queue(policies::paused()).await;
    let joining = hold(&test_queue, QUEUE).await;
    let join = |name: String| {
        let (queue, concert) = (test_queue.queue().clone(), test_queue.concert);
        tokio::spawn(async move { queue.join(concert, &user(&name), None).await })
    };
    let gone: Vec<_> = (0..10)
        .map(|number| join(format!("gone-{number}")))
        .collect();
    tokio::task::yield_now().await;
    let staying: Vec<_> = (0..10)
        .map(|number| join(format!("user-{number}")))
        .collect();
    for join in &gone {
        join.abort();
    }
    release(joining).await;
    for join in staying {
        let joined = join.await.unwrap().unwrap().value;
        assert!(matches!(joined, JoinOutcome::Joined(_)), "{joined:?}");
    }
    for number in 0..10 {
        let name = user(&format!("gone-{number}"));
        let joined = test_queue
            .queue()
            .join(test_queue.concert, &name, None)
            .await;
        let joined = joined.unwrap().value;
        assert!(matches!(
            joined,
            JoinOutcome::Joined(_) | JoinOutcome::Held(_)
        ));
    }
    assert_eq!(test_queue.expire(10).await.waiting, 20);
}
