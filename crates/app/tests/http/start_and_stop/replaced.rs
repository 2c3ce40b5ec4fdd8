//! A program whose lock another process has taken.

use anyhow::{Result, ensure};
use diesel::{QueryableByName, sql_query, sql_types::BigInt};
use diesel_async::{AsyncMysqlConnection, RunQueryDsl};

use crate::{stores::Stores, test_app::TestApp};

use super::json;

/// The name of the lock, for its owner and for the process that takes it.
const LOCK: &str = "CONCAT('frontrow-sole-', LEFT(SHA2(DATABASE(), 256), 40))";

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    number: i64,
}

async fn ask(database: &mut AsyncMysqlConnection, what: &str) -> Result<i64> {
    let query = sql_query(format!("SELECT CAST({what} AS SIGNED) AS number"));
    Ok(query.get_result::<Number>(database).await?.number)
}

/// The queue of this program is empty. The queue of the process that took the lock may have users,
/// so it must recover if that process dies.
#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_was_replaced_records_nothing_of_its_queues() -> Result<()> {
    let (mut test_app, successor) = replaced().await?;
    ensure!(!test_app.app.wait_exit().await?.success());
    let log = test_app.app.log()?;
    assert!(
        log.contains("another frontrow serves the concerts"),
        "{log}"
    );
    recovers(test_app, successor).await
}

/// The program needs some seconds to notice that its lock is lost.
#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_stops_before_it_notices_records_nothing_either() -> Result<()> {
    let (mut test_app, successor) = replaced().await?;
    test_app.app.sigterm()?;
    ensure!(test_app.app.wait_exit().await?.success());
    recovers(test_app, successor).await
}

/// A program with an empty queue, whose lock another connection has taken.
async fn replaced() -> Result<(TestApp, AsyncMysqlConnection)> {
    let config = Stores::MYSQL.config().await?;
    let config = config.env("FRONTROW_QUEUE__RECOVERY_S", "600");
    let test_app = TestApp::open_with(config, 1, 5, json!({})).await?;
    let mut successor = Stores::MYSQL.mysql(&test_app.app).await?;
    let owner = ask(&mut successor, &format!("IS_USED_LOCK({LOCK})")).await?;
    sql_query(format!("KILL {owner}"))
        .execute(&mut successor)
        .await?;
    let taken = ask(&mut successor, &format!("GET_LOCK({LOCK}, 30)")).await?;
    ensure!(taken == 1);
    Ok((test_app, successor))
}

async fn recovers(mut test_app: TestApp, successor: AsyncMysqlConnection) -> Result<()> {
    drop(successor);
    test_app.app.restart().await?;
    let visitor = test_app.join("visitor").await?;
    assert_eq!(visitor.place["queue"]["recovering"], true);
    Ok(())
}
