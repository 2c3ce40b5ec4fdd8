//! Promise 6: time without service does not count.

use frontrow_domain::{
    model::queue::{GatePurpose, PolicyState},
    ports::{JoinOutcome, LookUpOutcome},
};

use super::{ContractQueue, QueueFixture, asking::until, minutes, seconds};
use crate::policies::{self, ACTIVE_TTL, CLAIM_TTL, WAITING_TTL};

/// No waiting place expires while nothing serves the queue.
pub async fn a_wait_outlives_a_break_of_service<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    let line = queue.all_line_up(&["ann", "ben"]).await;
    queue.pass(minutes(60)).await;
    assert_eq!(queue.in_line(&line[1]).await.0, 2);
    queue.pass(minutes(60)).await;
    assert_eq!(queue.in_line(&line[0]).await, (1, 1));
}

/// After a break every user has the whole waiting time to live again. Then they are gone.
pub async fn a_wait_starts_anew_when_service_does<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    let line = queue.all_line_up(&["ann", "ben"]).await;
    queue.pass(minutes(60)).await;
    assert_eq!(queue.tidy().await.waiting, 2);
    queue.serve(WAITING_TTL / 2).await;
    assert_eq!(queue.tidy().await.waiting, 2);
    queue.serve(WAITING_TTL).await;
    assert_eq!(queue.tidy().await.waiting, 0);
    queue.is_gone(&line[0]).await;
}

/// An admission tick counts as service like any other tick, though it admits no user.
pub async fn admission_ticks_serve_too<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    let ann = queue.line_up("ann").await;
    for _ in 0..WAITING_TTL.as_secs() {
        queue.pass(seconds(1)).await;
        queue.admit_all().await;
    }
    let looked_up = queue.look_up(&ann).await;
    if queue.is_served(looked_up.as_of) {
        assert_eq!(looked_up.value, LookUpOutcome::Gone);
    }
}

/// A user who takes the room of a place that expired while nothing served the queue is the first in
/// it: service counts from then.
pub async fn who_takes_the_room_of_an_ended_place_is_the_first<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::capacity(1)).await;
    let ann = queue.walk_in("ann").await;
    queue.pass_gate(&ann, GatePurpose::Browse).await;
    queue.pass(ACTIVE_TTL * 2).await;
    let joined = queue.join("ben").await;
    let JoinOutcome::Joined(place) = joined.value else {
        panic!("ann's place is over: {joined:?}");
    };
    let ends = joined.as_of + CLAIM_TTL;
    assert_eq!(until(&place), Some(ends));
    assert_eq!(queue.active_until(&place.ticket).await, ends);
}

/// A claim deadline counts from the return of service, as every reader can see at once.
pub async fn a_claim_deadline_outlives_a_break<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::rate(10)).await;
    let ann = queue.walk_in("ann").await;
    queue.pass(minutes(60)).await;
    let found = queue.look_up(&ann).await;
    let LookUpOutcome::Found(place) = found.value else {
        panic!("ann has a place: {found:?}");
    };
    assert_eq!(until(&place), Some(found.as_of + CLAIM_TTL));
    queue.serve(CLAIM_TTL / 2).await;
    queue.active_until(&ann).await;
    queue.serve(CLAIM_TTL).await;
    queue.is_gone(&ann).await;
}

/// A claimed place ends at its deadline, with or without a break.
pub async fn a_claimed_place_does_not_outlive_a_break<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::rate(10)).await;
    let ann = queue.walk_in("ann").await;
    let (_, end) = queue.pass_gate(&ann, GatePurpose::Browse).await;
    queue.pass(ACTIVE_TTL / 2).await;
    assert_eq!(queue.active_until(&ann).await, end);
    queue.pass(ACTIVE_TTL / 2).await;
    queue.is_gone(&ann).await;
}

/// Requests during a break are no service: the break lasts until a tick.
pub async fn asking_is_no_sign_of_service<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    let ann = queue.line_up("ann").await;
    let ben = queue.line_up("ben").await;
    queue.pass(minutes(10)).await;
    queue.find(&ben).await;
    queue.join("cat").await;
    // If one of these calls had started service, it would have broken off again. In any case ann
    // has her whole waiting time from the tick, and ben's look-up did not shorten it.
    queue.pass(WAITING_TTL / 2).await;
    assert_eq!(queue.tidy().await.waiting, 3);
    queue.serve(WAITING_TTL / 2).await;
    assert_eq!(queue.in_line(&ann).await.0, 1);
}

/// A break does not hold up admission: the first tick after it admits.
pub async fn the_first_tick_after_a_break_admits<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    let line = queue.all_line_up(&["ann", "ben"]).await;
    queue
        .change(|policy| policy.state = PolicyState::Open)
        .await;
    queue.pass(minutes(60)).await;
    assert_eq!(queue.admit_all().await, 2);
    for ticket in &line {
        assert!(!queue.waits(ticket).await);
    }
}
