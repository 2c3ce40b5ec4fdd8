//! Which calls wait for which others, and which do not.

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

/// What every transaction that changes more than one place begins with.
const QUEUE: &str = "SELECT * FROM queues FOR UPDATE";

/// So long take ten calls at most of who is [impatient]; those of all who wait in a line would take twenty.
const SEVERAL_CALLS: Duration = Duration::from_secs(10);

/// Somebody who holds a lock until they are told otherwise.
async fn holding(test_queue: &TestQueue<OneQueue>, lock: &str) -> AsyncMysqlConnection {
    let mut raw = test_queue.store.raw().await;
    execute(&mut raw, "BEGIN").await.unwrap();
    execute(&mut raw, lock).await.unwrap();
    raw
}

/// Has them give it back: a database whose rows are locked cannot be dropped.
async fn let_go(mut raw: AsyncMysqlConnection) {
    execute(&mut raw, "ROLLBACK").await.unwrap();
}

/// Gives up soon.
fn impatient() -> MySqlSettings {
    MySqlSettings {
        statement_timeout: Duration::from_secs(1),
        lock_timeout: Duration::from_secs(1),
        ..settings()
    }
}

/// A tick gives up a queue that hangs, soon, and takes nothing from the ticks of others with it.
#[tokio::test]
async fn a_tick_gives_up_a_queue_that_hangs() {
    let mut test_queue = open_test_queue(policies::paused()).await;
    let line = test_queue.crowd(3).await;
    test_queue.change(policies::bypass()).await;
    let other = holding(&test_queue, QUEUE).await;
    let ticking = (0..10).map(|_| test_queue.queue().admit(test_queue.concert, 10));
    let ticked = timeout(SEVERAL_CALLS, join_all(ticking)).await.unwrap();
    for outcome in ticked {
        let told = outcome.unwrap_err().to_string();
        assert!(told.contains("locked by another transaction"), "{told}");
    }
    // Reading needs no lock, and there are connections left.
    assert!(!test_queue.queue().busy().await.unwrap().is_empty());
    test_queue
        .queue()
        .snapshot(test_queue.concert, None)
        .await
        .unwrap();
    let_go(other).await;
    assert_eq!(test_queue.admit(10).await.done, 3);
    assert!(!test_queue.waits(&line[0]).await);
}

/// Admission waits for an expiry that has the queue, and does not leave its work to it.
#[tokio::test]
async fn admission_waits_for_the_queue_and_then_admits() {
    let mut test_queue = open_test_queue(policies::paused()).await;
    test_queue.crowd(3).await;
    test_queue.change(policies::bypass()).await;
    let expiring = holding(&test_queue, QUEUE).await;
    let mut admission = pin!(test_queue.queue().admit(test_queue.concert, 10));
    for _ in 0..10 {
        assert!(poll!(admission.as_mut()).is_pending());
        test_queue.queue().busy().await.unwrap();
    }
    let_go(expiring).await;
    assert_eq!(report(admission.await.unwrap().value).done, 3);
}

/// No look-up of an active place, gate, snapshot or unchanged policy waits for a transaction of the
/// queue.
#[tokio::test]
async fn what_changes_one_place_or_none_does_not_wait_for_the_queue() {
    let test_queue = open_test_queue(policies::capacity(2)).await;
    let ann = test_queue.join_new("ann").await.ticket;
    let ben = test_queue.join_new("ben").await.ticket;
    let joining = holding(&test_queue, QUEUE).await;
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
    let_go(joining).await;
    let left = test_queue.queue().leave(&ben).await.unwrap().value;
    assert_eq!(left, LeaveOutcome::Left);
}

/// The head of the line is being changed by somebody: admission waits for them, and does not take the next.
#[tokio::test]
async fn admission_never_goes_around_a_locked_neighbour() {
    let mut test_queue = open_test_queue(policies::paused()).await;
    let line = test_queue.crowd(3).await;
    test_queue.change(policies::bypass()).await;
    let lock = format!(
        "SELECT * FROM queue_places WHERE concert_id = X'{}' AND user_id = '{}' FOR UPDATE",
        test_queue.concert.0.simple(),
        line[0].user
    );
    let neighbour = holding(&test_queue, &lock).await;
    let impatient = test_queue.store.another(&impatient()).await;
    let told = impatient.admit(test_queue.concert, 1).await;
    assert!(
        matches!(told, Err(StoreError::NotApplied { .. })),
        "{told:?}"
    );
    assert!(test_queue.waits(&line[1]).await);
    let_go(neighbour).await;
    assert_eq!(test_queue.admit(1).await.done, 1);
    assert!(!test_queue.waits(&line[0]).await);
    assert!(test_queue.waits(&line[1]).await);
}

/// Everyone in a transaction that fails is told so, and that nothing happened; and nothing has.
#[tokio::test]
async fn a_failed_transaction_tells_all_who_shared_it() {
    let test_queue = open_test_queue(policies::paused()).await;
    let impatient = test_queue.store.another(&impatient()).await;
    let joining = holding(&test_queue, QUEUE).await;
    let asking: Vec<_> = (0..20)
        .map(|number| {
            let (queue, concert) = (impatient.clone(), test_queue.concert);
            let name = user(&format!("user-{number}"));
            tokio::spawn(async move { queue.join(concert, &name, None).await })
        })
        .collect();
    for asked in asking {
        let told = asked.await.unwrap();
        assert!(
            matches!(
                told,
                Err(StoreError::NotApplied {
                    retry_after: Some(_),
                    ..
                })
            ),
            "{told:?}"
        );
    }
    let_go(joining).await;
    assert_eq!(test_queue.expire(10).await.waiting, 0);
    for number in 0..20 {
        test_queue.join_new(&format!("user-{number}")).await;
    }
}

/// Joins that all have to wait are not told so one transaction after the other.
#[tokio::test]
async fn nobody_waits_much_longer_to_join_than_a_call_may_take() {
    let test_queue = open_test_queue(policies::paused()).await;
    let impatient = test_queue.store.another(&impatient()).await;
    let joining = holding(&test_queue, QUEUE).await;
    let asking: Vec<_> = (0..5_000)
        .map(|number| {
            let (queue, concert) = (impatient.clone(), test_queue.concert);
            let name = user(&format!("user-{number}"));
            tokio::spawn(async move { queue.join(concert, &name, None).await })
        })
        .collect();
    let telling = timeout(SEVERAL_CALLS, join_all(asking)).await.unwrap();
    for told in telling {
        let told = told.unwrap();
        let nothing_happened = matches!(told, Err(StoreError::NotApplied { .. }));
        assert!(nothing_happened, "{told:?}");
    }
    let_go(joining).await;
    assert_eq!(test_queue.expire(10).await.waiting, 0);
}

/// Who gives up while they wait for their turn takes no place from others, and has none or one.
#[tokio::test]
async fn who_hangs_up_disturbs_nobody() {
    let test_queue = open_test_queue(policies::paused()).await;
    let joining = holding(&test_queue, QUEUE).await;
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
    for asked in &gone {
        asked.abort();
    }
    let_go(joining).await;
    for asked in staying {
        let told = asked.await.unwrap().unwrap().value;
        assert!(matches!(told, JoinOutcome::Joined(_)), "{told:?}");
    }
    for number in 0..10 {
        let name = user(&format!("gone-{number}"));
        let told = test_queue
            .queue()
            .join(test_queue.concert, &name, None)
            .await;
        let told = told.unwrap().value;
        assert!(matches!(
            told,
            JoinOutcome::Joined(_) | JoinOutcome::Held(_)
        ));
    }
    assert_eq!(test_queue.expire(10).await.waiting, 20);
}
