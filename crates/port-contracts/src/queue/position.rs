//! Promise 7: the position of a user.

use frontrow_domain::model::queue::{PolicyState, Ticket};

use super::{ContractQueue, QueueFixture, crowd, minutes};
use crate::policies::{self, WAITING_TTL};

impl<F: QueueFixture> ContractQueue<F> {
    /// Checks that a user with `ahead` users ahead gets a true position, or one that is overstated
    /// at most by the `gone` users who left ahead of them. Returns the position.
    async fn assert_position(&self, ticket: &Ticket, ahead: u64, gone: u64) -> u64 {
        let (position, _) = self.in_line(ticket).await;
        assert!(
            (ahead + 1..=ahead + 1 + gone).contains(&position),
            "{} has {ahead} ahead, and {gone} have left, but the position is {position}",
            ticket.user
        );
        position
    }
}

/// A position shrinks by the number of users who are admitted.
pub async fn a_position_shrinks_with_every_admission<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    let line = queue.crowd_joins_line(10).await;
    queue
        .change(|policy| policy.state = PolicyState::Bypass)
        .await;
    for admitted in 1..10 {
        assert_eq!(queue.admit(1).await.done, 1);
        for (number, ticket) in (0..).zip(&line).skip(admitted) {
            let ahead = number - admitted as u64;
            assert_eq!(queue.in_line(ticket).await, (ahead + 1, 9 - number));
        }
    }
}

/// A position never grows while other users join, leave and join again.
pub async fn a_position_never_grows<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    let line = queue.crowd_joins_line(8).await;
    let mut before: Vec<u64> = vec![u64::MAX; 8];
    for turn in 0..7 {
        let leaver = line.get(turn).expect("a leaver");
        queue.leave_place(leaver).await;
        queue.join_line(leaver.user.as_str()).await;
        queue.step_back(minutes(7)).await;
        for (number, ticket) in line.iter().enumerate().skip(turn + 1) {
            let ahead = number - turn - 1;
            let position = queue
                .assert_position(ticket, ahead as u64, turn as u64 + 1)
                .await;
            let last = before.get_mut(number).expect("a position");
            assert!(position <= *last, "{} moved back", ticket.user);
            *last = position;
        }
    }
}

/// Users who left are not ahead of a user who joins later.
pub async fn users_who_left_are_not_ahead_of_later_users<F: QueueFixture>(fixture: F) {
    let queue = ContractQueue::open(fixture, policies::paused()).await;
    let line = queue.all_join_line(&["ann", "ben", "cat"]).await;
    queue.leave_place(&line[0]).await;
    queue.leave_place(&line[1]).await;
    let dan = queue.join_line("dan").await;
    queue.assert_position(&line[2], 0, 2).await;
    queue.assert_position(&dan, 1, 2).await;
}

/// Users whose places expired are not ahead of later users either.
pub async fn users_whose_places_expired_are_not_ahead<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    queue.all_join_line(&["ann", "ben"]).await;
    queue.serve(WAITING_TTL / 2).await;
    let cat = queue.join_line("cat").await;
    queue.serve(WAITING_TTL / 2).await;
    if !queue.was_interrupted() {
        queue.assert_position(&cat, 0, 2).await;
    }
}

/// Users who left ahead of the head do not hold it up: its turn is next.
pub async fn users_who_left_do_not_hold_up_the_line<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    let line = queue.crowd_joins_line(6).await;
    for leaver in line.iter().take(4) {
        queue.leave_place(leaver).await;
    }
    queue
        .change(|policy| policy.state = PolicyState::Bypass)
        .await;
    assert_eq!(queue.admit(1).await.done, 1);
    assert!(!queue.waits(&line[4]).await);
    assert!(queue.waits(&line[5]).await);
}

/// While users are being admitted, no position grows from one look-up to the next.
pub async fn a_position_never_grows_during_admissions<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    let line = queue.crowd_joins_line(40).await;
    queue
        .change(|policy| policy.state = PolicyState::Bypass)
        .await;
    let (ports, concert) = queue.for_task();
    let moving = tokio::spawn(async move {
        for _ in 0..10 {
            ports.ticks.admit(concert, 3).await.expect("tick");
            tokio::task::yield_now().await;
        }
    });
    let last: Vec<_> = line.iter().rev().take(5).cloned().collect();
    crowd(last.len(), |number| {
        let (ports, _) = queue.for_task();
        let ticket = last.get(number).cloned().expect("a ticket");
        async move {
            let mut before = u64::MAX;
            for _ in 0..20 {
                let found = ports.queue.look_up(&ticket).await.expect("look up").value;
                let frontrow_domain::ports::LookUpOutcome::Found(place) = found else {
                    panic!("{} has a place: {found:?}", ticket.user);
                };
                let position = super::calls::position(&place).unwrap_or(0);
                assert!(position <= before, "{} moved back", ticket.user);
                before = position;
                tokio::task::yield_now().await;
            }
        }
    })
    .await;
    moving.await.expect("the mover");
}

/// Positions and the number behind are exact, also after users have left. Not every adapter
/// promises this.
pub async fn positions_are_exact<F: QueueFixture>(fixture: F) {
    let queue = ContractQueue::open(fixture, policies::paused()).await;
    let line = queue.crowd_joins_line(9).await;
    for leaver in line.iter().step_by(2) {
        queue.leave_place(leaver).await;
    }
    for (ahead, ticket) in (0..).zip(line.iter().skip(1).step_by(2)) {
        assert_eq!(queue.in_line(ticket).await, (ahead + 1, 3 - ahead));
    }
}
