//! Promise 2: strictly first come, first served.

use frontrow_domain::model::queue::{PolicyState, Ticket};

use super::{ContractQueue, QueueFixture, crowd, minutes};
use crate::policies;

impl<F: QueueFixture> ContractQueue<F> {
    /// Admits the users of this line one at a time, and checks that each is the next of the line.
    async fn assert_admitted_one_by_one(&mut self, line: &[Ticket]) {
        self.change(|policy| policy.state = PolicyState::Open).await;
        for (turn, next) in line.iter().enumerate() {
            assert_eq!(self.admit(1).await.done, 1);
            assert!(!self.waits(next).await, "{} was next", next.user);
            for later in line.iter().skip(turn + 1) {
                assert!(self.waits(later).await, "{} came later", later.user);
            }
        }
    }
}

/// Users are admitted in the order in which they joined. Their names do not matter.
pub async fn users_are_admitted_in_the_order_of_arrival<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    let line = queue
        .all_join_line(&["zoe", "user-10", "user-9", "Ann", "ann", "0"])
        .await;
    queue.assert_admitted_one_by_one(&line).await;
}

/// Positions count from 1 in the order of arrival.
pub async fn positions_follow_the_order_of_arrival<F: QueueFixture>(fixture: F) {
    let queue = ContractQueue::open(fixture, policies::paused()).await;
    let line = queue.crowd_joins_line(50).await;
    for (ahead, ticket) in (0..).zip(&line) {
        assert_eq!(queue.in_line(ticket).await, (ahead + 1, 49 - ahead));
    }
}

/// No two users have the same arrival, not even when they join at the same time.
pub async fn arrivals_never_tie<F: QueueFixture>(fixture: F) {
    let queue = ContractQueue::open(fixture, policies::paused()).await;
    let mut line = queue.crowd_joins_line(60).await;
    line.dedup_by_key(|ticket| ticket.arrival);
    assert_eq!(line.len(), 60);
}

/// A clock that steps back changes no order: of two users, the one who joins later has the later
/// arrival.
pub async fn a_clock_that_steps_back_changes_no_order<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    let ann = queue.join_line("ann").await;
    queue.step_back(minutes(90)).await;
    let ben = queue.join_line("ben").await;
    queue.step_back(minutes(1)).await;
    let cat = queue.join_line("cat").await;
    assert!(ann.arrival < ben.arrival && ben.arrival < cat.arrival);
    assert_eq!(queue.in_line(&ben).await, (2, 1));
    queue.assert_admitted_one_by_one(&[ann, ben, cat]).await;
}

/// Arrivals grow even if every user who joined before the clock stepped back has left.
pub async fn arrivals_grow_after_a_step_back_with_an_empty_line<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    let ann = queue.join_line("ann").await;
    queue.leave_place(&ann).await;
    queue.step_back(minutes(5)).await;
    let ben = queue.join_line("ben").await;
    assert!(ann.arrival < ben.arrival);
}

/// Admission takes the head. It never passes over a user who is being looked up at the same time.
pub async fn admission_never_passes_over_the_head<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    let line = queue.crowd_joins_line(40).await;
    queue
        .change(|policy| policy.state = PolicyState::Open)
        .await;
    let mut admitted = 0;
    while admitted < line.len() {
        let heads = line.iter().skip(admitted).take(8).cloned();
        let look_ups: Vec<_> = heads
            .map(|ticket| {
                let (ports, _) = queue.for_task();
                tokio::spawn(async move { ports.queue.look_up(&ticket).await.expect("look up") })
            })
            .collect();
        let done = queue.admit(3).await.done;
        assert!(done > 0, "{admitted} were admitted, then none");
        admitted += done as usize;
        for look_up in look_ups {
            look_up.await.expect("a look-up");
        }
        for (turn, ticket) in line.iter().enumerate() {
            assert_eq!(queue.waits(ticket).await, turn >= admitted, "number {turn}");
        }
    }
}

/// Users who join at the same time are admitted in the order of the arrivals in their answers.
pub async fn users_who_join_at_once_are_admitted_in_the_order_of_arrival<F: QueueFixture>(
    fixture: F,
) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    let line = queue.crowd_joins_line(12).await;
    let again = crowd(line.len(), |number| {
        let ticket = line.get(number).cloned().expect("a ticket");
        let (ports, concert) = queue.for_task();
        async move {
            let joined = ports.queue.join(concert, &ticket.user, None).await;
            joined.expect("join")
        }
    })
    .await;
    assert_eq!(again.len(), line.len());
    queue.assert_admitted_one_by_one(&line).await;
}
