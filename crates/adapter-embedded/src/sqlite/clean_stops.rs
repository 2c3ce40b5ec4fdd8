//! The record of clean stops, as settings in the file.

use std::str::FromStr;

use async_trait::async_trait;
use diesel::{
    ExpressionMethods, OptionalExtension, QueryDsl, QueryResult, RunQueryDsl, SqliteConnection,
    delete, insert_or_ignore_into, replace_into,
};
use frontrow_domain::{
    model::{DatabaseId, RunId, StopNumber},
    ports::{BegunRun, CleanStops, StoreResult},
};

use super::{SqliteDatabase, errors, migrations::number, schema::settings};

/// The setting with the database's id.
const DATABASE: &str = "database_id";
/// The setting with the run that may record a stop.
const RUN: &str = "queue_run";
/// The setting with the recorded stop. A backup has none.
const STOP: &str = "queue_stop";

#[async_trait]
impl CleanStops for SqliteDatabase {
    async fn recorded(&self) -> StoreResult<Option<StopNumber>> {
        self.read(|connection, _| find(connection, STOP)).await
    }

    async fn begin(&self, fresh: DatabaseId, run: RunId) -> StoreResult<BegunRun> {
        self.write(move |connection, _| {
            insert_or_ignore_into(settings::table)
                .values((
                    settings::name.eq(DATABASE),
                    settings::value.eq(fresh.to_string()),
                ))
                .execute(connection)?;
            let database = find(connection, DATABASE)?.unwrap_or(fresh);
            let stop = find(connection, STOP)?;
            delete(settings::table.find(STOP)).execute(connection)?;
            put(connection, RUN, &run.to_string())?;
            Ok(BegunRun { database, stop })
        })
        .await
    }

    async fn record(&self, run: RunId, stop: StopNumber) -> StoreResult<bool> {
        self.write(move |connection, _| {
            let is_last = find(connection, RUN)? == Some(run);
            if is_last {
                put(connection, STOP, &stop.to_string())?;
            }
            Ok(is_last)
        })
        .await
    }
}

/// Clears the recorded stop in a file. The file may have an older schema.
pub(super) fn forget(connection: &mut SqliteConnection) -> QueryResult<()> {
    let tables = "SELECT count(*) AS number FROM sqlite_schema WHERE name = 'settings'";
    if number(connection, tables)? > 0 {
        delete(settings::table.find(STOP)).execute(connection)?;
    }
    Ok(())
}

fn find<Number: FromStr>(
    connection: &mut SqliteConnection,
    name: &str,
) -> QueryResult<Option<Number>> {
    let stored: Option<String> = settings::table
        .find(name)
        .select(settings::value)
        .get_result(connection)
        .optional()?;
    let broken = |text: String| errors::broken(format!("the setting {name} {text:?} is none"));
    let number = stored.map(|text| text.parse().map_err(|_| broken(text)));
    number.transpose()
}

fn put(connection: &mut SqliteConnection, name: &str, value: &str) -> QueryResult<usize> {
    replace_into(settings::table)
        .values((settings::name.eq(name), settings::value.eq(value)))
        .execute(connection)
}
