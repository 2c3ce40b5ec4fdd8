//! Promise 5: no line, no wait.

use frontrow_domain::model::queue::PolicyState;

use super::{ContractQueue, QueueFixture, asking::until, minutes};
use crate::policies::{self, WAITING_TTL};

/// If no user waits and there is room, a join makes its user active at once, with a claim deadline.
pub async fn who_finds_no_line_is_active_at_once<F: QueueFixture>(fixture: F) {
    let queue = ContractQueue::open(fixture, policies::rate(2)).await;
    queue.walk_in("ann").await;
    queue.walk_in("ben").await;
}

/// A user who joins behind a line waits, even where there is room for both.
pub async fn nobody_overtakes_the_line<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::rate(2)).await;
    queue.walk_in("ann").await;
    queue.walk_in("ben").await;
    let cat = queue.line_up("cat").await;
    queue.pass(minutes(61)).await;
    let dan = queue.line_up("dan").await;
    assert_eq!(queue.in_line(&cat).await, (1, 1));
    assert_eq!(queue.in_line(&dan).await, (2, 0));
    assert_eq!(queue.admit_all().await, 2);
}

/// A user who finds no room waits, even if no other user does.
pub async fn who_finds_no_room_waits<F: QueueFixture>(fixture: F) {
    let queue = ContractQueue::open(fixture, policies::capacity(1)).await;
    let ann = queue.walk_in("ann").await;
    let ben = queue.line_up("ben").await;
    queue.go(&ann).await;
    queue.line_up("cat").await; // ben is first
    assert_eq!(queue.in_line(&ben).await, (1, 1));
}

/// When the last waiting user has left, there is no line any more.
pub async fn a_line_that_left_is_no_line<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::rate(1)).await;
    queue.walk_in("ann").await;
    let ben = queue.line_up("ben").await;
    queue.pass(minutes(61)).await;
    queue.go(&ben).await;
    queue.walk_in("cat").await;
}

/// Expired waiting places are no line, though no tick has removed them.
pub async fn a_line_past_its_end_is_no_line<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::capacity(1)).await;
    let ann = queue.walk_in("ann").await;
    queue.line_up("ben").await;
    queue.go(&ann).await;
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
pub async fn a_paused_queue_makes_everybody_wait<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    queue.line_up("ann").await;
    assert_eq!(queue.admit_all().await, 0);
    queue
        .change(|policy| policy.state = PolicyState::Open)
        .await;
    assert_eq!(queue.admit_all().await, 1);
    queue.walk_in("ben").await;
}
