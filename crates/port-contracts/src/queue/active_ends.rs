//! Promise 6: when an active place ends.

use frontrow_domain::{
    model::queue::{GatePurpose, Standing},
    ports::{GateOutcome, JoinOutcome},
};

use super::{ContractQueue, QueueFixture, calls::until, hold_for, minutes, seconds};
use crate::policies::{self, ACTIVE_TTL, CLAIM_TTL};

/// How much longer than a hold the place of its user lasts.
const TO_PAY_S: u64 = 30;

/// A new place ends if it is not claimed within the claim time of its admission. A look-up claims
/// nothing.
pub async fn a_new_place_ends_at_its_claim_deadline<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::throughput(10)).await;
    let joined = queue.join("ann").await;
    let JoinOutcome::Joined(place) = joined.value else {
        panic!("ann should have joined: {joined:?}");
    };
    let claim_by = joined.as_of + CLAIM_TTL;
    assert_eq!(
        place.standing,
        Standing::Active {
            admitted_at: joined.as_of,
            until: claim_by,
            claimed: false,
        }
    );
    queue.serve(CLAIM_TTL / 2).await;
    if !queue.was_interrupted() {
        assert_eq!(queue.find(&place.ticket).await.standing, place.standing);
    }
    queue.serve(CLAIM_TTL).await;
    queue.assert_gone(&place.ticket).await;
}

/// A place that a tick admitted ends at its claim deadline in the same way.
pub async fn an_admitted_place_ends_at_its_claim_deadline<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::throughput(1)).await;
    queue.join_active("ann").await;
    let ben = queue.join_line("ben").await;
    queue.pass(minutes(61)).await;
    assert_eq!(queue.admit_all().await, 1);
    let place = queue.find(&ben).await;
    let Standing::Active {
        admitted_at,
        until,
        claimed: false,
    } = place.standing
    else {
        panic!("ben was admitted: {place:?}");
    };
    assert_eq!(until, admitted_at + CLAIM_TTL);
    queue.serve(CLAIM_TTL).await;
    queue.assert_gone(&ben).await;
}

/// The first passage of the gate claims the place. Its active lifetime starts then.
pub async fn the_first_passage_of_the_gate_claims_a_place<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::throughput(10)).await;
    for (name, purpose) in [("ann", GatePurpose::Browse), ("ben", GatePurpose::Pay)] {
        let ticket = queue.join_active(name).await;
        queue.pass(seconds(20)).await;
        let (claimed_at, end) = queue.pass_gate(&ticket, purpose).await;
        assert_eq!(end, claimed_at + ACTIVE_TTL);
        assert_eq!(queue.active_until(&ticket).await, end);
    }
}

/// Later passages of the gate, to browse or to pay, do not change the deadline.
pub async fn later_passages_of_the_gate_keep_the_deadline<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::throughput(10)).await;
    let ann = queue.join_active("ann").await;
    let (_, end) = queue.pass_gate(&ann, GatePurpose::Browse).await;
    for purpose in [GatePurpose::Browse, GatePurpose::Pay] {
        queue.pass(minutes(3)).await;
        assert_eq!(queue.pass_gate(&ann, purpose).await.1, end);
    }
}

/// A claimed place ends with its active lifetime, though no tick has removed it.
pub async fn a_claimed_place_ends_with_its_active_lifetime<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::throughput(10)).await;
    let ann = queue.join_active("ann").await;
    queue.pass_gate(&ann, GatePurpose::Browse).await;
    queue.pass(ACTIVE_TTL.saturating_sub(minutes(2))).await;
    queue.pass_gate(&ann, GatePurpose::Pay).await;
    queue.pass(minutes(2) + seconds(1)).await;
    queue.assert_gone(&ann).await;
    let JoinOutcome::Joined(new) = queue.join("ann").await.value else {
        panic!("ann's place had expired");
    };
    assert!(new.ticket.arrival > ann.arrival);
}

/// A hold that ends within the lifetime of the place does not extend it.
pub async fn a_hold_within_the_lifetime_extends_no_place<F: QueueFixture>(fixture: F) {
    let queue = ContractQueue::open(fixture, policies::throughput(10)).await;
    let ann = queue.join_active("ann").await;
    let (claimed_at, end) = queue.pass_gate(&ann, hold_for(300)).await;
    assert_eq!(end, claimed_at + ACTIVE_TTL);
    assert_eq!(queue.pass_gate(&ann, hold_for(300)).await.1, end);
}

/// A hold near the deadline extends the place to the end of the hold and 30 s more.
pub async fn a_hold_near_the_deadline_extends_the_place<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::throughput(10)).await;
    let ann = queue.join_active("ann").await;
    let (claimed_at, _) = queue.pass_gate(&ann, GatePurpose::Browse).await;
    queue.pass(ACTIVE_TTL.saturating_sub(minutes(2))).await;
    let (held_at, end) = queue.pass_gate(&ann, hold_for(300)).await;
    assert!(end > claimed_at + ACTIVE_TTL);
    assert_eq!(end, held_at + seconds(300 + TO_PAY_S));
    assert_eq!(queue.active_until(&ann).await, end);
    assert_eq!(queue.pass_gate(&ann, GatePurpose::Pay).await.1, end);
    queue.pass(minutes(3)).await; // past its earlier deadline
    assert_eq!(queue.active_until(&ann).await, end);
}

/// Holds extend a place at most to the instant at which the last hold of an ordinary lifetime would
/// end.
pub async fn holds_extend_a_place_only_to_a_limit<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::throughput(10)).await;
    let ann = queue.join_active("ann").await;
    let (claimed_at, _) = queue.pass_gate(&ann, GatePurpose::Browse).await;
    let last = claimed_at + ACTIVE_TTL + seconds(300 + TO_PAY_S);
    queue.pass(ACTIVE_TTL.saturating_sub(minutes(1))).await;
    queue.pass_gate(&ann, hold_for(300)).await;
    queue.pass(minutes(3)).await;
    assert_eq!(queue.pass_gate(&ann, hold_for(300)).await.1, last);
    queue.pass(minutes(2)).await;
    assert_eq!(queue.pass_gate(&ann, hold_for(300)).await.1, last);
    queue.pass(minutes(2)).await;
    queue.assert_gone(&ann).await;
}

/// A later, shorter hold never shortens the place.
pub async fn a_shorter_hold_does_not_shorten_the_place<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::throughput(10)).await;
    let ann = queue.join_active("ann").await;
    queue.pass_gate(&ann, GatePurpose::Browse).await;
    queue.pass(ACTIVE_TTL.saturating_sub(minutes(1))).await;
    let (_, end) = queue.pass_gate(&ann, hold_for(600)).await;
    assert_eq!(queue.pass_gate(&ann, hold_for(60)).await.1, end);
}

/// A first passage for a hold claims the place. It extends the place if the hold is longer than the
/// lifetime.
pub async fn a_first_passage_with_a_hold_claims_and_extends_the_place<F: QueueFixture>(fixture: F) {
    let queue = ContractQueue::open(fixture, policies::throughput(10)).await;
    let ann = queue.join_active("ann").await;
    let (claimed_at, end) = queue.pass_gate(&ann, hold_for(1_200)).await;
    assert_eq!(end, claimed_at + seconds(1_200 + TO_PAY_S));
}

/// Leaving ends an active place at once. So does a payment, after which the user leaves.
pub async fn leaving_ends_an_active_place_at_once<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::throughput(10)).await;
    let ann = queue.join_active("ann").await;
    queue.pass_gate(&ann, GatePurpose::Pay).await;
    queue.leave_place(&ann).await;
    queue.assert_gone(&ann).await;
    assert_eq!(queue.expire_all().await.active, 0);
}

/// The gate refuses a waiting user and returns their place.
pub async fn the_gate_refuses_a_waiting_user<F: QueueFixture>(fixture: F) {
    let queue = ContractQueue::open(fixture, policies::throughput(1)).await;
    queue.join_active("ann").await;
    let ben = queue.join_line("ben").await;
    for purpose in [GatePurpose::Browse, GatePurpose::Pay, hold_for(300)] {
        let GateOutcome::Waiting(place) = queue.gate(&ben, purpose).await.value else {
            panic!("ben waits");
        };
        assert_eq!(place.ticket, ben);
        assert_eq!(until(&place), None);
    }
    assert!(queue.waits(&ben).await);
}
