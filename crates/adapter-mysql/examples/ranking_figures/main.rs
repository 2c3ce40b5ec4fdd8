//! Measures what counting for the rankings costs: holds and payments, requests for a ranking, and
//! the job that counts.
//!
//! ```text
//! FRONTROW_TEST_MYSQL_URL=mysql://root@127.0.0.1:3306 \
//!     cargo run --release -p frontrow-adapter-mysql --example ranking_figures \
//!     [paying] [day] [month]
//! ```
//!
//! The server must commit durably, or the figures of `paying` mean nothing.

#![expect(clippy::unwrap_used, reason = "a failure ends the program")]

mod filling;
mod paying;
mod ranking;

use std::time::Duration;

use diesel_async::{AsyncConnection, AsyncMysqlConnection, SimpleAsyncConnection};
use frontrow_adapter_mysql::{MySqlDatabase, MySqlSettings, OlderSchema, TimeOffset};
use frontrow_domain::model::Period;
use frontrow_test_harness::MySqlTestDatabase;
use tokio::time::Instant;

/// A database of its own, the adapter on it, and a connection past the adapter.
struct Bench {
    database: MySqlDatabase,
    raw: AsyncMysqlConnection,
    _empty: MySqlTestDatabase,
}

impl Bench {
    async fn open(pool_size: usize) -> Self {
        let empty = MySqlTestDatabase::create().await.unwrap();
        let settings = MySqlSettings {
            pool_size,
            acquire_timeout: Duration::from_mins(1),
            statement_timeout: Duration::from_mins(2),
            older_schema: OlderSchema::Migrate,
            ..MySqlSettings::default()
        };
        let url = empty.url();
        let database = MySqlDatabase::open(url, &settings, TimeOffset::default());
        let database = database.await.unwrap();
        let raw_url = format!("{url}?prefer_socket=false");
        Self {
            raw: AsyncMysqlConnection::establish(&raw_url).await.unwrap(),
            database,
            _empty: empty,
        }
    }

    async fn run(&mut self, sql: &str) {
        self.raw.batch_execute(sql).await.unwrap();
    }
}

/// Returns the result of `work` and its duration in milliseconds.
async fn timed<T>(work: impl Future<Output = T>) -> (T, f64) {
    #[expect(clippy::disallowed_methods, reason = "it measures a duration")]
    let began = Instant::now();
    let done = work.await;
    (done, began.elapsed().as_secs_f64() * 1_000.0)
}

#[tokio::main]
async fn main() {
    let only: Vec<_> = std::env::args().skip(1).collect();
    let wanted = |name: &str| only.is_empty() || only.iter().any(|one| one == name);
    if wanted("paying") {
        paying::figures().await;
    }
    if wanted("day") {
        ranking::figures(1, &[Period::Realtime, Period::Daily]).await;
    }
    if wanted("month") {
        ranking::figures(31, &[Period::Weekly, Period::Monthly]).await;
    }
}
