//! Measures the cost of counting for the rankings on SQLite: of payments, of reads and of an
//! upgrade.
//!
//! ```text
//! cargo run --release -p frontrow-adapter-embedded --example ranking_figures_sqlite
//! ```

#![expect(clippy::unwrap_used, reason = "a failure ends the program")]

mod paying;
mod ranking;

use std::sync::Arc;

use diesel::{Connection, SqliteConnection, connection::SimpleConnection};
use frontrow_adapter_embedded::SqliteDatabase;
use frontrow_domain::ports::Clock;
use jiff::Timestamp;
use tempfile::TempDir;
use tokio::time::Instant;

/// A separate file, the adapter on it, and a direct connection to it.
struct Bench {
    database: SqliteDatabase,
    raw: SqliteConnection,
    _folder: TempDir,
}

struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        #[expect(
            clippy::disallowed_methods,
            reason = "the same clock as that of the program"
        )]
        let now = Timestamp::now();
        Timestamp::from_microsecond(now.as_microsecond()).unwrap()
    }
}

impl Bench {
    /// Opens a new file with `concerts` concerts, of one performance each.
    async fn open(concerts: u32) -> Self {
        // In the working folder, because a folder for temporary files may be in memory.
        let folder = TempDir::new_in(".").unwrap();
        let file = folder.path().join("frontrow.db");
        let database = SqliteDatabase::open(&file, Arc::new(SystemClock)).await;
        let mut raw = SqliteConnection::establish(file.to_str().unwrap()).unwrap();
        let fill = format!(
            "PRAGMA busy_timeout = 60000;
             INSERT INTO concerts (id, title, policy_version, policy_state, waiting_ttl_us, claim_ttl_us,
                                   active_ttl_us)
             SELECT {concert}, 'Concert ' || n, 1, 'open', 1, 1, 1 FROM {numbers};
             INSERT INTO performances (id, concert_id, starts_at, venue, seats_total)
             SELECT {performance}, {concert}, 4000000000000000, 'Hall', 1000000 FROM {numbers}",
            concert = id(CONCERT, "n"),
            performance = id(PERFORMANCE, "n"),
            numbers = numbers(0, concerts),
        );
        raw.batch_execute(&fill).unwrap();
        Self {
            database: database.unwrap(),
            raw,
            _folder: folder,
        }
    }

    fn run(&mut self, sql: &str) {
        self.raw.batch_execute(sql).unwrap();
    }
}

const CONCERT: u8 = 1;
const PERFORMANCE: u8 = 2;
const RESERVATION: u8 = 3;

/// Returns a query of `count` numbers from `first` on, as `n`.
fn numbers(first: u32, count: u32) -> String {
    let end = first + count;
    format!(
        "(WITH RECURSIVE numbers(n) AS (
             SELECT {first} UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < {end}
         ) SELECT n FROM numbers)"
    )
}

/// Returns the SQL of the id of row `n` of a kind.
fn id(kind: u8, n: &str) -> String {
    format!("unhex(printf('0{kind}%030x', {n}))")
}

/// Returns the result of `work`, and its duration in milliseconds.
async fn timed<T>(work: impl Future<Output = T>) -> (T, f64) {
    #[expect(clippy::disallowed_methods, reason = "it measures a duration")]
    let began = Instant::now();
    let done = work.await;
    (done, began.elapsed().as_secs_f64() * 1_000.0)
}

#[tokio::main]
async fn main() {
    paying::figures().await;
    ranking::figures().await;
}
