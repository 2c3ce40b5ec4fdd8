//! Promise 6: when an active place ends.

use frontrow_domain::{
    model::queue::{GatePurpose, Standing},
    ports::{GateOutcome, JoinOutcome},
};

use super::{ContractQueue, QueueFixture, asking::until, hold_for, minutes, seconds};
use crate::policies::{self, ACTIVE_TTL, CLAIM_TTL};

/// How much longer than a hold the place of its user lasts.
const TO_PAY_S: u64 = 30;

/// A new place ends if it is not claimed within the claim time of its admission. A look-up claims
/// nothing.
pub async fn a_new_place_ends_at_its_claim_deadline<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::rate(10)).await;
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
    if !queue.stood_still() {
        assert_eq!(queue.find(&place.ticket).await.standing, place.standing);
    }
    queue.serve(CLAIM_TTL).await;
    queue.is_gone(&place.ticket).await;
}

/// A place that a tick admitted ends at its claim deadline in the same way.
pub async fn an_admitted_place_ends_at_its_claim_deadline<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::rate(1)).await;
    queue.walk_in("ann").await;
    let ben = queue.line_up("ben").await;
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
    queue.is_gone(&ben).await;
}

/// The first passage of the gate claims the place. Its active lifetime starts then.
pub async fn the_gate_claims_a_place<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::rate(10)).await;
    for (name, purpose) in [("ann", GatePurpose::Browse), ("ben", GatePurpose::Pay)] {
        let ticket = queue.walk_in(name).await;
        queue.pass(seconds(20)).await;
        let (claimed_at, end) = queue.pass_gate(&ticket, purpose).await;
        assert_eq!(end, claimed_at + ACTIVE_TTL);
        assert_eq!(queue.active_until(&ticket).await, end);
    }
}

/// Later passages to browse or to pay do not change its deadline.
pub async fn only_the_first_use_claims<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::rate(10)).await;
    let ann = queue.walk_in("ann").await;
    let (_, end) = queue.pass_gate(&ann, GatePurpose::Browse).await;
    for purpose in [GatePurpose::Browse, GatePurpose::Pay] {
        queue.pass(minutes(3)).await;
        assert_eq!(queue.pass_gate(&ann, purpose).await.1, end);
    }
}

/// A claimed place ends with its active lifetime, though no tick has removed it.
pub async fn a_claimed_place_ends_with_its_active_life<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::rate(10)).await;
    let ann = queue.walk_in("ann").await;
    queue.pass_gate(&ann, GatePurpose::Browse).await;
    queue.pass(ACTIVE_TTL.saturating_sub(minutes(2))).await;
    queue.pass_gate(&ann, GatePurpose::Pay).await;
    queue.pass(minutes(2) + seconds(1)).await;
    queue.is_gone(&ann).await;
    let JoinOutcome::Joined(anew) = queue.join("ann").await.value else {
        panic!("ann's place was over");
    };
    assert!(anew.ticket.arrival > ann.arrival);
}

/// A hold that fits into the lifetime of the place extends nothing.
pub async fn a_short_hold_extends_nothing<F: QueueFixture>(fixture: F) {
    let queue = ContractQueue::open(fixture, policies::rate(10)).await;
    let ann = queue.walk_in("ann").await;
    let (claimed_at, end) = queue.pass_gate(&ann, hold_for(300)).await;
    assert_eq!(end, claimed_at + ACTIVE_TTL);
    assert_eq!(queue.pass_gate(&ann, hold_for(300)).await.1, end);
}

/// A hold near the deadline extends the place to the end of the hold and 30 s more.
pub async fn a_hold_extends_its_place<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::rate(10)).await;
    let ann = queue.walk_in("ann").await;
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

/// Holds extend a place at most to the point at which the last hold of an ordinary lifetime would
/// end.
pub async fn holds_do_not_extend_a_place_for_ever<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::rate(10)).await;
    let ann = queue.walk_in("ann").await;
    let (claimed_at, _) = queue.pass_gate(&ann, GatePurpose::Browse).await;
    let last = claimed_at + ACTIVE_TTL + seconds(300 + TO_PAY_S);
    queue.pass(ACTIVE_TTL.saturating_sub(minutes(1))).await;
    queue.pass_gate(&ann, hold_for(300)).await;
    queue.pass(minutes(3)).await;
    assert_eq!(queue.pass_gate(&ann, hold_for(300)).await.1, last);
    queue.pass(minutes(2)).await;
    assert_eq!(queue.pass_gate(&ann, hold_for(300)).await.1, last);
    queue.pass(minutes(2)).await;
    queue.is_gone(&ann).await;
}

/// A later, shorter hold never shortens the place.
pub async fn a_shorter_hold_takes_nothing_back<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::rate(10)).await;
    let ann = queue.walk_in("ann").await;
    queue.pass_gate(&ann, GatePurpose::Browse).await;
    queue.pass(ACTIVE_TTL.saturating_sub(minutes(1))).await;
    let (_, end) = queue.pass_gate(&ann, hold_for(600)).await;
    assert_eq!(queue.pass_gate(&ann, hold_for(60)).await.1, end);
}

/// A first use that is a hold claims the place, and extends it where the hold is longer than the
/// lifetime.
pub async fn a_first_use_that_holds_claims_and_extends<F: QueueFixture>(fixture: F) {
    let queue = ContractQueue::open(fixture, policies::rate(10)).await;
    let ann = queue.walk_in("ann").await;
    let (claimed_at, end) = queue.pass_gate(&ann, hold_for(1_200)).await;
    assert_eq!(end, claimed_at + seconds(1_200 + TO_PAY_S));
}

/// Leaving ends an active place at once. So does a payment, after which the user leaves.
pub async fn leaving_ends_an_active_place_at_once<F: QueueFixture>(fixture: F) {
    let mut queue = ContractQueue::open(fixture, policies::rate(10)).await;
    let ann = queue.walk_in("ann").await;
    queue.pass_gate(&ann, GatePurpose::Pay).await;
    queue.go(&ann).await;
    queue.is_gone(&ann).await;
    assert_eq!(queue.tidy().await.active, 0);
}

/// The gate refuses a waiting user and returns their place.
pub async fn the_gate_stops_who_waits<F: QueueFixture>(fixture: F) {
    let queue = ContractQueue::open(fixture, policies::rate(1)).await;
    queue.walk_in("ann").await;
    let ben = queue.line_up("ben").await;
    for purpose in [GatePurpose::Browse, GatePurpose::Pay, hold_for(300)] {
        let GateOutcome::Waiting(place) = queue.gate(&ben, purpose).await.value else {
            panic!("ben waits");
        };
        assert_eq!(place.ticket, ben);
        assert_eq!(until(&place), None);
    }
    assert!(queue.waits(&ben).await);
}
