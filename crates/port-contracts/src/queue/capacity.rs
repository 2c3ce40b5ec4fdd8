//! Promise 4: at most M active users at once, alone and together with a rate.

use frontrow_domain::model::queue::{Capacity, GatePurpose};

use super::{ContractQueue, QueueFixture, minutes, seconds};
use crate::policies::{self, ACTIVE_TTL, CLAIM_TTL};

/// The number of active users never exceeds the capacity, whether they were admitted at once or
/// waited.
pub async fn active_users_never_exceed_the_capacity<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::capacity(2)).await;
    queue.join_active("ann").await;
    queue.join_active("ben").await;
    queue.join_line("cat").await;
    assert_eq!(queue.admit_all().await, 0);
    let report = queue.expire_all().await;
    assert_eq!((report.waiting, report.active), (1, 2));
}

/// A tick fills all free places, and no more.
pub async fn a_tick_fills_the_free_places<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    queue.crowd_joins_line(10).await;
    queue.change(|policy| *policy = policies::capacity(4)).await;
    assert_eq!(queue.admit_all().await, 4);
    assert_eq!(queue.admit_all().await, 0);
}

/// A user who leaves makes room for one more.
pub async fn a_user_who_leaves_makes_room<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::capacity(2)).await;
    let ann = queue.join_active("ann").await;
    queue.join_active("ben").await;
    let line = queue.all_join_line(&["cat", "dan"]).await;
    queue.leave_place(&ann).await;
    assert_eq!(queue.admit_all().await, 1);
    assert!(!queue.waits(&line[0]).await);
    assert!(queue.waits(&line[1]).await);
}

/// An expired active place makes room, for a tick and for a join, though no tick has removed it.
pub async fn an_expired_place_makes_room_without_a_tick<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::capacity(2)).await;
    for name in ["ann", "ben"] {
        let ticket = queue.join_active(name).await;
        queue.pass_gate(&ticket, GatePurpose::Browse).await;
    }
    queue.pass(ACTIVE_TTL + seconds(1)).await;
    queue.join_active("cat").await;
    queue.join_active("dan").await;
    queue.join_line("eve").await;
}

/// A place that was not claimed makes room for the next user in line.
pub async fn an_expired_unclaimed_place_makes_room<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::capacity(1)).await;
    queue.join_active("ann").await;
    queue.serve(CLAIM_TTL / 2).await;
    let ben = queue.join_line("ben").await;
    queue.serve(CLAIM_TTL / 2).await;
    let admitted = queue.admit_all().await;
    if !queue.was_interrupted() {
        assert_eq!(admitted, 1);
        assert!(!queue.waits(&ben).await);
    }
}

/// A place that expired and made room for another is gone for good, also under a policy that would
/// have kept it.
pub async fn an_expired_place_that_made_room_stays_gone<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::capacity(1)).await;
    let ann = queue.join_active("ann").await;
    queue.serve(CLAIM_TTL / 2).await;
    let ben = queue.join_line("ben").await;
    queue.serve_past(CLAIM_TTL / 2).await;
    let admitted = queue.admit_all().await;
    if queue.was_interrupted() {
        return;
    }
    assert_eq!(admitted, 1);
    queue
        .change(|policy| policy.claim_ttl = 10 * CLAIM_TTL)
        .await;
    queue.assert_gone(&ann).await;
    assert!(!queue.waits(&ben).await);
    assert_eq!(queue.expire_all().await.active, 1);
}

/// A lowered capacity evicts no user. No user is admitted until enough have left.
pub async fn a_lowered_capacity_evicts_no_user<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::capacity(3)).await;
    let mut active = Vec::new();
    for name in ["ann", "ben", "cat"] {
        active.push(queue.join_active(name).await);
    }
    queue.join_line("dan").await;
    queue.change(|policy| *policy = policies::capacity(1)).await;
    for ticket in &active {
        assert!(!queue.waits(ticket).await);
    }
    for (gone, ticket) in (1..).zip(&active) {
        assert_eq!(queue.admit_all().await, 0);
        queue.leave_place(ticket).await;
        if gone == 3 {
            assert_eq!(queue.admit_all().await, 1);
        }
    }
}

/// A raised capacity takes effect at once.
pub async fn a_raised_capacity_applies_at_once<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::capacity(1)).await;
    queue.join_active("ann").await;
    queue.all_join_line(&["ben", "cat", "dan"]).await;
    queue.change(|policy| *policy = policies::capacity(3)).await;
    assert_eq!(queue.admit_all().await, 2);
}

/// A rate and a capacity in one policy both limit admission.
pub async fn a_rate_and_a_capacity_both_limit_admission<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    let line = queue.crowd_joins_line(10).await;
    queue
        .change(|policy| {
            *policy = policies::throughput(3);
            policy.capacity = Some(Capacity { max_active: 2 });
        })
        .await;
    assert_eq!(queue.admit_all().await, 2); // the capacity is the tighter limit
    queue.leave_place(&line[0]).await;
    assert_eq!(queue.admit_all().await, 1);
    queue.leave_place(&line[1]).await;
    assert_eq!(queue.admit_all().await, 0); // now the rate is
    queue
        .change(|policy| policy.active_ttl = minutes(24 * 60))
        .await;
    queue.pass_gate(&line[2], GatePurpose::Browse).await;
    queue.pass(minutes(61)).await;
    assert_eq!(queue.admit_all().await, 1);
}
