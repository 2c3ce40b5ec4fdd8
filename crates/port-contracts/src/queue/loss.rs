//! Promise 10: a queue that its store lost, and the users who restore it with their tickets.

use frontrow_domain::model::queue::{GatePurpose, JoinRefusal, PolicyState, Ticket};

use super::{ContractQueue, QueueFixture, RECOVERY, minutes, seconds};
use crate::policies::{self, WAITING_TTL};

impl<F: QueueFixture> ContractQueue<F> {
    /// Checks that no user of `line` gets a position ahead of their own, or behind all of them.
    /// While a queue takes re-entries, positions may be overstated.
    pub(crate) async fn assert_line(&self, line: &[&Ticket]) {
        let last = line.len() as u64;
        for (true_position, ticket) in (1..).zip(line) {
            let (position, behind) = self.in_line(ticket).await;
            let (positions, behinds) = (true_position..=last, last - true_position..last);
            assert!(
                positions.contains(&position) && behinds.contains(&behind),
                "{}: {position}, {behind}",
                ticket.user
            );
        }
    }

    /// Checks that these are all the waiting users, and that they are admitted in this order.
    pub(crate) async fn assert_order(&mut self, line: &[&Ticket]) {
        self.assert_line(line).await;
        self.pass(RECOVERY + seconds(1)).await;
        self.change(|policy| *policy = policies::throughput(1_000))
            .await;
        for (number, ticket) in line.iter().enumerate() {
            assert_eq!(self.admit(1).await.done, 1);
            assert!(!self.waits(ticket).await, "{} is next", ticket.user);
            for later in line.iter().skip(number + 1) {
                assert!(self.waits(later).await, "{} is not next", later.user);
            }
        }
    }
}

/// A queue that is seeded for the first time has nothing to recover. No user waits for a recovery,
/// and tickets of other generations are gone.
pub async fn a_new_queue_does_not_recover<F: QueueFixture>(fixture: F) {
    let queue = ContractQueue::open(fixture, policies::throughput(1)).await;
    let mut stranger = queue.ticket("ann", 1);
    stranger.generation.0 += 1;
    queue.assert_gone(&stranger).await;
    let place = queue.join_new("ann").await;
    assert!(!place.queue.recovering);
    queue.assert_gone(&stranger).await;
}

/// A queue that was lost gets a new generation, and its tickets carry it.
pub async fn a_recovered_queue_has_a_new_generation<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    let before = queue.join_line("ann").await;
    queue.lose_and_recover().await;
    let place = queue.find(&before).await;
    assert_ne!(place.ticket.generation, before.generation);
    assert_eq!(place.ticket.generation.0, queue.generation);
    assert!(place.queue.recovering);
}

/// No user is admitted while the queue recovers, neither by a join nor by a tick.
pub async fn a_recovering_queue_admits_no_user<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::throughput(10)).await;
    queue.lose_and_recover().await;
    let line = queue.all_join_line(&["ann", "ben"]).await;
    assert_eq!(queue.admit_all().await, 0);
    queue.pass(RECOVERY / 2).await;
    assert_eq!(queue.admit_all().await, 0);
    assert!(queue.find(&line[0]).await.queue.recovering);
    queue.pass(RECOVERY / 2 + seconds(1)).await;
    assert!(!queue.find(&line[0]).await.queue.recovering);
    assert_eq!(queue.admit_all().await, 2);
}

/// Users who re-enter stand in the order of their arrivals, not in the order in which they show
/// their tickets.
pub async fn users_re_enter_in_the_order_of_arrival<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    let line = queue.all_join_line(&["ann", "ben", "cat", "dan"]).await;
    queue.lose_and_recover().await;
    for number in [2, 0, 3, 1] {
        queue.find(&line[number]).await;
    }
    let all: Vec<_> = line.iter().collect();
    queue.assert_order(&all).await;
}

/// Users who were active have the oldest arrivals and come first. They are admitted, and have their
/// claim deadline again.
pub async fn users_who_were_active_re_enter_first<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::capacity(2)).await;
    let ann = queue.join_active("ann").await;
    let ben = queue.join_active("ben").await;
    queue.pass_gate(&ann, GatePurpose::Browse).await;
    let cat = queue.join_line("cat").await;
    queue.lose_and_recover().await;
    queue.find(&cat).await;
    queue.gate(&ben, GatePurpose::Pay).await;
    queue.find(&ann).await;
    queue.assert_line(&[&ann, &ben, &cat]).await;
    queue.pass(RECOVERY + seconds(1)).await;
    assert_eq!(queue.admit_all().await, 2);
    assert!(!queue.waits(&ann).await);
    assert!(!queue.waits(&ben).await);
    assert!(queue.waits(&cat).await);
}

/// New joins come after every arrival that re-entered, even when the clock has stepped back.
pub async fn new_joins_come_after_every_arrival_seen<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    let line = queue.all_join_line(&["ann", "ben"]).await;
    queue.step_back(minutes(60)).await;
    queue.lose_and_recover().await;
    queue.find(&line[1]).await;
    let new = queue.join_line("cat").await;
    assert!(new.arrival > line[1].arrival);
    queue.find(&line[0]).await;
    queue.assert_order(&[&line[0], &line[1], &new]).await;
}

/// A user who re-enters goes before those who joined since.
pub async fn users_who_re_enter_go_before_new_users<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    let line = queue.all_join_line(&["ann", "ben"]).await;
    queue.lose_and_recover().await;
    let new = queue.join_line("cat").await;
    queue.find(&line[1]).await;
    queue.find(&line[0]).await;
    queue.assert_order(&[&line[0], &line[1], &new]).await;
}

/// Users may re-enter for the waiting lifetime after the recovery.
pub async fn users_may_re_enter_after_the_recovery<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::throughput(1)).await;
    queue.join_active("zoe").await;
    let ann = queue.join_line("ann").await;
    queue.lose_and_recover().await;
    queue.join_line("ben").await;
    queue.pass(RECOVERY + WAITING_TTL / 2).await;
    assert_eq!(queue.in_line(&ann).await, (1, 1));
    assert_eq!(queue.admit_all().await, 1);
    assert!(!queue.waits(&ann).await);
}

/// After the period of re-entry, a ticket of the lost generation is gone, and a join of its user
/// makes a new place.
pub async fn no_user_re_enters_after_the_period_of_re_entry<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    let ann = queue.join_line("ann").await;
    queue.lose_and_recover().await;
    queue.pass(RECOVERY + WAITING_TTL + seconds(1)).await;
    queue.assert_gone(&ann).await;
    let new = queue.join_for_new_place(&ann).await;
    assert!(new.arrival > ann.arrival);
}

/// No limit on joining applies to a re-entry: not a full line, nor sold out, nor closed.
pub async fn limits_on_joining_do_not_apply_to_re_entry<F: QueueFixture>(fixture: F) {
    let mut policy = policies::paused();
    policy.max_waiting = Some(2);
    let mut queue = ContractQueue::open(fixture, policy).await;
    let line = queue.all_join_line(&["ann", "ben"]).await;
    queue.lose_and_recover().await;
    queue.all_join_line(&["cat", "dan"]).await;
    queue.find(&line[1]).await;
    assert_eq!(queue.refused("eve").await, JoinRefusal::Full);
    queue.switch(PolicyState::Closed).await;
    assert_eq!(queue.held(&line[0]).await.ticket.arrival, line[0].arrival);
    let (position, _) = queue.in_line(&line[0]).await;
    assert!((1..=2).contains(&position), "{position}");
    assert_eq!(queue.expire_all().await.waiting, 4);
}

/// A ticket of the lost generation stays valid as long as its place exists: waiting, active, and
/// after the recovery.
pub async fn a_ticket_of_the_lost_generation_is_valid_while_its_place_exists<F: QueueFixture>(
    fixture: F,
) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    let ann = queue.join_line("ann").await;
    queue.lose_and_recover().await;
    let new = queue.find(&ann).await.ticket;
    queue.switch(PolicyState::Open).await;
    queue.pass(RECOVERY + WAITING_TTL + minutes(60)).await;
    assert!(queue.waits(&ann).await);
    assert_eq!(queue.admit_all().await, 1);
    queue.pass_gate(&ann, GatePurpose::Browse).await;
    assert_eq!(queue.find(&ann).await.ticket, new);
    assert_eq!(queue.held(&ann).await.ticket, new);
    queue.leave_place(&ann).await;
    queue.assert_gone(&new).await;
}

/// Users keep their places through several losses in a row.
pub async fn users_keep_their_places_through_losses_in_a_row<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    let line = queue.all_join_line(&["ann", "ben"]).await;
    queue.lose_and_recover().await;
    let ben = queue.find(&line[1]).await.ticket;
    let cat = queue.join_line("cat").await;
    queue.lose_and_recover().await;
    for ticket in [&cat, &ben, &line[0]] {
        queue.find(ticket).await; // of three generations
    }
    queue.assert_order(&[&line[0], &ben, &cat]).await;
}

/// A store that was closed cleanly has its users when it is open again, or lets them re-enter.
pub async fn a_reopened_store_has_or_recovers_its_users<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::capacity(1)).await;
    let ann = queue.join_active("ann").await;
    let line = queue.all_join_line(&["ben", "cat"]).await;
    queue.reopen().await;
    let lost = queue.look_up(&ann).await.value == frontrow_domain::ports::LookUpOutcome::NotSeeded;
    if lost {
        queue.recover().await;
        for ticket in [&line[1], &ann, &line[0]] {
            queue.find(ticket).await;
        }
        queue.assert_line(&[&ann, &line[0], &line[1]]).await;
    } else {
        assert_eq!(queue.held(&ann).await.ticket, ann);
        assert!(!queue.waits(&ann).await);
        assert_eq!(queue.in_line(&line[0]).await, (1, 1));
        assert_eq!(queue.admit_all().await, 0);
    }
    let dan = queue.join_line("dan").await;
    assert!(dan.arrival > line[1].arrival);
}
