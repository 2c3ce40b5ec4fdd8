//! The counters behind the rankings. A trigger counts a reservation as it is confirmed: a file has
//! one writer, so payments wait for each other in any case.

use async_trait::async_trait;
use diesel::{RunQueryDsl, sql_query, sql_types::BigInt};
use frontrow_domain::ports::{RankingCounters, StoreResult};
use jiff::Timestamp;

use super::{SqliteDatabase, columns::Db};

#[async_trait]
impl RankingCounters for SqliteDatabase {
    async fn add_up(&self, _: u32) -> StoreResult<u32> {
        Ok(0)
    }

    async fn forget(&self, before: Timestamp, limit: u32) -> StoreResult<u32> {
        self.write(move |connection, _| {
            // SQLite deletes with a limit only if it is built with that option.
            let gone = sql_query(
                "DELETE FROM concert_sales WHERE (grain, starts_at, concert_id) IN (
                     SELECT grain, starts_at, concert_id FROM concert_sales
                     WHERE grain IN (1, 2) AND starts_at < ?
                     ORDER BY grain, starts_at LIMIT ?)",
            )
            .bind::<BigInt, _>(Db(before))
            .bind::<BigInt, _>(Db(limit))
            .execute(connection)?;
            Ok(gone.try_into().unwrap_or(limit))
        })
        .await
    }
}
