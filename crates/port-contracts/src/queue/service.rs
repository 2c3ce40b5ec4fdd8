//! Promise 6: time without service does not count.

use frontrow_domain::{
    model::queue::{GatePurpose, PolicyState},
    ports::{JoinOutcome, LookUpOutcome},
};

use super::{ContractQueue, QueueFixture, calls::until, minutes, seconds};
use crate::policies::{self, ACTIVE_TTL, CLAIM_TTL, WAITING_TTL};

/// No waiting place expires during an outage.
pub async fn a_waiting_place_outlives_an_outage<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    let line = queue.all_join_line(&["ann", "ben"]).await;
    queue.pass(minutes(60)).await;
    assert_eq!(queue.in_line(&line[1]).await.0, 2);
    queue.pass(minutes(60)).await;
    assert_eq!(queue.in_line(&line[0]).await, (1, 1));
}

/// After an outage every user has the whole waiting lifetime again. Then they are gone.
pub async fn the_waiting_lifetime_starts_again_after_an_outage<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    let line = queue.all_join_line(&["ann", "ben"]).await;
    queue.pass(minutes(60)).await;
    assert_eq!(queue.expire_all().await.waiting, 2);
    queue.serve(WAITING_TTL / 2).await;
    assert_eq!(queue.expire_all().await.waiting, 2);
    queue.serve(WAITING_TTL).await;
    assert_eq!(queue.expire_all().await.waiting, 0);
    queue.assert_gone(&line[0]).await;
}

/// An admission tick counts as service like any other tick, though it admits no user.
pub async fn admission_ticks_count_as_service<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    let ann = queue.join_line("ann").await;
    for _ in 0..WAITING_TTL.as_secs() {
        queue.pass(seconds(1)).await;
        queue.admit_all().await;
    }
    let looked_up = queue.look_up(&ann).await;
    if queue.is_served(looked_up.as_of) {
        assert_eq!(looked_up.value, LookUpOutcome::Gone);
    }
}

/// A join that takes the room of a place that expired during an outage makes the first place of the
/// queue. Service counts from that join.
pub async fn service_starts_with_the_join_that_takes_an_expired_place<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::capacity(1)).await;
    let ann = queue.join_active("ann").await;
    queue.pass_gate(&ann, GatePurpose::Browse).await;
    queue.pass(ACTIVE_TTL * 2).await;
    let joined = queue.join("ben").await;
    let JoinOutcome::Joined(place) = joined.value else {
        panic!("ann's place has expired: {joined:?}");
    };
    let ends = joined.as_of + CLAIM_TTL;
    assert_eq!(until(&place), Some(ends));
    assert_eq!(queue.active_until(&place.ticket).await, ends);
}

/// A claim deadline counts from the end of the outage, for every reader at once.
pub async fn a_claim_deadline_counts_from_the_end_of_an_outage<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::throughput(10)).await;
    let ann = queue.join_active("ann").await;
    queue.pass(minutes(60)).await;
    let found = queue.look_up(&ann).await;
    let LookUpOutcome::Found(place) = found.value else {
        panic!("ann has a place: {found:?}");
    };
    assert_eq!(until(&place), Some(found.as_of + CLAIM_TTL));
    queue.serve(CLAIM_TTL / 2).await;
    queue.active_until(&ann).await;
    queue.serve(CLAIM_TTL).await;
    queue.assert_gone(&ann).await;
}

/// A claimed place ends at its deadline, with or without an outage.
pub async fn an_outage_does_not_extend_a_claimed_place<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::throughput(10)).await;
    let ann = queue.join_active("ann").await;
    let (_, end) = queue.pass_gate(&ann, GatePurpose::Browse).await;
    queue.pass(ACTIVE_TTL / 2).await;
    assert_eq!(queue.active_until(&ann).await, end);
    queue.pass(ACTIVE_TTL / 2).await;
    queue.assert_gone(&ann).await;
}

/// Requests during an outage are no service: the outage lasts until a tick.
pub async fn requests_do_not_count_as_service<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    let ann = queue.join_line("ann").await;
    let ben = queue.join_line("ben").await;
    queue.pass(minutes(10)).await;
    queue.find(&ben).await;
    queue.join("cat").await;
    // If one of these calls had started service, there would be another outage here. Either way ann
    // has her whole waiting lifetime from the tick, and ben's look-up does not shorten it.
    queue.pass(WAITING_TTL / 2).await;
    assert_eq!(queue.expire_all().await.waiting, 3);
    queue.serve(WAITING_TTL / 2).await;
    assert_eq!(queue.in_line(&ann).await.0, 1);
}

/// An outage does not hold up admission: the first tick after it admits users.
pub async fn the_first_tick_after_an_outage_admits<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::paused()).await;
    let line = queue.all_join_line(&["ann", "ben"]).await;
    queue
        .change(|policy| policy.state = PolicyState::Open)
        .await;
    queue.pass(minutes(60)).await;
    assert_eq!(queue.admit_all().await, 2);
    for ticket in &line {
        assert!(!queue.waits(ticket).await);
    }
}
