//! The periods of a ranking change at the exact microsecond, on a server whose time the test sets.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use async_trait::async_trait;
use frontrow_adapter_mysql::{MySqlDatabase, TimeOffset};
use frontrow_port_contracts::{
    DatabasePorts, Fixture, database::turns::a_turn_divides_the_sales_around_it,
};
use frontrow_test_harness::MySqlTestDatabase;
use jiff::{SignedDuration, Timestamp};

use crate::{
    one_database::{self, settings},
    wire::{Answer, Reader, Side, Wire, address_of},
};

/// The server's time for every statement, in microseconds since 1970.
type SharedTime = Arc<AtomicI64>;

/// A new database. A proxy sets the time of its session before each statement.
struct FixedTimeDatabase {
    now: SharedTime,
    empty: MySqlTestDatabase,
    wire: Wire,
    database: MySqlDatabase,
}

impl FixedTimeDatabase {
    async fn open(now: SharedTime) -> Self {
        let empty = MySqlTestDatabase::create().await.unwrap();
        let shared = Arc::clone(&now);
        let wire = Wire::to(address_of(empty.url()).await, move || {
            SetTime(shared.clone())
        })
        .await;
        Self {
            database: open(&wire, &empty).await,
            now,
            empty,
            wire,
        }
    }
}

async fn open(wire: &Wire, empty: &MySqlTestDatabase) -> MySqlDatabase {
    let url = wire.url(empty.url());
    let opened = MySqlDatabase::open(&url, &settings(), TimeOffset::default()).await;
    opened.unwrap()
}

/// Sets the time of one session.
struct SetTime(SharedTime);

#[async_trait]
impl Reader for SetTime {
    async fn before(&mut self, server: &mut Side, _: &str) -> io::Result<()> {
        let now_us = self.0.load(Ordering::SeqCst);
        let (seconds, micros) = (now_us / 1_000_000, now_us % 1_000_000);
        let set = format!("SET SESSION timestamp = {seconds}.{micros:06}");
        server.ask(&set).await.map(drop)
    }

    async fn after(&mut self, _: &mut Side, _: &str, _: Answer) -> io::Result<()> {
        Ok(())
    }
}

#[async_trait]
impl Fixture for FixedTimeDatabase {
    type Ports = DatabasePorts;

    fn ports(&self) -> DatabasePorts {
        one_database::ports(&self.database)
    }

    async fn shift_time(&mut self, by: SignedDuration) {
        let micros = i64::try_from(by.as_micros()).unwrap();
        self.now.fetch_add(micros, Ordering::SeqCst);
    }

    async fn lose_data(&mut self) {
        self.database.close();
        *self = Self::open(Arc::clone(&self.now)).await;
    }

    async fn reopen(&mut self) {
        self.database.close();
        self.database = open(&self.wire, &self.empty).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_of_period_divides_confirmed_seats() {
    let start: Timestamp = "2026-09-01T00:00:00Z".parse().unwrap();
    let now = Arc::new(AtomicI64::new(start.as_microsecond()));
    let fixture = FixedTimeDatabase::open(now).await;
    a_turn_divides_the_sales_around_it(fixture).await;
}
