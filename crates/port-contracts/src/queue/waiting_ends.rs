//! Promise 6: when a waiting place ends.

use frontrow_domain::{
    model::queue::{GatePurpose, JoinRefusal},
    ports::{JoinOutcome, LookUpOutcome},
};

use super::{ALL, ContractQueue, QueueFixture, seconds};
use crate::policies::{self, WAITING_TTL};

/// A user without a heartbeat for the waiting lifetime is gone.
pub async fn a_user_without_heartbeats_is_gone<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    let ann = queue.join_line("ann").await;
    queue.serve(WAITING_TTL).await;
    queue.assert_gone(&ann).await;
    assert_eq!(queue.expire_all().await.waiting, 0);
}

/// An expired place is gone for its user, though no tick has removed it.
pub async fn an_expired_place_is_gone_before_any_tick<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    let ann = queue.join_line("ann").await;
    queue.serve_past(WAITING_TTL).await;
    let looked_up = queue.look_up(&ann).await;
    if queue.is_served(looked_up.as_of) {
        assert_eq!(looked_up.value, LookUpOutcome::Gone);
        queue.assert_gone(&ann).await;
    }
}

/// A tick may count an expired place as waiting until it is removed.
pub async fn an_expired_place_counts_at_most_until_a_tick_removes_it<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    queue.all_join_line(&["ann", "ben", "cat"]).await;
    queue.serve_past(WAITING_TTL).await;
    let report = queue.expire(1).await;
    if !queue.was_interrupted() {
        assert_eq!((report.done, report.more), (1, true));
        assert!(report.waiting <= 2, "{report:?}");
        assert_eq!(queue.expire_all().await.waiting, 0);
    }
}

/// An expired place may count towards the limit of waiting users until it is removed.
pub async fn a_removed_place_does_not_count_towards_the_limit<F: QueueFixture>(fixture: F) {
    let mut policy = policies::paused();
    policy.max_waiting = Some(2);
    let mut queue = ContractQueue::open(fixture, policy).await;
    queue.join_line("ann").await;
    queue.serve(WAITING_TTL / 2).await;
    queue.join_line("ben").await;
    assert_eq!(queue.refused("cat").await, JoinRefusal::Full);
    queue.serve_past(WAITING_TTL / 2).await;
    queue.expire_all().await;
    let joined = queue.join("cat").await;
    if queue.is_served(joined.as_of) {
        assert!(matches!(joined.value, JoinOutcome::Joined(_)), "{joined:?}");
        assert_eq!(queue.refused("dan").await, JoinRefusal::Full);
    }
}

/// An expired place is gone for a join: its user gets a new place at the end of the line.
pub async fn a_user_whose_place_expired_gets_a_new_place<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    let old = queue.join_line("ann").await;
    queue.serve(WAITING_TTL / 2).await;
    let ben = queue.join_line("ben").await;
    queue.serve_past(WAITING_TTL / 2).await;
    let joined = queue.join_showing(&old).await;
    if !queue.is_served(joined.as_of) {
        return;
    }
    let JoinOutcome::Joined(new) = joined.value else {
        panic!("ann's place had expired: {joined:?}");
    };
    assert!(new.ticket.arrival > ben.arrival);
    queue.assert_gone(&old).await;
}

/// A look-up is a heartbeat.
pub async fn a_look_up_keeps_a_waiting_place<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    let ann = queue.join_line("ann").await;
    let silent = queue.join_line("ben").await;
    for _ in 0..3 {
        queue.serve(WAITING_TTL / 2).await;
        queue.find(&ann).await;
    }
    if !queue.was_interrupted() {
        queue.assert_gone(&silent).await;
    }
}

/// A place has its whole lifetime from the last look-up, also if look-ups follow each other
/// closely.
pub async fn every_look_up_counts_as_a_heartbeat<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    let ann = queue.join_line("ann").await;
    queue.serve(WAITING_TTL / 10).await;
    queue.find(&ann).await;
    queue.serve(WAITING_TTL * 19 / 20).await;
    queue.find(&ann).await;
    queue.serve(WAITING_TTL / 10).await;
    queue.gate(&ann, GatePurpose::Browse).await;
    queue.serve(WAITING_TTL * 19 / 20).await;
    assert_eq!(queue.expire_all().await.waiting, 1);
    queue.find(&ann).await;
}

/// A request at the gate is a heartbeat, though a waiting user does not pass the gate.
pub async fn a_request_at_the_gate_keeps_a_waiting_place<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    let ann = queue.join_line("ann").await;
    for _ in 0..3 {
        queue.serve(WAITING_TTL / 2).await;
        queue.gate(&ann, GatePurpose::Browse).await;
    }
    assert_eq!(queue.expire_all().await.waiting, 1);
    queue.find(&ann).await;
}

/// Joining again is a heartbeat.
pub async fn joining_again_keeps_a_waiting_place<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    let ann = queue.join_line("ann").await;
    for _ in 0..3 {
        queue.serve(WAITING_TTL / 2).await;
        assert_eq!(queue.held(&ann).await.ticket, ann);
    }
    assert_eq!(queue.expire_all().await.waiting, 1);
}

/// An admission tick passes over expired heads, and they take no room: the first user who has not
/// expired is admitted.
pub async fn an_expired_head_does_not_hold_up_the_line<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    let gone = queue.all_join_line(&["ann", "ben"]).await;
    queue.serve(WAITING_TTL / 2).await;
    let line = queue.all_join_line(&["cat", "dan"]).await;
    queue
        .change(|policy| *policy = policies::throughput(1))
        .await;
    queue.serve_past(WAITING_TTL / 2).await;
    let mut report = queue.admit(ALL).await;
    while report.more {
        report = queue.admit(ALL).await;
    }
    if queue.was_interrupted() {
        return;
    }
    assert_eq!((report.active, report.admitted), (1, 1));
    let report = queue.expire_all().await;
    assert_eq!((report.active, report.waiting), (1, 1));
    assert_eq!(report.departed, 3, "two expired, one was admitted");
    queue.assert_gone(&gone[1]).await;
    assert!(!queue.waits(&line[0]).await);
    assert!(queue.waits(&line[1]).await);
}

/// An expired place that admission has passed is gone for good, also if an outage extends
/// deadlines. A user who joins after it finds no line.
pub async fn an_expired_place_that_admission_passed_stays_gone<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    let ann = queue.join_line("ann").await;
    queue.serve(WAITING_TTL / 2).await;
    let ben = queue.join_line("ben").await;
    queue.serve_past(WAITING_TTL / 2).await;
    queue
        .change(|policy| *policy = policies::throughput(5))
        .await;
    queue.admit_all().await;
    if queue.was_interrupted() {
        return;
    }
    assert!(!queue.waits(&ben).await);
    queue.pass(seconds(10)).await;
    queue.assert_gone(&ann).await;
    queue.join_active("cat").await;
}
