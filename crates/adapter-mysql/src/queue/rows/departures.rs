//! The record of users who left the line, for snapshots of the line.
//!
//! The record is a ring: the row of a departure is its number modulo the size, so each replaces one
//! that no snapshot asks for any more. Numbers have no gaps, because they are given out under the
//! queue's lock.

use diesel::{
    QueryResult, QueryableByName,
    mysql::Mysql,
    sql_query,
    sql_types::{BigInt, Binary, Text},
};
use diesel_async::RunQueryDsl;
use frontrow_domain::model::{
    ConcertId,
    queue::{Arrival, Departures},
};
use serde_json::{Value, json};

use super::queue_row::key;
use crate::{session::Session, statement::Fixed};

/// Number of departures that are kept. The schema has the same number.
const REMEMBERED: i64 = 2_048;

const _: () = assert!(REMEMBERED.cast_unsigned() >= Departures::REMEMBERED_MIN as u64);

const RECORD: &str = "
    INSERT INTO queue_leavers (concert_id, slot, number, arrival)
    SELECT ?, j.number % 2048, j.number, j.arrival
    FROM JSON_TABLE(?, '$[*]' COLUMNS (number BIGINT PATH '$[0]', arrival BIGINT PATH '$[1]')) j
    ON DUPLICATE KEY UPDATE number = VALUES(number), arrival = VALUES(arrival)";

/// The departures with these numbers. Their slots are one range or, past the last slot, two.
const READ: &str = "
    SELECT l.arrival FROM queue_leavers l FORCE INDEX (PRIMARY)
    WHERE l.concert_id = ? AND (l.slot BETWEEN ? AND ? OR l.slot BETWEEN ? AND ?)
      AND l.number > ? AND l.number <= ?";

/// Records the departures of places with these arrivals, after the departure with number `last`.
/// The caller holds the queue's lock.
pub(in crate::queue) async fn record(
    session: &mut Session,
    concert: ConcertId,
    last: i64,
    arrivals: &[Arrival],
) -> QueryResult<()> {
    if arrivals.is_empty() {
        return Ok(());
    }
    let numbered = (last + 1..).zip(arrivals);
    let list: Value = numbered
        .map(|(number, arrival)| json!([number, arrival.micros()]))
        .collect();
    let statement = sql_query(RECORD)
        .bind::<Binary, _>(key(&concert))
        .bind::<Text, _>(list.to_string());
    Fixed(statement).execute(session.connection()).await?;
    Ok(())
}

/// Returns the departures after the one with number `since`, up to number `last`.
/// [`Departures::Unknown`] if the record does not have all of them.
pub(in crate::queue) async fn between(
    session: &mut Session,
    concert: ConcertId,
    since: Option<i64>,
    last: i64,
) -> QueryResult<Departures> {
    #[derive(QueryableByName)]
    #[diesel(check_for_backend(Mysql))]
    struct Departure {
        #[diesel(sql_type = BigInt)]
        arrival: i64,
    }
    let Some(since) = since.filter(|since| (0..=REMEMBERED).contains(&(last - since))) else {
        return Ok(Departures::Unknown);
    };
    if since == last {
        return Ok(Departures::These(Vec::new()));
    }
    let (first_slot, last_slot) = ((since + 1) % REMEMBERED, last % REMEMBERED);
    let stretches = if last - since == REMEMBERED {
        [(0, REMEMBERED - 1), (1, 0)]
    } else if first_slot <= last_slot {
        [(first_slot, last_slot), (1, 0)]
    } else {
        [(first_slot, REMEMBERED - 1), (0, last_slot)]
    };
    let mut statement = sql_query(READ)
        .into_boxed()
        .bind::<Binary, _>(key(&concert));
    for (first, last) in stretches {
        statement = statement.bind::<BigInt, _>(first).bind::<BigInt, _>(last);
    }
    let statement = statement.bind::<BigInt, _>(since).bind::<BigInt, _>(last);
    let departures: Vec<Departure> = Fixed(statement).load(session.connection()).await?;
    // Later departures may have replaced some rows since the queue was read.
    if i64::try_from(departures.len()).ok() != Some(last - since) {
        return Ok(Departures::Unknown);
    }
    let arrivals = departures
        .iter()
        .map(|departure| Arrival::from_micros(departure.arrival));
    Ok(Departures::These(arrivals.collect()))
}
