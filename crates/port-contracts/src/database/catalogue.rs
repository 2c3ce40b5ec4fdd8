//! The catalogue, as buyers see it.

use std::time::Duration;

use frontrow_domain::{
    model::{Concert, ConcertId, PerformanceId, SeatState, queue::SaleState},
    ports::SeatMap,
};
use jiff::Timestamp;
use uuid::Uuid;

use super::{
    DatabaseFixture, HOLD, TestSale,
    test_sale::{DAY, far, long_ago, plan},
};

impl<F: DatabaseFixture> TestSale<F> {
    async fn catalogue(&self, now: Timestamp) -> Vec<Concert> {
        let catalogue = self.ports.concerts.catalogue(now).await;
        catalogue.expect("catalogue").concerts
    }

    /// Returns the test's concert, with its counts as of an instant before its performance.
    async fn listed(&self) -> Concert {
        let mut all = self.catalogue(long_ago()).await.into_iter();
        all.find(|concert| concert.id == self.concert)
            .expect("the concert")
    }

    async fn seat_map(&self) -> SeatMap {
        let map = self.ports.concerts.seat_map(self.performance).await;
        map.expect("seat map").expect("the performance")
    }
}

/// A store without writes lists nothing.
pub async fn an_empty_store_has_an_empty_catalogue<F: DatabaseFixture>(fixture: F) {
    let sale = TestSale::empty(fixture);
    assert_eq!(sale.catalogue(long_ago()).await, []);
}

/// The instant of the counts is one of the store's clock. It is not after the state that was
/// counted.
pub async fn a_catalogue_has_the_instant_of_its_counts<F: DatabaseFixture>(fixture: F) {
    let mut sale = TestSale::open(fixture).await;
    for _ in 0..2 {
        let before = sale.now().await;
        let catalogue = sale.ports.concerts.catalogue(long_ago()).await;
        let counted_at = catalogue.expect("catalogue").counted_at;
        let after = sale.now().await;
        assert!(before <= counted_at, "{before} {counted_at}");
        assert!(counted_at <= after, "{counted_at} {after}");
        sale.pass(HOLD).await;
    }
}

/// Concerts are listed in the order of their creation.
pub async fn concerts_are_listed_in_the_order_of_creation<F: DatabaseFixture>(fixture: F) {
    let sale = TestSale::empty(fixture);
    for title in ["Zebra", "Ant", "Moth"] {
        sale.add_concert(title).await;
    }
    let listed = sale.catalogue(long_ago()).await;
    let titles: Vec<_> = listed
        .iter()
        .map(|concert| concert.title.as_str())
        .collect();
    assert_eq!(titles, ["Zebra", "Ant", "Moth"]);
}

/// A concert without performances exists, and has no seats.
pub async fn a_concert_without_performances_has_no_seats<F: DatabaseFixture>(fixture: F) {
    let mut sale = TestSale::empty(fixture);
    sale.concert = sale.add_concert("First").await;
    let concert = sale.listed().await;
    assert_eq!(concert.seats_total, 0);
    assert_eq!(concert.seats_left, 0);
    assert_eq!(concert.next_performance_at, None);
    assert_eq!(concert.sale(), SaleState::Unplanned);
    let found = sale.ports.concerts.concert(sale.concert, far());
    let found = found.await.expect("the concert is read");
    let state = found.map(|concert| concert.sale());
    assert_eq!(state, Some(SaleState::Unplanned));
}

/// Only performances that start after the given instant count. One that starts at that instant does
/// not.
pub async fn a_concert_counts_its_future_performances<F: DatabaseFixture>(fixture: F) {
    let sale = TestSale::open(fixture).await;
    sale.add_performance_at(sale.concert, far() - DAY).await;
    sale.add_performance_at(sale.concert, far() + DAY).await;
    let seats = TestSale::<F>::SEATS;
    let soonest_first = [far() - DAY, far(), far() + DAY];
    for (number, starts_at) in soonest_first.into_iter().enumerate() {
        let just_before = starts_at - Duration::from_micros(1);
        let all = sale.catalogue(just_before).await;
        let to_come = 3 - u64::try_from(number).expect("small");
        let concert = all.first().expect("the concert");
        assert_eq!(concert.seats_total, to_come * seats);
        assert_eq!(concert.seats_left, to_come * seats);
        assert_eq!(concert.next_performance_at, Some(starts_at));
    }
    let all = sale.catalogue(far() + DAY).await;
    let concert = all.first().expect("the concert");
    assert_eq!(
        (concert.seats_total, concert.next_performance_at),
        (0, None)
    );
    assert_eq!(concert.sale(), SaleState::Ended);
    let found = sale.ports.concerts.concert(sale.concert, far() + DAY);
    let found = found.await.expect("the concert is read");
    assert_eq!(found.map(|concert| concert.sale()), Some(SaleState::Ended));
}

/// Held seats are not free, and sold ones are also counted as sold.
pub async fn held_and_sold_seats_are_not_free<F: DatabaseFixture>(fixture: F) {
    let sale = TestSale::open(fixture).await;
    sale.held("ann", &["A-1", "A-2", "A-3"]).await;
    sale.bought("ben", &["B-1", "B-2"]).await;
    let concert = sale.listed().await;
    assert_eq!(concert.seats_total, 24);
    assert_eq!(concert.seats_left, 19);
    assert_eq!(concert.seats_sold, 2);
    assert_eq!(sale.seats_left().await, 19);
}

/// Seats of an expired hold are free, swept or not.
pub async fn seats_of_an_expired_hold_are_free<F: DatabaseFixture>(fixture: F) {
    let mut sale = TestSale::open(fixture).await;
    sale.held("ann", &["A-1", "A-2", "A-3"]).await;
    sale.pass(HOLD).await;
    assert_eq!(sale.seats_left().await, 24);
    assert_eq!(sale.listed().await.seats_left, 24);
    assert_eq!(sale.seat("A-1").await, SeatState::Available);
    sale.sweep(10).await;
    assert_eq!(sale.seats_left().await, 24);
    assert_eq!(sale.listed().await.seats_left, 24);
}

/// A concert is sold out when every seat is sold, but not while one is only held.
pub async fn a_concert_is_sold_out_when_every_seat_is_sold<F: DatabaseFixture>(fixture: F) {
    let sale = TestSale::open(fixture).await;
    let labels: Vec<_> = plan()
        .seats()
        .iter()
        .map(|seat| seat.label.to_string())
        .collect();
    let (last, rest) = labels.split_last().expect("seats");
    for (number, labels) in rest.chunks(4).enumerate() {
        let labels: Vec<_> = labels.iter().map(String::as_str).collect();
        sale.bought(&format!("user-{number}"), &labels).await;
    }
    let held = sale.held("zoe", &[last]).await;
    let concert = sale.listed().await;
    assert_eq!((concert.seats_left, concert.seats_sold), (0, 23));
    assert_eq!(concert.sale(), SaleState::OnSale);
    sale.buy(held).await;
    assert_eq!(sale.listed().await.sale(), SaleState::SoldOut);
}

/// All performances are listed, also past ones, the earliest first.
pub async fn performances_are_listed_earliest_first<F: DatabaseFixture>(fixture: F) {
    let sale = TestSale::open(fixture).await;
    let past = sale.add_performance_at(sale.concert, long_ago()).await;
    let soon = sale.add_performance_at(sale.concert, far() - DAY).await;
    let other = sale.add_concert("Second").await;
    sale.add_performance(other).await;
    let listed = sale.ports.concerts.performances(sale.concert).await;
    let listed = listed.expect("performances");
    let ids: Vec<_> = listed.iter().map(|performance| performance.id).collect();
    assert_eq!(ids, [past, soon, sale.performance]);
    let first = listed.first().expect("a performance");
    assert_eq!(first.concert, sale.concert);
    assert_eq!(first.starts_at, long_ago());
    assert!(first.venue.as_str().starts_with("Great Hall"));
    assert_eq!((first.seats_total, first.seats_left), (24, 24));
}

/// An unknown concert has no performances, and an unknown performance has no seats.
pub async fn an_unknown_concert_or_performance_is_not_found<F: DatabaseFixture>(fixture: F) {
    let sale = TestSale::open(fixture).await;
    let concerts = &sale.ports.concerts;
    let performances = concerts.performances(ConcertId(Uuid::nil())).await;
    assert_eq!(performances.expect("performances"), []);
    let map = concerts.seat_map(PerformanceId(Uuid::nil())).await;
    assert_eq!(map.expect("seat map"), None);
}

/// A seat map has every seat as planned, in the order of the plan.
pub async fn a_seat_map_is_in_the_order_of_its_plan<F: DatabaseFixture>(fixture: F) {
    let sale = TestSale::open(fixture).await;
    let map = sale.seat_map().await;
    assert_eq!(map.concert, sale.concert);
    let plan = plan();
    assert_eq!(map.seats.len(), plan.seats().len());
    for (seat, planned) in map.seats.iter().zip(plan.seats()) {
        assert_eq!(seat.label, planned.label);
        assert_eq!(seat.section, planned.section);
        assert_eq!(seat.price, planned.price);
        assert_eq!(seat.state, SeatState::Available);
    }
}

/// A seat map distinguishes held, sold and free seats.
pub async fn a_seat_map_shows_held_and_sold_seats<F: DatabaseFixture>(fixture: F) {
    let sale = TestSale::open(fixture).await;
    sale.held("ann", &["A-1"]).await;
    sale.bought("ben", &["A-2"]).await;
    assert_eq!(sale.seat("A-1").await, SeatState::Held);
    assert_eq!(sale.seat("A-2").await, SeatState::Sold);
    let map = sale.seat_map().await;
    let available = map
        .seats
        .iter()
        .filter(|seat| seat.state == SeatState::Available);
    assert_eq!(available.count(), 22);
}

/// A seat that is sold in one performance is free in another.
pub async fn performances_do_not_share_seats<F: DatabaseFixture>(fixture: F) {
    let mut sale = TestSale::open(fixture).await;
    sale.bought("ann", &["A-1"]).await;
    sale.performance = sale.add_performance(sale.concert).await;
    assert_eq!(sale.seat("A-1").await, SeatState::Available);
    sale.bought("ben", &["A-1"]).await;
    assert_eq!(sale.listed().await.seats_sold, 2);
}

/// A concert that is read alone is the same as its entry in the catalogue.
pub async fn a_single_concert_is_the_same_as_in_the_catalogue<F: DatabaseFixture>(fixture: F) {
    let sale = TestSale::open(fixture).await;
    sale.add_performance_at(sale.concert, far() + DAY).await;
    let other = sale.add_concert("Second").await;
    sale.add_performance(other).await;
    sale.add_concert("Third").await;
    sale.held("ann", &["A-1"]).await;
    sale.bought("ben", &["B-1", "B-2"]).await;
    for now in [long_ago(), far(), far() + DAY] {
        for listed in sale.catalogue(now).await {
            let alone = sale.ports.concerts.concert(listed.id, now).await;
            assert_eq!(alone.expect("concert"), Some(listed));
        }
    }
    let unknown = ConcertId(Uuid::nil());
    let alone = sale.ports.concerts.concert(unknown, long_ago()).await;
    assert_eq!(alone.expect("concert"), None);
}
