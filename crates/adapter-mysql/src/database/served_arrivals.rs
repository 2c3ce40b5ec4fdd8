//! The served entries: which users the queues have served.

use std::time::Duration;

use async_trait::async_trait;
use diesel::{
    ExpressionMethods, OptionalExtension, QueryDsl, QueryResult, delete,
    dsl::max,
    sql_query,
    sql_types::{BigInt, Binary},
};
use diesel_async::RunQueryDsl;
use frontrow_domain::{
    model::{
        ConcertId,
        queue::{Arrival, Served, ServedEntry},
    },
    ports::{ServedArrivals, StoreResult},
};
use futures_util::FutureExt;
use jiff::Timestamp;

use super::{MySqlDatabase, columns::Db, schema::served_arrivals};
use crate::{errors, session::Session, statement::Fixed, transactions::Verdict};

/// Adds nothing if there is no such concert. Of two entries for one slot, the one with the later
/// instant stays. `at_us` is set last, since the other columns are compared with its old value.
const RECORD: &str = "
    INSERT INTO served_arrivals (concert_id, slot, at_us, arrival, serving_since_us, life_us)
    SELECT c.id, ?, ?, ?, ?, ? FROM concerts c WHERE c.id = ?
    ON DUPLICATE KEY UPDATE
        arrival = IF(VALUES(at_us) >= served_arrivals.at_us,
            VALUES(arrival), served_arrivals.arrival),
        serving_since_us = IF(VALUES(at_us) >= served_arrivals.at_us,
            VALUES(serving_since_us), served_arrivals.serving_since_us),
        life_us = IF(VALUES(at_us) >= served_arrivals.at_us,
            VALUES(life_us), served_arrivals.life_us),
        at_us = GREATEST(VALUES(at_us), served_arrivals.at_us)";

#[async_trait]
impl ServedArrivals for MySqlDatabase {
    async fn record(&self, concert: ConcertId, entry: &ServedEntry) -> StoreResult<()> {
        self.call((concert, *entry), |session, (concert, entry)| {
            record(session, *concert, *entry).boxed()
        })
        .await
    }

    async fn served_before_loss(&self, concert: ConcertId) -> StoreResult<Option<Arrival>> {
        self.call(concert, |session, concert| {
            served_before_loss(session, *concert).boxed()
        })
        .await
    }
}

async fn record(
    session: &mut Session,
    concert: ConcertId,
    entry: ServedEntry,
) -> QueryResult<Verdict<()>> {
    session.begin().await?;
    let statement = sql_query(RECORD)
        .bind::<BigInt, _>(entry.slot())
        .bind::<BigInt, _>(entry.at.as_microsecond())
        .bind::<BigInt, _>(entry.served.up_to.micros())
        .bind::<BigInt, _>(entry.served.serving_since.as_microsecond())
        .bind::<BigInt, _>(Db(entry.life))
        .bind::<Binary, _>(Db(concert));
    Fixed(statement).execute(session.connection()).await?;
    let series = || served_arrivals::table.filter(served_arrivals::concert_id.eq(Db(concert)));
    delete(series().filter(served_arrivals::slot.gt(entry.last_slot())))
        .execute(session.connection())
        .await?;
    if let Some(last) = last_settled(session, concert, &entry).await? {
        delete(series().filter(served_arrivals::slot.lt(last)))
            .execute(session.connection())
            .await?;
    }
    Ok(Verdict::Commit(()))
}

/// Returns the slot of the last entry that is older than an active place can last.
async fn last_settled(
    session: &mut Session,
    concert: ConcertId,
    entry: &ServedEntry,
) -> QueryResult<Option<i64>> {
    let series = || served_arrivals::table.filter(served_arrivals::concert_id.eq(Db(concert)));
    let newest: Option<i64> = series()
        .select(max(served_arrivals::slot))
        .get_result(session.connection())
        .await?;
    let life: Option<Db<Duration>> = series()
        .order(served_arrivals::life_us.desc())
        .select(served_arrivals::life_us)
        .first(session.connection())
        .await
        .optional()?;
    let Some((newest, life)) = newest.zip(life) else {
        return Ok(None);
    };
    let settled = entry.settled_slot(newest, life.0);
    series()
        .filter(served_arrivals::slot.le(settled))
        .select(max(served_arrivals::slot))
        .get_result(session.connection())
        .await
}

async fn served_before_loss(
    session: &mut Session,
    concert: ConcertId,
) -> QueryResult<Verdict<Option<Arrival>>> {
    let rows: Vec<(i64, i64, i64, Db<Duration>)> = served_arrivals::table
        .filter(served_arrivals::concert_id.eq(Db(concert)))
        .order(served_arrivals::slot.desc())
        .select((
            served_arrivals::at_us,
            served_arrivals::arrival,
            served_arrivals::serving_since_us,
            served_arrivals::life_us,
        ))
        .load(session.connection())
        .await?;
    let mut series = Vec::with_capacity(rows.len());
    for (at, arrival, since, life) in rows {
        series.push(ServedEntry {
            at: instant(at)?,
            served: Served {
                up_to: Arrival::from_micros(arrival),
                serving_since: instant(since)?,
            },
            life: life.0,
        });
    }
    Ok(Verdict::Commit(ServedEntry::before_loss(&series)))
}

fn instant(micros: i64) -> QueryResult<Timestamp> {
    Timestamp::from_microsecond(micros).map_err(|error| errors::broken(error.to_string()))
}
