//! The record of clean stops, as settings in the database.

use std::str::FromStr;

use async_trait::async_trait;
use diesel::{
    ExpressionMethods, OptionalExtension, QueryDsl, QueryResult, delete, insert_or_ignore_into,
    replace_into,
};
use diesel_async::RunQueryDsl;
use frontrow_domain::{
    model::{DatabaseId, RunId, StopNumber},
    ports::{BegunRun, CleanStops, StoreResult},
};
use futures_util::FutureExt;

use super::{MySqlDatabase, schema::settings};
use crate::{errors, session::Session, transactions::Verdict};

/// The setting with the database's id.
const DATABASE: &str = "database_id";
/// The setting with the run that may record a stop. Its row is locked first, so that runs take
/// turns.
const RUN: &str = "queue_run";
/// The setting with the recorded stop.
const STOP: &str = "queue_stop";

#[async_trait]
impl CleanStops for MySqlDatabase {
    async fn recorded(&self) -> StoreResult<Option<StopNumber>> {
        self.call((), |session, ()| recorded(session).boxed()).await
    }

    async fn begin(&self, fresh: DatabaseId, run: RunId) -> StoreResult<BegunRun> {
        self.call((fresh, run), |session, (fresh, run)| {
            begin(session, *fresh, *run).boxed()
        })
        .await
    }

    async fn record(&self, run: RunId, stop: StopNumber) -> StoreResult<bool> {
        self.call((run, stop), |session, (run, stop)| {
            record(session, *run, *stop).boxed()
        })
        .await
    }
}

async fn recorded(session: &mut Session) -> QueryResult<Verdict<Option<StopNumber>>> {
    let stored = settings::table
        .find(STOP)
        .select(settings::value)
        .get_result::<String>(session.connection())
        .await
        .optional()?;
    number(STOP, stored).map(Verdict::Commit)
}

async fn begin(
    session: &mut Session,
    fresh: DatabaseId,
    run: RunId,
) -> QueryResult<Verdict<BegunRun>> {
    session.begin().await?;
    put(session, RUN, run.to_string()).await?;
    insert_or_ignore_into(settings::table)
        .values((
            settings::name.eq(DATABASE),
            settings::value.eq(fresh.to_string()),
        ))
        .execute(session.connection())
        .await?;
    let database = locked(session, DATABASE).await?.unwrap_or(fresh);
    let stop = locked(session, STOP).await?;
    delete(settings::table.find(STOP))
        .execute(session.connection())
        .await?;
    Ok(Verdict::Commit(BegunRun { database, stop }))
}

async fn record(session: &mut Session, run: RunId, stop: StopNumber) -> QueryResult<Verdict<bool>> {
    session.begin().await?;
    if locked(session, RUN).await? != Some(run) {
        return Ok(Verdict::Rollback(false));
    }
    put(session, STOP, stop.to_string()).await?;
    Ok(Verdict::Commit(true))
}

/// Reads the number in the setting `name` and locks its row until the transaction ends.
async fn locked<Number: FromStr>(session: &mut Session, name: &str) -> QueryResult<Option<Number>> {
    let stored = settings::table
        .find(name)
        .select(settings::value)
        .for_update()
        .get_result::<String>(session.connection())
        .await
        .optional()?;
    number(name, stored)
}

fn number<Number: FromStr>(name: &str, stored: Option<String>) -> QueryResult<Option<Number>> {
    let broken = |text: String| errors::broken(format!("the setting {name} {text:?} is none"));
    let number = stored.map(|text| text.parse().map_err(|_| broken(text)));
    number.transpose()
}

async fn put(session: &mut Session, name: &str, value: String) -> QueryResult<usize> {
    replace_into(settings::table)
        .values((settings::name.eq(name), settings::value.eq(value)))
        .execute(session.connection())
        .await
}
