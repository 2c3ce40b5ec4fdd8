//! Promise 6: when a waiting place ends.

use frontrow_domain::{
    model::queue::{GatePurpose, JoinRefusal},
    ports::{JoinOutcome, LookUpOutcome},
};

use super::{ALL, ContractQueue, QueueFixture, seconds};
use crate::policies::{self, WAITING_TTL};

/// A user without a heartbeat for the waiting time to live is gone.
pub async fn a_silent_user_is_gone<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    let ann = queue.line_up("ann").await;
    queue.serve(WAITING_TTL).await;
    queue.is_gone(&ann).await;
    assert_eq!(queue.tidy().await.waiting, 0);
}

/// An expired place is gone for its user, though no tick has removed it.
pub async fn an_ended_place_is_gone_before_any_tick<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    let ann = queue.line_up("ann").await;
    queue.serve_past(WAITING_TTL).await;
    let looked_up = queue.look_up(&ann).await;
    if queue.is_served(looked_up.as_of) {
        assert_eq!(looked_up.value, LookUpOutcome::Gone);
        queue.is_gone(&ann).await;
    }
}

/// A tick may count an expired place as waiting until it is removed.
pub async fn an_ended_place_counts_at_most_until_it_is_removed<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    queue.all_line_up(&["ann", "ben", "cat"]).await;
    queue.serve_past(WAITING_TTL).await;
    let report = queue.expire(1).await;
    if !queue.stood_still() {
        assert_eq!((report.done, report.more), (1, true));
        assert!(report.waiting <= 2, "{report:?}");
        assert_eq!(queue.tidy().await.waiting, 0);
    }
}

/// An expired place may count towards the limit of waiting users until it is removed.
pub async fn a_removed_place_does_not_fill_the_queue<F: QueueFixture>(fixture: F) {
    let mut policy = policies::paused();
    policy.max_waiting = Some(2);
    let mut queue = ContractQueue::open(fixture, policy).await;
    queue.line_up("ann").await;
    queue.serve(WAITING_TTL / 2).await;
    queue.line_up("ben").await;
    assert_eq!(queue.refused("cat").await, JoinRefusal::Full);
    queue.serve_past(WAITING_TTL / 2).await;
    queue.tidy().await;
    let joined = queue.join("cat").await;
    if queue.is_served(joined.as_of) {
        assert!(matches!(joined.value, JoinOutcome::Joined(_)), "{joined:?}");
        assert_eq!(queue.refused("dan").await, JoinRefusal::Full);
    }
}

/// An expired place is gone for a join: its user gets a new place at the end of the line.
pub async fn who_was_gone_joins_anew<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    let old = queue.line_up("ann").await;
    queue.serve(WAITING_TTL / 2).await;
    let ben = queue.line_up("ben").await;
    queue.serve_past(WAITING_TTL / 2).await;
    let joined = queue.join_showing(&old).await;
    if !queue.is_served(joined.as_of) {
        return;
    }
    let JoinOutcome::Joined(new) = joined.value else {
        panic!("ann's place was over: {joined:?}");
    };
    assert!(new.ticket.arrival > ben.arrival);
    queue.is_gone(&old).await;
}

/// A look-up is a heartbeat.
pub async fn looking_up_keeps_a_place<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    let ann = queue.line_up("ann").await;
    let silent = queue.line_up("ben").await;
    for _ in 0..3 {
        queue.serve(WAITING_TTL / 2).await;
        queue.find(&ann).await;
    }
    if !queue.stood_still() {
        queue.is_gone(&silent).await;
    }
}

/// However closely look-ups follow each other, the place has its whole lifetime from the last one.
pub async fn each_look_up_counts<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    let ann = queue.line_up("ann").await;
    queue.serve(WAITING_TTL / 10).await;
    queue.find(&ann).await;
    queue.serve(WAITING_TTL * 19 / 20).await;
    queue.find(&ann).await;
    queue.serve(WAITING_TTL / 10).await;
    queue.gate(&ann, GatePurpose::Browse).await;
    queue.serve(WAITING_TTL * 19 / 20).await;
    assert_eq!(queue.tidy().await.waiting, 1);
    queue.find(&ann).await;
}

/// A request at the gate is a heartbeat, though it does not let a waiting user through.
pub async fn the_gate_keeps_a_waiting_place<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    let ann = queue.line_up("ann").await;
    for _ in 0..3 {
        queue.serve(WAITING_TTL / 2).await;
        queue.gate(&ann, GatePurpose::Browse).await;
    }
    assert_eq!(queue.tidy().await.waiting, 1);
    queue.find(&ann).await;
}

/// Joining again is a heartbeat.
pub async fn joining_again_keeps_a_waiting_place<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    let ann = queue.line_up("ann").await;
    for _ in 0..3 {
        queue.serve(WAITING_TTL / 2).await;
        assert_eq!(queue.held(&ann).await.ticket, ann);
    }
    assert_eq!(queue.tidy().await.waiting, 1);
}

/// An admission tick passes over expired heads, and they use up no room: the first live user is
/// admitted.
pub async fn an_ended_head_does_not_hold_up_the_line<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    let gone = queue.all_line_up(&["ann", "ben"]).await;
    queue.serve(WAITING_TTL / 2).await;
    let line = queue.all_line_up(&["cat", "dan"]).await;
    queue.change(|policy| *policy = policies::rate(1)).await;
    queue.serve_past(WAITING_TTL / 2).await;
    let mut report = queue.admit(ALL).await;
    while report.more {
        report = queue.admit(ALL).await;
    }
    if queue.stood_still() {
        return;
    }
    assert_eq!((report.active, report.admitted), (1, 1));
    let report = queue.tidy().await;
    assert_eq!((report.active, report.waiting), (1, 1));
    assert_eq!(report.departed, 3, "two gave up, one was admitted");
    queue.is_gone(&gone[1]).await;
    assert!(!queue.waits(&line[0]).await);
    assert!(queue.waits(&line[1]).await);
}

/// An expired place that admission has passed is gone for good, also where a break of service moves
/// deadlines on. A user who joins after it finds no line.
pub async fn a_passed_place_does_not_come_back<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    let ann = queue.line_up("ann").await;
    queue.serve(WAITING_TTL / 2).await;
    let ben = queue.line_up("ben").await;
    queue.serve_past(WAITING_TTL / 2).await;
    queue.change(|policy| *policy = policies::rate(5)).await;
    queue.admit_all().await;
    if queue.stood_still() {
        return;
    }
    assert!(!queue.waits(&ben).await);
    queue.pass(seconds(10)).await;
    queue.is_gone(&ann).await;
    queue.walk_in("cat").await;
}
