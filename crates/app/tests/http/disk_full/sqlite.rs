//! The data folder of the program is on a full disk.

use anyhow::Result;
use frontrow_test_harness::SmallDisk;
use serde_json::json;

use super::{log_lines, sale_run::SaleRun};
use crate::{clock::Stopwatch, stores::Stores, test_app::TestApp};

/// Space for the database, its log and some more, in MiB.
const DISK_MIB: u32 = 8;

const STORES: Stores = Stores::EMBEDDED;

async fn open(disk: &SmallDisk) -> Result<TestApp> {
    let config = STORES.config().await?.data_dir(disk.path());
    let (rows, seats) = SaleRun::SEATS;
    TestApp::open_with(config, rows, seats, json!({})).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_costs_no_user_anything_but_time() -> Result<()> {
    let disk = SmallDisk::mount(DISK_MIB)?;
    let mut test_app = open(&disk).await?;
    let mut run = SaleRun::begin(STORES, &test_app).await?;
    let since = Stopwatch::start();
    disk.fill()?;
    run.charge_until_refused(&test_app).await?;
    run.pay_until_refused().await?;
    run.check_reads(&test_app).await?;
    run.check_totals(&test_app).await?;
    let file = test_app.app.data_dir().join("frontrow.db");
    log_lines::check_disk_full_lines(&test_app.app, &file.to_string_lossy(), &since)?;
    disk.make_room()?;
    run.repeat_refused_requests(&test_app).await?;
    run.check_totals(&test_app).await?;
    test_app.app.restart().await?;
    run.check_totals(&test_app).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_is_killed_while_the_disk_is_full_keeps_every_acknowledged_write()
-> Result<()> {
    let disk = SmallDisk::mount(DISK_MIB)?;
    let mut test_app = open(&disk).await?;
    let mut run = SaleRun::begin(STORES, &test_app).await?;
    disk.fill()?;
    run.charge_until_refused(&test_app).await?;
    run.pay_until_refused().await?;
    test_app.app.sigkill()?;
    test_app.app.restart().await?;
    run.check_reads(&test_app).await?;
    run.check_totals(&test_app).await?;
    disk.make_room()?;
    run.check_totals(&test_app).await
}
