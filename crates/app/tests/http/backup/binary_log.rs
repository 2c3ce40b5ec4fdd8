//! Changes after a dump are in the server's binary log. The manual's steps apply them from there.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};
use frontrow_test_harness::{MySqlOptions, MySqlServer};
use serde_json::json;

use super::mysql_dump;
use crate::{
    stores::Stores,
    test_app::{PRICE, TestApp},
};

/// A server whose binary log is in `folder`.
async fn logging_to(folder: &Path) -> Result<MySqlServer> {
    let log = format!("--log-bin={}", folder.join("binlog").display());
    MySqlServer::start_with(MySqlOptions {
        more: vec![log, "--server-id=1".into()],
        ..MySqlOptions::default()
    })
    .await
}

/// The position after `dump` in the log, from the comment at its head: a file in `folder` and an
/// offset.
fn end_of(dump: &Path, folder: &Path) -> Result<(PathBuf, u64)> {
    let dump = String::from_utf8_lossy(&fs::read(dump)?).into_owned();
    let head = dump.lines().find(|line| line.starts_with("-- CHANGE "));
    let head = head.context("the dump has no position")?;
    let after = |name: &str| head.split_once(name).map(|(_, rest)| rest);
    let file = after("_LOG_FILE='").and_then(|rest| rest.split('\'').next());
    let position = after("_LOG_POS=").and_then(|rest| rest.split(';').next());
    let file = file.with_context(|| format!("no file: {head}"))?;
    let position = position.with_context(|| format!("no position: {head}"))?;
    Ok((folder.join(file), position.trim().parse()?))
}

/// The sum of the user's ledger rows in the database.
async fn points(test_app: &TestApp) -> Result<i64> {
    let ledgers = Stores::MYSQL.ledgers(&test_app.app).await?;
    Ok(ledgers.iter().map(|ledger| ledger.sum).sum())
}

#[tokio::test(flavor = "multi_thread")]
async fn charges_that_came_after_a_dump_are_applied_from_the_binary_log() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let server = logging_to(folder.path()).await?;
    if !server.version().contains("MariaDB") && !mysql_dump::has_mysql_clients() {
        return Ok(());
    }
    let url = server.create_database("frontrow").await?;
    let mut test_app = TestApp::open_with(Stores::on_mysql(&url), 1, 1, json!({})).await?;
    let ann = test_app.join("ann").await?;
    ann.charge(PRICE, "before").await?.expect_status(201)?;
    let dump = folder.path().join("dump");
    mysql_dump::dump(&url, &dump).await?;
    ann.charge(2 * PRICE, "after").await?.expect_status(201)?;
    test_app.app.sigterm()?;
    ensure!(test_app.app.wait_exit().await?.success());

    let (log, from) = end_of(&dump, folder.path())?;
    let to = log.metadata()?.len();
    server.execute("DROP DATABASE frontrow").await?;
    server.create_database("frontrow").await?;
    mysql_dump::load(&url, &dump).await?;
    assert_eq!(points(&test_app).await?, PRICE);
    mysql_dump::replay(&url, &log, from, to).await?;
    assert_eq!(points(&test_app).await?, 3 * PRICE);

    test_app.app.restart().await?;
    assert_eq!(ann.balance().await?, 3 * PRICE);
    // The key of the later charge is known, too.
    ann.charge(2 * PRICE, "after").await?.expect_status(201)?;
    assert_eq!(ann.balance().await?, 3 * PRICE);
    Ok(())
}
