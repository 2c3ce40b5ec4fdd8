//! The data folder of the program is on a full disk.

use anyhow::Result;
use frontrow_test_harness::SmallDisk;
use serde_json::json;

use super::{evening::Evening, log_lines};
use crate::{clock::Stopwatch, stores::Stores, test_app::TestApp};

/// Space for the database, its log and some more, in MiB.
const DISK_MIB: u32 = 8;

const STORES: Stores = Stores::EMBEDDED;

async fn open(disk: &SmallDisk) -> Result<TestApp> {
    let config = STORES.config().await?.data_dir(disk.path());
    let (rows, seats) = Evening::SEATS;
    TestApp::open_with(config, rows, seats, json!({})).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_costs_nobody_anything_but_time() -> Result<()> {
    let disk = SmallDisk::mount(DISK_MIB)?;
    let mut test_app = open(&disk).await?;
    let mut evening = Evening::begin(STORES, &test_app).await?;
    let since = Stopwatch::start();
    disk.fill()?;
    evening.charge_until_refused(&test_app).await?;
    evening.pay_until_refused().await?;
    evening.everybody_may_look(&test_app).await?;
    evening.books_are_right(&test_app).await?;
    let file = test_app.app.data_dir().join("frontrow.db");
    log_lines::tell_of_a_full_disk(&test_app.app, &file.to_string_lossy(), &since)?;
    disk.make_room()?;
    evening.everybody_comes_back(&test_app).await?;
    evening.books_are_right(&test_app).await?;
    test_app.app.restart().await?;
    evening.books_are_right(&test_app).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_is_killed_while_the_disk_is_full_has_kept_what_it_acknowledged()
-> Result<()> {
    let disk = SmallDisk::mount(DISK_MIB)?;
    let mut test_app = open(&disk).await?;
    let mut evening = Evening::begin(STORES, &test_app).await?;
    disk.fill()?;
    evening.charge_until_refused(&test_app).await?;
    evening.pay_until_refused().await?;
    test_app.app.sigkill()?;
    test_app.app.restart().await?;
    evening.everybody_may_look(&test_app).await?;
    evening.books_are_right(&test_app).await?;
    disk.make_room()?;
    evening.books_are_right(&test_app).await
}
