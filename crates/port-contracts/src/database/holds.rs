//! Holding seats.

use std::time::Duration;

use frontrow_domain::{
    model::{HoldRefusal, PricedSeat, ReservationState, SeatState},
    ports::HoldOutcome,
};

use super::{DatabaseFixture, HOLD, TestSale, amount, calls::end_of, label, signed};

/// Free seats are held at their prices, and the reservation can be found.
pub async fn free_seats_are_held_at_their_prices<F: DatabaseFixture>(fixture: F) {
    let sale = TestSale::open(fixture).await;
    let request = sale.request("ann", &["B-2", "A-10", "A-9"]);
    let held = sale.held_by(&request).await;
    let seat = |name: &str, price| PricedSeat {
        label: label(name),
        price: amount(price),
    };
    assert_eq!(held.id, request.id);
    assert_eq!(held.user, request.user);
    assert_eq!(held.concert, sale.concert);
    assert_eq!(held.performance, sale.performance);
    let expected = [seat("A-10", 100), seat("A-9", 100), seat("B-2", 250)];
    assert_eq!(held.seats, expected);
    assert_eq!(held.total, amount(450));
    assert!(matches!(held.state, ReservationState::Held { .. }));
    assert_eq!(sale.found(&held).await, held);
    for name in ["A-9", "A-10", "B-2"] {
        assert_eq!(sale.seat(name).await, SeatState::Held);
    }
    assert_eq!(sale.seats_left().await, 21);
}

/// A hold lasts as long as requested, by the store's clock.
pub async fn a_hold_lasts_as_long_as_requested<F: DatabaseFixture>(fixture: F) {
    let sale = TestSale::open(fixture).await;
    let mut longer = sale.request("ann", &["A-1"]);
    longer.hold_for = HOLD * 2;
    let longer = sale.held_by(&longer).await;
    let shorter = sale.held("ben", &["A-2"]).await;
    let difference = end_of(&longer).duration_since(end_of(&shorter));
    // The second was made later, if only by a little.
    assert!(difference <= signed(HOLD), "{difference}");
    let a_little = Duration::from_mins(1);
    assert!(
        difference > signed(HOLD.saturating_sub(a_little)),
        "{difference}"
    );
}

/// A user who requests exactly the seats that they hold gets the existing hold, unchanged.
pub async fn a_repeat_of_a_hold_returns_the_first_hold<F: DatabaseFixture>(fixture: F) {
    let sale = TestSale::open(fixture).await;
    let held = sale.held("ann", &["A-1", "A-2"]).await;
    let again = sale.hold("ann", &["A-2", "A-1"]).await;
    assert_eq!(again, HoldOutcome::AlreadyHeld(held.clone()));
    assert_eq!(sale.found(&held).await, held);
    assert_eq!(sale.seats_left().await, 22);
}

/// A repeat of a request under the same id, as after a lost answer, gets the first hold.
pub async fn a_repeat_under_the_same_id_returns_the_first_hold<F: DatabaseFixture>(fixture: F) {
    let sale = TestSale::open(fixture).await;
    let request = sale.request("ann", &["A-1"]);
    let held = sale.held_by(&request).await;
    let again = sale.hold_as(&request).await;
    assert_eq!(again, HoldOutcome::AlreadyHeld(held));
}

/// A user may hold seats in two concerts at once.
pub async fn a_user_may_hold_seats_in_two_concerts<F: DatabaseFixture>(fixture: F) {
    let mut sale = TestSale::open(fixture).await;
    let first = sale.held("ann", &["A-1"]).await;
    sale.concert = sale.add_concert("Second").await;
    sale.performance = sale.add_performance(sale.concert).await;
    let second = sale.held("ann", &["A-1"]).await;
    assert_eq!(sale.found(&first).await, first);
    assert_eq!(sale.found(&second).await, second);
}

/// The limit of four seats is per performance, not per concert.
pub async fn the_seat_limit_is_per_performance<F: DatabaseFixture>(fixture: F) {
    let mut sale = TestSale::open(fixture).await;
    let four = ["C-1", "C-2", "C-3", "C-4"];
    sale.bought("ann", &four).await;
    sale.performance = sale.add_performance(sale.concert).await;
    sale.bought("ann", &four).await;
}

/// The four seats may be bought one by one.
pub async fn four_seats_may_be_bought_one_by_one<F: DatabaseFixture>(fixture: F) {
    let sale = TestSale::open(fixture).await;
    for name in ["A-1", "B-1", "C-1", "A-2"] {
        sale.bought("ann", &[name]).await;
    }
    let fifth = sale.refusal("ann", &["A-3"]).await;
    assert_eq!(fifth, HoldRefusal::SeatLimit { live: 4 });
}
