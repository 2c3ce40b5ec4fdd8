//! Why a hold is refused, and which reason comes first.

use frontrow_domain::model::{ConcertId, HoldRefusal, HoldRequest, PerformanceId, SeatState};
use uuid::Uuid;

use super::{DatabaseFixture, TestSale, label, seats, test_sale::long_ago};

/// Seats that another user holds or has bought are named, and none of the others is held.
pub async fn a_refusal_names_the_taken_seats_and_holds_none<F: DatabaseFixture>(fixture: F) {
    let sale = TestSale::open(fixture).await;
    sale.held("ann", &["A-1"]).await;
    sale.bought("ben", &["A-3"]).await;
    let refused = sale.refusal("cat", &["A-4", "A-3", "A-2", "A-1"]).await;
    let taken = vec![label("A-1"), label("A-3")];
    assert_eq!(refused, HoldRefusal::SeatsTaken(taken));
    assert_eq!(sale.seat("A-2").await, SeatState::Available);
    assert_eq!(sale.seat("A-4").await, SeatState::Available);
    sale.held("cat", &["A-2", "A-4"]).await;
}

/// A seat that the user has bought is also taken.
pub async fn a_seat_that_the_user_has_bought_is_taken<F: DatabaseFixture>(fixture: F) {
    let sale = TestSale::open(fixture).await;
    sale.bought("ann", &["A-1"]).await;
    let refused = sale.refusal("ann", &["A-1"]).await;
    assert_eq!(refused, HoldRefusal::SeatsTaken(vec![label("A-1")]));
}

/// Seats that do not exist are named, and none of the others is held.
pub async fn a_refusal_names_the_seats_that_do_not_exist<F: DatabaseFixture>(fixture: F) {
    let sale = TestSale::open(fixture).await;
    let refused = sale.refusal("ann", &["Z-1", "A-1", "A-11"]).await;
    let unknown = vec![label("A-11"), label("Z-1")];
    assert_eq!(refused, HoldRefusal::NoSuchSeats(unknown));
    assert_eq!(sale.seat("A-1").await, SeatState::Available);
}

/// A second hold in the same concert is refused with the id of the first one, for other seats of
/// the same performance, for fewer or more of the same, and in another performance.
pub async fn a_user_has_one_hold_in_a_concert<F: DatabaseFixture>(fixture: F) {
    let mut sale = TestSale::open(fixture).await;
    let held = sale.held("ann", &["A-1", "A-2"]).await;
    for other in [&["A-3"][..], &["A-1"], &["A-1", "A-2", "A-3"]] {
        let refused = sale.refusal("ann", other).await;
        assert_eq!(refused, HoldRefusal::OtherHold(held.id), "{other:?}");
    }
    sale.performance = sale.add_performance(sale.concert).await;
    let refused = sale.refusal("ann", &["A-1", "A-2"]).await;
    assert_eq!(refused, HoldRefusal::OtherHold(held.id));
    assert_eq!(sale.seats_left().await, 24);
}

/// More than four seats are refused with the number that the user has.
pub async fn more_than_four_seats_are_refused<F: DatabaseFixture>(fixture: F) {
    let sale = TestSale::open(fixture).await;
    sale.bought("ann", &["A-1", "A-2", "A-3"]).await;
    let refused = sale.refusal("ann", &["A-4", "A-5"]).await;
    assert_eq!(refused, HoldRefusal::SeatLimit { live: 3 });
    sale.bought("ann", &["A-4"]).await;
    let refused = sale.refusal("ann", &["A-5"]).await;
    assert_eq!(refused, HoldRefusal::SeatLimit { live: 4 });
    assert_eq!(sale.seat("A-5").await, SeatState::Available);
}

/// A performance that is unknown, belongs to another concert or has started sells nothing.
pub async fn a_performance_must_be_on_sale<F: DatabaseFixture>(fixture: F) {
    let sale = TestSale::open(fixture).await;
    let request = sale.request("ann", &["A-1"]);
    let unknown = HoldRequest {
        performance: PerformanceId(Uuid::nil()),
        ..request.clone()
    };
    assert_eq!(
        sale.refusal_of(&unknown).await,
        HoldRefusal::NoSuchPerformance
    );
    let other = HoldRequest {
        concert: sale.add_concert("Second").await,
        ..request.clone()
    };
    assert_eq!(sale.refusal_of(&other).await, HoldRefusal::OtherConcert);
    let started = HoldRequest {
        performance: sale.add_performance_at(sale.concert, long_ago()).await,
        ..request.clone()
    };
    assert_eq!(sale.refusal_of(&started).await, HoldRefusal::Started);
    sale.held_by(&request).await;
}

/// From the instant at which it starts, a performance sells nothing.
pub async fn a_performance_sells_until_it_starts<F: DatabaseFixture>(fixture: F) {
    let mut sale = TestSale::open(fixture).await;
    let hour = std::time::Duration::from_hours(1);
    let starts_at = sale.now().await + hour;
    sale.performance = sale.add_performance_at(sale.concert, starts_at).await;
    sale.bought("ann", &["C-1"]).await;
    sale.pass(hour).await;
    assert_eq!(sale.refusal("ann", &["C-2"]).await, HoldRefusal::Started);
}

/// If several reasons apply, every store returns the same one.
pub async fn a_refusal_has_the_first_reason<F: DatabaseFixture>(fixture: F) {
    let sale = TestSale::open(fixture).await;
    let past = sale.add_performance_at(sale.concert, long_ago()).await;
    let base = sale.request("ann", &["Z-9"]);
    let nowhere = ConcertId(Uuid::nil());

    let other_and_started = HoldRequest {
        concert: nowhere,
        performance: past,
        ..base.clone()
    };
    let answer = sale.refusal_of(&other_and_started).await;
    assert_eq!(answer, HoldRefusal::OtherConcert);

    let started_and_no_seats = HoldRequest {
        performance: past,
        ..base.clone()
    };
    assert_eq!(
        sale.refusal_of(&started_and_no_seats).await,
        HoldRefusal::Started
    );

    sale.bought("ann", &["A-1", "A-2", "A-3"]).await;
    sale.bought("ben", &["B-1", "B-2"]).await;
    let taken_and_too_many = HoldRequest {
        seats: seats(&["B-1", "B-2"]),
        ..base.clone()
    };
    let answer = sale.refusal_of(&taken_and_too_many).await;
    assert_eq!(answer, HoldRefusal::SeatLimit { live: 3 });

    let held = sale.held("ann", &["A-4"]).await;
    let answer = sale.refusal_of(&taken_and_too_many).await;
    assert_eq!(answer, HoldRefusal::OtherHold(held.id));

    let unknown = HoldRefusal::NoSuchSeats(vec![label("Z-9")]);
    assert_eq!(sale.refusal_of(&base).await, unknown);
}
