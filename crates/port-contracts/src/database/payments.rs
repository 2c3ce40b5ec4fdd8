//! Paying for held seats.

use frontrow_domain::{
    model::{Applied, Balance, HoldRefusal, Reservation, ReservationState, SeatState},
    ports::{HoldOutcome, Paid, PayOutcome},
};

use super::{
    BoxOffice, DatabaseFixture, HOLD, amount,
    asking::{end_of, newly_paid},
    signed,
};

/// A payment takes the total, confirms the reservation and sells the seats.
pub async fn paying_takes_the_total_and_sells_the_seats<F: DatabaseFixture>(fixture: F) {
    let office = BoxOffice::open(fixture).await;
    office.charged("ann", 1_000).await;
    let held = office.held("ann", &["A-1", "B-1"]).await;
    let paid = office.paid(&held).await;
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
    assert_eq!(office.found(&confirmed).await, confirmed);
    assert_eq!(office.balance("ann").await, 650);
    assert_eq!(office.seat("A-1").await, SeatState::Sold);
    assert_eq!(office.seat("B-1").await, SeatState::Sold);
    assert_eq!(office.seats_left().await, 22);
}

/// A paid reservation stays paid: neither time nor a sweep changes it.
pub async fn a_paid_reservation_never_ends<F: DatabaseFixture>(fixture: F) {
    let mut office = BoxOffice::open(fixture).await;
    let bought = office.bought("ann", &["A-1"]).await;
    office.pass(HOLD * 1_000).await;
    assert_eq!(office.sweep(10).await, 0);
    assert_eq!(office.found(&bought).await, bought);
    assert_eq!(office.seat("A-1").await, SeatState::Sold);
}

/// Free seats can be paid by a user who never charged.
pub async fn seats_for_nothing_are_paid_with_nothing<F: DatabaseFixture>(fixture: F) {
    let office = BoxOffice::open(fixture).await;
    let held = office.held("ann", &["C-1"]).await;
    let paid = office.paid(&held).await;
    assert_eq!(paid.charged, amount(0));
    assert_eq!(paid.balance, Balance(amount(0)));
    assert_eq!(office.seat("C-1").await, SeatState::Sold);
}

/// A user may spend all of their points.
pub async fn the_last_point_may_be_spent<F: DatabaseFixture>(fixture: F) {
    let office = BoxOffice::open(fixture).await;
    office.charged("ann", 100).await;
    let held = office.held("ann", &["A-1"]).await;
    assert_eq!(office.paid(&held).await.balance, Balance(amount(0)));
    assert_eq!(office.balance("ann").await, 0);
}

/// A repeat of a payment under the same key gets the first answer, whatever happened since, and
/// nothing is charged.
pub async fn a_payment_under_the_same_key_is_answered_again<F: DatabaseFixture>(fixture: F) {
    let mut office = BoxOffice::open(fixture).await;
    office.charged("ann", 1_000).await;
    let held = office.held("ann", &["A-1", "A-2"]).await;
    let first = newly_paid(office.pay_under(&held, "key").await);
    office.charged("ann", 77).await;
    office.pass(HOLD * 2).await;
    let again = office.pay_under(&held, "key").await;
    let replayed = Applied {
        effect: first,
        replayed: true,
    };
    assert_eq!(again, PayOutcome::Paid(replayed));
    assert_eq!(office.balance("ann").await, 877);
}

/// A key belongs to its user: a payment of another user under the same key is separate.
pub async fn two_users_may_use_the_same_key<F: DatabaseFixture>(fixture: F) {
    let office = BoxOffice::open(fixture).await;
    for (who, seat) in [("ann", "A-1"), ("ben", "A-2")] {
        office.charged(who, 100).await;
        let held = office.held(who, &[seat]).await;
        let Paid { reservation, .. } = newly_paid(office.pay_under(&held, "key").await);
        assert_eq!(reservation.id, held.id);
        assert_eq!(office.balance(who).await, 0);
    }
}

/// Every answer with the reservation, such as that of a payment or its repeat, has the place in the
/// queue that made the hold.
pub async fn a_payment_tells_the_place_that_made_the_hold<F: DatabaseFixture>(fixture: F) {
    let office = BoxOffice::open(fixture).await;
    office.charged("ann", 100).await;
    let held = office.held("ann", &["A-1"]).await;
    let ticket = Some(office.ticket("ann"));
    assert_eq!(held.ticket, ticket);
    let HoldOutcome::AlreadyHeld(again) = office.hold("ann", &["A-1"]).await else {
        panic!("it is held");
    };
    assert_eq!(again.ticket, ticket);
    let paid = newly_paid(office.pay_under(&held, "key").await);
    assert_eq!(paid.reservation.ticket, ticket);
    let PayOutcome::Paid(repeated) = office.pay_under(&held, "key").await else {
        panic!("it is paid");
    };
    assert_eq!(repeated.effect.reservation.ticket, ticket);
    assert_eq!(office.found(&held).await.ticket, ticket);
}

/// A live hold can be paid until its own deadline, also after its performance has started.
pub async fn a_hold_can_be_paid_after_the_start<F: DatabaseFixture>(fixture: F) {
    let mut office = BoxOffice::open(fixture).await;
    let starts_at = office.now().await + signed(HOLD / 2);
    office.performance = office.add_performance_at(office.concert, starts_at).await;
    office.charged("ann", 100).await;
    let held = office.held("ann", &["A-1"]).await;
    office.pass(HOLD * 3 / 4).await;
    assert_eq!(office.refusal("ben", &["A-2"]).await, HoldRefusal::Started);
    office.paid(&held).await;
}
