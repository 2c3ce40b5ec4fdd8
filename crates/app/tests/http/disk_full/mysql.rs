//! The data folder of the database server is on a full disk.

use anyhow::Result;
use frontrow_test_harness::{MySqlOptions, MySqlServer, SmallDisk};
use serde_json::json;

use super::{evening::Evening, log_lines};
use crate::{clock::Stopwatch, database_failures::impatient, stores::Stores, test_app::TestApp};

/// Space for the files that a server creates when it starts, and some more, in MiB.
const DISK_MIB: u32 = 192;

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_costs_nobody_anything_but_time() -> Result<()> {
    let disk = SmallDisk::mount(DISK_MIB)?;
    let data_dir = disk.path().join("data");
    std::fs::create_dir(&data_dir)?;
    let mut server = MySqlServer::start_with(MySqlOptions {
        durable: true,
        data_dir: Some(data_dir),
        ..MySqlOptions::default()
    })
    .await?;
    let url = server.create_database("frontrow").await?;
    let (rows, seats) = Evening::SEATS;
    let test_app = TestApp::open_with(impatient(&url), rows, seats, json!({})).await?;
    let mut evening = Evening::begin(Stores::MYSQL, &test_app).await?;

    let since = Stopwatch::start();
    disk.fill()?;
    evening.charge_until_refused(&test_app).await?;
    evening.pay_until_refused().await?;
    evening.everybody_may_look(&test_app).await?;
    evening.books_are_right(&test_app).await?;
    let database = format!("frontrow on {}", server.address());
    log_lines::tell_of_a_full_disk(&test_app.app, &database, &since)?;
    disk.make_room()?;
    evening.everybody_comes_back(&test_app).await?;
    evening.books_are_right(&test_app).await?;

    server.kill()?;
    server.start_again().await?;
    evening.books_are_right(&test_app).await
}
