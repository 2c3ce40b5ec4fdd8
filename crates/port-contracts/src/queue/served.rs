//! Promise 10: users who were served before a loss do not re-enter, and all others may.

use frontrow_domain::{
    model::queue::{Arrival, GatePurpose, QueuePolicy, Ticket},
    ports::{GateOutcome, LeaveOutcome},
};

use super::{ALL, ContractQueue, QueueFixture, RECOVERY, minutes, seconds};
use crate::policies::{self, WAITING_TTL};

impl<F: QueueFixture> ContractQueue<F> {
    async fn served_up_to(&self) -> Option<Arrival> {
        let served = self.ports.ticks.served(self.concert).await;
        served.expect("served").value.map(|served| served.up_to)
    }

    /// Lets the store lose the queue, and seeds it again to recover without users who arrived up to
    /// `served`.
    async fn lose_with_served(&mut self, served: Option<Arrival>) {
        self.fixture.lose_data().await;
        self.recover_with_served(served).await;
    }
}

/// Returns a queue with ann at its head, who is absent, and ben and cat, who were admitted past
/// her.
async fn with_ann_aside<F: QueueFixture>(fixture: F) -> (ContractQueue<F>, [Ticket; 3]) {
    let policy = QueuePolicy {
        absent_after: Some(seconds(15)),
        ..policies::paused()
    };
    let mut queue = ContractQueue::open(fixture, policy).await;
    let line = queue.all_join_line(&["ann", "ben", "cat"]).await;
    queue.serve(seconds(16)).await;
    for ticket in &line[1..] {
        queue.find(ticket).await;
    }
    queue
        .change(|policy| {
            *policy = QueuePolicy {
                absent_after: Some(seconds(15)),
                ..policies::capacity(2)
            };
        })
        .await;
    assert_eq!(queue.admit(ALL).await.done, 2);
    (queue, <[Ticket; 3]>::try_from(line).expect("three"))
}

/// No user is served in a queue that the store does not have, or in which no user was admitted.
pub async fn an_unused_queue_has_served_no_user<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::unknown(fixture, policies::paused());
    assert_eq!(queue.served_up_to().await, None);
    queue.seed(None).await;
    assert_eq!(queue.served_up_to().await, None);
    queue.join_line("ann").await;
    assert_eq!(queue.served_up_to().await, None);
}

/// Users who were admitted, at once or from the line, are served. Users who wait are not, nor are
/// users who left the line behind them.
pub async fn admitted_users_are_served<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::capacity(1)).await;
    let ann = queue.join_active("ann").await;
    assert_eq!(queue.served_up_to().await, Some(ann.arrival));
    let line = queue.all_join_line(&["ben", "cat"]).await;
    queue.leave_place(&ann).await;
    assert_eq!(queue.served_up_to().await, Some(ann.arrival));
    assert_eq!(queue.admit(ALL).await.done, 1);
    assert_eq!(queue.served_up_to().await, Some(line[0].arrival));
    queue.leave_place(&line[1]).await;
    queue.leave_place(&line[0]).await;
    assert_eq!(queue.served_up_to().await, Some(line[0].arrival));
    let dan = queue.join_active("dan").await;
    assert_eq!(queue.served_up_to().await, Some(dan.arrival));
}

/// The answer has the instant since which the queue is served without an outage.
pub async fn the_answer_has_the_start_of_service<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::capacity(1)).await;
    queue.join_active("ann").await;
    queue.expire_all().await;
    for _ in 0..2 {
        let served = queue
            .ports
            .ticks
            .served(queue.concert)
            .await
            .expect("served");
        let since = served.value.expect("ann was served").serving_since;
        let outage_ends = served.as_of - minutes(1);
        assert!(since > outage_ends && since <= served.as_of, "{since}");
        queue.pass(minutes(20)).await;
        queue.expire_all().await;
    }
}

/// A user who stands aside still waits and is not served, though others were admitted past them,
/// from the line or at once.
pub async fn a_user_who_stands_aside_is_not_served<F: QueueFixture>(fixture: F) {
    let (queue, [ann, ben, cat]) = with_ann_aside(fixture).await;
    if queue.was_interrupted() {
        return;
    }
    let before = Some(ann.arrival.just_before());
    assert_eq!(queue.served_up_to().await, before);
    queue.leave_place(&ben).await;
    queue.join_active("dan").await;
    assert_eq!(queue.served_up_to().await, before);
    // Once ann has left, no user waits who arrived before them.
    queue.leave_place(&ann).await;
    assert!(queue.served_up_to().await > Some(cat.arrival));
}

/// A user who stood aside and has returned is not served either.
pub async fn a_user_who_has_returned_is_not_served<F: QueueFixture>(fixture: F) {
    let (mut queue, [ann, ben, cat]) = with_ann_aside(fixture).await;
    queue.find(&ann).await;
    if queue.was_interrupted() {
        return;
    }
    let before = Some(ann.arrival.just_before());
    assert_eq!(queue.served_up_to().await, before);
    queue.leave_place(&ben).await;
    assert_eq!(queue.admit(ALL).await.done, 1);
    assert_eq!(queue.served_up_to().await, Some(cat.arrival));
}

/// The ticket of a user who was served long before a loss is gone for every call.
pub async fn a_served_user_does_not_re_enter<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::capacity(1)).await;
    let ann = queue.join_active("ann").await;
    let served = queue.served_up_to().await;
    let ben = queue.join_line("ben").await;
    queue.lose_with_served(served).await;
    queue.assert_gone(&ann).await;
    let gate = queue.gate(&ann, GatePurpose::Pay).await.value;
    assert_eq!(gate, GateOutcome::Gone);
    assert_eq!(queue.leave(&ann).await.value, LeaveOutcome::Gone);
    let joined = queue.join_for_new_place(&ann).await;
    assert!(joined.arrival > ann.arrival);
    queue.find(&ben).await;
    queue.assert_order(&[&ben, &joined]).await;
    queue.pass(WAITING_TTL).await;
    queue.assert_gone(&ann).await;
}

/// Users who were admitted after the served entry that counts may still have been active. They
/// re-enter, at the head of the line.
pub async fn users_who_were_active_re_enter_at_the_head<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::throughput(3)).await;
    let ann = queue.join_active("ann").await;
    let served = queue.served_up_to().await;
    let inside = [
        queue.join_active("ben").await,
        queue.join_active("cat").await,
    ];
    let dan = queue.join_line("dan").await;
    queue.lose_with_served(served).await;
    queue.assert_gone(&ann).await;
    for ticket in [&dan, &inside[1], &inside[0]] {
        queue.find(ticket).await;
    }
    queue.assert_order(&[&inside[0], &inside[1], &dan]).await;
}

/// A user who stood aside re-enters at their arrival, though others were admitted past them.
pub async fn a_user_who_stood_aside_re_enters<F: QueueFixture>(fixture: F) {
    let (mut queue, [ann, ben, cat]) = with_ann_aside(fixture).await;
    if queue.was_interrupted() {
        return;
    }
    let served = queue.served_up_to().await;
    queue.lose_with_served(served).await;
    for ticket in [&cat, &ann, &ben] {
        queue.find(ticket).await;
    }
    queue.assert_order(&[&ann, &ben, &cat]).await;
}

/// A change of the policy lets no served user re-enter.
pub async fn a_change_of_the_policy_lets_no_served_user_re_enter<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::capacity(1)).await;
    let ann = queue.join_active("ann").await;
    let served = queue.served_up_to().await;
    queue.lose_with_served(served).await;
    queue.change(|policy| *policy = policies::paused()).await;
    queue.expire_all().await;
    queue.assert_gone(&ann).await;
}

/// While users re-enter, only users served before the loss count as served, because any other user
/// may still re-enter. So a second loss takes no place from a user.
pub async fn users_who_may_re_enter_are_not_served<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::throughput(2)).await;
    let ann = queue.join_active("ann").await;
    let served = queue.served_up_to().await;
    let ben = queue.join_active("ben").await;
    queue.lose_with_served(served).await;
    queue.pass(RECOVERY + seconds(1)).await;
    queue.join_active("cat").await;
    assert_eq!(queue.served_up_to().await, served);
    let served_again = queue.served_up_to().await;
    queue.lose_with_served(served_again).await;
    queue.find(&ben).await;
    queue.assert_gone(&ann).await;

    queue.lose_and_recover().await;
    let up_to = queue.served_up_to().await;
    assert!(up_to < Some(ann.arrival), "{up_to:?}");
    let ann = queue.find(&ann).await.ticket;
    queue.leave_place(&ann).await;
    queue.pass(RECOVERY + WAITING_TTL + seconds(1)).await;
    let dan = queue.join_active("dan").await;
    assert_eq!(queue.served_up_to().await, Some(dan.arrival));
}

/// While users re-enter whose places were lost with a server's last writes, only users who arrived
/// before them are served.
pub async fn lost_arrivals_are_not_served<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::capacity(1)).await;
    let ann = queue.join_active("ann").await;
    if !queue.copy().await {
        return;
    }
    queue.leave_place(&ann).await;
    let ben = queue.join_active("ben").await;
    queue.fail_over().await;
    queue.leave_place(&ann).await;
    queue.admit(ALL).await;
    let cat = queue.join_active("cat").await;
    assert!(cat.arrival > ben.arrival);
    assert_eq!(queue.served_up_to().await, Some(ann.arrival));
    queue.find(&ben).await;
    assert_eq!(queue.served_up_to().await, Some(ann.arrival));
}
