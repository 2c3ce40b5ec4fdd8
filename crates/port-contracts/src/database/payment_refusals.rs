//! Why a payment is refused. A refusal changes nothing, and its key stays free.

use frontrow_domain::{
    model::{ReservationId, ReservationState, SeatState},
    ports::{PayOutcome, PaymentRequest},
};
use uuid::Uuid;

use super::{BoxOffice, DatabaseFixture, amount, asking::newly_paid, user};

/// Too few points do not pay. The refusal has their number, and the hold stays.
pub async fn too_few_points_do_not_pay<F: DatabaseFixture>(fixture: F) {
    let office = BoxOffice::open(fixture).await;
    office.charged("ann", 99).await;
    let held = office.held("ann", &["A-1"]).await;
    let refused = PayOutcome::NotEnoughPoints {
        balance: amount(99),
        total: amount(100),
    };
    assert_eq!(office.pay(&held).await, refused);
    assert_eq!(office.balance("ann").await, 99);
    assert_eq!(office.found(&held).await, held);
    assert_eq!(office.seat("A-1").await, SeatState::Held);
}

/// A refused payment can succeed under the same key once its reason is gone.
pub async fn a_refused_payment_may_be_made_again<F: DatabaseFixture>(fixture: F) {
    let office = BoxOffice::open(fixture).await;
    let held = office.held("ann", &["A-1"]).await;
    let refused = office.pay_under(&held, "key").await;
    assert!(
        matches!(refused, PayOutcome::NotEnoughPoints { .. }),
        "{refused:?}"
    );
    office.charged("ann", 150).await;
    newly_paid(office.pay_under(&held, "key").await);
    assert_eq!(office.balance("ann").await, 50);
}

/// A user cannot pay for a reservation of another user, or for an unknown one.
pub async fn only_ones_own_reservation_can_be_paid<F: DatabaseFixture>(fixture: F) {
    let office = BoxOffice::open(fixture).await;
    office.charged("ben", 1_000).await;
    let held = office.held("ann", &["A-1"]).await;
    let payment = office.payment(&held, "key");
    let by_another = PaymentRequest {
        user: user("ben"),
        ..payment.clone()
    };
    assert_eq!(office.pay_as(&by_another).await, PayOutcome::NotFound);
    let of_nothing = PaymentRequest {
        reservation: ReservationId(Uuid::nil()),
        ..payment
    };
    assert_eq!(office.pay_as(&of_nothing).await, PayOutcome::NotFound);
    assert_eq!(office.balance("ben").await, 1_000);
    assert_eq!(office.found(&held).await, held);
}

/// A user who was admitted to one concert cannot pay in another.
pub async fn a_payment_is_for_the_concert_one_was_let_in_to<F: DatabaseFixture>(fixture: F) {
    let office = BoxOffice::open(fixture).await;
    office.charged("ann", 1_000).await;
    let held = office.held("ann", &["A-1"]).await;
    let elsewhere = PaymentRequest {
        concert: office.add_concert("Second").await,
        ..office.payment(&held, "key")
    };
    assert_eq!(office.pay_as(&elsewhere).await, PayOutcome::OtherConcert);
    assert_eq!(office.balance("ann").await, 1_000);
    assert_eq!(office.found(&held).await, held);
}

/// A paid reservation cannot be paid again under another key.
pub async fn nothing_is_paid_twice<F: DatabaseFixture>(fixture: F) {
    let office = BoxOffice::open(fixture).await;
    office.charged("ann", 1_000).await;
    let held = office.held("ann", &["A-1"]).await;
    let paid = office.paid(&held).await.reservation;
    assert!(matches!(paid.state, ReservationState::Confirmed { .. }));
    assert_eq!(office.pay(&held).await, PayOutcome::NotHeld(paid.state));
    assert_eq!(office.balance("ann").await, 900);
}

/// A key that stands for one payment cannot pay for another reservation.
pub async fn a_key_pays_one_reservation<F: DatabaseFixture>(fixture: F) {
    let office = BoxOffice::open(fixture).await;
    office.charged("ann", 1_000).await;
    let first = office.held("ann", &["A-1"]).await;
    newly_paid(office.pay_under(&first, "key").await);
    let second = office.held("ann", &["A-2"]).await;
    assert_eq!(
        office.pay_under(&second, "key").await,
        PayOutcome::KeyReused
    );
    assert_eq!(office.balance("ann").await, 900);
    assert_eq!(office.found(&second).await, second);
}

/// A key that stands for a charge cannot be used for a payment.
pub async fn the_key_of_a_charge_pays_nothing<F: DatabaseFixture>(fixture: F) {
    let office = BoxOffice::open(fixture).await;
    office.charge_under("ann", 1_000, "key").await;
    let held = office.held("ann", &["A-1"]).await;
    assert_eq!(office.pay_under(&held, "key").await, PayOutcome::KeyReused);
    assert_eq!(office.balance("ann").await, 1_000);
}
