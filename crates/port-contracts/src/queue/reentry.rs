//! Promise 10: how one place re-enters, and which places do not.

use frontrow_domain::{
    model::queue::{GatePurpose, PolicyState, Ticket},
    ports::{GateOutcome, JoinOutcome, LeaveOutcome},
};

use super::{ContractQueue, QueueFixture, RECOVERY, calls::position, seconds};
use crate::policies::{self, WAITING_TTL};

impl<F: QueueFixture> ContractQueue<F> {
    /// Joins with a ticket that is gone. Returns the ticket of the new place. Panics if the user
    /// had one.
    pub(crate) async fn join_for_new_place(&self, shown: &Ticket) -> Ticket {
        match self.join_showing(shown).await.value {
            JoinOutcome::Joined(place) => place.ticket,
            other => panic!("{} should get a new place: {other:?}", shown.user),
        }
    }

    /// Returns a queue that lost two users, of whom the second has re-entered.
    async fn after_loss_of_two(fixture: F) -> (Self, Ticket, Ticket) {
        let mut queue = Self::open(fixture, policies::paused()).await;
        let ann = queue.join_line("ann").await;
        let ben = queue.join_line("ben").await;
        queue.lose_and_recover().await;
        queue.find(&ben).await;
        (queue, ann, ben)
    }
}

/// A place re-enters when its ticket is looked up.
pub async fn a_place_re_enters_when_looked_up<F: QueueFixture>(fixture: F) {
    let (mut queue, ann, ben) = ContractQueue::after_loss_of_two(fixture).await;
    assert!(position(&queue.find(&ann).await).is_some());
    queue.assert_order(&[&ann, &ben]).await;
}

/// A place re-enters when its ticket is shown at the gate, and waits there.
pub async fn a_place_re_enters_at_the_gate<F: QueueFixture>(fixture: F) {
    let (mut queue, ann, ben) = ContractQueue::after_loss_of_two(fixture).await;
    let GateOutcome::Waiting(place) = queue.gate(&ann, GatePurpose::Pay).await.value else {
        panic!("ann waits");
    };
    assert_eq!(place.ticket.arrival, ann.arrival);
    queue.assert_order(&[&ann, &ben]).await;
}

/// A place re-enters when its ticket is sent along with a join.
pub async fn a_place_re_enters_when_joining_with_its_ticket<F: QueueFixture>(fixture: F) {
    let (mut queue, ann, ben) = ContractQueue::after_loss_of_two(fixture).await;
    let place = queue.held(&ann).await;
    assert_eq!(place.ticket, queue.ticket("ann", ann.arrival.micros()));
    queue.assert_order(&[&ann, &ben]).await;
}

/// A user may leave with a lost ticket, and has no place from then on.
pub async fn a_user_who_leaves_with_a_lost_ticket_has_no_place<F: QueueFixture>(fixture: F) {
    let (mut queue, ann, ben) = ContractQueue::after_loss_of_two(fixture).await;
    assert_eq!(queue.leave(&ann).await.value, LeaveOutcome::Left);
    queue.assert_gone(&ann).await;
    assert_eq!(queue.expire_all().await.waiting, 1);
    let new = queue.join_for_new_place(&ann).await;
    queue.assert_order(&[&ben, &new]).await;
}

/// A user who joins without their ticket gets a new place. The ticket is gone then.
pub async fn a_user_who_joins_without_the_ticket_gets_a_new_place<F: QueueFixture>(fixture: F) {
    let (mut queue, ann, ben) = ContractQueue::after_loss_of_two(fixture).await;
    let new = queue.join_line("ann").await;
    queue.assert_gone(&ann).await;
    assert_eq!(queue.held(&ann).await.ticket, new);
    queue.assert_order(&[&ben, &new]).await;
}

/// A place that re-entered and was left is remembered: the old ticket does not re-enter again.
pub async fn a_place_that_re_entered_and_was_left_is_remembered<F: QueueFixture>(fixture: F) {
    let (queue, _, ben) = ContractQueue::after_loss_of_two(fixture).await;
    queue.leave_place(&ben).await;
    queue.assert_gone(&ben).await;
    let new = queue.join_for_new_place(&ben).await;
    assert!(new.arrival > ben.arrival);
    queue.leave_place(&new).await;
    queue.assert_gone(&ben).await;
}

/// A place that re-entered and expired is remembered too: the old ticket does not re-enter again.
pub async fn a_place_that_re_entered_and_expired_is_remembered<F: QueueFixture>(fixture: F) {
    let (mut queue, _, ben) = ContractQueue::after_loss_of_two(fixture).await;
    queue.serve(WAITING_TTL).await;
    queue.assert_gone(&ben).await;
    queue.join_for_new_place(&ben).await;
}

/// A place that re-entered and expired is remembered even before a tick has removed it.
pub async fn an_expired_place_is_remembered_before_any_tick<F: QueueFixture>(fixture: F) {
    let (mut queue, _, ben) = ContractQueue::after_loss_of_two(fixture).await;
    queue.serve_past(WAITING_TTL).await;
    let left = queue.leave(&ben).await;
    if queue.is_served(left.as_of) {
        assert_eq!(left.value, LeaveOutcome::Gone);
        queue.join_for_new_place(&ben).await;
    }
}

/// A place that re-entered and was admitted is remembered too, unclaimed or after its user paid and
/// left.
pub async fn a_place_that_re_entered_and_was_admitted_is_remembered<F: QueueFixture>(fixture: F) {
    let (mut queue, ann, ben) = ContractQueue::after_loss_of_two(fixture).await;
    queue.find(&ann).await;
    queue.switch(PolicyState::Open).await;
    queue.pass(RECOVERY + seconds(1)).await;
    assert_eq!(queue.admit_all().await, 2);
    queue.pass_gate(&ann, GatePurpose::Pay).await;
    queue.leave_place(&ann).await;
    queue.assert_gone(&ann).await;
    let new = queue.join_for_new_place(&ann).await;
    assert!(new.arrival > ben.arrival);
}

/// A place that ended in this generation is gone for each of its tickets.
pub async fn an_ended_place_of_this_generation_does_not_re_enter<F: QueueFixture>(fixture: F) {
    let (queue, _, ben) = ContractQueue::after_loss_of_two(fixture).await;
    let new = queue.join_line("cat").await;
    queue.leave_place(&new).await;
    queue.assert_gone(&new).await;
    let ben_now = queue.find(&ben).await.ticket;
    queue.leave_place(&ben_now).await;
    queue.assert_gone(&ben_now).await;
    queue.assert_gone(&ben).await;
}

/// A place that re-enters many times at once exists once.
pub async fn a_place_re_enters_once<F: QueueFixture>(fixture: F) {
    let (mut queue, ann, ben) = ContractQueue::after_loss_of_two(fixture).await;
    super::crowd(12, |number| {
        let (ports, concert) = queue.for_task();
        let ticket = ann.clone();
        async move {
            if number % 2 == 0 {
                ports.queue.look_up(&ticket).await.expect("look up");
            } else {
                let user = ticket.user.clone();
                let joined = ports.queue.join(concert, &user, Some(ticket)).await;
                let joined = joined.expect("join").value;
                assert!(matches!(joined, JoinOutcome::Held(_)), "{joined:?}");
            }
        }
    })
    .await;
    assert_eq!(queue.expire_all().await.waiting, 2);
    queue.assert_order(&[&ann, &ben]).await;
}
