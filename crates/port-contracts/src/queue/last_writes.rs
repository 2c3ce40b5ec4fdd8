//! Promise 11: last writes that were lost, by a failover, a crash or a restored backup.

use frontrow_domain::model::queue::{Gaps, GatePurpose, Ticket};
use frontrow_domain::ports::LeaveOutcome;

use super::{ContractQueue, QueueFixture, seconds};
use crate::policies::{self, WAITING_TTL};

impl<F: QueueFixture> ContractQueue<F> {
    /// Copies the queue, as a replica has it. Returns false where the store cannot lose its last
    /// writes alone: the contract does not apply to it.
    pub(crate) async fn copy(&mut self) -> bool {
        self.fixture.copy_queue(self.concert).await
    }

    /// Returns a ticket that was given out 30 s after another one, and lost.
    fn lost_after(&self, ticket: &Ticket, name: &str) -> Ticket {
        let lost = ticket.arrival.later(seconds(30));
        self.ticket(name, lost.micros())
    }

    /// Checks that a user whose ticket was lost in a silence re-enters, though another user has
    /// joined since.
    async fn assert_lost_ticket_re_enters(&mut self, ann: &Ticket) {
        let ben = self.join_line("ben").await;
        assert_eq!(self.snapshot().await.reentry_until, None);
        let lost = self.lost_after(ann, "cat");
        assert_eq!(self.find(&lost).await.ticket, lost);
        assert!(self.snapshot().await.reentry_until.is_some());
        self.assert_line(&[ann, &lost, &ben]).await;
    }

    /// Replaces the queue by its last copy, on another server.
    pub(crate) async fn fail_over(&mut self) {
        self.fixture.fail_over(self.concert).await;
    }
}

/// Users whose places were lost re-enter at their arrivals, also if others joined before them. New
/// joins come after all of them.
pub async fn lost_places_re_enter_in_the_order_of_arrival<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    let ann = queue.join_line("ann").await;
    if !queue.copy().await {
        return;
    }
    let lost = queue.all_join_line(&["ben", "cat"]).await;
    queue.fail_over().await;
    let dan = queue.join_line("dan").await;
    assert!(dan.arrival > lost[1].arrival);
    let cat = queue.find(&lost[1]).await;
    assert_eq!(cat.ticket, lost[1], "byte for byte");
    assert_eq!(queue.held(&lost[0]).await.ticket, lost[0]);
    queue.assert_order(&[&ann, &lost[0], &lost[1], &dan]).await;
}

/// The first call that reaches the other server records the loss. Here it is a tick, before any
/// request.
pub async fn a_tick_records_the_loss<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    let ann = queue.join_line("ann").await;
    if !queue.copy().await {
        return;
    }
    let ben = queue.join_line("ben").await;
    queue.fail_over().await;
    queue.expire_all().await;
    let snapshot = queue.snapshot().await;
    assert!(snapshot.reentry_until.is_some());
    assert!(!snapshot.queue.recovering, "admission goes on");
    let cat = queue.join_line("cat").await;
    assert!(cat.arrival > ben.arrival);
    queue.find(&ben).await;
    queue.assert_line(&[&ann, &ben, &cat]).await;
}

/// A user whose admission was lost waits at their arrival, at the head, and is admitted again.
pub async fn a_lost_admission_is_made_again<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::capacity(1)).await;
    let ann = queue.join_active("ann").await;
    let line = queue.all_join_line(&["ben", "cat"]).await;
    if !queue.copy().await {
        return;
    }
    queue.leave_place(&ann).await;
    assert_eq!(queue.admit_all().await, 1);
    queue.pass_gate(&line[0], GatePurpose::Browse).await;
    queue.fail_over().await;
    // The store still knows ann's place, and nothing of ben's admission.
    assert!(queue.waits(&line[0]).await);
    queue.leave_place(&ann).await;
    assert_eq!(queue.admit_all().await, 1);
    assert!(!queue.waits(&line[0]).await);
    assert!(queue.waits(&line[1]).await);
}

/// A user whose immediate admission was lost re-enters at the head of the line.
pub async fn a_user_admitted_at_once_re_enters_at_the_head<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::throughput(1)).await;
    if !queue.copy().await {
        return;
    }
    let ann = queue.join_active("ann").await;
    let ben = queue.join_line("ben").await;
    queue.fail_over().await;
    queue.find(&ben).await;
    assert!(queue.waits(&ann).await);
    assert_eq!(queue.admit_all().await, 1);
    assert!(!queue.waits(&ann).await);
    assert!(queue.waits(&ben).await);
}

/// A ticket that the store never lost does not re-enter: neither that of a place that ended before
/// the copy, nor that of a place that ended after the loss was found.
pub async fn tickets_that_were_not_lost_do_not_re_enter<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    let ann = queue.join_line("ann").await;
    queue.leave_place(&ann).await;
    if !queue.copy().await {
        return;
    }
    let lost = queue.all_join_line(&["ben", "cat"]).await;
    queue.fail_over().await;
    queue.assert_gone(&ann).await;
    queue.find(&lost[0]).await;
    queue.leave_place(&lost[0]).await;
    queue.assert_gone(&lost[0]).await;
    // Cat joins without her ticket, and leaves.
    let new = queue.join_line("cat").await;
    queue.leave_place(&new).await;
    queue.assert_gone(&lost[1]).await;
    queue.assert_gone(&new).await;
}

/// A lost place can re-enter although an earlier place of its user has ended.
pub async fn a_lost_place_later_than_an_ended_one_re_enters<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    let first = queue.join_line("ann").await;
    if !queue.copy().await {
        return;
    }
    queue.fail_over().await;
    queue.leave_place(&first).await;
    assert!(queue.copy().await);
    let second = queue.join_line("ann").await;
    queue.fail_over().await;
    queue.assert_gone(&first).await;
    assert_eq!(queue.find(&second).await.ticket, second);
}

/// A user can leave with a lost ticket, and has no place from then on.
pub async fn a_user_can_leave_with_a_lost_ticket<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    if !queue.copy().await {
        return;
    }
    let ann = queue.join_line("ann").await;
    queue.fail_over().await;
    assert_eq!(queue.leave(&ann).await.value, LeaveOutcome::Left);
    queue.assert_gone(&ann).await;
    assert_eq!(queue.expire_all().await.waiting, 0);
}

/// A ticket later than every arrival that the store knows proves the loss by itself.
pub async fn a_lost_ticket_proves_the_loss<F: QueueFixture>(fixture: F) {
    let queue = ContractQueue::open(fixture, policies::paused()).await;
    let ann = queue.join_line("ann").await;
    let after = |ticket: &Ticket, name: &str, by| Ticket {
        arrival: ticket.arrival.later(seconds(by)),
        ..queue.ticket(name, 1)
    };
    let cat = after(&ann, "cat", 2);
    let ben = after(&ann, "ben", 1);
    for lost in [&cat, &ben] {
        assert_eq!(queue.find(lost).await.ticket, *lost);
    }
    let dan = queue.join_line("dan").await;
    assert!(dan.arrival > cat.arrival);
    queue.assert_line(&[&ann, &ben, &cat, &dan]).await;
}

/// After a silence a lost ticket re-enters, although others have joined since. The store may have
/// been replaced by a copy without another name. Until a lost ticket is shown, nothing is
/// different.
pub async fn a_lost_ticket_re_enters_after_a_silence<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    let ann = queue.join_line("ann").await;
    queue.pass(seconds(90)).await;
    queue.expire_all().await;
    queue.assert_lost_ticket_re_enters(&ann).await;
}

/// The first call after a silence may be a join, before any tick.
pub async fn a_lost_ticket_re_enters_after_a_join_that_ends_a_silence<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    let ann = queue.join_line("ann").await;
    queue.pass(seconds(90)).await;
    queue.assert_lost_ticket_re_enters(&ann).await;
}

/// The same holds for an empty queue, as a nightly backup has it.
pub async fn a_lost_ticket_re_enters_after_the_silence_of_an_empty_queue<F: QueueFixture>(
    fixture: F,
) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    let ann = queue.join_line("ann").await;
    queue.leave_place(&ann).await;
    queue.expire_all().await;
    queue.pass(seconds(90)).await;
    queue.expire_all().await;
    let ben = queue.join_line("ben").await;
    let lost = queue.lost_after(&ann, "cat");
    assert_eq!(queue.find(&lost).await.ticket, lost);
    queue.assert_gone(&ann).await;
    assert!(queue.waits(&lost).await && lost.arrival < ben.arrival);
}

/// Lost places re-enter for the waiting lifetime, and not longer.
pub async fn lost_places_re_enter_only_within_the_waiting_lifetime<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    queue.join_line("zoe").await;
    if !queue.copy().await {
        return;
    }
    let ann = queue.join_line("ann").await;
    queue.fail_over().await;
    queue.join_line("ben").await;
    queue.serve(WAITING_TTL + seconds(1)).await;
    assert_eq!(queue.snapshot().await.reentry_until, None);
    queue.assert_gone(&ann).await;
    let new = queue.join_for_new_place(&ann).await;
    assert!(new.arrival > ann.arrival);
}

/// Eight losses in a row are remembered.
pub async fn eight_losses_are_remembered<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    let mut line = Vec::new();
    for number in 0..Gaps::MAX {
        line.push(queue.join_line(&format!("kept-{number}")).await);
        if !queue.copy().await {
            return;
        }
        let lost = queue.join_line(&format!("lost-{number}")).await;
        queue.fail_over().await;
        queue.expire_all().await;
        line.push(lost);
    }
    for lost in line.iter().skip(1).step_by(2).rev() {
        assert_eq!(queue.find(lost).await.ticket, *lost);
    }
    for kept in &line {
        queue.find(kept).await;
    }
    let all: Vec<_> = line.iter().collect();
    queue.assert_line(&all).await;
}
