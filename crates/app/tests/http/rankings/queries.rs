//! The queries for rankings that a MySQL server is running.

use std::time::Duration;

use anyhow::{Result, ensure};
use diesel::{QueryableByName, sql_query, sql_types::BigInt};
use diesel_async::{AsyncConnection, AsyncMysqlConnection, RunQueryDsl, SimpleAsyncConnection};
use frontrow_test_harness::{PROCESS_LIST, eventually};

use super::SOON;
use crate::clock::Stopwatch;

/// The time for which a test watches for other queries while some wait. It is longer than the
/// second after which another reader's request replaces a waiting one, and than the two seconds
/// after which a failed cache is tried again.
const WATCHED: Duration = Duration::from_millis(3_500);

/// The pause between two reads.
const PACE: Duration = Duration::from_millis(20);

/// A direct connection to the database.
pub(super) struct Database {
    /// Locks tables. MySQL does not let this connection read other tables.
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

/// The only `number` that a query returns.
pub(super) async fn count(database: &mut Database, sql: &str) -> Result<i64> {
    let count: Count = sql_query(sql).get_result(&mut database.reading).await?;
    Ok(count.number)
}

/// From here on, every query of a ranking in the database waits.
pub(super) async fn hold_up(database: &mut Database) -> Result<()> {
    let lock = "LOCK TABLES concert_sales WRITE";
    Ok(database.locking.batch_execute(lock).await?)
}

/// Lets the queries continue.
pub(super) async fn let_go(database: &mut Database) -> Result<()> {
    Ok(database.locking.batch_execute("UNLOCK TABLES").await?)
}

/// The number of running queries of rankings in the database.
pub(super) async fn under_way(database: &mut Database) -> Result<i64> {
    let sql = format!(
        "SELECT COUNT(*) AS number FROM {PROCESS_LIST}
         WHERE db = DATABASE() AND info LIKE '%SELECT best.concert_id%' AND id <> CONNECTION_ID()"
    );
    count(database, &sql).await
}

/// Waits until no query runs, and checks that none is started again.
pub(super) async fn none_any_more(database: &mut Database) -> Result<()> {
    eventually("the queries end", SOON, async || {
        Ok((under_way(database).await? == 0).then_some(()))
    })
    .await?;
    still_one_each(database, 0).await
}

/// Waits until this many rankings are queried, which a lock delays. Checks that none of them is
/// queried a second time. The server does not show which ranking a statement is for. But each
/// ranking is requested all the time, so if one is queried twice, another one soon makes one query
/// too many.
pub(super) async fn one_each(database: &mut Database, rankings: i64) -> Result<()> {
    eventually("all of them are queried", SOON, async || {
        let now = under_way(database).await?;
        ensure!(now <= rankings, "{now} queries at once");
        Ok((now == rankings).then_some(()))
    })
    .await?;
    still_one_each(database, rankings).await
}

/// Checks for a while that at most this many rankings are queried. A read may find fewer than there
/// are: the server skips connections that are busy at that moment.
pub(super) async fn still_one_each(database: &mut Database, rankings: i64) -> Result<()> {
    let watched = Stopwatch::start();
    while watched.elapsed() < WATCHED {
        let now = under_way(database).await?;
        ensure!(now <= rankings, "{now} queries at once");
        tokio::time::sleep(PACE).await;
    }
    Ok(())
}
