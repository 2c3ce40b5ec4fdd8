//! The numbers behind the rankings.

use std::time::Duration;

use frontrow_domain::{
    model::{ConcertId, RankedConcert, Reservation, ReservationState, Span},
    ports::EditOutcome,
};
use jiff::Timestamp;

use super::{
    DatabaseFixture, TestSale, operator,
    test_sale::{far, long_ago, title},
};

const TICK: Duration = Duration::from_micros(1);

impl<F: DatabaseFixture> TestSale<F> {
    async fn top(&self, from: Timestamp, to: Timestamp, limit: u8) -> Vec<RankedConcert> {
        let span = Span { from, to };
        self.ports
            .ranking_source
            .top(span, limit)
            .await
            .expect("top")
    }

    /// Returns the ranking of all times, with the number of seats of each concert.
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
pub async fn concerts_are_ranked_by_sold_seats_and_then_by_id<F: DatabaseFixture>(fixture: F) {
    let mut sale = TestSale::empty(fixture);
    let one = sale.concert_with_sold(1).await;
    let three = sale.concert_with_sold(3).await;
    let two = sale.concert_with_sold(2).await;
    let three_too = sale.concert_with_sold(3).await;
    let expected = [(three, 3), (three_too, 3), (two, 2), (one, 1)];
    assert_eq!(sale.all_times(20).await, expected);
    let (first_three, _) = expected.split_at(3);
    assert_eq!(sale.all_times(3).await, first_three);
    let (first, _) = expected.split_at(1);
    assert_eq!(sale.all_times(1).await, first);
}

/// Seats count, not reservations.
pub async fn seats_are_counted_not_reservations<F: DatabaseFixture>(fixture: F) {
    let mut sale = TestSale::open(fixture).await;
    let first = sale.concert;
    sale.bought("ann", &["A-1", "A-2", "B-1"]).await;
    let second = sale.concert_with_sold(2).await;
    assert_eq!(sale.all_times(20).await, [(first, 3), (second, 2)]);
}

/// Only confirmed seats count: no hold, and nothing that was released or has expired.
pub async fn only_confirmed_seats_count<F: DatabaseFixture>(fixture: F) {
    let mut sale = TestSale::open(fixture).await;
    sale.held("ann", &["A-1"]).await;
    sale.pass(super::HOLD).await;
    sale.sweep(10).await;
    let released = sale.held("ben", &["A-2"]).await;
    sale.release("ben", released.id).await;
    sale.held("cat", &["A-3"]).await;
    assert_eq!(sale.all_times(20).await, []);
    sale.bought("dan", &["A-4"]).await;
    assert_eq!(sale.all_times(20).await, [(sale.concert, 1)]);
}

/// A span includes its first instant and excludes its last.
pub async fn a_span_is_half_open<F: DatabaseFixture>(fixture: F) {
    let sale = TestSale::open(fixture).await;
    let at = confirmed_at(&sale.bought("ann", &["A-1"]).await);
    assert_eq!(sale.top(at, at + TICK, 20).await.len(), 1);
    assert_eq!(sale.top(at - TICK, at, 20).await, []);
    assert_eq!(sale.top(at - TICK, at + TICK, 20).await.len(), 1);
    assert_eq!(sale.top(at + TICK, far(), 20).await, []);
    assert_eq!(sale.top(at, at, 20).await, []);
}

/// Each seat counts in the span in which it was confirmed, and two adjoining spans count it once.
pub async fn every_seat_counts_in_one_span<F: DatabaseFixture>(fixture: F) {
    let mut sale = TestSale::open(fixture).await;
    sale.bought("ann", &["A-1", "A-2"]).await;
    sale.pass(Duration::from_hours(1)).await;
    let turn = confirmed_at(&sale.bought("ben", &["A-3"]).await);
    sale.pass(Duration::from_hours(1)).await;
    sale.bought("cat", &["A-4"]).await;
    let sold = |ranked: Vec<RankedConcert>| ranked.first().map(|one| one.seats_sold);
    assert_eq!(sold(sale.top(long_ago(), turn, 20).await), Some(2));
    assert_eq!(sold(sale.top(turn, far(), 20).await), Some(2));
    assert_eq!(sold(sale.top(long_ago(), far(), 20).await), Some(4));
}

/// A ranking has the current titles.
pub async fn a_ranking_has_the_concerts_title<F: DatabaseFixture>(fixture: F) {
    let sale = TestSale::open(fixture).await;
    sale.bought("ann", &["A-1"]).await;
    let retitled = sale
        .ports
        .editor
        .retitle_concert(sale.concert, &title("Renamed"), &operator())
        .await;
    assert_eq!(retitled.expect("retitle"), EditOutcome::Done);
    let expected = RankedConcert {
        concert: sale.concert,
        title: "Renamed".into(),
        seats_sold: 1,
    };
    assert_eq!(sale.top(long_ago(), far(), 20).await, [expected]);
}
