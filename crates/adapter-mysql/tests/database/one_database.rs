//! The fixture for the contracts: a database of its own.

use std::sync::Arc;

use async_trait::async_trait;
use frontrow_adapter_mysql::{MySqlDatabase, MySqlSettings, OlderSchema, TimeOffset};
use frontrow_port_contracts::{DatabasePorts, Fixture};
use frontrow_test_harness::MySqlTestDatabase;
use jiff::SignedDuration;

/// A new database, which is dropped with this value.
pub(crate) struct OneDatabase {
    empty: MySqlTestDatabase,
    offset: TimeOffset,
    database: MySqlDatabase,
}

impl OneDatabase {
    /// Creates a database with the program's schema.
    pub(crate) async fn open() -> Self {
        let empty = MySqlTestDatabase::create().await.unwrap();
        let offset = TimeOffset::default();
        let database = open(&empty, &offset).await;
        Self {
            empty,
            offset,
            database,
        }
    }
}

/// Returns the product's settings, except that opening migrates the schema.
pub(crate) fn settings() -> MySqlSettings {
    MySqlSettings {
        older_schema: OlderSchema::Migrate,
        ..MySqlSettings::default()
    }
}

async fn open(empty: &MySqlTestDatabase, offset: &TimeOffset) -> MySqlDatabase {
    MySqlDatabase::open(empty.url(), &settings(), offset.clone())
        .await
        .unwrap()
}

/// Returns all ports that a database implements.
pub(crate) fn ports(database: &MySqlDatabase) -> DatabasePorts {
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

#[async_trait]
impl Fixture for OneDatabase {
    type Ports = DatabasePorts;

    fn ports(&self) -> DatabasePorts {
        ports(&self.database)
    }

    async fn shift_time(&mut self, by: SignedDuration) {
        self.offset.shift(by);
    }

    async fn lose_data(&mut self) {
        self.database.close();
        self.empty = MySqlTestDatabase::create().await.unwrap();
        self.database = open(&self.empty, &self.offset).await;
    }

    async fn reopen(&mut self) {
        self.database.close();
        self.database = open(&self.empty, &self.offset).await;
    }
}
