//! Queues in the memory of one program: a second program never runs beside it, whatever happens to
//! the database.

use std::path::Path;

use anyhow::{Result, ensure};
use diesel::{QueryableByName, sql_query, sql_types::BigInt};
use diesel_async::{AsyncConnection, AsyncMysqlConnection, RunQueryDsl};
use frontrow_test_harness::{App, Fault, eventually};
use serde_json::json;

use super::{FaultyDatabase, SOON, faulty_database::with_short_timeouts};
use crate::test_app::start;

/// The number of connections of the server that hold the lock.
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
    let mut fixture = FaultyDatabase::open(json!({})).await?;
    let direct = format!("{}/frontrow", fixture.server.url());
    ensure!(is_locked(&direct).await?);
    fixture.server.kill()?;
    fixture.server.start_again().await?;
    eventually("the lock is taken again", SOON, async || {
        Ok(is_locked(&direct).await?.then_some(()))
    })
    .await?;
    let second = with_short_timeouts(&direct);
    let output = App::run(Path::new(env!("CARGO_BIN_EXE_frontrow")), &second).await?;
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(!output.status.success(), "{text}");
    ensure!(
        text.contains("another frontrow") && text.lines().count() == 1,
        "{text}"
    );
    fixture.wait_until_up().await?;
    fixture.check_never_crashed()
}

/// While the network is cut, neither program can detect the other. Once it works again, one of them
/// ends.
#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_was_replaced_while_it_was_cut_off_ends() -> Result<()> {
    let mut fixture = FaultyDatabase::open(json!({})).await?;
    let direct = format!("{}/frontrow", fixture.server.url());
    fixture.network.set(Fault::Refuse).await?;
    let second = start(with_short_timeouts(&direct)).await?;
    fixture.network.set(Fault::Forward).await?;
    let status = fixture.test_app.app.wait_exit().await?;
    let log = fixture.test_app.app.log()?;
    ensure!(
        !status.success() && log.contains("frontrow: another frontrow"),
        "{log}"
    );
    second.client().get("/readyz").await?.expect_status(200)?;
    Ok(())
}
