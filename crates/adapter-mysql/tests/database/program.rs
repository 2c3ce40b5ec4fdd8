//! A small part of the service on one database, with direct access to it past the ports.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use diesel::{QueryResult, QueryableByName, sql_query, sql_types::Text};
use diesel_async::{AsyncConnection, AsyncMysqlConnection, RunQueryDsl, SimpleAsyncConnection};
use frontrow_adapter_mysql::{MySqlDatabase, MySqlSettings, TimeOffset};
use frontrow_domain::{
    model::{
        Amount, Applied, ConcertId, ConcertTitle, HoldRequest, IdempotencyKey, Keyed,
        LedgerEntryId, NewPerformance, PerformanceEdit, PerformanceId, Reservation, ReservationId,
        Row, SeatPlan, SeatSelection, Section, UserId, Venue,
        queue::{Arrival, Generation, PolicyVersion, QueuePolicy, Ticket, VersionedPolicy},
    },
    ports::{
        Charge, ChargeOutcome, ConcertEditor, CreatePerformanceOutcome, EditOutcome, HoldOutcome,
        Operator, PayOutcome, PaymentRequest, Points, Reservations,
    },
};
use frontrow_test_harness::MySqlTestDatabase;
use jiff::Timestamp;
use uuid::Uuid;

use crate::one_database::settings;

/// A service with one concert and one performance, far in the future. Its seats are `A-1` to `A-9`,
/// for 100 each.
pub(crate) struct Program {
    empty: MySqlTestDatabase,
    pub(crate) offset: TimeOffset,
    pub(crate) database: MySqlDatabase,
    pub(crate) concert: ConcertId,
    pub(crate) performance: PerformanceId,
    ids: AtomicU64,
}

pub(crate) const HOLD: Duration = Duration::from_mins(5);

impl Program {
    pub(crate) async fn start() -> Self {
        Self::start_with(settings()).await
    }

    pub(crate) async fn start_with(settings: MySqlSettings) -> Self {
        let empty = MySqlTestDatabase::create().await.unwrap();
        let offset = TimeOffset::default();
        let database = MySqlDatabase::open(empty.url(), &settings, offset.clone())
            .await
            .unwrap();
        let mut program = Self {
            empty,
            offset,
            database,
            concert: ConcertId(Uuid::nil()),
            performance: PerformanceId(Uuid::nil()),
            ids: AtomicU64::new(1),
        };
        program.concert = program.add_concert().await;
        program.performance = program.add_performance().await;
        program
    }

    /// Returns the same service after a restart.
    pub(crate) async fn on_new_connections(mut self) -> Self {
        self.database.close();
        self.database = MySqlDatabase::open(self.url(), &settings(), self.offset.clone())
            .await
            .unwrap();
        self
    }

    pub(crate) fn url(&self) -> &str {
        self.empty.url()
    }

    /// Opens a connection past the ports.
    pub(crate) async fn raw(&self) -> AsyncMysqlConnection {
        raw(self.url()).await
    }

    /// Returns a new id.
    pub(crate) fn next_id(&self) -> Uuid {
        Uuid::from_u128(self.ids.fetch_add(1, Ordering::Relaxed).into())
    }

    async fn add_concert(&self) -> ConcertId {
        let id = ConcertId(self.next_id());
        let policy = VersionedPolicy {
            policy: QueuePolicy::default(),
            version: PolicyVersion(1),
        };
        let title = ConcertTitle::try_from("First").unwrap();
        let created = self
            .database
            .create_concert(id, &title, &policy, &operator(), None)
            .await;
        created.unwrap();
        id
    }

    pub(crate) async fn add_performance(&self) -> PerformanceId {
        let id = PerformanceId(self.next_id());
        // At most one performance of a concert starts at an instant in a venue.
        let venue = if self.performance.0.is_nil() {
            "Hall".to_owned()
        } else {
            format!("Hall {id}")
        };
        let performance = NewPerformance {
            id,
            concert: self.concert,
            starts_at: far(),
            venue: Venue::try_from(venue.as_str()).unwrap(),
            seats: plan(9),
        };
        let created = self
            .database
            .create_performance(&performance, &operator(), None)
            .await;
        let expected = CreatePerformanceOutcome::Created(Applied::first(performance.id));
        assert_eq!(created.unwrap(), expected);
        performance.id
    }

    /// Replaces the seat plan of the performance by one with this number of seats.
    pub(crate) async fn edit_seats(&self, seats: u16) -> EditOutcome {
        let edit = PerformanceEdit {
            seats: Some(plan(seats)),
            ..PerformanceEdit::default()
        };
        self.database
            .edit_performance(self.concert, self.performance, &edit, &operator())
            .await
            .unwrap()
    }

    pub(crate) fn request(&self, name: &str, labels: &[&str]) -> HoldRequest {
        let labels: Vec<_> = labels.iter().map(|label| label.parse().unwrap()).collect();
        HoldRequest {
            id: ReservationId(self.next_id()),
            user: user(name),
            concert: self.concert,
            performance: self.performance,
            seats: SeatSelection::try_from(labels).unwrap(),
            hold_for: HOLD,
            ticket: Ticket {
                concert: self.concert,
                user: user(name),
                arrival: Arrival::from_micros(1),
                generation: Generation(1),
            },
        }
    }

    pub(crate) async fn held(&self, name: &str, labels: &[&str]) -> Reservation {
        let request = self.request(name, labels);
        match self.database.hold(&request).await.unwrap() {
            HoldOutcome::Held(reservation) => reservation,
            other => panic!("{name} should get the seats: {other:?}"),
        }
    }

    pub(crate) fn payment_of(&self, reservation: &Reservation) -> PaymentRequest {
        PaymentRequest {
            reservation: reservation.id,
            user: reservation.user.clone(),
            concert: reservation.concert,
            entry: LedgerEntryId(self.next_id()),
            keyed: Keyed::payment(
                &reservation.user,
                reservation.id,
                IdempotencyKey::try_from(self.next_id().to_string().as_str()).unwrap(),
            ),
        }
    }

    pub(crate) async fn pay(&self, reservation: &Reservation) -> PayOutcome {
        let payment = self.payment_of(reservation);
        self.database.pay(&payment).await.unwrap()
    }

    pub(crate) fn charge_of(&self, name: &str, points: i64) -> Charge {
        let amount = Amount::try_from(points).unwrap();
        Charge {
            entry: LedgerEntryId(self.next_id()),
            user: user(name),
            amount,
            keyed: Keyed::charge(
                &user(name),
                amount,
                IdempotencyKey::try_from(self.next_id().to_string().as_str()).unwrap(),
            ),
            operator: None,
        }
    }

    pub(crate) async fn charge(&self, name: &str, points: i64) {
        let charged = self.database.charge(&self.charge_of(name, points)).await;
        assert!(matches!(charged.unwrap(), ChargeOutcome::Charged(_)));
    }
}

/// Opens a connection past the ports.
pub(crate) async fn raw(url: &str) -> AsyncMysqlConnection {
    let url = format!("{url}?prefer_socket=false");
    AsyncMysqlConnection::establish(&url).await.unwrap()
}

/// Runs one statement.
pub(crate) async fn execute(raw: &mut AsyncMysqlConnection, sql: &str) -> QueryResult<()> {
    raw.batch_execute(sql).await
}

/// Returns the column `text` of every row.
pub(crate) async fn texts(raw: &mut AsyncMysqlConnection, sql: &str) -> Vec<String> {
    #[derive(QueryableByName)]
    struct Line {
        #[diesel(sql_type = Text)]
        text: String,
    }
    let rows: Vec<Line> = sql_query(sql).load(raw).await.unwrap();
    rows.into_iter().map(|line| line.text).collect()
}

pub(crate) fn plan(seats: u16) -> SeatPlan {
    let stalls = Section {
        name: "Stalls".into(),
        price: Amount::try_from(100).unwrap(),
        rows: vec![Row {
            name: "A".into(),
            seats,
        }],
    };
    SeatPlan::new(&[stalls]).unwrap()
}

pub(crate) fn user(name: &str) -> UserId {
    UserId::try_from(name).unwrap()
}

pub(crate) fn operator() -> Operator {
    Operator {
        name: "olga".into(),
        at: "2026-11-22T12:00:00Z".parse().unwrap(),
    }
}

pub(crate) fn far() -> Timestamp {
    "2199-11-22T12:00:00Z".parse().unwrap()
}
