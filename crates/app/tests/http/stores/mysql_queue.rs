//! Reads a queue on MySQL directly.

use anyhow::{Context, Result};
use diesel::{
    QueryableByName, sql_query,
    sql_types::{BigInt, Bool, Nullable, Text},
};
use diesel_async::{AsyncConnection, AsyncMysqlConnection, RunQueryDsl, SimpleAsyncConnection};
use frontrow_test_harness::AppConfig;

use super::{
    mysql::URL,
    queue_record::{Active, QueueRecord, Waiting},
};

/// All reads until the next commit are of this instant.
const BEGIN: &str = "
    SET TRANSACTION ISOLATION LEVEL REPEATABLE READ;
    START TRANSACTION WITH CONSISTENT SNAPSHOT";

const HEAD: &str = "
    SELECT TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6)) AS now,
        admitted, window_start_us
    FROM queues WHERE concert_id = UNHEX(REPLACE(?, '-', ''))";

/// Users who wait or are active. A user who has left may still have a row.
const PLACES: &str = "
    SELECT user_id, arrival, phase < 2 AS waits, COALESCE(admitted_at_us, 0) AS admitted_at
    FROM queue_places WHERE concert_id = UNHEX(REPLACE(?, '-', '')) AND phase < 4
    ORDER BY arrival";

#[derive(QueryableByName)]
struct HeadRow {
    #[diesel(sql_type = BigInt)]
    now: i64,
    #[diesel(sql_type = BigInt)]
    admitted: i64,
    #[diesel(sql_type = Nullable<BigInt>)]
    window_start_us: Option<i64>,
}

#[derive(QueryableByName)]
struct PlaceRow {
    #[diesel(sql_type = Text)]
    user_id: String,
    #[diesel(sql_type = BigInt)]
    arrival: i64,
    #[diesel(sql_type = Bool)]
    waits: bool,
    #[diesel(sql_type = BigInt)]
    admitted_at: i64,
}

/// Reads the record of one queue.
pub(crate) struct MySqlReader {
    connection: AsyncMysqlConnection,
    concert: String,
}

impl MySqlReader {
    pub(super) async fn open(config: &AppConfig, concert: &str) -> Result<Self> {
        let url = config.value(URL).and_then(|url| url.to_str());
        let url = url.context("the program was given no database")?;
        Ok(Self {
            connection: AsyncMysqlConnection::establish(url).await?,
            concert: concert.to_owned(),
        })
    }

    pub(super) async fn read(&mut self) -> Result<QueueRecord> {
        self.connection.batch_execute(BEGIN).await?;
        let head: HeadRow = sql_query(HEAD)
            .bind::<Text, _>(&self.concert)
            .get_result(&mut self.connection)
            .await?;
        let places: Vec<PlaceRow> = sql_query(PLACES)
            .bind::<Text, _>(&self.concert)
            .load(&mut self.connection)
            .await?;
        self.connection.batch_execute("COMMIT").await?;
        let (waiting, active): (Vec<_>, Vec<_>) = places.into_iter().partition(|row| row.waits);
        let waiting = waiting.into_iter().map(|row| Waiting {
            user: row.user_id,
            arrival: row.arrival,
        });
        let active = active.into_iter().map(|row| Active {
            user: row.user_id,
            arrival: row.arrival,
            admitted_at: row.admitted_at,
        });
        Ok(QueueRecord {
            now: head.now,
            waiting: waiting.collect(),
            active: active.collect(),
            moved: usize::try_from(head.admitted)?,
            window_start: head.window_start_us,
        })
    }
}
