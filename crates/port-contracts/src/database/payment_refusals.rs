//! Why a payment is refused. A refusal changes nothing, and its key stays free.

use frontrow_domain::{
    model::{ReservationId, ReservationState, SeatState},
    ports::{PayOutcome, PaymentRequest},
};
use uuid::Uuid;

use super::{DatabaseFixture, TestSale, amount, calls::newly_paid, user};

/// A payment without enough points is refused. The refusal has the balance and the total, and the
/// hold stays.
pub async fn a_payment_without_enough_points_is_refused<F: DatabaseFixture>(fixture: F) {
    let sale = TestSale::open(fixture).await;
    sale.charged("ann", 99).await;
    let held = sale.held("ann", &["A-1"]).await;
    let refused = PayOutcome::NotEnoughPoints {
        balance: amount(99),
        total: amount(100),
    };
    assert_eq!(sale.pay(&held).await, refused);
    assert_eq!(sale.balance("ann").await, 99);
    assert_eq!(sale.found(&held).await, held);
    assert_eq!(sale.seat("A-1").await, SeatState::Held);
}

/// A refused payment can succeed under the same key once its reason is gone.
pub async fn a_refused_payment_may_be_repeated<F: DatabaseFixture>(fixture: F) {
    let sale = TestSale::open(fixture).await;
    let held = sale.held("ann", &["A-1"]).await;
    let refused = sale.pay_under(&held, "key").await;
    assert!(
        matches!(refused, PayOutcome::NotEnoughPoints { .. }),
        "{refused:?}"
    );
    sale.charged("ann", 150).await;
    newly_paid(sale.pay_under(&held, "key").await);
    assert_eq!(sale.balance("ann").await, 50);
}

/// A user cannot pay for a reservation of another user, or for an unknown one.
pub async fn a_user_pays_only_their_own_reservation<F: DatabaseFixture>(fixture: F) {
    let sale = TestSale::open(fixture).await;
    sale.charged("ben", 1_000).await;
    let held = sale.held("ann", &["A-1"]).await;
    let payment = sale.payment(&held, "key");
    let by_another = PaymentRequest {
        user: user("ben"),
        ..payment.clone()
    };
    assert_eq!(sale.pay_as(&by_another).await, PayOutcome::NotFound);
    let of_nothing = PaymentRequest {
        reservation: ReservationId(Uuid::nil()),
        ..payment
    };
    assert_eq!(sale.pay_as(&of_nothing).await, PayOutcome::NotFound);
    assert_eq!(sale.balance("ben").await, 1_000);
    assert_eq!(sale.found(&held).await, held);
}

/// A user who was admitted to one concert cannot pay in another.
pub async fn a_user_pays_only_in_the_concert_that_admitted_them<F: DatabaseFixture>(fixture: F) {
    let sale = TestSale::open(fixture).await;
    sale.charged("ann", 1_000).await;
    let held = sale.held("ann", &["A-1"]).await;
    let elsewhere = PaymentRequest {
        concert: sale.add_concert("Second").await,
        ..sale.payment(&held, "key")
    };
    assert_eq!(sale.pay_as(&elsewhere).await, PayOutcome::OtherConcert);
    assert_eq!(sale.balance("ann").await, 1_000);
    assert_eq!(sale.found(&held).await, held);
}

/// A paid reservation cannot be paid again under another key.
pub async fn a_paid_reservation_cannot_be_paid_again<F: DatabaseFixture>(fixture: F) {
    let sale = TestSale::open(fixture).await;
    sale.charged("ann", 1_000).await;
    let held = sale.held("ann", &["A-1"]).await;
    let paid = sale.paid(&held).await.reservation;
    assert!(matches!(paid.state, ReservationState::Confirmed { .. }));
    assert_eq!(sale.pay(&held).await, PayOutcome::NotHeld(paid.state));
    assert_eq!(sale.balance("ann").await, 900);
}

/// A key that stands for one payment cannot pay for another reservation.
pub async fn a_key_pays_one_reservation<F: DatabaseFixture>(fixture: F) {
    let sale = TestSale::open(fixture).await;
    sale.charged("ann", 1_000).await;
    let first = sale.held("ann", &["A-1"]).await;
    newly_paid(sale.pay_under(&first, "key").await);
    let second = sale.held("ann", &["A-2"]).await;
    assert_eq!(sale.pay_under(&second, "key").await, PayOutcome::KeyReused);
    assert_eq!(sale.balance("ann").await, 900);
    assert_eq!(sale.found(&second).await, second);
}

/// A key that stands for a charge cannot be used for a payment.
pub async fn the_key_of_a_charge_pays_no_reservation<F: DatabaseFixture>(fixture: F) {
    let sale = TestSale::open(fixture).await;
    sale.charge_under("ann", 1_000, "key").await;
    let held = sale.held("ann", &["A-1"]).await;
    assert_eq!(sale.pay_under(&held, "key").await, PayOutcome::KeyReused);
    assert_eq!(sale.balance("ann").await, 1_000);
}
