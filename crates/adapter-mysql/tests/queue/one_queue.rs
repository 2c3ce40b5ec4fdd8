//! The fixture for the contracts: a store of queues of its own.

use std::sync::Arc;

use async_trait::async_trait;
use diesel::QueryResult;
use diesel_async::{AsyncConnection, AsyncMysqlConnection, SimpleAsyncConnection};
use frontrow_adapter_mysql::{MySqlQueue, MySqlSettings, OlderSchema, TimeOffset};
use frontrow_domain::model::{ConcertId, queue::QueuePolicy};
use frontrow_port_contracts::{
    Fixture, QueuePorts,
    test_queue::{TestQueue, TestStore},
};
use frontrow_test_harness::MySqlTestDatabase;
use jiff::SignedDuration;

/// The tables of the queues.
const TABLES: [&str; 3] = ["queues", "queue_leavers", "queue_places"];

/// A new database, which is dropped with this value.
pub(crate) struct OneQueue {
    empty: MySqlTestDatabase,
    pub(crate) offset: TimeOffset,
    pub(crate) queue: MySqlQueue,
}

impl OneQueue {
    /// Creates a database without queues.
    pub(crate) async fn open() -> Self {
        Self::on(MySqlTestDatabase::create().await.unwrap()).await
    }

    /// Migrates an existing database to the current schema and opens its queues.
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

    /// Opens another instance of the service on the same database.
    pub(crate) async fn another(&self, settings: &MySqlSettings) -> MySqlQueue {
        open(self.url(), settings, &self.offset).await
    }

    /// Opens a connection past the ports.
    pub(crate) async fn raw(&self) -> AsyncMysqlConnection {
        let url = format!("{}?prefer_socket=false", self.url());
        AsyncMysqlConnection::establish(&url).await.unwrap()
    }
}

/// Returns a queue with this policy, in a store of its own.
pub(crate) async fn open_test_queue(policy: QueuePolicy) -> TestQueue<OneQueue> {
    TestQueue::open(OneQueue::open().await, policy).await
}

impl TestStore for OneQueue {
    type Queue = MySqlQueue;

    fn queue(&self) -> &MySqlQueue {
        &self.queue
    }
}

/// Returns the product's settings, except that opening migrates the schema.
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

/// Returns the condition for the rows of the queue of `concert`.
fn rows_of(concert: ConcertId) -> String {
    format!("concert_id = x'{}'", concert.0.simple())
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

    async fn copy_queue(&mut self, concert: ConcertId) -> bool {
        let raw = &mut self.raw().await;
        let rows = rows_of(concert);
        for table in TABLES {
            let make = format!("CREATE TABLE IF NOT EXISTS copy_of_{table} LIKE {table}");
            let empty = format!("DELETE FROM copy_of_{table} WHERE {rows}");
            let copy = format!("INSERT INTO copy_of_{table} SELECT * FROM {table} WHERE {rows}");
            for statement in [make, empty, copy] {
                execute(raw, &statement).await.unwrap();
            }
        }
        true
    }

    async fn fail_over(&mut self, concert: ConcertId) {
        let raw = &mut self.raw().await;
        let rows = rows_of(concert);
        execute(raw, "BEGIN").await.unwrap();
        for table in TABLES {
            let empty = format!("DELETE FROM {table} WHERE {rows}");
            let copy = format!("INSERT INTO {table} SELECT * FROM copy_of_{table} WHERE {rows}");
            for statement in [empty, copy] {
                execute(raw, &statement).await.unwrap();
            }
        }
        // The server has not changed, so the copy records another one as the previous server.
        let servers = r#"[{"server":"the one before","recorded_at":0}]"#;
        let before = format!("UPDATE queues SET servers = '{servers}' WHERE {rows}");
        execute(raw, &before).await.unwrap();
        execute(raw, "COMMIT").await.unwrap();
    }
}
