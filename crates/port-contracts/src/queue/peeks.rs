//! Peeks: look-ups that are no heartbeats.

use frontrow_domain::{
    model::queue::{Place, PolicyState, Ticket},
    ports::PeekOutcome,
};

use super::{ContractQueue, QueueFixture, RECOVERY, seconds};
use crate::policies::{self, WAITING_TTL};

impl<F: QueueFixture> ContractQueue<F> {
    /// Peeks at places of a queue that the store has.
    async fn peek(&self, tickets: &[Ticket]) -> Vec<Option<Place>> {
        let peeked = self.ports.line.peek(self.concert, tickets).await;
        match peeked.expect("peek").value {
            PeekOutcome::Seen(places) => {
                assert_eq!(places.len(), tickets.len());
                places
            }
            PeekOutcome::NotSeeded => panic!("the store has the queue"),
        }
    }
}

/// A peek returns for each place what a look-up would: in the line, active or gone.
pub async fn a_peek_returns_the_same_place_as_a_look_up<F: QueueFixture>(fixture: F) {
    let queue = ContractQueue::open(fixture, policies::capacity(1)).await;
    let inside = queue.join_active("inside").await;
    let line = queue.all_join_line(&["ann", "ben", "cat"]).await;
    let old = line[1].clone();
    queue.leave_place(&old).await;
    let tickets = [
        inside.clone(),
        line[2].clone(),
        old,
        line[0].clone(),
        queue.ticket("stranger", 7),
    ];
    let places = queue.peek(&tickets).await;
    assert_eq!(places[0], Some(queue.find(&inside).await));
    assert_eq!(places[1], Some(queue.find(&line[2]).await));
    assert_eq!(places[3], Some(queue.find(&line[0]).await));
    assert_eq!((&places[2], &places[4]), (&None, &None));
}

/// A ticket from before its user left and joined again has no place.
pub async fn a_peek_with_an_old_ticket_finds_no_place<F: QueueFixture>(fixture: F) {
    let queue = ContractQueue::open(fixture, policies::paused()).await;
    let old = queue.join_line("ann").await;
    queue.leave_place(&old).await;
    let new = queue.join_line("ann").await;
    assert_eq!(queue.peek(&[old]).await, [None]);
    assert_eq!(
        queue.peek(std::slice::from_ref(&new)).await,
        [Some(queue.find(&new).await)]
    );
}

/// A peek is no heartbeat: a place that is only peeked at expires, and is gone for the peek, too.
pub async fn a_peek_keeps_no_place<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    let ann = [queue.join_line("ann").await];
    queue.serve(WAITING_TTL / 2).await;
    assert!(queue.peek(&ann).await[0].is_some() || queue.was_interrupted());
    queue.serve(WAITING_TTL / 2).await;
    if !queue.was_interrupted() {
        assert_eq!(queue.peek(&ann).await, [None]);
        queue.assert_gone(&ann[0]).await;
    }
}

/// A user who stands aside stays aside, though their place is peeked at several times.
pub async fn a_peek_leaves_users_aside<F: QueueFixture>(fixture: F) {
    let mut policy = policies::capacity(2);
    policy.absent_after = Some(seconds(15));
    policy.state = PolicyState::Paused;
    let mut queue = ContractQueue::open(fixture, policy).await;
    let line = queue.all_join_line(&["silent", "present"]).await;
    queue.serve(seconds(16)).await;
    queue.find(&line[1]).await;
    queue.peek(&line).await;
    queue
        .change(|policy| policy.state = PolicyState::Open)
        .await;
    queue.admit_all().await;
    let places = queue.peek(&line).await;
    queue.admit_all().await;
    if queue.was_interrupted() {
        return;
    }
    assert_eq!(queue.snapshot().await.admitted, 1, "{places:?}");
    // A heartbeat does what no peek did.
    queue.find(&line[0]).await;
    queue.admit_all().await;
    assert_eq!(queue.snapshot().await.admitted, 2);
}

/// A peek with a ticket from before a loss restores no place. A look-up does.
pub async fn a_peek_restores_no_lost_place<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::throughput(1)).await;
    queue.join_active("zoe").await;
    let ann = [queue.join_line("ann").await];
    queue.lose_and_recover().await;
    assert_eq!(queue.peek(&ann).await, [None]);
    assert_eq!(queue.snapshot().await.waiting, 0);
    let place = queue.find(&ann[0]).await;
    assert_eq!(queue.peek(&ann).await, [Some(place)]);
    queue.pass(RECOVERY / 2).await;
}

/// The largest number of places in one peek is answered in full, in the order of the tickets.
pub async fn the_largest_peek_is_answered_in_full<F: QueueFixture>(fixture: F) {
    let queue = ContractQueue::open(fixture, policies::paused()).await;
    let line = queue.crowd_joins_line(40).await;
    let strangers = (40..Ticket::PEEKS_MAX).map(|number| {
        let name = format!("stranger-{number}");
        queue.ticket(&name, 7)
    });
    let tickets: Vec<_> = strangers.chain(line.iter().rev().cloned()).collect();
    let places = queue.peek(&tickets).await;
    let found: Vec<_> = places.iter().flatten().map(|place| &place.ticket).collect();
    assert_eq!(found, line.iter().rev().collect::<Vec<_>>());
    assert!(places[..Ticket::PEEKS_MAX - 40].iter().all(Option::is_none));
}

/// Peeks are no ticks: while there are only peeks, no waiting place expires.
pub async fn peeks_do_not_count_as_service<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    let ann = [queue.join_line("ann").await];
    for _ in 0..WAITING_TTL.as_secs() / 3 {
        queue.pass(seconds(4)).await;
        queue.peek(&ann).await;
    }
    assert!(queue.waits(&ann[0]).await);
}
