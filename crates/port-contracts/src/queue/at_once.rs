//! Promise 5: a user who finds no line does not wait.

use frontrow_domain::model::queue::PolicyState;

use super::{ContractQueue, QueueFixture, calls::until, minutes};
use crate::policies::{self, WAITING_TTL};

/// If no user waits and there is room, a join makes its user active at once, with a claim deadline.
pub async fn a_user_who_finds_no_line_is_active_at_once<F: QueueFixture>(fixture: F) {
    let queue = ContractQueue::open(fixture, policies::throughput(2)).await;
    queue.join_active("ann").await;
    queue.join_active("ben").await;
}

/// A user who joins behind a line waits, even if there is room for both.
pub async fn a_user_who_joins_behind_a_line_waits<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::throughput(2)).await;
    queue.join_active("ann").await;
    queue.join_active("ben").await;
    let cat = queue.join_line("cat").await;
    queue.pass(minutes(61)).await;
    let dan = queue.join_line("dan").await;
    assert_eq!(queue.in_line(&cat).await, (1, 1));
    assert_eq!(queue.in_line(&dan).await, (2, 0));
    assert_eq!(queue.admit_all().await, 2);
}

/// A user who finds no room waits, even if no other user does.
pub async fn a_user_who_finds_no_room_waits<F: QueueFixture>(fixture: F) {
    let queue = ContractQueue::open(fixture, policies::capacity(1)).await;
    let ann = queue.join_active("ann").await;
    let ben = queue.join_line("ben").await;
    queue.leave_place(&ann).await;
    queue.join_line("cat").await; // ben is first
    assert_eq!(queue.in_line(&ben).await, (1, 1));
}

/// When the last waiting user has left, there is no line any more.
pub async fn there_is_no_line_after_the_last_waiting_user_left<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::throughput(1)).await;
    queue.join_active("ann").await;
    let ben = queue.join_line("ben").await;
    queue.pass(minutes(61)).await;
    queue.leave_place(&ben).await;
    queue.join_active("cat").await;
}

/// Expired waiting places are no line, though no tick has removed them.
pub async fn expired_waiting_places_are_no_line<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::capacity(1)).await;
    let ann = queue.join_active("ann").await;
    queue.join_line("ben").await;
    queue.leave_place(&ann).await;
    queue.serve_past(WAITING_TTL).await;
    let joined = queue.join("cat").await;
    if queue.is_served(joined.as_of) {
        let frontrow_domain::ports::JoinOutcome::Joined(place) = joined.value else {
            panic!("cat should have joined: {joined:?}");
        };
        assert!(until(&place).is_some(), "no user waits: {place:?}");
    }
}

/// If the state admits no user, users who join wait.
pub async fn a_paused_queue_makes_every_user_wait<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    queue.join_line("ann").await;
    assert_eq!(queue.admit_all().await, 0);
    queue
        .change(|policy| policy.state = PolicyState::Open)
        .await;
    assert_eq!(queue.admit_all().await, 1);
    queue.join_active("ben").await;
}
