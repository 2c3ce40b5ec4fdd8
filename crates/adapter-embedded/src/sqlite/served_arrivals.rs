//! The served entries: the arrivals up to which the queues have served all users.

use std::time::Duration;

use async_trait::async_trait;
use diesel::{
    ExpressionMethods, OptionalExtension, QueryDsl, QueryResult, RunQueryDsl, SqliteConnection,
    delete,
    dsl::max,
    sql_query,
    sql_types::{BigInt, Binary},
};
use frontrow_domain::{
    model::{
        ConcertId,
        queue::{Arrival, Served, ServedEntry},
    },
    ports::{ServedArrivals, StoreResult},
};
use jiff::Timestamp;

use super::{SqliteDatabase, columns::Db, schema::served_arrivals};

/// Adds nothing if there is no such concert. Of two entries for one slot, the one with the later
/// instant stays.
const RECORD: &str = "
    INSERT INTO served_arrivals (concert_id, slot, at_us, arrival, serving_since_us, life_us)
    SELECT c.id, ?, ?, ?, ?, ? FROM concerts c WHERE c.id = ?
    ON CONFLICT DO UPDATE SET at_us = excluded.at_us, arrival = excluded.arrival,
        serving_since_us = excluded.serving_since_us, life_us = excluded.life_us
    WHERE excluded.at_us >= served_arrivals.at_us";

#[async_trait]
impl ServedArrivals for SqliteDatabase {
    async fn record(&self, concert: ConcertId, entry: &ServedEntry) -> StoreResult<()> {
        let entry = *entry;
        self.write(move |connection, _| {
            sql_query(RECORD)
                .bind::<BigInt, _>(entry.slot())
                .bind::<BigInt, _>(Db(entry.at))
                .bind::<BigInt, _>(entry.served.up_to.micros())
                .bind::<BigInt, _>(Db(entry.served.serving_since))
                .bind::<BigInt, _>(Db(entry.life))
                .bind::<Binary, _>(Db(concert))
                .execute(connection)?;
            delete(served_arrivals::table)
                .filter(served_arrivals::concert_id.eq(Db(concert)))
                .filter(served_arrivals::slot.gt(entry.last_slot()))
                .execute(connection)?;
            forget_settled(connection, concert, &entry)
        })
        .await
    }

    async fn served_before_loss(&self, concert: ConcertId) -> StoreResult<Option<Arrival>> {
        type Row = (Db<Timestamp>, i64, Db<Timestamp>, Db<Duration>);
        self.read(move |connection, _| {
            let series: Vec<Row> = served_arrivals::table
                .filter(served_arrivals::concert_id.eq(Db(concert)))
                .order(served_arrivals::slot.desc())
                .select((
                    served_arrivals::at_us,
                    served_arrivals::arrival,
                    served_arrivals::serving_since_us,
                    served_arrivals::life_us,
                ))
                .load(connection)?;
            let entry = |(at, arrival, since, life): Row| ServedEntry {
                at: at.0,
                served: Served {
                    up_to: Arrival::from_micros(arrival),
                    serving_since: since.0,
                },
                life: life.0,
            };
            let series = series.into_iter().map(entry);
            Ok(ServedEntry::before_loss(&series.collect::<Vec<_>>()))
        })
        .await
    }
}

/// Removes the entries before the last one that is older than an active place can last.
fn forget_settled(
    connection: &mut SqliteConnection,
    concert: ConcertId,
    entry: &ServedEntry,
) -> QueryResult<()> {
    let series = || served_arrivals::table.filter(served_arrivals::concert_id.eq(Db(concert)));
    let newest: Option<i64> = series()
        .select(max(served_arrivals::slot))
        .get_result(connection)?;
    let life: Option<Db<Duration>> = series()
        .order(served_arrivals::life_us.desc())
        .select(served_arrivals::life_us)
        .first(connection)
        .optional()?;
    let Some((newest, life)) = newest.zip(life) else {
        return Ok(());
    };
    let settled = entry.settled_slot(newest, life.0);
    let last: Option<i64> = series()
        .filter(served_arrivals::slot.le(settled))
        .select(max(served_arrivals::slot))
        .get_result(connection)?;
    if let Some(last) = last {
        delete(series().filter(served_arrivals::slot.lt(last))).execute(connection)?;
    }
    Ok(())
}
