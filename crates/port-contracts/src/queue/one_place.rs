//! Promise 1: one place per user.

use std::sync::Arc;

use frontrow_domain::{
    model::{
        ConcertId,
        queue::{GatePurpose, PolicyState},
    },
    ports::{JoinOutcome, LookUpOutcome},
};
use uuid::Uuid;

use super::{
    ContractQueue, QueueFixture,
    calls::{position, until},
    crowd,
};
use crate::{policies, test_queue::user};

/// A ticket names its user, its concert, its arrival, and the generation of the queue.
pub async fn a_ticket_names_user_concert_arrival_and_generation<F: QueueFixture>(fixture: F) {
    let queue = ContractQueue::open(fixture, policies::throughput(1)).await;
    let joined = queue.join("ann").await;
    let JoinOutcome::Joined(place) = joined.value else {
        panic!("ann should have joined: {joined:?}");
    };
    assert_eq!(
        place.ticket,
        queue.ticket("ann", joined.as_of.as_microsecond())
    );
}

/// Joining again returns the user's waiting place, with the same arrival, and moves no user.
pub async fn joining_again_returns_the_waiting_place<F: QueueFixture>(fixture: F) {
    let queue = ContractQueue::open(fixture, policies::paused()).await;
    let line = queue.all_join_line(&["ann", "ben", "cat"]).await;
    for ticket in &line {
        assert_eq!(queue.held(ticket).await.ticket, *ticket);
        let JoinOutcome::Held(place) = queue.join(ticket.user.as_str()).await.value else {
            panic!("{} has a place", ticket.user);
        };
        assert_eq!(place.ticket, *ticket);
    }
    let mut positions = Vec::new();
    for ticket in &line {
        positions.push(queue.in_line(ticket).await);
    }
    assert_eq!(positions, [(1, 2), (2, 1), (3, 0)]);
}

/// Joining again returns the user's active place: a user cannot queue twice.
pub async fn joining_again_returns_the_active_place<F: QueueFixture>(fixture: F) {
    let queue = ContractQueue::open(fixture, policies::throughput(1)).await;
    let ann = queue.join_new("ann").await;
    let again = queue.held(&ann.ticket).await;
    assert_eq!(again, ann);
    let (_, end) = queue.pass_gate(&ann.ticket, GatePurpose::Browse).await;
    assert_eq!(until(&queue.held(&ann.ticket).await), Some(end));
}

/// One user who joins many times at once gets one waiting place.
pub async fn joining_many_times_at_once_gives_one_waiting_place<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    queue.assert_one_place_for_many_joins("ann", 24).await;
    assert_eq!(queue.expire_all().await.waiting, 1);
}

/// One user who joins many times at once gets one active place, and takes one admission.
pub async fn joining_many_times_at_once_gives_one_active_place<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::throughput(2)).await;
    queue.assert_one_place_for_many_joins("ann", 24).await;
    assert_eq!(queue.expire_all().await.active, 1);
    queue.join_active("ben").await;
    queue.join_line("cat").await;
}

impl<F: QueueFixture> ContractQueue<F> {
    async fn assert_one_place_for_many_joins(&self, name: &'static str, times: usize) {
        let outcomes = crowd(times, |_| {
            let (queue, concert) = (Arc::clone(&self.ports.queue), self.concert);
            async move { queue.join(concert, &user(name), None).await.expect("join") }
        })
        .await;
        let mut new = 0;
        let mut tickets = Vec::new();
        for outcome in outcomes {
            match outcome.value {
                JoinOutcome::Joined(place) => {
                    new += 1;
                    tickets.push(place.ticket);
                }
                JoinOutcome::Held(place) => tickets.push(place.ticket),
                other => panic!("{name} may join: {other:?}"),
            }
        }
        assert_eq!(new, 1, "how often {name} got a new place");
        tickets.dedup();
        assert_eq!(tickets.len(), 1, "{name}'s tickets: {tickets:?}");
    }
}

/// A user who leaves the line and joins again has a new, later place. The old ticket is gone.
pub async fn a_ticket_from_before_leaving_the_line_is_gone<F: QueueFixture>(fixture: F) {
    let queue = ContractQueue::open(fixture, policies::paused()).await;
    queue.assert_new_place_after_leaving().await;
}

/// A user who leaves an active place and joins again has a new place. The old ticket is gone.
pub async fn a_ticket_from_before_leaving_an_active_place_is_gone<F: QueueFixture>(fixture: F) {
    let queue = ContractQueue::open(fixture, policies::throughput(10)).await;
    queue.assert_new_place_after_leaving().await;
}

impl<F: QueueFixture> ContractQueue<F> {
    async fn assert_new_place_after_leaving(&self) {
        let old = self.join_new("ann").await.ticket;
        self.leave_place(&old).await;
        self.assert_gone(&old).await;
        let new = self.join_new("ann").await.ticket;
        assert!(new.arrival > old.arrival);
        self.assert_gone(&old).await;
        assert_eq!(self.find(&new).await.ticket, new);
        assert_eq!(
            self.held(&old).await.ticket,
            new,
            "the ticket shown with a join does not decide the place"
        );
    }
}

/// A ticket is gone if its user never joined or its arrival is not that of their place.
pub async fn a_ticket_without_a_place_is_gone<F: QueueFixture>(fixture: F) {
    let queue = ContractQueue::open(fixture, policies::throughput(1)).await;
    queue.assert_gone(&queue.ticket("ann", 1)).await;
    let ann = queue.join_active("ann").await;
    let ben = queue.join_line("ben").await;
    for ticket in [ann, ben] {
        queue
            .assert_gone(&queue.ticket(ticket.user.as_str(), ticket.arrival.micros() + 1))
            .await;
        queue
            .assert_gone(&queue.ticket(ticket.user.as_str(), ticket.arrival.micros() - 1))
            .await;
        queue.find(&ticket).await;
    }
}

/// Queues of different concerts do not affect each other.
pub async fn queues_are_separate<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::throughput(1)).await;
    let here = queue.join_active("ann").await;
    queue.join_line("ben").await;
    let first = queue.concert;
    queue.concert = ConcertId(Uuid::from_u128(0xc0_0002));
    queue.seed(None).await;
    let there = queue.join_active("ann").await;
    assert_eq!(there.concert, queue.concert);
    let ben = queue.join_new("ben").await;
    assert_eq!(position(&ben), Some(1));
    queue.leave_place(&there).await;
    assert_eq!(queue.look_up(&there).await.value, LookUpOutcome::Gone);
    queue.concert = first;
    assert_eq!(queue.find(&here).await.ticket, here);
    assert_eq!(queue.expire_all().await.waiting, 1);
}

/// The ticket of an active place is the one that its user got when joining the line.
pub async fn admission_does_not_change_the_ticket<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    let ann = queue.join_line("ann").await;
    queue
        .change(|policy| policy.state = PolicyState::Open)
        .await;
    assert_eq!(queue.admit_all().await, 1);
    assert!(!queue.waits(&ann).await);
    assert_eq!(queue.find(&ann).await.ticket, ann);
    assert_eq!(queue.held(&ann).await.ticket, ann);
}
