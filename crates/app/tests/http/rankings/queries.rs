//! The queries for rankings that a MySQL server is running.

use std::time::Duration;

use anyhow::{Result, ensure};
use diesel::{QueryableByName, sql_query, sql_types::BigInt};
use diesel_async::{AsyncConnection, AsyncMysqlConnection, RunQueryDsl, SimpleAsyncConnection};
use frontrow_test_harness::{PROCESS_LIST, eventually};

use super::SOON;
use crate::clock::Stopwatch;

/// For how long it is looked whether other queries come while some wait: past the second after which a
/// reader's look is replaced by another, and the two after which a cache that failed is tried again.
const WATCHED: Duration = Duration::from_millis(3_500);

/// Between two looks.
const PACE: Duration = Duration::from_millis(20);

/// A database, past the program.
pub(super) struct Database {
    /// Locks tables. MySQL lets a connection that does so read no others.
    pub(super) locking: AsyncMysqlConnection,
    reading: AsyncMysqlConnection,
}

impl Database {
    pub(super) async fn at(url: &str) -> Result<Self> {
        Ok(Self {
            locking: AsyncMysqlConnection::establish(url).await?,
            reading: AsyncMysqlConnection::establish(url).await?,
        })
    }
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    number: i64,
}

/// The one `number` that a query gives.
pub(super) async fn count(database: &mut Database, sql: &str) -> Result<i64> {
    let count: Count = sql_query(sql).get_result(&mut database.reading).await?;
    Ok(count.number)
}

/// Lets every query of a ranking in the database wait from here on.
pub(super) async fn hold_up(database: &mut Database) -> Result<()> {
    let lock = "LOCK TABLES concert_sales WRITE";
    Ok(database.locking.batch_execute(lock).await?)
}

/// Lets them go on.
pub(super) async fn let_go(database: &mut Database) -> Result<()> {
    Ok(database.locking.batch_execute("UNLOCK TABLES").await?)
}

/// How many rankings of the database are being queried at this moment.
pub(super) async fn under_way(database: &mut Database) -> Result<i64> {
    let sql = format!(
        "SELECT COUNT(*) AS number FROM {PROCESS_LIST}
         WHERE db = DATABASE() AND info LIKE '%SELECT best.concert_id%' AND id <> CONNECTION_ID()"
    );
    count(database, &sql).await
}

/// Waits until none is queried, and sees that none is asked for again.
pub(super) async fn none_any_more(database: &mut Database) -> Result<()> {
    eventually("the queries end", SOON, async || {
        Ok((under_way(database).await? == 0).then_some(()))
    })
    .await?;
    still_one_each(database, 0).await
}

/// Waits until so many rankings are queried, which somebody holds up, and sees that none of them is queried
/// a second time. The server does not show which ranking a statement is of; but each is asked for all the
/// time, so where one is queried twice, another soon makes one too many.
pub(super) async fn one_each(database: &mut Database, rankings: i64) -> Result<()> {
    eventually("all of them are queried", SOON, async || {
        let now = under_way(database).await?;
        ensure!(now <= rankings, "{now} queries at once");
        Ok((now == rankings).then_some(()))
    })
    .await?;
    still_one_each(database, rankings).await
}

/// Sees for a while that no more than so many rankings are queried. A look may find fewer than there are: the
/// server skips who is busy at that moment.
pub(super) async fn still_one_each(database: &mut Database, rankings: i64) -> Result<()> {
    let watched = Stopwatch::start();
    while watched.elapsed() < WATCHED {
        let now = under_way(database).await?;
        ensure!(now <= rankings, "{now} queries at once");
        tokio::time::sleep(PACE).await;
    }
    Ok(())
}
