//! The cost of event streams for the store of the queue.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use deadpool_redis::redis::{Client, aio::MultiplexedConnection, cmd};
use frontrow_test_harness::RedisServer;
use futures_util::future::try_join_all;
use serde_json::json;

use super::reader::Reader;
use crate::{clock::Stopwatch, stores::Stores, test_app::TestApp};

/// For how long commands are counted.
const WATCHED: Duration = Duration::from_secs(8);

const LISTENERS: usize = 200;

/// The number of commands that the server received, without those of scripts.
async fn commands(connection: &mut MultiplexedConnection) -> Result<u64> {
    let info: String = cmd("INFO")
        .arg("commandstats")
        .query_async(connection)
        .await?;
    let calls = info
        .lines()
        .find_map(|line| line.strip_prefix("cmdstat_evalsha:calls="))
        .and_then(|rest| rest.split(',').next());
    Ok(calls.context("scripts were called")?.parse()?)
}

/// Commands per second, measured for a while.
async fn rate(connection: &mut MultiplexedConnection) -> Result<f64> {
    let (before, watch) = (commands(connection).await?, Stopwatch::start());
    tokio::time::sleep(WATCHED).await;
    let count = u32::try_from(commands(connection).await? - before)?;
    Ok(f64::from(count) / watch.elapsed().as_secs_f64())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_listeners_cost_the_store_no_more_commands() -> Result<()> {
    // The counts are of the whole server.
    let server = RedisServer::start().await?;
    let config = Stores::EMBEDDED.config().await?;
    let config = Stores::with_redis(config, &server.url());
    // Positions change all the time.
    let policy = json!({"throughput": {"admit": 1, "interval_s": 1}, "claim_ttl_s": 3600});
    let test_app = TestApp::open_with(config, 1, 5, policy).await?;
    for number in 0..60 {
        test_app.join(&format!("ahead-{number}")).await?;
    }
    let mut connection = Client::open(server.url())?
        .get_multiplexed_async_connection()
        .await?;
    let first = test_app.join("first").await?;
    let _stream = Reader::open(&first.client).await?;
    let with_one = rate(&mut connection).await?;
    let users = (0..LISTENERS).map(|number| {
        let test_app = &test_app;
        async move {
            let user = test_app.join(&format!("user-{number}")).await?;
            Reader::open(&user.client).await
        }
    });
    let streams = try_join_all(users).await?;
    let with_many = rate(&mut connection).await?;
    ensure!(streams.len() == LISTENERS);
    eprintln!("{with_one:.1} calls/s with one listener, {with_many:.1} with {LISTENERS} more");
    ensure!(
        with_many <= with_one + 2.0,
        "{with_one} and {with_many} a second"
    );
    ensure!(with_many <= 20.0, "{with_many} a second");
    Ok(())
}
