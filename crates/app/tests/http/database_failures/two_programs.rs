//! Queues in the memory of one program: a second program never runs beside it, whatever happens to
//! the database.

use std::path::Path;

use anyhow::{Result, ensure};
use diesel::{QueryableByName, sql_query, sql_types::BigInt};
use diesel_async::{AsyncConnection, AsyncMysqlConnection, RunQueryDsl};
use frontrow_test_harness::{App, Fault, eventually};
use serde_json::json;

use super::{SOON, ShakyStage, shaky_stage::impatient};
use crate::test_app::start;

/// The connections of the server that hold locks. Empty if there are none.
#[derive(QueryableByName)]
struct Holders {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

async fn is_locked(url: &str) -> Result<bool> {
    let name = "CONCAT('frontrow-sole-', LEFT(SHA2(DATABASE(), 256), 40))";
    let mut raw = AsyncMysqlConnection::establish(url).await?;
    let query = format!("SELECT IS_USED_LOCK({name}) IS NOT NULL AS count");
    let Holders { count } = sql_query(query).get_result(&mut raw).await?;
    Ok(count > 0)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_program_is_refused_after_the_server_was_restarted_too() -> Result<()> {
    let mut shaky = ShakyStage::open(json!({})).await?;
    let direct = format!("{}/frontrow", shaky.server.url());
    ensure!(is_locked(&direct).await?);
    shaky.server.kill()?;
    shaky.server.start_again().await?;
    eventually("the lock is taken again", SOON, async || {
        Ok(is_locked(&direct).await?.then_some(()))
    })
    .await?;
    let second = impatient(&direct);
    let output = App::run(Path::new(env!("CARGO_BIN_EXE_frontrow")), &second).await?;
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(!output.status.success(), "{text}");
    ensure!(
        text.contains("another frontrow") && text.lines().count() == 1,
        "{text}"
    );
    shaky.is_up_again().await?;
    shaky.never_crashed()
}

/// The first program cannot know of the second, and the second does not know of the first. When
/// they can, one of them ends.
#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_was_replaced_while_it_was_cut_off_ends() -> Result<()> {
    let mut shaky = ShakyStage::open(json!({})).await?;
    let direct = format!("{}/frontrow", shaky.server.url());
    shaky.network.set(Fault::Refuse).await?;
    let second = start(impatient(&direct)).await?;
    shaky.network.set(Fault::Forward).await?;
    let status = shaky.test_app.app.wait_exit().await?;
    let log = shaky.test_app.app.log()?;
    ensure!(
        !status.success() && log.contains("frontrow: another frontrow"),
        "{log}"
    );
    second.client().get("/readyz").await?.expect_status(200)?;
    Ok(())
}
