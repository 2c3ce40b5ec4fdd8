//! Promise 11: last writes that were lost, by a failover, a crash or a restored backup.

use frontrow_domain::model::queue::{Gaps, GatePurpose, Ticket};
use frontrow_domain::ports::LeaveOutcome;

use super::{ContractQueue, QueueFixture, seconds};
use crate::policies::{self, WAITING_TTL};

impl<F: QueueFixture> ContractQueue<F> {
    /// Copies the queue, as a replica has it. Returns false where the store cannot lose its last
    /// writes alone. The contract does not apply then.
    pub(crate) async fn copy(&mut self) -> bool {
        self.fixture.copy_queue(self.concert).await
    }

    /// A ticket that was given out half a minute after another one, and lost.
    fn lost_after(&self, ticket: &Ticket, name: &str) -> Ticket {
        let lost = ticket.arrival.later(seconds(30));
        self.ticket(name, lost.micros())
    }

    /// Ben joins after a silence in which Cat's ticket was lost, and Cat re-enters.
    async fn silence_hides_a_loss(&mut self, ann: &Ticket) {
        let ben = self.line_up("ben").await;
        assert_eq!(self.see().await.reentry_until, None);
        let lost = self.lost_after(ann, "cat");
        assert_eq!(self.find(&lost).await.ticket, lost);
        assert!(self.see().await.reentry_until.is_some());
        self.stand_in_line(&[ann, &lost, &ben]).await;
    }

    /// Replaces the queue by its last copy, on another server.
    pub(crate) async fn fail_over(&mut self) {
        self.fixture.fail_over(self.concert).await;
    }
}

/// Users whose places were lost re-enter at their arrival, also where others have joined before the
/// first of them does. New joins come after all of them.
pub async fn lost_places_come_back_in_their_order<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    let ann = queue.line_up("ann").await;
    if !queue.copy().await {
        return;
    }
    let lost = queue.all_line_up(&["ben", "cat"]).await;
    queue.fail_over().await;
    let dan = queue.line_up("dan").await;
    assert!(dan.arrival > lost[1].arrival);
    let cat = queue.find(&lost[1]).await;
    assert_eq!(cat.ticket, lost[1], "byte for byte");
    assert_eq!(queue.held(&lost[0]).await.ticket, lost[0]);
    queue
        .stand_in_order(&[&ann, &lost[0], &lost[1], &dan])
        .await;
}

/// The first call that reaches the other server records the loss: here a tick, before any request.
pub async fn a_tick_finds_the_loss<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    let ann = queue.line_up("ann").await;
    if !queue.copy().await {
        return;
    }
    let ben = queue.line_up("ben").await;
    queue.fail_over().await;
    queue.tidy().await;
    let seen = queue.see().await;
    assert!(seen.reentry_until.is_some());
    assert!(!seen.queue.recovering, "admission goes on");
    let cat = queue.line_up("cat").await;
    assert!(cat.arrival > ben.arrival);
    queue.find(&ben).await;
    queue.stand_in_line(&[&ann, &ben, &cat]).await;
}

/// A lost admission is made again: its user waits at their arrival, at the head.
pub async fn a_lost_admission_is_made_again<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::capacity(1)).await;
    let ann = queue.walk_in("ann").await;
    let line = queue.all_line_up(&["ben", "cat"]).await;
    if !queue.copy().await {
        return;
    }
    queue.go(&ann).await;
    assert_eq!(queue.admit_all().await, 1);
    queue.pass_gate(&line[0], GatePurpose::Browse).await;
    queue.fail_over().await;
    // The store still knows ann's place, and nothing of ben's admission.
    assert!(queue.waits(&line[0]).await);
    queue.go(&ann).await;
    assert_eq!(queue.admit_all().await, 1);
    assert!(!queue.waits(&line[0]).await);
    assert!(queue.waits(&line[1]).await);
}

/// A user whose immediate admission was lost re-enters at the head of the line.
pub async fn who_was_admitted_at_once_comes_back_first<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::rate(1)).await;
    if !queue.copy().await {
        return;
    }
    let ann = queue.walk_in("ann").await;
    let ben = queue.line_up("ben").await;
    queue.fail_over().await;
    queue.find(&ben).await;
    assert!(queue.waits(&ann).await);
    assert_eq!(queue.admit_all().await, 1);
    assert!(!queue.waits(&ann).await);
    assert!(queue.waits(&ben).await);
}

/// A ticket that the store never lost does not re-enter: neither that of a place that ended before
/// the copy, nor one of a place that ended after the loss was found.
pub async fn what_was_not_lost_does_not_come_back<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    let ann = queue.line_up("ann").await;
    queue.go(&ann).await;
    if !queue.copy().await {
        return;
    }
    let lost = queue.all_line_up(&["ben", "cat"]).await;
    queue.fail_over().await;
    queue.is_gone(&ann).await;
    queue.find(&lost[0]).await;
    queue.go(&lost[0]).await;
    queue.is_gone(&lost[0]).await;
    // Cat joins without her ticket, and leaves.
    let anew = queue.line_up("cat").await;
    queue.go(&anew).await;
    queue.is_gone(&lost[1]).await;
    queue.is_gone(&anew).await;
}

/// A place that was taken and lost after an earlier one of its user had ended can re-enter.
pub async fn a_later_place_than_the_one_that_ended_comes_back<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    let first = queue.line_up("ann").await;
    if !queue.copy().await {
        return;
    }
    queue.fail_over().await;
    queue.go(&first).await;
    assert!(queue.copy().await);
    let second = queue.line_up("ann").await;
    queue.fail_over().await;
    queue.is_gone(&first).await;
    assert_eq!(queue.find(&second).await.ticket, second);
}

/// A user who leaves with a lost ticket has left.
pub async fn a_lost_place_can_be_left<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    if !queue.copy().await {
        return;
    }
    let ann = queue.line_up("ann").await;
    queue.fail_over().await;
    assert_eq!(queue.leave(&ann).await.value, LeaveOutcome::Left);
    queue.is_gone(&ann).await;
    assert_eq!(queue.tidy().await.waiting, 0);
}

/// A ticket later than every arrival that the store knows proves the loss by itself.
pub async fn a_lost_ticket_proves_the_loss<F: QueueFixture>(fixture: F) {
    let queue = ContractQueue::open(fixture, policies::paused()).await;
    let ann = queue.line_up("ann").await;
    let after = |ticket: &Ticket, name: &str, by| Ticket {
        arrival: ticket.arrival.later(seconds(by)),
        ..queue.ticket(name, 1)
    };
    let cat = after(&ann, "cat", 2);
    let ben = after(&ann, "ben", 1);
    for lost in [&cat, &ben] {
        assert_eq!(queue.find(lost).await.ticket, *lost);
    }
    let dan = queue.line_up("dan").await;
    assert!(dan.arrival > cat.arrival);
    queue.stand_in_line(&[&ann, &ben, &cat, &dan]).await;
}

/// After a silence a lost ticket re-enters, although others have joined since: the store may have
/// been replaced by a copy without another name. Until one is shown, nothing is different.
pub async fn a_silence_may_hide_a_loss<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    let ann = queue.line_up("ann").await;
    queue.pass(seconds(90)).await;
    queue.tidy().await;
    queue.silence_hides_a_loss(&ann).await;
}

/// The first call after a silence may be a join, before any tick.
pub async fn a_join_may_end_a_silence<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    let ann = queue.line_up("ann").await;
    queue.pass(seconds(90)).await;
    queue.silence_hides_a_loss(&ann).await;
}

/// The same holds for an empty queue, as a nightly backup has it.
pub async fn a_join_may_end_the_silence_of_an_empty_queue<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    let ann = queue.line_up("ann").await;
    queue.go(&ann).await;
    queue.tidy().await;
    queue.pass(seconds(90)).await;
    queue.tidy().await;
    let ben = queue.line_up("ben").await;
    let lost = queue.lost_after(&ann, "cat");
    assert_eq!(queue.find(&lost).await.ticket, lost);
    queue.is_gone(&ann).await;
    assert!(queue.waits(&lost).await && lost.arrival < ben.arrival);
}

/// Lost places re-enter for the waiting time to live, never longer.
pub async fn lost_places_come_back_for_the_waiting_time_to_live<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    queue.line_up("zoe").await;
    if !queue.copy().await {
        return;
    }
    let ann = queue.line_up("ann").await;
    queue.fail_over().await;
    queue.line_up("ben").await;
    queue.serve(WAITING_TTL + seconds(1)).await;
    assert_eq!(queue.see().await.reentry_until, None);
    queue.is_gone(&ann).await;
    let anew = queue.joins_anew(&ann).await;
    assert!(anew.arrival > ann.arrival);
}

/// Eight losses in a row are remembered.
pub async fn eight_losses_are_remembered<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    let mut line = Vec::new();
    for number in 0..Gaps::MAX {
        line.push(queue.line_up(&format!("kept-{number}")).await);
        if !queue.copy().await {
            return;
        }
        let lost = queue.line_up(&format!("lost-{number}")).await;
        queue.fail_over().await;
        queue.tidy().await;
        line.push(lost);
    }
    for lost in line.iter().skip(1).step_by(2).rev() {
        assert_eq!(queue.find(lost).await.ticket, *lost);
    }
    for kept in &line {
        queue.find(kept).await;
    }
    let all: Vec<_> = line.iter().collect();
    queue.stand_in_line(&all).await;
}
