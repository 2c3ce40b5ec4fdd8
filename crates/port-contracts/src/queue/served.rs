//! Promise 10: users who were served before a loss do not re-enter, and all others may.

use frontrow_domain::{
    model::queue::{Arrival, GatePurpose, QueuePolicy, Ticket},
    ports::{GateOutcome, LeaveOutcome},
};

use super::{ALL, ContractQueue, QueueFixture, RECOVERY, minutes, seconds};
use crate::policies::{self, WAITING_TTL};

impl<F: QueueFixture> ContractQueue<F> {
    async fn served_up_to(&self) -> Option<Arrival> {
        let told = self.ports.ticks.served(self.concert).await;
        told.expect("served").value.map(|served| served.up_to)
    }

    /// Lets the store lose the queue, and seeds it again to recover without users who arrived up to
    /// `served`.
    async fn lose_without(&mut self, served: Option<Arrival>) {
        self.fixture.lose_data().await;
        self.recover_without(served).await;
    }
}

/// A queue with ann at its head, who is absent, and ben and cat, who were admitted past her.
async fn with_ann_aside<F: QueueFixture>(fixture: F) -> (ContractQueue<F>, [Ticket; 3]) {
    let policy = QueuePolicy {
        absent_after: Some(seconds(15)),
        ..policies::paused()
    };
    let mut queue = ContractQueue::open(fixture, policy).await;
    let line = queue.all_line_up(&["ann", "ben", "cat"]).await;
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
pub async fn an_unused_queue_has_served_nobody<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::unknown(fixture, policies::paused());
    assert_eq!(queue.served_up_to().await, None);
    queue.seed(None).await;
    assert_eq!(queue.served_up_to().await, None);
    queue.line_up("ann").await;
    assert_eq!(queue.served_up_to().await, None);
}

/// Users who were admitted, at once or from the line, are served. Users who wait are not, nor are
/// users who left the line behind them.
pub async fn who_was_admitted_is_served<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::capacity(1)).await;
    let ann = queue.walk_in("ann").await;
    assert_eq!(queue.served_up_to().await, Some(ann.arrival));
    let line = queue.all_line_up(&["ben", "cat"]).await;
    queue.go(&ann).await;
    assert_eq!(queue.served_up_to().await, Some(ann.arrival));
    assert_eq!(queue.admit(ALL).await.done, 1);
    assert_eq!(queue.served_up_to().await, Some(line[0].arrival));
    queue.go(&line[1]).await;
    queue.go(&line[0]).await;
    assert_eq!(queue.served_up_to().await, Some(line[0].arrival));
    let dan = queue.walk_in("dan").await;
    assert_eq!(queue.served_up_to().await, Some(dan.arrival));
}

/// The answer also says since when the queue is served without a break.
pub async fn a_break_of_service_is_told<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::capacity(1)).await;
    queue.walk_in("ann").await;
    queue.tidy().await;
    for _ in 0..2 {
        let told = queue
            .ports
            .ticks
            .served(queue.concert)
            .await
            .expect("served");
        let since = told.value.expect("ann was served").serving_since;
        let break_ends = told.as_of - minutes(1);
        assert!(since > break_ends && since <= told.as_of, "{since}");
        queue.pass(minutes(20)).await;
        queue.tidy().await;
    }
}

/// A user who stands aside still waits and is not served, though others were admitted past them,
/// from the line or at once.
pub async fn who_stands_aside_is_not_served<F: QueueFixture>(fixture: F) {
    let (queue, [ann, ben, cat]) = with_ann_aside(fixture).await;
    if queue.stood_still() {
        return;
    }
    let before = Some(ann.arrival.just_before());
    assert_eq!(queue.served_up_to().await, before);
    queue.go(&ben).await;
    queue.walk_in("dan").await;
    assert_eq!(queue.served_up_to().await, before);
    // Once ann has left, no user waits who arrived before them.
    queue.go(&ann).await;
    assert!(queue.served_up_to().await > Some(cat.arrival));
}

/// A user who stood aside and has returned is not served either.
pub async fn who_has_returned_is_not_served<F: QueueFixture>(fixture: F) {
    let (mut queue, [ann, ben, cat]) = with_ann_aside(fixture).await;
    queue.find(&ann).await;
    if queue.stood_still() {
        return;
    }
    let before = Some(ann.arrival.just_before());
    assert_eq!(queue.served_up_to().await, before);
    queue.go(&ben).await;
    assert_eq!(queue.admit(ALL).await.done, 1);
    assert_eq!(queue.served_up_to().await, Some(cat.arrival));
}

/// The ticket of a user who was served long before a loss is gone, however it is shown.
pub async fn who_was_served_does_not_come_back<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::capacity(1)).await;
    let ann = queue.walk_in("ann").await;
    let served = queue.served_up_to().await;
    let ben = queue.line_up("ben").await;
    queue.lose_without(served).await;
    queue.is_gone(&ann).await;
    let gate = queue.gate(&ann, GatePurpose::Pay).await.value;
    assert_eq!(gate, GateOutcome::Gone);
    assert_eq!(queue.leave(&ann).await.value, LeaveOutcome::Gone);
    let joined = queue.joins_anew(&ann).await;
    assert!(joined.arrival > ann.arrival);
    queue.find(&ben).await;
    queue.stand_in_order(&[&ben, &joined]).await;
    queue.pass(WAITING_TTL).await;
    queue.is_gone(&ann).await;
}

/// Users who were admitted after the served entry that counts may still have been active. They
/// re-enter, at the head of the line.
pub async fn who_was_inside_comes_back_first<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::rate(3)).await;
    let ann = queue.walk_in("ann").await;
    let served = queue.served_up_to().await;
    let inside = [queue.walk_in("ben").await, queue.walk_in("cat").await];
    let dan = queue.line_up("dan").await;
    queue.lose_without(served).await;
    queue.is_gone(&ann).await;
    for ticket in [&dan, &inside[1], &inside[0]] {
        queue.find(ticket).await;
    }
    queue.stand_in_order(&[&inside[0], &inside[1], &dan]).await;
}

/// A user who stood aside re-enters at their arrival, though others were admitted past them.
pub async fn who_stood_aside_comes_back<F: QueueFixture>(fixture: F) {
    let (mut queue, [ann, ben, cat]) = with_ann_aside(fixture).await;
    if queue.stood_still() {
        return;
    }
    let served = queue.served_up_to().await;
    queue.lose_without(served).await;
    for ticket in [&cat, &ann, &ben] {
        queue.find(ticket).await;
    }
    queue.stand_in_order(&[&ann, &ben, &cat]).await;
}

/// A change of the policy lets no served user re-enter.
pub async fn a_new_policy_serves_nobody<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::capacity(1)).await;
    let ann = queue.walk_in("ann").await;
    let served = queue.served_up_to().await;
    queue.lose_without(served).await;
    queue.change(|policy| *policy = policies::paused()).await;
    queue.tidy().await;
    queue.is_gone(&ann).await;
}

/// While users re-enter, only users served before the loss count as served, because any other may
/// still re-enter. So a second loss takes no place from a user.
pub async fn while_users_come_back_nobody_is_served<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::rate(2)).await;
    let ann = queue.walk_in("ann").await;
    let served = queue.served_up_to().await;
    let ben = queue.walk_in("ben").await;
    queue.lose_without(served).await;
    queue.pass(RECOVERY + seconds(1)).await;
    queue.walk_in("cat").await;
    assert_eq!(queue.served_up_to().await, served);
    let still = queue.served_up_to().await;
    queue.lose_without(still).await;
    queue.find(&ben).await;
    queue.is_gone(&ann).await;

    queue.lose_and_recover().await;
    let nobody = queue.served_up_to().await;
    assert!(nobody < Some(ann.arrival), "{nobody:?}");
    let ann = queue.find(&ann).await.ticket;
    queue.go(&ann).await;
    queue.pass(RECOVERY + WAITING_TTL + seconds(1)).await;
    let dan = queue.walk_in("dan").await;
    assert_eq!(queue.served_up_to().await, Some(dan.arrival));
}

/// While users re-enter whose places were lost with a server's last writes, only those before them
/// are served.
pub async fn what_was_lost_is_not_served<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::capacity(1)).await;
    let ann = queue.walk_in("ann").await;
    if !queue.copy().await {
        return;
    }
    queue.go(&ann).await;
    let ben = queue.walk_in("ben").await;
    queue.fail_over().await;
    queue.go(&ann).await;
    queue.admit(ALL).await;
    let cat = queue.walk_in("cat").await;
    assert!(cat.arrival > ben.arrival);
    assert_eq!(queue.served_up_to().await, Some(ann.arrival));
    queue.find(&ben).await;
    assert_eq!(queue.served_up_to().await, Some(ann.arrival));
}
