//! The periods of a ranking change at the exact microsecond, on a server whose clock stands still.

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
    DatabasePorts, Fixture, database::turns::a_turn_divides_what_is_confirmed_around_it,
};
use frontrow_test_harness::MySqlTestDatabase;
use jiff::{SignedDuration, Timestamp};

use crate::{
    one_database::{self, settings},
    wire::{Answer, Reader, Side, Wire, address_of},
};

/// What time it is for every statement, in microseconds since 1970.
type Standing = Arc<AtomicI64>;

/// A fresh database that is told before each statement what time it is.
struct StandsStill {
    now: Standing,
    empty: MySqlTestDatabase,
    wire: Wire,
    database: MySqlDatabase,
}

impl StandsStill {
    async fn open(now: Standing) -> Self {
        let empty = MySqlTestDatabase::create().await.unwrap();
        let told = Arc::clone(&now);
        let wire = Wire::to(address_of(empty.url()).await, move || Told(told.clone())).await;
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

struct Told(Standing);

#[async_trait]
impl Reader for Told {
    async fn before(&mut self, server: &mut Side, _: &str) -> io::Result<()> {
        let now_us = self.0.load(Ordering::SeqCst);
        let (seconds, micros) = (now_us / 1_000_000, now_us % 1_000_000);
        let tell = format!("SET SESSION timestamp = {seconds}.{micros:06}");
        server.ask(&tell).await.map(drop)
    }

    async fn after(&mut self, _: &mut Side, _: &str, _: Answer) -> io::Result<()> {
        Ok(())
    }
}

#[async_trait]
impl Fixture for StandsStill {
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
async fn a_turn_divides_what_is_confirmed() {
    let start: Timestamp = "2026-09-01T00:00:00Z".parse().unwrap();
    let now = Arc::new(AtomicI64::new(start.as_microsecond()));
    let fixture = StandsStill::open(now).await;
    a_turn_divides_what_is_confirmed_around_it(fixture).await;
}
