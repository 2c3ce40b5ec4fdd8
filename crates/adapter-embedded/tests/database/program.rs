//! A part of the service on one file, with a clock that stands still until a test moves it, and
//! with direct connections to the file.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

use diesel::{
    Connection, QueryResult, QueryableByName, RunQueryDsl, SqliteConnection,
    connection::SimpleConnection, sql_query, sql_types::Text,
};
use frontrow_adapter_embedded::SqliteDatabase;
use frontrow_domain::{
    model::{
        Amount, Applied, ConcertId, ConcertTitle, HoldRequest, IdempotencyKey, Keyed,
        LedgerEntryId, NewPerformance, PerformanceId, Reservation, ReservationId, Row, SeatPlan,
        SeatSelection, Section, UserId, Venue,
        queue::{Arrival, Generation, PolicyVersion, QueuePolicy, Ticket, VersionedPolicy},
    },
    ports::{
        Charge, ChargeOutcome, Clock, ConcertEditor, CreatePerformanceOutcome, HoldOutcome,
        Operator, PayOutcome, PaymentRequest, Points, Reservations,
    },
};
use jiff::Timestamp;
use tempfile::TempDir;
use uuid::Uuid;

use crate::one_file::file_in;

/// A clock that stands still.
pub(crate) struct StoppedClock(AtomicI64);

impl StoppedClock {
    pub(crate) fn at(at: Timestamp) -> Self {
        Self(AtomicI64::new(at.as_microsecond()))
    }

    pub(crate) fn set(&self, at: Timestamp) {
        self.0.store(at.as_microsecond(), Ordering::SeqCst);
    }
}

impl Clock for StoppedClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_microsecond(self.0.load(Ordering::SeqCst)).unwrap()
    }
}

/// A service with one concert and one performance in a year, with the seats `A-1` to `A-9` for 100
/// each.
pub(crate) struct Program {
    _own: Option<TempDir>,
    folder: PathBuf,
    pub(crate) clock: Arc<StoppedClock>,
    pub(crate) database: SqliteDatabase,
    pub(crate) concert: ConcertId,
    pub(crate) performance: PerformanceId,
    next_id: AtomicU64,
}

pub(crate) const HOLD: Duration = Duration::from_mins(5);

impl Program {
    pub(crate) async fn start() -> Self {
        let own = tempfile::tempdir().unwrap();
        let program = Self::start_in(own.path()).await;
        Self {
            _own: Some(own),
            ..program
        }
    }

    /// Starts in a folder that outlives it.
    pub(crate) async fn start_in(folder: &Path) -> Self {
        let mut program = Self::opened_in(folder).await;
        program.concert = program.add_concert().await;
        program.performance = program.add_performance(year_later()).await;
        program
    }

    /// Opens the file in the folder, and adds nothing to it.
    pub(crate) async fn opened_in(folder: &Path) -> Self {
        let clock = Arc::new(StoppedClock::at(noon()));
        let port: Arc<dyn Clock> = clock.clone();
        let database = SqliteDatabase::open(&file_in(folder), port).await.unwrap();
        Self {
            _own: None,
            folder: folder.to_owned(),
            clock,
            database,
            concert: ConcertId(Uuid::nil()),
            performance: PerformanceId(Uuid::nil()),
            next_id: AtomicU64::new(1),
        }
    }

    pub(crate) fn file(&self) -> PathBuf {
        file_in(&self.folder)
    }

    /// Returns a direct connection to the file.
    pub(crate) fn raw(&self) -> SqliteConnection {
        let file = self.file();
        let mut raw = SqliteConnection::establish(file.to_str().unwrap()).unwrap();
        let pragmas = "PRAGMA foreign_keys = ON; PRAGMA busy_timeout = 5000;";
        raw.batch_execute(pragmas).unwrap();
        raw
    }

    pub(crate) fn next_id(&self) -> Uuid {
        Uuid::from_u128(self.next_id.fetch_add(1, Ordering::Relaxed).into())
    }

    pub(crate) async fn add_concert(&self) -> ConcertId {
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

    pub(crate) async fn add_performance(&self, starts_at: Timestamp) -> PerformanceId {
        let id = PerformanceId(self.next_id());
        // No two performances of a concert have the same start and venue.
        let venue = if self.performance.0.is_nil() {
            "Hall".to_owned()
        } else {
            format!("Hall {id}")
        };
        let performance = NewPerformance {
            id,
            concert: self.concert,
            starts_at,
            venue: Venue::try_from(venue.as_str()).unwrap(),
            seats: seat_plan(&[("A", 9, 100)]),
        };
        let created = self
            .database
            .create_performance(&performance, &operator(), None)
            .await;
        let expected = CreatePerformanceOutcome::Created(Applied::first(performance.id));
        assert_eq!(created.unwrap(), expected);
        performance.id
    }

    pub(crate) fn request(&self, user_name: &str, labels: &[&str]) -> HoldRequest {
        let labels: Vec<_> = labels.iter().map(|label| label.parse().unwrap()).collect();
        HoldRequest {
            id: ReservationId(self.next_id()),
            user: user(user_name),
            concert: self.concert,
            performance: self.performance,
            seats: SeatSelection::try_from(labels).unwrap(),
            hold_for: HOLD,
            ticket: Ticket {
                concert: self.concert,
                user: user(user_name),
                arrival: Arrival::from_micros(1),
                generation: Generation(1),
            },
        }
    }

    pub(crate) async fn hold(&self, user_name: &str, labels: &[&str]) -> HoldOutcome {
        self.database
            .hold(&self.request(user_name, labels))
            .await
            .unwrap()
    }

    pub(crate) async fn held(&self, user_name: &str, labels: &[&str]) -> Reservation {
        match self.hold(user_name, labels).await {
            HoldOutcome::Held(reservation) => reservation,
            other => panic!("{user_name} should get the seats: {other:?}"),
        }
    }

    pub(crate) async fn pay(&self, reservation: &Reservation) -> PayOutcome {
        let payment = PaymentRequest {
            reservation: reservation.id,
            user: reservation.user.clone(),
            concert: reservation.concert,
            entry: LedgerEntryId(self.next_id()),
            keyed: Keyed::payment(
                &reservation.user,
                reservation.id,
                IdempotencyKey::try_from(self.next_id().to_string().as_str()).unwrap(),
            ),
        };
        self.database.pay(&payment).await.unwrap()
    }

    pub(crate) fn charge_of(&self, user_name: &str, points: i64) -> Charge {
        let amount = Amount::try_from(points).unwrap();
        Charge {
            entry: LedgerEntryId(self.next_id()),
            user: user(user_name),
            amount,
            keyed: Keyed::charge(
                &user(user_name),
                amount,
                IdempotencyKey::try_from(self.next_id().to_string().as_str()).unwrap(),
            ),
            operator: None,
        }
    }

    pub(crate) async fn charge(&self, user_name: &str, points: i64) {
        let charged = self
            .database
            .charge(&self.charge_of(user_name, points))
            .await;
        assert!(matches!(charged.unwrap(), ChargeOutcome::Charged(_)));
    }
}

/// Returns the column `text` of every row.
pub(crate) fn texts(raw: &mut SqliteConnection, sql: &str) -> QueryResult<Vec<String>> {
    #[derive(QueryableByName)]
    struct Line {
        #[diesel(sql_type = Text)]
        text: String,
    }
    let rows: Vec<Line> = sql_query(sql).load(raw)?;
    Ok(rows.into_iter().map(|line| line.text).collect())
}

/// Returns a plan of rows: the name, the number of seats and the price of each.
pub(crate) fn seat_plan(rows: &[(&str, u16, i64)]) -> SeatPlan {
    let sections = rows.iter().map(|&(row, seats, price)| Section {
        name: "Stalls".into(),
        price: Amount::try_from(price).unwrap(),
        rows: vec![Row {
            name: row.into(),
            seats,
        }],
    });
    SeatPlan::new(&sections.collect::<Vec<_>>()).unwrap()
}

pub(crate) fn user(name: &str) -> UserId {
    UserId::try_from(name).unwrap()
}

pub(crate) fn operator() -> Operator {
    Operator {
        name: "olga".into(),
        at: noon(),
    }
}

pub(crate) fn noon() -> Timestamp {
    "2026-11-22T12:00:00Z".parse().unwrap()
}

pub(crate) fn year_later() -> Timestamp {
    "2027-11-22T12:00:00Z".parse().unwrap()
}
