//! The data folder of the database server is on a full disk.

use anyhow::Result;
use frontrow_test_harness::{MySqlOptions, MySqlServer, SmallDisk};
use serde_json::json;

use super::{log_lines, sale_run::SaleRun};
use crate::{
    clock::Stopwatch, database_failures::with_short_timeouts, stores::Stores, test_app::TestApp,
};

/// Space for the files that a server creates when it starts, and some more, in MiB.
const DISK_MIB: u32 = 192;

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_costs_no_user_anything_but_time() -> Result<()> {
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
    let (rows, seats) = SaleRun::SEATS;
    let test_app = TestApp::open_with(with_short_timeouts(&url), rows, seats, json!({})).await?;
    let mut run = SaleRun::begin(Stores::MYSQL, &test_app).await?;

    let since = Stopwatch::start();
    disk.fill()?;
    run.charge_until_refused(&test_app).await?;
    run.pay_until_refused().await?;
    run.check_reads(&test_app).await?;
    run.check_totals(&test_app).await?;
    let database = format!("frontrow on {}", server.address());
    log_lines::check_disk_full_lines(&test_app.app, &database, &since)?;
    disk.make_room()?;
    run.repeat_refused_requests(&test_app).await?;
    run.check_totals(&test_app).await?;

    server.kill()?;
    server.start_again().await?;
    run.check_totals(&test_app).await
}
