//! A store with one concert, one performance and some seats on sale.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use frontrow_domain::{
    model::{
        Applied, ConcertId, ConcertTitle, LedgerEntryId, NewPerformance, PerformanceId,
        ReservationId, Row, SeatPlan, SeatSelection, Section, UserId, Venue,
        queue::{PolicyVersion, QueuePolicy, VersionedPolicy},
    },
    ports::{CreatePerformanceOutcome, Operator},
};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::{DatabaseFixture, amount, calls::end_of, label, signed};
use crate::DatabasePorts;

/// How long seats are held, unless a contract says otherwise.
pub(crate) const HOLD: Duration = Duration::from_mins(5);

/// A store with a concert whose performance, far in the future, has the seats `A-1` to `A-10` for
/// 100 each, `B-1` to `B-10` for 250, and `C-1` to `C-4` for nothing.
pub(crate) struct TestSale<F> {
    fixture: F,
    pub(crate) ports: DatabasePorts,
    pub(crate) concert: ConcertId,
    pub(crate) performance: PerformanceId,
    /// The number of the next id. Ids ascend, so that later ones sort later.
    next_id: AtomicU64,
}

impl<F: DatabaseFixture> TestSale<F> {
    /// The largest number of seats in a performance of [`plan`].
    pub(crate) const SEATS: u64 = 24;

    /// Returns a store with one concert and its performance.
    pub(crate) async fn open(fixture: F) -> Self {
        let mut sale = Self::empty(fixture);
        sale.concert = sale.add_concert("First").await;
        sale.performance = sale.add_performance(sale.concert).await;
        sale
    }

    /// Returns a store without concerts.
    pub(crate) fn empty(fixture: F) -> Self {
        Self {
            ports: fixture.ports(),
            fixture,
            concert: ConcertId(Uuid::nil()),
            performance: PerformanceId(Uuid::nil()),
            next_id: AtomicU64::new(0),
        }
    }

    /// Moves the store's clock forwards by this span.
    pub(crate) async fn pass(&mut self, span: Duration) {
        self.fixture.shift_time(signed(span)).await;
    }

    /// Moves the store's clock backwards by this span.
    pub(crate) async fn set_back(&mut self, span: Duration) {
        self.fixture.shift_time(-signed(span)).await;
    }

    /// Restarts the service.
    pub(crate) async fn reopen(&mut self) {
        // The fixture closes its store, so nothing here may keep it open.
        let TestSale { fixture, ports, .. } = self;
        fixture.reopen().await;
        *ports = fixture.ports();
    }

    /// Adds a concert with the default policy.
    pub(crate) async fn add_concert(&self, title: &str) -> ConcertId {
        let id = ConcertId(self.fresh_id());
        let policy = VersionedPolicy {
            policy: QueuePolicy::default(),
            version: PolicyVersion(1),
        };
        let editor = &self.ports.editor;
        let added = editor
            .create_concert(id, &self::title(title), &policy, &operator(), None)
            .await;
        added.expect("create concert");
        id
    }

    /// Adds a performance far in the future.
    pub(crate) async fn add_performance(&self, concert: ConcertId) -> PerformanceId {
        self.add_performance_at(concert, far()).await
    }

    /// Adds a performance.
    pub(crate) async fn add_performance_at(
        &self,
        concert: ConcertId,
        starts_at: Timestamp,
    ) -> PerformanceId {
        let id = PerformanceId(self.fresh_id());
        let performance = NewPerformance {
            id,
            concert,
            starts_at,
            // No two performances of a concert may start at the same time in one venue.
            venue: venue(&format!("Great Hall {}", id.0.as_u128() & 0xffff)),
            seats: plan(),
        };
        let added = self
            .ports
            .editor
            .create_performance(&performance, &operator(), None)
            .await;
        let created = CreatePerformanceOutcome::Created(Applied::first(id));
        assert_eq!(added.expect("create performance"), created);
        id
    }

    /// Returns the store's time, from the deadline of a hold that is released at once.
    pub(crate) async fn now(&self) -> Timestamp {
        let concert = self.add_concert("Clock").await;
        let performance = self.add_performance(concert).await;
        let mut request = self.request("clock", &["C-1"]);
        request.concert = concert;
        request.performance = performance;
        let held = self.held_by(&request).await;
        self.release("clock", held.id).await;
        end_of(&held) - signed(HOLD)
    }

    /// Returns a new reservation id.
    pub(crate) fn reservation_id(&self) -> ReservationId {
        ReservationId(self.fresh_id())
    }

    /// Returns a new ledger entry id.
    pub(crate) fn entry_id(&self) -> LedgerEntryId {
        LedgerEntryId(self.fresh_id())
    }

    /// Returns an id that is not in use.
    pub(crate) fn fresh_id(&self) -> Uuid {
        let number = self.next_id.fetch_add(1, Ordering::Relaxed);
        Uuid::from_u128(0x0192_0000_0000_7000_8000_0000_0000_0000 + u128::from(number))
    }
}

/// Returns the seats of every performance here.
pub(crate) fn plan() -> SeatPlan {
    plan_of(&[
        ("Balcony", "B", 10, 250),
        ("Stalls", "A", 10, 100),
        ("Standing", "C", 4, 0),
    ])
}

/// Returns a plan of sections with one row each. Each item has the section's name, the row's name,
/// the number of seats, and their price.
pub(crate) fn plan_of(sections: &[(&str, &str, u16, i64)]) -> SeatPlan {
    let sections = sections.iter().map(|&(name, row, seats, price)| Section {
        name: name.into(),
        price: amount(price),
        rows: vec![Row {
            name: row.into(),
            seats,
        }],
    });
    SeatPlan::new(&sections.collect::<Vec<_>>()).expect("a plan")
}

/// Returns the id of a user.
pub(crate) fn user(name: &str) -> UserId {
    UserId::try_from(name).expect("a user id")
}

/// Returns a selection of seats.
pub(crate) fn seats(labels: &[&str]) -> SeatSelection {
    let labels: Vec<_> = labels.iter().map(|name| label(name)).collect();
    SeatSelection::try_from(labels).expect("a selection")
}

/// Returns the title of a concert.
pub(crate) fn title(text: &str) -> ConcertTitle {
    ConcertTitle::try_from(text).expect("a title")
}

/// Returns a venue.
pub(crate) fn venue(text: &str) -> Venue {
    Venue::try_from(text).expect("a venue")
}

/// Returns the id of a performance that does not exist.
pub(crate) fn nothing() -> PerformanceId {
    PerformanceId(Uuid::nil())
}

/// Returns the operator who edits the catalogue.
pub(crate) fn operator() -> Operator {
    Operator {
        name: "box-office".into(),
        at: Timestamp::from_second(1_700_000_000).expect("an instant"),
    }
}

/// Returns an instant later than any that a contract reaches.
pub(crate) fn far() -> Timestamp {
    Timestamp::from_second(7_258_118_400).expect("an instant")
}

/// Returns an instant before every contract.
pub(crate) fn long_ago() -> Timestamp {
    Timestamp::from_second(1_000_000_000).expect("an instant")
}

/// One day.
pub(crate) const DAY: SignedDuration = SignedDuration::from_hours(24);
