//! What a MySQL server says about the queries of rankings.

use anyhow::Result;
use diesel::{QueryableByName, sql_query, sql_types::BigInt};
use diesel_async::{AsyncMysqlConnection, RunQueryDsl, SimpleAsyncConnection};

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    number: i64,
}

/// The one `number` that a query gives.
pub(super) async fn count(database: &mut AsyncMysqlConnection, sql: &str) -> Result<i64> {
    let count: Count = sql_query(sql).get_result(database).await?;
    Ok(count.number)
}

/// Lets every query of a ranking in the database wait from here on.
pub(super) async fn hold_up(database: &mut AsyncMysqlConnection) -> Result<()> {
    Ok(database
        .batch_execute("LOCK TABLES concert_sales WRITE")
        .await?)
}

/// Lets them go on.
pub(super) async fn let_go(database: &mut AsyncMysqlConnection) -> Result<()> {
    Ok(database.batch_execute("UNLOCK TABLES").await?)
}

/// How many rankings of the database are being queried at this moment.
pub(super) async fn under_way(database: &mut AsyncMysqlConnection) -> Result<i64> {
    let sql = "SELECT COUNT(*) AS number FROM information_schema.processlist
               WHERE db = DATABASE() AND info LIKE '%SELECT best.concert_id%'
                 AND id <> CONNECTION_ID()";
    count(database, sql).await
}
