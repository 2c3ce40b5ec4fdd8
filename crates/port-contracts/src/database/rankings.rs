//! The numbers behind the rankings.

use std::time::Duration;

use frontrow_domain::{
    model::{ConcertId, RankedConcert, Reservation, ReservationState, Span},
    ports::EditOutcome,
};
use jiff::Timestamp;

use super::{
    BoxOffice, DatabaseFixture,
    box_office::{far, long_ago, title},
    operator,
};

const TICK: Duration = Duration::from_micros(1);

impl<F: DatabaseFixture> BoxOffice<F> {
    async fn top(&self, from: Timestamp, to: Timestamp, limit: u8) -> Vec<RankedConcert> {
        let span = Span { from, to };
        self.ports
            .ranking_source
            .top(span, limit)
            .await
            .expect("top")
    }

    /// The ranking of all times, with the number of seats of each concert.
    async fn all_times(&self, limit: u8) -> Vec<(ConcertId, u64)> {
        let ranked = self.top(long_ago(), far(), limit).await;
        ranked
            .iter()
            .map(|one| (one.concert, one.seats_sold))
            .collect()
    }

    /// Returns a new concert of which `sold` seats are sold.
    async fn concert_with_sold(&mut self, sold: usize) -> ConcertId {
        let concert = self.add_concert(&format!("Sold {sold}")).await;
        self.concert = concert;
        self.performance = self.add_performance(concert).await;
        for seat in ["C-1", "C-2", "C-3", "C-4"].iter().take(sold) {
            self.bought("ann", &[seat]).await;
        }
        concert
    }
}

fn confirmed_at(reservation: &Reservation) -> Timestamp {
    match reservation.state {
        ReservationState::Confirmed { at } => at,
        other => panic!("should be confirmed: {other:?}"),
    }
}

/// The concert with the most confirmed seats comes first. Of equals, the one with the lower id
/// comes first.
pub async fn the_most_sold_comes_first_and_ties_go_to_the_lower_id<F: DatabaseFixture>(fixture: F) {
    let mut office = BoxOffice::empty(fixture);
    let one = office.concert_with_sold(1).await;
    let three = office.concert_with_sold(3).await;
    let two = office.concert_with_sold(2).await;
    let three_too = office.concert_with_sold(3).await;
    let expected = [(three, 3), (three_too, 3), (two, 2), (one, 1)];
    assert_eq!(office.all_times(20).await, expected);
    let (first_three, _) = expected.split_at(3);
    assert_eq!(office.all_times(3).await, first_three);
    let (first, _) = expected.split_at(1);
    assert_eq!(office.all_times(1).await, first);
}

/// Seats count, not reservations.
pub async fn seats_are_counted_not_reservations<F: DatabaseFixture>(fixture: F) {
    let mut office = BoxOffice::open(fixture).await;
    let first = office.concert;
    office.bought("ann", &["A-1", "A-2", "B-1"]).await;
    let second = office.concert_with_sold(2).await;
    assert_eq!(office.all_times(20).await, [(first, 3), (second, 2)]);
}

/// Only confirmed seats count: no hold, and nothing that was released or has expired.
pub async fn only_confirmed_seats_count<F: DatabaseFixture>(fixture: F) {
    let mut office = BoxOffice::open(fixture).await;
    office.held("ann", &["A-1"]).await;
    office.pass(super::HOLD).await;
    office.sweep(10).await;
    let released = office.held("ben", &["A-2"]).await;
    office.release("ben", released.id).await;
    office.held("cat", &["A-3"]).await;
    assert_eq!(office.all_times(20).await, []);
    office.bought("dan", &["A-4"]).await;
    assert_eq!(office.all_times(20).await, [(office.concert, 1)]);
}

/// A span includes its first instant and excludes its last.
pub async fn a_span_is_half_open<F: DatabaseFixture>(fixture: F) {
    let office = BoxOffice::open(fixture).await;
    let at = confirmed_at(&office.bought("ann", &["A-1"]).await);
    assert_eq!(office.top(at, at + TICK, 20).await.len(), 1);
    assert_eq!(office.top(at - TICK, at, 20).await, []);
    assert_eq!(office.top(at - TICK, at + TICK, 20).await.len(), 1);
    assert_eq!(office.top(at + TICK, far(), 20).await, []);
    assert_eq!(office.top(at, at, 20).await, []);
}

/// Each seat counts in the span in which it was confirmed, and two adjoining spans count it once.
pub async fn every_seat_counts_in_one_span<F: DatabaseFixture>(fixture: F) {
    let mut office = BoxOffice::open(fixture).await;
    office.bought("ann", &["A-1", "A-2"]).await;
    office.pass(Duration::from_hours(1)).await;
    let turn = confirmed_at(&office.bought("ben", &["A-3"]).await);
    office.pass(Duration::from_hours(1)).await;
    office.bought("cat", &["A-4"]).await;
    let sold = |ranked: Vec<RankedConcert>| ranked.first().map(|one| one.seats_sold);
    assert_eq!(sold(office.top(long_ago(), turn, 20).await), Some(2));
    assert_eq!(sold(office.top(turn, far(), 20).await), Some(2));
    assert_eq!(sold(office.top(long_ago(), far(), 20).await), Some(4));
}

/// A ranking has the current titles.
pub async fn a_ranking_has_the_concerts_title<F: DatabaseFixture>(fixture: F) {
    let office = BoxOffice::open(fixture).await;
    office.bought("ann", &["A-1"]).await;
    let retitled = office
        .ports
        .editor
        .retitle_concert(office.concert, &title("Renamed"), &operator())
        .await;
    assert_eq!(retitled.expect("retitle"), EditOutcome::Done);
    let expected = RankedConcert {
        concert: office.concert,
        title: "Renamed".into(),
        seats_sold: 1,
    };
    assert_eq!(office.top(long_ago(), far(), 20).await, [expected]);
}
