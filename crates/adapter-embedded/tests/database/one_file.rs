//! The fixture for the contracts: a database in its own file.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use async_trait::async_trait;
use frontrow_adapter_embedded::SqliteDatabase;
use frontrow_domain::ports::Clock;
use frontrow_port_contracts::{DatabasePorts, Fixture};
use jiff::{SignedDuration, Timestamp};
use tempfile::TempDir;

/// The system's clock, or one that stands still, shifted by `shift_us` microseconds.
#[derive(Default)]
pub(crate) struct ShiftedClock {
    stands_at: Option<Timestamp>,
    shift_us: AtomicI64,
}

impl Clock for ShiftedClock {
    fn now(&self) -> Timestamp {
        let shift = SignedDuration::from_micros(self.shift_us.load(Ordering::SeqCst));
        if let Some(stands_at) = self.stands_at {
            return stands_at + shift;
        }
        #[expect(
            clippy::disallowed_methods,
            reason = "the contracts need a clock that runs"
        )]
        let now = Timestamp::now();
        // The clock of the program has microseconds, too.
        Timestamp::from_microsecond(now.as_microsecond()).unwrap() + shift
    }
}

/// A new database, which is removed when this is dropped.
pub(crate) struct OneFile {
    folder: TempDir,
    clock: Arc<ShiftedClock>,
    database: SqliteDatabase,
}

impl OneFile {
    /// Creates a file in a new folder.
    pub(crate) async fn open() -> Self {
        Self::on(ShiftedClock::default()).await
    }

    /// Does the same with a clock that stands still until it is shifted.
    pub(crate) async fn at(stands_at: Timestamp) -> Self {
        let clock = ShiftedClock {
            stands_at: Some(stands_at),
            ..ShiftedClock::default()
        };
        Self::on(clock).await
    }

    async fn on(clock: ShiftedClock) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(clock);
        let database = open(folder.path(), &clock).await;
        Self {
            folder,
            clock,
            database,
        }
    }
}

/// Returns the path of the file in this folder.
pub(crate) fn file_in(folder: &Path) -> PathBuf {
    folder.join("frontrow.sqlite")
}

/// Returns all ports that a database implements.
pub(crate) fn ports(database: &SqliteDatabase) -> DatabasePorts {
    let database = Arc::new(database.clone());
    DatabasePorts {
        concerts: database.clone(),
        editor: database.clone(),
        policies: database.clone(),
        served: database.clone(),
        reservations: database.clone(),
        points: database.clone(),
        idempotency: database.clone(),
        ranking_source: database.clone(),
        ranking_counters: database.clone(),
        books: database.clone(),
        currency: database.clone(),
        stops: database,
    }
}

async fn open(folder: &Path, clock: &Arc<ShiftedClock>) -> SqliteDatabase {
    let clock: Arc<dyn Clock> = clock.clone();
    SqliteDatabase::open(&file_in(folder), clock).await.unwrap()
}

#[async_trait]
impl Fixture for OneFile {
    type Ports = DatabasePorts;

    fn ports(&self) -> DatabasePorts {
        ports(&self.database)
    }

    async fn shift_time(&mut self, by: SignedDuration) {
        let micros = i64::try_from(by.as_micros()).unwrap();
        self.clock.shift_us.fetch_add(micros, Ordering::SeqCst);
    }

    async fn lose_data(&mut self) {
        self.database.close().await;
        self.folder = tempfile::tempdir().unwrap();
        self.database = open(self.folder.path(), &self.clock).await;
    }

    async fn reopen(&mut self) {
        self.database.close().await;
        self.database = open(self.folder.path(), &self.clock).await;
    }
}
