//! Releasing held seats.

use frontrow_domain::{
    model::{ReservationId, ReservationState, SeatState},
    ports::{PayOutcome, ReleaseOutcome},
};
use uuid::Uuid;

use super::{BoxOffice, DatabaseFixture, HOLD};

/// Released seats are free, and the reservation is cancelled.
pub async fn released_seats_are_free<F: DatabaseFixture>(fixture: F) {
    let office = BoxOffice::open(fixture).await;
    let held = office.held("ann", &["A-1", "A-2"]).await;
    assert_eq!(
        office.release("ann", held.id).await,
        ReleaseOutcome::Released
    );
    assert_eq!(office.state(&held).await, ReservationState::Cancelled);
    assert_eq!(office.seat("A-1").await, SeatState::Available);
    assert_eq!(office.seats_left().await, 24);
    office.held("ben", &["A-1", "A-2"]).await;
}

/// A repeated release changes nothing, even when another user has the seats by now.
pub async fn releasing_again_changes_nothing<F: DatabaseFixture>(fixture: F) {
    let office = BoxOffice::open(fixture).await;
    let held = office.held("ann", &["A-1"]).await;
    office.release("ann", held.id).await;
    let theirs = office.held("ben", &["A-1"]).await;
    assert_eq!(
        office.release("ann", held.id).await,
        ReleaseOutcome::Released
    );
    assert_eq!(office.found(&theirs).await, theirs);
    assert_eq!(office.seat("A-1").await, SeatState::Held);
}

/// After a release the same user may hold the same seats again, as a new reservation.
pub async fn released_seats_may_be_held_again<F: DatabaseFixture>(fixture: F) {
    let office = BoxOffice::open(fixture).await;
    let first = office.held("ann", &["A-1"]).await;
    office.release("ann", first.id).await;
    let second = office.held("ann", &["A-1"]).await;
    assert_ne!(first.id, second.id);
    assert_eq!(office.state(&first).await, ReservationState::Cancelled);
    office.buy(second).await;
}

/// A released reservation cannot be paid, and costs nothing.
pub async fn a_released_reservation_cannot_be_paid<F: DatabaseFixture>(fixture: F) {
    let office = BoxOffice::open(fixture).await;
    office.charged("ann", 1_000).await;
    let held = office.held("ann", &["A-1"]).await;
    office.release("ann", held.id).await;
    let refused = PayOutcome::NotHeld(ReservationState::Cancelled);
    assert_eq!(office.pay(&held).await, refused);
    assert_eq!(office.balance("ann").await, 1_000);
}

/// A paid reservation cannot be released.
pub async fn a_paid_reservation_cannot_be_released<F: DatabaseFixture>(fixture: F) {
    let office = BoxOffice::open(fixture).await;
    let bought = office.bought("ann", &["A-1"]).await;
    assert_eq!(
        office.release("ann", bought.id).await,
        ReleaseOutcome::Confirmed
    );
    assert_eq!(office.seat("A-1").await, SeatState::Sold);
}

/// An expired hold cannot be released, before the sweep or after.
pub async fn a_hold_that_is_over_cannot_be_released<F: DatabaseFixture>(fixture: F) {
    let mut office = BoxOffice::open(fixture).await;
    let held = office.held("ann", &["A-1"]).await;
    office.pass(HOLD).await;
    assert_eq!(
        office.release("ann", held.id).await,
        ReleaseOutcome::Expired
    );
    assert_eq!(office.sweep(10).await, 1);
    assert_eq!(
        office.release("ann", held.id).await,
        ReleaseOutcome::Expired
    );
    assert_eq!(office.state(&held).await, ReservationState::Expired);
}

/// A user cannot release a reservation of another user.
pub async fn only_ones_own_reservation_can_be_released<F: DatabaseFixture>(fixture: F) {
    let office = BoxOffice::open(fixture).await;
    let held = office.held("ann", &["A-1"]).await;
    assert_eq!(
        office.release("ben", held.id).await,
        ReleaseOutcome::NotFound
    );
    let nowhere = ReservationId(Uuid::nil());
    assert_eq!(
        office.release("ann", nowhere).await,
        ReleaseOutcome::NotFound
    );
    assert_eq!(office.found(&held).await, held);
}
