//! Promise 10: how one place re-enters, and which places do not.

use frontrow_domain::{
    model::queue::{GatePurpose, PolicyState, Ticket},
    ports::{GateOutcome, JoinOutcome, LeaveOutcome},
};

use super::{ContractQueue, QueueFixture, RECOVERY, asking::position, seconds};
use crate::policies::{self, WAITING_TTL};

impl<F: QueueFixture> ContractQueue<F> {
    /// Joins with a ticket that is worth nothing any more, and gets a new place.
    pub(crate) async fn joins_anew(&self, shown: &Ticket) -> Ticket {
        match self.join_showing(shown).await.value {
            JoinOutcome::Joined(place) => place.ticket,
            other => panic!("{} should get a new place: {other:?}", shown.user),
        }
    }

    /// Returns a queue that lost two users, of whom the second has re-entered.
    async fn lost_two(fixture: F) -> (Self, Ticket, Ticket) {
        let mut queue = Self::open(fixture, policies::paused()).await;
        let ann = queue.line_up("ann").await;
        let ben = queue.line_up("ben").await;
        queue.lose_and_recover().await;
        queue.find(&ben).await;
        (queue, ann, ben)
    }
}

/// A place re-enters when its ticket is looked up.
pub async fn a_place_comes_back_when_looked_up<F: QueueFixture>(fixture: F) {
    let (mut queue, ann, ben) = ContractQueue::lost_two(fixture).await;
    assert!(position(&queue.find(&ann).await).is_some());
    queue.stand_in_order(&[&ann, &ben]).await;
}

/// A place re-enters when its ticket is shown at the gate, and waits there.
pub async fn a_place_comes_back_at_the_gate<F: QueueFixture>(fixture: F) {
    let (mut queue, ann, ben) = ContractQueue::lost_two(fixture).await;
    let GateOutcome::Waiting(place) = queue.gate(&ann, GatePurpose::Pay).await.value else {
        panic!("ann waits");
    };
    assert_eq!(place.ticket.arrival, ann.arrival);
    queue.stand_in_order(&[&ann, &ben]).await;
}

/// A place re-enters when its ticket is sent along with a join.
pub async fn a_place_comes_back_when_joining_with_its_ticket<F: QueueFixture>(fixture: F) {
    let (mut queue, ann, ben) = ContractQueue::lost_two(fixture).await;
    let place = queue.held(&ann).await;
    assert_eq!(place.ticket, queue.ticket("ann", ann.arrival.micros()));
    queue.stand_in_order(&[&ann, &ben]).await;
}

/// A user who leaves with such a ticket had a place, and has none from then on.
pub async fn who_leaves_with_a_lost_place_has_left<F: QueueFixture>(fixture: F) {
    let (mut queue, ann, ben) = ContractQueue::lost_two(fixture).await;
    assert_eq!(queue.leave(&ann).await.value, LeaveOutcome::Left);
    queue.is_gone(&ann).await;
    assert_eq!(queue.tidy().await.waiting, 1);
    let anew = queue.joins_anew(&ann).await;
    queue.stand_in_order(&[&ben, &anew]).await;
}

/// A user who joins without their ticket gets a new place. The ticket is gone then.
pub async fn who_joins_without_the_ticket_starts_anew<F: QueueFixture>(fixture: F) {
    let (mut queue, ann, ben) = ContractQueue::lost_two(fixture).await;
    let anew = queue.line_up("ann").await;
    queue.is_gone(&ann).await;
    assert_eq!(queue.held(&ann).await.ticket, anew);
    queue.stand_in_order(&[&ben, &anew]).await;
}

/// A place that re-entered and was left is remembered: the old ticket does not re-enter again.
pub async fn who_came_back_and_left_is_remembered<F: QueueFixture>(fixture: F) {
    let (queue, _, ben) = ContractQueue::lost_two(fixture).await;
    queue.go(&ben).await;
    queue.is_gone(&ben).await;
    let anew = queue.joins_anew(&ben).await;
    assert!(anew.arrival > ben.arrival);
    queue.go(&anew).await;
    queue.is_gone(&ben).await;
}

/// A place that re-entered and expired is remembered in the same way.
pub async fn who_came_back_and_gave_up_is_remembered<F: QueueFixture>(fixture: F) {
    let (mut queue, _, ben) = ContractQueue::lost_two(fixture).await;
    queue.serve(WAITING_TTL).await;
    queue.is_gone(&ben).await;
    queue.joins_anew(&ben).await;
}

/// It is remembered even before a tick has removed it.
pub async fn who_gave_up_is_remembered_before_any_tick<F: QueueFixture>(fixture: F) {
    let (mut queue, _, ben) = ContractQueue::lost_two(fixture).await;
    queue.serve_past(WAITING_TTL).await;
    let left = queue.leave(&ben).await;
    if queue.is_served(left.as_of) {
        assert_eq!(left.value, LeaveOutcome::Gone);
        queue.joins_anew(&ben).await;
    }
}

/// A place that re-entered and was admitted is remembered as well, whether it was not claimed or
/// its user paid and left.
pub async fn who_came_back_and_was_served_is_remembered<F: QueueFixture>(fixture: F) {
    let (mut queue, ann, ben) = ContractQueue::lost_two(fixture).await;
    queue.find(&ann).await;
    queue.switch(PolicyState::Open).await;
    queue.pass(RECOVERY + seconds(1)).await;
    assert_eq!(queue.admit_all().await, 2);
    queue.pass_gate(&ann, GatePurpose::Pay).await;
    queue.go(&ann).await;
    queue.is_gone(&ann).await;
    let anew = queue.joins_anew(&ann).await;
    assert!(anew.arrival > ben.arrival);
}

/// A place that ended in this generation is gone, whichever ticket of it is shown.
pub async fn tickets_of_this_generation_bring_nothing_back<F: QueueFixture>(fixture: F) {
    let (queue, _, ben) = ContractQueue::lost_two(fixture).await;
    let new = queue.line_up("cat").await;
    queue.go(&new).await;
    queue.is_gone(&new).await;
    let ben_now = queue.find(&ben).await.ticket;
    queue.go(&ben_now).await;
    queue.is_gone(&ben_now).await;
    queue.is_gone(&ben).await;
}

/// A place that re-enters many times at once exists once.
pub async fn a_place_comes_back_once<F: QueueFixture>(fixture: F) {
    let (mut queue, ann, ben) = ContractQueue::lost_two(fixture).await;
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
    assert_eq!(queue.tidy().await.waiting, 2);
    queue.stand_in_order(&[&ann, &ben]).await;
}
