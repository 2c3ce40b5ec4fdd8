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
    BoxOffice, DatabaseFixture, amount,
    box_office::{DAY, far, long_ago, plan, title, venue},
    operator,
};

const NOWHERE: ConcertId = ConcertId(Uuid::nil());

impl<F: DatabaseFixture> BoxOffice<F> {
    fn new_performance(&self, concert: ConcertId) -> NewPerformance {
        NewPerformance {
            id: PerformanceId(self.name()),
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
    let office = BoxOffice::open(fixture).await;
    let before = office.concerts().await.pop().expect("the concert");
    let retitled = office
        .ports
        .editor
        .retitle_concert(office.concert, &title("Renamed"), &operator())
        .await;
    assert_eq!(retitled.expect("retitle"), EditOutcome::Done);
    let expected = Concert {
        title: title("Renamed"),
        ..before
    };
    assert_eq!(office.concerts().await, [expected]);
}

/// The title of an unknown concert cannot be changed.
pub async fn an_unknown_concert_cannot_be_retitled<F: DatabaseFixture>(fixture: F) {
    let office = BoxOffice::open(fixture).await;
    let retitled = office
        .ports
        .editor
        .retitle_concert(NOWHERE, &title("Renamed"), &operator())
        .await;
    assert_eq!(retitled.expect("retitle"), EditOutcome::NotFound);
}

/// Creating a concert under an id that is taken fails and changes nothing.
pub async fn a_concert_is_not_made_twice<F: DatabaseFixture>(fixture: F) {
    let office = BoxOffice::open(fixture).await;
    let before = office.concerts().await;
    let policy = VersionedPolicy {
        policy: QueuePolicy::default(),
        version: PolicyVersion(9),
    };
    let created = office
        .ports
        .editor
        .create_concert(office.concert, &title("Again"), &policy, &operator(), None)
        .await;
    let failure = created.expect_err("the name is taken");
    assert!(
        matches!(failure, StoreError::NotApplied { .. }),
        "{failure}"
    );
    assert_eq!(office.concerts().await, before);
}

/// A performance cannot be created without its concert.
pub async fn a_performance_of_an_unknown_concert_is_not_made<F: DatabaseFixture>(fixture: F) {
    let office = BoxOffice::open(fixture).await;
    let performance = office.new_performance(NOWHERE);
    let created = office
        .try_to_create(&performance)
        .await
        .expect("create performance");
    assert_eq!(created, CreatePerformanceOutcome::NoSuchConcert);
    let map = office.ports.concerts.seat_map(performance.id).await;
    assert_eq!(map.expect("seat map"), None);
}

/// Creating a performance under an id that is taken fails and changes nothing.
pub async fn a_performance_is_not_made_twice<F: DatabaseFixture>(fixture: F) {
    let office = BoxOffice::open(fixture).await;
    let before = office.only_performance().await;
    let again = NewPerformance {
        id: office.performance,
        ..office.new_performance(office.concert)
    };
    let failure = office
        .try_to_create(&again)
        .await
        .expect_err("the name is taken");
    assert!(
        matches!(failure, StoreError::NotApplied { .. }),
        "{failure}"
    );
    assert_eq!(office.only_performance().await, before);
}

/// A performance can move in time and to another venue. Its seats stay as they are.
pub async fn a_performance_can_move<F: DatabaseFixture>(fixture: F) {
    let office = BoxOffice::open(fixture).await;
    office.held("ann", &["A-1"]).await;
    office.bought("ben", &["A-2"]).await;
    let before = office.only_performance().await;
    let edited = office.move_away(office.concert, office.performance).await;
    assert_eq!(edited, EditOutcome::Done);
    let expected = Performance {
        starts_at: far() + DAY,
        venue: venue("Open Air"),
        ..before
    };
    assert_eq!(office.only_performance().await, expected);
}

/// What an edit does not name stays as it is.
pub async fn what_an_edit_does_not_name_stays<F: DatabaseFixture>(fixture: F) {
    let office = BoxOffice::open(fixture).await;
    let before = office.only_performance().await;
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
        let edited = office
            .ports
            .editor
            .edit_performance(office.concert, office.performance, edit, &operator())
            .await;
        assert_eq!(edited.expect("edit performance"), EditOutcome::Done);
        assert_eq!(office.only_performance().await, *expected);
    }
}

/// A performance is found only in its own concert.
pub async fn only_a_concerts_own_performance_can_move<F: DatabaseFixture>(fixture: F) {
    let office = BoxOffice::open(fixture).await;
    let before = office.only_performance().await;
    let other = office.add_concert("Second").await;
    let edited = office.move_away(other, office.performance).await;
    assert_eq!(edited, EditOutcome::NotFound);
    let edited = office
        .move_away(office.concert, PerformanceId(Uuid::nil()))
        .await;
    assert_eq!(edited, EditOutcome::NotFound);
    assert_eq!(office.only_performance().await, before);
}

/// A hall of many thousand seats is created whole and in order.
pub async fn a_large_hall_comes_into_being_whole<F: DatabaseFixture>(fixture: F) {
    let office = BoxOffice::open(fixture).await;
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
        ..office.new_performance(office.concert)
    };
    let created = office
        .try_to_create(&performance)
        .await
        .expect("create performance");
    let expected = CreatePerformanceOutcome::Created(Applied::first(performance.id));
    assert_eq!(created, expected);
    let map = office.ports.concerts.seat_map(performance.id).await;
    let seats = map.expect("seat map").expect("the performance").seats;
    let labels = seats.iter().map(|seat| &seat.label);
    assert!(labels.eq(plan.seats().iter().map(|seat| &seat.label)));
    let listed = office.ports.concerts.performances(office.concert).await;
    let listed = listed.expect("performances");
    let hall = listed.iter().find(|one| one.id == performance.id);
    assert_eq!(hall.expect("the hall").seats_left, 6_012);
}
