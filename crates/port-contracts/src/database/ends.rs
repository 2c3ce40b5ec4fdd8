//! The deadline of a hold, for every reader and every call, before and after a sweep.

use std::time::Duration;

use frontrow_domain::{
    model::{HoldRefusal, ReservationState, SeatState},
    ports::PayOutcome,
};

use super::{DatabaseFixture, HOLD, TestSale, label};

const A_MINUTE: Duration = Duration::from_mins(1);

/// A hold is live until its deadline. A sweep does not end it earlier.
pub async fn a_hold_is_live_until_its_deadline<F: DatabaseFixture>(fixture: F) {
    let mut sale = TestSale::open(fixture).await;
    let held = sale.held("ann", &["A-1"]).await;
    sale.pass(HOLD.saturating_sub(A_MINUTE)).await;
    assert_eq!(sale.sweep(10).await, 0);
    assert_eq!(sale.found(&held).await, held);
    assert_eq!(sale.seat("A-1").await, SeatState::Held);
    let refused = sale.refusal("ben", &["A-1"]).await;
    assert_eq!(refused, HoldRefusal::SeatsTaken(vec![label("A-1")]));
    sale.buy(held).await;
}

/// A hold has expired at its deadline, also before any sweep.
pub async fn a_hold_has_expired_at_its_deadline<F: DatabaseFixture>(fixture: F) {
    let mut sale = TestSale::open(fixture).await;
    let held = sale.held("ann", &["A-1"]).await;
    sale.pass(HOLD).await;
    assert_eq!(sale.state(&held).await, ReservationState::Expired);
    assert_eq!(sale.seat("A-1").await, SeatState::Available);
    assert_eq!(sale.seats_left().await, 24);
}

/// A hold of zero length has expired at the instant at which it is made.
pub async fn a_hold_of_zero_length_has_expired_at_once<F: DatabaseFixture>(fixture: F) {
    let sale = TestSale::open(fixture).await;
    let mut request = sale.request("ann", &["A-1"]);
    request.hold_for = Duration::ZERO;
    let held = sale.held_by(&request).await;
    assert_eq!(sale.state(&held).await, ReservationState::Expired);
    assert_eq!(sale.seats_left().await, 24);
    sale.held("ben", &["A-1"]).await;
}

/// A late payment is refused, and nothing is charged.
pub async fn a_late_payment_is_refused_and_costs_nothing<F: DatabaseFixture>(fixture: F) {
    let mut sale = TestSale::open(fixture).await;
    sale.charged("ann", 1_000).await;
    let held = sale.held("ann", &["A-1"]).await;
    sale.pass(HOLD).await;
    let refused = PayOutcome::NotHeld(ReservationState::Expired);
    assert_eq!(sale.pay(&held).await, refused);
    sale.sweep(10).await;
    assert_eq!(sale.pay(&held).await, refused);
    assert_eq!(sale.balance("ann").await, 1_000);
    assert_eq!(sale.seat("A-1").await, SeatState::Available);
}

/// Another user takes over seats whose hold has expired and was not swept. The first user has lost
/// them.
pub async fn another_user_takes_over_the_seats_of_an_expired_hold<F: DatabaseFixture>(fixture: F) {
    let mut sale = TestSale::open(fixture).await;
    sale.charged("ann", 1_000).await;
    let lost = sale.held("ann", &["A-1", "A-2"]).await;
    sale.pass(HOLD).await;
    let held = sale.held("ben", &["A-2", "A-3"]).await;
    assert_eq!(sale.state(&lost).await, ReservationState::Expired);
    let refused = PayOutcome::NotHeld(ReservationState::Expired);
    assert_eq!(sale.pay(&lost).await, refused);
    assert_eq!(sale.balance("ann").await, 1_000);
    assert_eq!(sale.found(&held).await, held);
    assert_eq!(sale.seats_left().await, 22);
    assert_eq!(sale.seat("A-1").await, SeatState::Available);
}

/// The sweep frees no seats that another user has taken over, held or bought.
pub async fn the_sweep_leaves_seats_that_were_taken_over<F: DatabaseFixture>(fixture: F) {
    let mut sale = TestSale::open(fixture).await;
    sale.held("ann", &["A-1", "A-2", "A-3"]).await;
    sale.pass(HOLD).await;
    sale.held("ben", &["A-1"]).await;
    sale.bought("cat", &["A-2"]).await;
    sale.sweep(10).await;
    assert_eq!(sale.seat("A-1").await, SeatState::Held);
    assert_eq!(sale.seat("A-2").await, SeatState::Sold);
    assert_eq!(sale.seat("A-3").await, SeatState::Available);
    assert_eq!(sale.seats_left().await, 22);
}

/// A reservation whose seats were taken over stays expired, even when the clock is set back.
pub async fn a_clock_that_is_set_back_revives_no_hold<F: DatabaseFixture>(fixture: F) {
    let mut sale = TestSale::open(fixture).await;
    sale.charged("ann", 1_000).await;
    let lost = sale.held("ann", &["A-1", "A-2"]).await;
    sale.pass(HOLD).await;
    sale.held("ben", &["A-2"]).await;
    sale.set_back(HOLD.saturating_sub(A_MINUTE)).await;
    let refused = sale.pay(&lost).await;
    assert!(matches!(refused, PayOutcome::NotHeld(_)), "{refused:?}");
    assert_eq!(sale.balance("ann").await, 1_000);
    assert_eq!(sale.seat("A-2").await, SeatState::Held);
}

/// A user's own expired hold does not prevent another one, of the same seats or of others.
pub async fn an_expired_hold_does_not_prevent_another_hold_of_its_user<F: DatabaseFixture>(
    fixture: F,
) {
    let mut sale = TestSale::open(fixture).await;
    let first = sale.held("ann", &["A-1", "A-2", "A-3", "A-4"]).await;
    sale.pass(HOLD).await;
    let second = sale.held("ann", &["A-1", "A-2", "A-3", "A-4"]).await;
    sale.pass(HOLD).await;
    let third = sale.held("ann", &["A-4", "A-5", "A-6", "A-7"]).await;
    assert_eq!(sale.state(&first).await, ReservationState::Expired);
    assert_eq!(sale.state(&second).await, ReservationState::Expired);
    assert_eq!(sale.seats_left().await, 20);
    sale.buy(third).await;
}

/// A user's own expired hold does not prevent one in another performance of the concert either.
pub async fn an_expired_hold_does_not_prevent_one_in_another_performance<F: DatabaseFixture>(
    fixture: F,
) {
    let mut sale = TestSale::open(fixture).await;
    let first = sale.held("ann", &["A-1"]).await;
    sale.pass(HOLD).await;
    sale.performance = sale.add_performance(sale.concert).await;
    sale.held("ann", &["A-1"]).await;
    assert_eq!(sale.state(&first).await, ReservationState::Expired);
}

/// The sweep marks only expired holds, each once, and at most as many as its limit.
pub async fn the_sweep_marks_only_expired_holds<F: DatabaseFixture>(fixture: F) {
    let mut sale = TestSale::open(fixture).await;
    let mut over = Vec::new();
    for (name, seat) in [("ann", "A-1"), ("ben", "A-2"), ("cat", "A-3")] {
        over.push(sale.held(name, &[seat]).await);
    }
    let bought = sale.bought("dan", &["A-4"]).await;
    sale.pass(HOLD).await;
    let live = sale.held("eva", &["A-5"]).await;
    assert_eq!(sale.sweep(0).await, 0);
    assert_eq!(sale.sweep(2).await, 2);
    assert_eq!(sale.sweep(2).await, 1);
    assert_eq!(sale.sweep(2).await, 0);
    for reservation in over {
        assert_eq!(sale.state(&reservation).await, ReservationState::Expired);
    }
    assert_eq!(sale.found(&live).await, live);
    assert_eq!(sale.found(&bought).await, bought);
    assert_eq!(sale.seats_left().await, 22);
}
