//! Releasing held seats.

use frontrow_domain::{
    model::{ReservationId, ReservationState, SeatState},
    ports::{PayOutcome, ReleaseOutcome},
};
use uuid::Uuid;

use super::{DatabaseFixture, HOLD, TestSale};

/// Released seats are free, and the reservation is cancelled.
pub async fn released_seats_are_free<F: DatabaseFixture>(fixture: F) {
    let sale = TestSale::open(fixture).await;
    let held = sale.held("ann", &["A-1", "A-2"]).await;
    assert_eq!(sale.release("ann", held.id).await, ReleaseOutcome::Released);
    assert_eq!(sale.state(&held).await, ReservationState::Cancelled);
    assert_eq!(sale.seat("A-1").await, SeatState::Available);
    assert_eq!(sale.seats_left().await, 24);
    sale.held("ben", &["A-1", "A-2"]).await;
}

/// A repeated release changes nothing, even when another user has the seats by now.
pub async fn a_repeated_release_changes_nothing<F: DatabaseFixture>(fixture: F) {
    let sale = TestSale::open(fixture).await;
    let held = sale.held("ann", &["A-1"]).await;
    sale.release("ann", held.id).await;
    let theirs = sale.held("ben", &["A-1"]).await;
    assert_eq!(sale.release("ann", held.id).await, ReleaseOutcome::Released);
    assert_eq!(sale.found(&theirs).await, theirs);
    assert_eq!(sale.seat("A-1").await, SeatState::Held);
}

/// After a release the same user may hold the same seats again, as a new reservation.
pub async fn released_seats_may_be_held_again<F: DatabaseFixture>(fixture: F) {
    let sale = TestSale::open(fixture).await;
    let first = sale.held("ann", &["A-1"]).await;
    sale.release("ann", first.id).await;
    let second = sale.held("ann", &["A-1"]).await;
    assert_ne!(first.id, second.id);
    assert_eq!(sale.state(&first).await, ReservationState::Cancelled);
    sale.buy(second).await;
}

/// A released reservation cannot be paid, and costs nothing.
pub async fn a_released_reservation_cannot_be_paid<F: DatabaseFixture>(fixture: F) {
    let sale = TestSale::open(fixture).await;
    sale.charged("ann", 1_000).await;
    let held = sale.held("ann", &["A-1"]).await;
    sale.release("ann", held.id).await;
    let refused = PayOutcome::NotHeld(ReservationState::Cancelled);
    assert_eq!(sale.pay(&held).await, refused);
    assert_eq!(sale.balance("ann").await, 1_000);
}

/// A paid reservation cannot be released.
pub async fn a_paid_reservation_cannot_be_released<F: DatabaseFixture>(fixture: F) {
    let sale = TestSale::open(fixture).await;
    let bought = sale.bought("ann", &["A-1"]).await;
    assert_eq!(
        sale.release("ann", bought.id).await,
        ReleaseOutcome::Confirmed
    );
    assert_eq!(sale.seat("A-1").await, SeatState::Sold);
}

/// An expired hold cannot be released, before the sweep or after.
pub async fn an_expired_hold_cannot_be_released<F: DatabaseFixture>(fixture: F) {
    let mut sale = TestSale::open(fixture).await;
    let held = sale.held("ann", &["A-1"]).await;
    sale.pass(HOLD).await;
    assert_eq!(sale.release("ann", held.id).await, ReleaseOutcome::Expired);
    assert_eq!(sale.sweep(10).await, 1);
    assert_eq!(sale.release("ann", held.id).await, ReleaseOutcome::Expired);
    assert_eq!(sale.state(&held).await, ReservationState::Expired);
}

/// A user cannot release a reservation of another user.
pub async fn a_user_releases_only_their_own_reservation<F: DatabaseFixture>(fixture: F) {
    let sale = TestSale::open(fixture).await;
    let held = sale.held("ann", &["A-1"]).await;
    assert_eq!(sale.release("ben", held.id).await, ReleaseOutcome::NotFound);
    let nowhere = ReservationId(Uuid::nil());
    assert_eq!(sale.release("ann", nowhere).await, ReleaseOutcome::NotFound);
    assert_eq!(sale.found(&held).await, held);
}
