//! The end of a hold, for every reader and every call, swept or not.

use std::time::Duration;

use frontrow_domain::{
    model::{HoldRefusal, ReservationState, SeatState},
    ports::PayOutcome,
};

use super::{BoxOffice, DatabaseFixture, HOLD, label};

const A_MINUTE: Duration = Duration::from_mins(1);

/// Until its deadline a hold is live, whatever the sweep does.
pub async fn a_hold_is_live_until_its_end<F: DatabaseFixture>(fixture: F) {
    let mut office = BoxOffice::open(fixture).await;
    let held = office.held("ann", &["A-1"]).await;
    office.pass(HOLD.saturating_sub(A_MINUTE)).await;
    assert_eq!(office.sweep(10).await, 0);
    assert_eq!(office.found(&held).await, held);
    assert_eq!(office.seat("A-1").await, SeatState::Held);
    let refused = office.refusal("ben", &["A-1"]).await;
    assert_eq!(refused, HoldRefusal::SeatsTaken(vec![label("A-1")]));
    office.buy(held).await;
}

/// At its deadline a hold has expired, though no sweep ran.
pub async fn a_hold_is_over_at_its_end<F: DatabaseFixture>(fixture: F) {
    let mut office = BoxOffice::open(fixture).await;
    let held = office.held("ann", &["A-1"]).await;
    office.pass(HOLD).await;
    assert_eq!(office.state(&held).await, ReservationState::Expired);
    assert_eq!(office.seat("A-1").await, SeatState::Available);
    assert_eq!(office.seats_left().await, 24);
}

/// A hold of zero length has expired at the instant at which it is made.
pub async fn a_hold_for_no_time_is_over_at_once<F: DatabaseFixture>(fixture: F) {
    let office = BoxOffice::open(fixture).await;
    let mut request = office.request("ann", &["A-1"]);
    request.hold_for = Duration::ZERO;
    let held = office.held_by(&request).await;
    assert_eq!(office.state(&held).await, ReservationState::Expired);
    assert_eq!(office.seats_left().await, 24);
    office.held("ben", &["A-1"]).await;
}

/// A late payment is refused, and nothing is charged.
pub async fn a_late_payment_is_refused_and_costs_nothing<F: DatabaseFixture>(fixture: F) {
    let mut office = BoxOffice::open(fixture).await;
    office.charged("ann", 1_000).await;
    let held = office.held("ann", &["A-1"]).await;
    office.pass(HOLD).await;
    let refused = PayOutcome::NotHeld(ReservationState::Expired);
    assert_eq!(office.pay(&held).await, refused);
    office.sweep(10).await;
    assert_eq!(office.pay(&held).await, refused);
    assert_eq!(office.balance("ann").await, 1_000);
    assert_eq!(office.seat("A-1").await, SeatState::Available);
}

/// Another user takes over seats whose hold has expired and was not swept. The first user has lost
/// them.
pub async fn seats_of_a_hold_that_is_over_are_taken_over<F: DatabaseFixture>(fixture: F) {
    let mut office = BoxOffice::open(fixture).await;
    office.charged("ann", 1_000).await;
    let lost = office.held("ann", &["A-1", "A-2"]).await;
    office.pass(HOLD).await;
    let held = office.held("ben", &["A-2", "A-3"]).await;
    assert_eq!(office.state(&lost).await, ReservationState::Expired);
    let refused = PayOutcome::NotHeld(ReservationState::Expired);
    assert_eq!(office.pay(&lost).await, refused);
    assert_eq!(office.balance("ann").await, 1_000);
    assert_eq!(office.found(&held).await, held);
    assert_eq!(office.seats_left().await, 22);
    assert_eq!(office.seat("A-1").await, SeatState::Available);
}

/// The sweep frees no seats that another user has taken over, held or bought.
pub async fn the_sweep_leaves_seats_that_were_taken_over<F: DatabaseFixture>(fixture: F) {
    let mut office = BoxOffice::open(fixture).await;
    office.held("ann", &["A-1", "A-2", "A-3"]).await;
    office.pass(HOLD).await;
    office.held("ben", &["A-1"]).await;
    office.bought("cat", &["A-2"]).await;
    office.sweep(10).await;
    assert_eq!(office.seat("A-1").await, SeatState::Held);
    assert_eq!(office.seat("A-2").await, SeatState::Sold);
    assert_eq!(office.seat("A-3").await, SeatState::Available);
    assert_eq!(office.seats_left().await, 22);
}

/// A reservation whose seats were taken over stays expired, even when the clock is set back.
pub async fn a_clock_that_is_set_back_revives_no_hold<F: DatabaseFixture>(fixture: F) {
    let mut office = BoxOffice::open(fixture).await;
    office.charged("ann", 1_000).await;
    let lost = office.held("ann", &["A-1", "A-2"]).await;
    office.pass(HOLD).await;
    office.held("ben", &["A-2"]).await;
    office.set_back(HOLD.saturating_sub(A_MINUTE)).await;
    let refused = office.pay(&lost).await;
    assert!(matches!(refused, PayOutcome::NotHeld(_)), "{refused:?}");
    assert_eq!(office.balance("ann").await, 1_000);
    assert_eq!(office.seat("A-2").await, SeatState::Held);
}

/// A user's own expired hold does not prevent another one, of the same seats or of others.
pub async fn ones_own_hold_that_is_over_is_no_obstacle<F: DatabaseFixture>(fixture: F) {
    let mut office = BoxOffice::open(fixture).await;
    let first = office.held("ann", &["A-1", "A-2", "A-3", "A-4"]).await;
    office.pass(HOLD).await;
    let second = office.held("ann", &["A-1", "A-2", "A-3", "A-4"]).await;
    office.pass(HOLD).await;
    let third = office.held("ann", &["A-4", "A-5", "A-6", "A-7"]).await;
    assert_eq!(office.state(&first).await, ReservationState::Expired);
    assert_eq!(office.state(&second).await, ReservationState::Expired);
    assert_eq!(office.seats_left().await, 20);
    office.buy(third).await;
}

/// It does not prevent one in another performance of the concert either.
pub async fn it_is_no_obstacle_in_another_performance<F: DatabaseFixture>(fixture: F) {
    let mut office = BoxOffice::open(fixture).await;
    let first = office.held("ann", &["A-1"]).await;
    office.pass(HOLD).await;
    office.performance = office.add_performance(office.concert).await;
    office.held("ann", &["A-1"]).await;
    assert_eq!(office.state(&first).await, ReservationState::Expired);
}

/// The sweep marks only expired holds, each once, and at most as many as its limit.
pub async fn the_sweep_takes_only_what_is_over<F: DatabaseFixture>(fixture: F) {
    let mut office = BoxOffice::open(fixture).await;
    let mut over = Vec::new();
    for (who, seat) in [("ann", "A-1"), ("ben", "A-2"), ("cat", "A-3")] {
        over.push(office.held(who, &[seat]).await);
    }
    let bought = office.bought("dan", &["A-4"]).await;
    office.pass(HOLD).await;
    let live = office.held("eva", &["A-5"]).await;
    assert_eq!(office.sweep(0).await, 0);
    assert_eq!(office.sweep(2).await, 2);
    assert_eq!(office.sweep(2).await, 1);
    assert_eq!(office.sweep(2).await, 0);
    for reservation in over {
        assert_eq!(office.state(&reservation).await, ReservationState::Expired);
    }
    assert_eq!(office.found(&live).await, live);
    assert_eq!(office.found(&bought).await, bought);
    assert_eq!(office.seats_left().await, 22);
}
