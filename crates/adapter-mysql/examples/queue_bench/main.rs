//! Measures the queue on MySQL beside the obvious designs of one, on a server of your own.
//!
//! ```text
//! cargo run --release -p frontrow-adapter-mysql --example queue_bench -- \
//!     mysql://root@127.0.0.1:3306
//! ```
//!
//! Creates databases of its own and drops them. One run measures all designs against the same
//! server: only ratios count, not the rates. It takes about a minute, and prints the table of
//! "Designs of a queue on MySQL" in `docs/BENCHMARKS.md`.

#![expect(clippy::disallowed_methods, reason = "a benchmark measures durations")]

mod naive;
mod ours;
mod timing;

use anyhow::{Context, Result};
use mysql_async::{Conn, Opts, OptsBuilder, prelude::Queryable};
use timing::{Row, print};

/// The lengths of the lines that are measured, in users.
const LENGTHS: [usize; 2] = [1_000, 100_000];

/// Number of concurrent callers.
pub(crate) const CALLERS: usize = 64;

#[tokio::main]
async fn main() -> Result<()> {
    let url = std::env::args()
        .nth(1)
        .context("give the URL of a server, without a database")?;
    let server = Opts::from_url(&url)?;
    let mut root = Conn::new(tcp(&server, None)).await?;
    let version: Option<String> = root.query_first("SELECT VERSION()").await?;
    println!("server {}", version.unwrap_or_default());
    for name in ["frontrow_bench_naive", "frontrow_bench_ours"] {
        root.query_drop(format!("DROP DATABASE IF EXISTS {name}"))
            .await?;
        root.query_drop(format!("CREATE DATABASE {name}")).await?;
    }
    let mut rows: Vec<Row> = Vec::new();
    let naive = tcp(&server, Some("frontrow_bench_naive"));
    naive::prepare(&naive).await?;
    let ours_url = format!("{}/frontrow_bench_ours", url.trim_end_matches('/'));
    rows.push(naive::bare_commits(&naive).await?);
    rows.push(ours::joins(&ours_url).await?);
    rows.push(naive::joins_by_auto_increment(&naive).await?);
    rows.push(naive::joins_by_locked_row(&naive).await?);
    for users in LENGTHS {
        let waiting = ours::Waiting::fill(&ours_url, users).await?;
        rows.push(waiting.look_ups().await?);
        if users == LENGTHS[1] {
            rows.push(waiting.admission().await?);
        }
        naive::fill(&naive, users).await?;
        rows.push(naive::counted_positions(&naive, users).await?);
        if users == LENGTHS[1] {
            rows.push(naive::skip_locked_admission(&naive).await?);
        }
    }
    print(&rows);
    for name in ["frontrow_bench_naive", "frontrow_bench_ours"] {
        root.query_drop(format!("DROP DATABASE {name}")).await?;
    }
    root.disconnect().await?;
    Ok(())
}

/// Returns the options to connect to the server over TCP, as the adapter does.
fn tcp(server: &Opts, database: Option<&str>) -> Opts {
    OptsBuilder::from_opts(server.clone())
        .prefer_socket(false)
        .db_name(database)
        .into()
}
