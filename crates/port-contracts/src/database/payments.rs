//! Paying for held seats.

use frontrow_domain::{
    model::{Applied, Balance, HoldRefusal, Reservation, ReservationState, SeatState},
    ports::{HoldOutcome, Paid, PayOutcome},
};

use super::{
    DatabaseFixture, HOLD, TestSale, amount,
    calls::{end_of, newly_paid},
    signed,
};

/// A payment takes the total, confirms the reservation and sells the seats.
pub async fn a_payment_takes_the_total_and_sells_the_seats<F: DatabaseFixture>(fixture: F) {
    let sale = TestSale::open(fixture).await;
    sale.charged("ann", 1_000).await;
    let held = sale.held("ann", &["A-1", "B-1"]).await;
    let paid = sale.paid(&held).await;
    assert_eq!(paid.charged, amount(350));
    assert_eq!(paid.balance, Balance(amount(650)));
    let ReservationState::Confirmed { at } = paid.reservation.state else {
        panic!("should be confirmed: {:?}", paid.reservation);
    };
    assert!(at < end_of(&held));
    let confirmed = Reservation {
        state: ReservationState::Confirmed { at },
        ..held
    };
    assert_eq!(paid.reservation, confirmed);
    assert_eq!(sale.found(&confirmed).await, confirmed);
    assert_eq!(sale.balance("ann").await, 650);
    assert_eq!(sale.seat("A-1").await, SeatState::Sold);
    assert_eq!(sale.seat("B-1").await, SeatState::Sold);
    assert_eq!(sale.seats_left().await, 22);
}

/// A paid reservation stays paid: neither time nor a sweep changes it.
pub async fn a_paid_reservation_never_expires<F: DatabaseFixture>(fixture: F) {
    let mut sale = TestSale::open(fixture).await;
    let bought = sale.bought("ann", &["A-1"]).await;
    sale.pass(HOLD * 1_000).await;
    assert_eq!(sale.sweep(10).await, 0);
    assert_eq!(sale.found(&bought).await, bought);
    assert_eq!(sale.seat("A-1").await, SeatState::Sold);
}

/// A user who never charged can pay for seats that cost nothing.
pub async fn seats_without_a_price_are_paid_without_points<F: DatabaseFixture>(fixture: F) {
    let sale = TestSale::open(fixture).await;
    let held = sale.held("ann", &["C-1"]).await;
    let paid = sale.paid(&held).await;
    assert_eq!(paid.charged, amount(0));
    assert_eq!(paid.balance, Balance(amount(0)));
    assert_eq!(sale.seat("C-1").await, SeatState::Sold);
}

/// A user may spend all of their points.
pub async fn the_last_point_may_be_spent<F: DatabaseFixture>(fixture: F) {
    let sale = TestSale::open(fixture).await;
    sale.charged("ann", 100).await;
    let held = sale.held("ann", &["A-1"]).await;
    assert_eq!(sale.paid(&held).await.balance, Balance(amount(0)));
    assert_eq!(sale.balance("ann").await, 0);
}

/// A repeat of a payment under the same key gets the first answer, also after later changes.
/// Nothing is charged again.
pub async fn a_repeated_payment_returns_the_first_answer<F: DatabaseFixture>(fixture: F) {
    let mut sale = TestSale::open(fixture).await;
    sale.charged("ann", 1_000).await;
    let held = sale.held("ann", &["A-1", "A-2"]).await;
    let first = newly_paid(sale.pay_under(&held, "key").await);
    sale.charged("ann", 77).await;
    sale.pass(HOLD * 2).await;
    let again = sale.pay_under(&held, "key").await;
    let replayed = Applied {
        effect: first,
        replayed: true,
    };
    assert_eq!(again, PayOutcome::Paid(replayed));
    assert_eq!(sale.balance("ann").await, 877);
}

/// A key belongs to its user: a payment of another user under the same key is separate.
pub async fn two_users_may_use_the_same_key<F: DatabaseFixture>(fixture: F) {
    let sale = TestSale::open(fixture).await;
    for (name, seat) in [("ann", "A-1"), ("ben", "A-2")] {
        sale.charged(name, 100).await;
        let held = sale.held(name, &[seat]).await;
        let Paid { reservation, .. } = newly_paid(sale.pay_under(&held, "key").await);
        assert_eq!(reservation.id, held.id);
        assert_eq!(sale.balance(name).await, 0);
    }
}

/// Every answer with the reservation, such as that of a payment or its repeat, has the ticket of
/// the place that made the hold.
pub async fn a_payment_has_the_ticket_that_made_the_hold<F: DatabaseFixture>(fixture: F) {
    let sale = TestSale::open(fixture).await;
    sale.charged("ann", 100).await;
    let held = sale.held("ann", &["A-1"]).await;
    let ticket = Some(sale.ticket("ann"));
    assert_eq!(held.ticket, ticket);
    let HoldOutcome::AlreadyHeld(again) = sale.hold("ann", &["A-1"]).await else {
        panic!("it is held");
    };
    assert_eq!(again.ticket, ticket);
    let paid = newly_paid(sale.pay_under(&held, "key").await);
    assert_eq!(paid.reservation.ticket, ticket);
    let PayOutcome::Paid(repeated) = sale.pay_under(&held, "key").await else {
        panic!("it is paid");
    };
    assert_eq!(repeated.effect.reservation.ticket, ticket);
    assert_eq!(sale.found(&held).await.ticket, ticket);
}

/// A live hold can be paid until its own deadline, also after its performance has started.
pub async fn a_live_hold_can_be_paid_after_the_start<F: DatabaseFixture>(fixture: F) {
    let mut sale = TestSale::open(fixture).await;
    let starts_at = sale.now().await + signed(HOLD / 2);
    sale.performance = sale.add_performance_at(sale.concert, starts_at).await;
    sale.charged("ann", 100).await;
    let held = sale.held("ann", &["A-1"]).await;
    sale.pass(HOLD * 3 / 4).await;
    assert_eq!(sale.refusal("ben", &["A-2"]).await, HoldRefusal::Started);
    sale.paid(&held).await;
}
