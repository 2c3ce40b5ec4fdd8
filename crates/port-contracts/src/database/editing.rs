//! Edits of the catalogue by operators.

use frontrow_domain::{
    model::{
        Applied, Concert, ConcertId, NewPerformance, Performance, PerformanceEdit, PerformanceId,
        Row, SeatPlan, Section,
        queue::{PolicyVersion, QueuePolicy, VersionedPolicy},
    },
    ports::{CreatePerformanceOutcome, EditOutcome, StoreError},
};
use uuid::Uuid;

use super::{
    DatabaseFixture, TestSale, amount, operator,
    test_sale::{DAY, far, long_ago, plan, title, venue},
};

const NOWHERE: ConcertId = ConcertId(Uuid::nil());

impl<F: DatabaseFixture> TestSale<F> {
    fn new_performance(&self, concert: ConcertId) -> NewPerformance {
        NewPerformance {
            id: PerformanceId(self.fresh_id()),
            concert,
            starts_at: far(),
            venue: venue("Small Hall"),
            seats: plan(),
        }
    }

    async fn try_to_create(
        &self,
        performance: &NewPerformance,
    ) -> Result<CreatePerformanceOutcome, StoreError> {
        self.ports
            .editor
            .create_performance(performance, &operator(), None)
            .await
    }

    async fn only_performance(&self) -> Performance {
        let all = self.ports.concerts.performances(self.concert).await;
        let mut all = all.expect("performances");
        assert_eq!(all.len(), 1);
        all.pop().expect("one")
    }

    async fn concerts(&self) -> Vec<Concert> {
        let all = self.ports.concerts.catalogue(long_ago()).await;
        all.expect("catalogue").concerts
    }

    async fn move_away(&self, concert: ConcertId, id: PerformanceId) -> EditOutcome {
        let edit = PerformanceEdit {
            starts_at: Some(far() + DAY),
            venue: Some(venue("Open Air")),
            seats: None,
        };
        let edited = self
            .ports
            .editor
            .edit_performance(concert, id, &edit, &operator())
            .await;
        edited.expect("edit performance")
    }
}

/// The title of a concert can change, and nothing else of the concert changes.
pub async fn a_concert_can_be_retitled<F: DatabaseFixture>(fixture: F) {
    let sale = TestSale::open(fixture).await;
    let before = sale.concerts().await.pop().expect("the concert");
    let retitled = sale
        .ports
        .editor
        .retitle_concert(sale.concert, &title("Renamed"), &operator())
        .await;
    assert_eq!(retitled.expect("retitle"), EditOutcome::Done);
    let expected = Concert {
        title: title("Renamed"),
        ..before
    };
    assert_eq!(sale.concerts().await, [expected]);
}

/// The title of an unknown concert cannot be changed.
pub async fn an_unknown_concert_cannot_be_retitled<F: DatabaseFixture>(fixture: F) {
    let sale = TestSale::open(fixture).await;
    let retitled = sale
        .ports
        .editor
        .retitle_concert(NOWHERE, &title("Renamed"), &operator())
        .await;
    assert_eq!(retitled.expect("retitle"), EditOutcome::NotFound);
}

/// Creating a concert under an id that is taken fails and changes nothing.
pub async fn a_concert_is_not_created_twice<F: DatabaseFixture>(fixture: F) {
    let sale = TestSale::open(fixture).await;
    let before = sale.concerts().await;
    let policy = VersionedPolicy {
        policy: QueuePolicy::default(),
        version: PolicyVersion(9),
    };
    let created = sale
        .ports
        .editor
        .create_concert(sale.concert, &title("Again"), &policy, &operator(), None)
        .await;
    let failure = created.expect_err("the name is taken");
    assert!(
        matches!(failure, StoreError::NotApplied { .. }),
        "{failure}"
    );
    assert_eq!(sale.concerts().await, before);
}

/// A performance cannot be created without its concert.
pub async fn a_performance_of_an_unknown_concert_is_not_created<F: DatabaseFixture>(fixture: F) {
    let sale = TestSale::open(fixture).await;
    let performance = sale.new_performance(NOWHERE);
    let created = sale
        .try_to_create(&performance)
        .await
        .expect("create performance");
    assert_eq!(created, CreatePerformanceOutcome::NoSuchConcert);
    let map = sale.ports.concerts.seat_map(performance.id).await;
    assert_eq!(map.expect("seat map"), None);
}

/// Creating a performance under an id that is taken fails and changes nothing.
pub async fn a_performance_is_not_created_twice<F: DatabaseFixture>(fixture: F) {
    let sale = TestSale::open(fixture).await;
    let before = sale.only_performance().await;
    let again = NewPerformance {
        id: sale.performance,
        ..sale.new_performance(sale.concert)
    };
    let failure = sale
        .try_to_create(&again)
        .await
        .expect_err("the name is taken");
    assert!(
        matches!(failure, StoreError::NotApplied { .. }),
        "{failure}"
    );
    assert_eq!(sale.only_performance().await, before);
}

/// A performance can move in time and to another venue. Its seats stay as they are.
pub async fn a_performance_can_move<F: DatabaseFixture>(fixture: F) {
    let sale = TestSale::open(fixture).await;
    sale.held("ann", &["A-1"]).await;
    sale.bought("ben", &["A-2"]).await;
    let before = sale.only_performance().await;
    let edited = sale.move_away(sale.concert, sale.performance).await;
    assert_eq!(edited, EditOutcome::Done);
    let expected = Performance {
        starts_at: far() + DAY,
        venue: venue("Open Air"),
        ..before
    };
    assert_eq!(sale.only_performance().await, expected);
}

/// An edit leaves the fields that it does not name unchanged.
pub async fn fields_that_an_edit_does_not_name_stay<F: DatabaseFixture>(fixture: F) {
    let sale = TestSale::open(fixture).await;
    let before = sale.only_performance().await;
    let edits = [
        PerformanceEdit {
            starts_at: Some(far() + DAY),
            ..PerformanceEdit::default()
        },
        PerformanceEdit {
            venue: Some(venue("Open Air")),
            ..PerformanceEdit::default()
        },
        PerformanceEdit::default(),
    ];
    let moved = Performance {
        starts_at: far() + DAY,
        ..before
    };
    let elsewhere = Performance {
        venue: venue("Open Air"),
        ..moved.clone()
    };
    for (edit, expected) in edits.iter().zip([&moved, &elsewhere, &elsewhere]) {
        let edited = sale
            .ports
            .editor
            .edit_performance(sale.concert, sale.performance, edit, &operator())
            .await;
        assert_eq!(edited.expect("edit performance"), EditOutcome::Done);
        assert_eq!(sale.only_performance().await, *expected);
    }
}

/// A performance is found only in its own concert.
pub async fn only_a_concerts_own_performance_can_move<F: DatabaseFixture>(fixture: F) {
    let sale = TestSale::open(fixture).await;
    let before = sale.only_performance().await;
    let other = sale.add_concert("Second").await;
    let edited = sale.move_away(other, sale.performance).await;
    assert_eq!(edited, EditOutcome::NotFound);
    let edited = sale
        .move_away(sale.concert, PerformanceId(Uuid::nil()))
        .await;
    assert_eq!(edited, EditOutcome::NotFound);
    assert_eq!(sale.only_performance().await, before);
}

/// A performance with thousands of seats is created in full and in order.
pub async fn a_performance_with_thousands_of_seats_is_created_in_full<F: DatabaseFixture>(
    fixture: F,
) {
    let sale = TestSale::open(fixture).await;
    let section = |name: &str, price| Section {
        name: name.into(),
        price: amount(price),
        rows: (0..6)
            .map(|row| Row {
                name: format!("{name}{row}"),
                seats: 501,
            })
            .collect(),
    };
    let plan = SeatPlan::new(&[section("Floor", 7), section("Ring", 5)]).expect("a plan");
    let performance = NewPerformance {
        seats: plan.clone(),
        ..sale.new_performance(sale.concert)
    };
    let created = sale
        .try_to_create(&performance)
        .await
        .expect("create performance");
    let expected = CreatePerformanceOutcome::Created(Applied::first(performance.id));
    assert_eq!(created, expected);
    let map = sale.ports.concerts.seat_map(performance.id).await;
    let seats = map.expect("seat map").expect("the performance").seats;
    let labels = seats.iter().map(|seat| &seat.label);
    assert!(labels.eq(plan.seats().iter().map(|seat| &seat.label)));
    let listed = sale.ports.concerts.performances(sale.concert).await;
    let listed = listed.expect("performances");
    let created = listed.iter().find(|one| one.id == performance.id);
    assert_eq!(created.expect("the performance").seats_left, 6_012);
}
