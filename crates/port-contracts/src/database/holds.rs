//! Holding seats.

use std::time::Duration;

use frontrow_domain::{
    model::{HoldRefusal, PricedSeat, ReservationState, SeatState},
    ports::HoldOutcome,
};

use super::{BoxOffice, DatabaseFixture, HOLD, amount, asking::end_of, label, signed};

/// Free seats are held at their prices, and the reservation can be found.
pub async fn free_seats_are_set_aside<F: DatabaseFixture>(fixture: F) {
    let office = BoxOffice::open(fixture).await;
    let request = office.request("ann", &["B-2", "A-10", "A-9"]);
    let held = office.held_by(&request).await;
    let seat = |name: &str, price| PricedSeat {
        label: label(name),
        price: amount(price),
    };
    assert_eq!(held.id, request.id);
    assert_eq!(held.user, request.user);
    assert_eq!(held.concert, office.concert);
    assert_eq!(held.performance, office.performance);
    let expected = [seat("A-10", 100), seat("A-9", 100), seat("B-2", 250)];
    assert_eq!(held.seats, expected);
    assert_eq!(held.total, amount(450));
    assert!(matches!(held.state, ReservationState::Held { .. }));
    assert_eq!(office.found(&held).await, held);
    for name in ["A-9", "A-10", "B-2"] {
        assert_eq!(office.seat(name).await, SeatState::Held);
    }
    assert_eq!(office.seats_left().await, 21);
}

/// A hold lasts as long as requested, by the store's clock.
pub async fn a_hold_lasts_as_long_as_was_asked<F: DatabaseFixture>(fixture: F) {
    let office = BoxOffice::open(fixture).await;
    let mut longer = office.request("ann", &["A-1"]);
    longer.hold_for = HOLD * 2;
    let longer = office.held_by(&longer).await;
    let shorter = office.held("ben", &["A-2"]).await;
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
pub async fn the_very_same_hold_again_is_the_first_one<F: DatabaseFixture>(fixture: F) {
    let office = BoxOffice::open(fixture).await;
    let held = office.held("ann", &["A-1", "A-2"]).await;
    let again = office.hold("ann", &["A-2", "A-1"]).await;
    assert_eq!(again, HoldOutcome::AlreadyHeld(held.clone()));
    assert_eq!(office.found(&held).await, held);
    assert_eq!(office.seats_left().await, 22);
}

/// A repeat under the same id, because the answer was lost, gets the first answer.
pub async fn a_repeated_call_is_the_first_one<F: DatabaseFixture>(fixture: F) {
    let office = BoxOffice::open(fixture).await;
    let request = office.request("ann", &["A-1"]);
    let held = office.held_by(&request).await;
    let again = office.hold_as(&request).await;
    assert_eq!(again, HoldOutcome::AlreadyHeld(held));
}

/// A user may hold seats in two concerts at once.
pub async fn a_user_may_hold_seats_in_two_concerts<F: DatabaseFixture>(fixture: F) {
    let mut office = BoxOffice::open(fixture).await;
    let first = office.held("ann", &["A-1"]).await;
    office.concert = office.add_concert("Second").await;
    office.performance = office.add_performance(office.concert).await;
    let second = office.held("ann", &["A-1"]).await;
    assert_eq!(office.found(&first).await, first);
    assert_eq!(office.found(&second).await, second);
}

/// The limit of four seats is per performance, not per concert.
pub async fn four_seats_of_each_performance_may_be_had<F: DatabaseFixture>(fixture: F) {
    let mut office = BoxOffice::open(fixture).await;
    let four = ["C-1", "C-2", "C-3", "C-4"];
    office.bought("ann", &four).await;
    office.performance = office.add_performance(office.concert).await;
    office.bought("ann", &four).await;
}

/// The four seats may be bought one by one.
pub async fn four_seats_may_be_bought_one_by_one<F: DatabaseFixture>(fixture: F) {
    let office = BoxOffice::open(fixture).await;
    for name in ["A-1", "B-1", "C-1", "A-2"] {
        office.bought("ann", &[name]).await;
    }
    let fifth = office.refusal("ann", &["A-3"]).await;
    assert_eq!(fifth, HoldRefusal::SeatLimit { live: 4 });
}
