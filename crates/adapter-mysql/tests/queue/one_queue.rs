//! A queue's store of its own, as the contracts want it.

use std::sync::Arc;

use async_trait::async_trait;
use diesel::QueryResult;
use diesel_async::{AsyncConnection, AsyncMysqlConnection, SimpleAsyncConnection};
use frontrow_adapter_mysql::{MySqlQueue, MySqlSettings, OlderSchema, TimeOffset};
use frontrow_port_contracts::{Fixture, QueuePorts};
use frontrow_test_harness::MySqlTestDatabase;
use jiff::SignedDuration;

/// What the queues keep their people in.
const TABLES: [&str; 3] = ["queues", "queue_leavers", "queue_places"];

/// A fresh database, gone when dropped.
pub(crate) struct OneQueue {
    empty: MySqlTestDatabase,
    pub(crate) offset: TimeOffset,
    pub(crate) queue: MySqlQueue,
}

impl OneQueue {
    /// A new database without queues.
    pub(crate) async fn open() -> Self {
        Self::on(MySqlTestDatabase::create().await.unwrap()).await
    }

    /// What a database has, in the schema of today.
    pub(crate) async fn on(empty: MySqlTestDatabase) -> Self {
        let offset = TimeOffset::default();
        let queue = open(empty.url(), &settings(), &offset).await;
        Self {
            empty,
            offset,
            queue,
        }
    }

    pub(crate) fn url(&self) -> &str {
        self.empty.url()
    }

    /// Another instance of the service on the same database.
    pub(crate) async fn another(&self, settings: &MySqlSettings) -> MySqlQueue {
        open(self.url(), settings, &self.offset).await
    }

    /// A connection past the ports.
    pub(crate) async fn raw(&self) -> AsyncMysqlConnection {
        let url = format!("{}?prefer_socket=false", self.url());
        AsyncMysqlConnection::establish(&url).await.unwrap()
    }
}

/// As the product does, except that the schema is made.
pub(crate) fn settings() -> MySqlSettings {
    MySqlSettings {
        older_schema: OlderSchema::Migrate,
        ..MySqlSettings::default()
    }
}

async fn open(url: &str, settings: &MySqlSettings, offset: &TimeOffset) -> MySqlQueue {
    MySqlQueue::open(url, settings, offset.clone())
        .await
        .unwrap()
}

/// Runs one statement.
pub(crate) async fn execute(raw: &mut AsyncMysqlConnection, sql: &str) -> QueryResult<()> {
    raw.batch_execute(sql).await
}

#[async_trait]
impl Fixture for OneQueue {
    type Ports = QueuePorts;

    fn ports(&self) -> QueuePorts {
        let queue = Arc::new(self.queue.clone());
        QueuePorts {
            queue: queue.clone(),
            ticks: queue.clone(),
            control: queue.clone(),
            line: queue,
        }
    }

    async fn shift_time(&mut self, by: SignedDuration) {
        self.offset.shift(by);
    }

    async fn lose_data(&mut self) {
        let raw = &mut self.raw().await;
        for table in TABLES {
            execute(raw, &format!("DELETE FROM {table}")).await.unwrap();
        }
    }

    async fn reopen(&mut self) {
        self.queue.close();
        self.queue = open(self.empty.url(), &settings(), &self.offset).await;
    }
}
