//! The record of those who left the line of their own will, for whoever looks at the line as a whole.
//!
//! Leavers are numbered without gaps in the order of their commits, since each holds the lock of the queue's
//! `queue_exits` from taking a number to the commit. So one look goes on from the number of the look before
//! and misses nobody. The price is that leavers of one line commit one after the other. Whoever leaves an active
//! place, as all do who pay, takes no number and waits for nobody.

use diesel::{
    OptionalExtension, QueryResult, QueryableByName,
    mysql::Mysql,
    sql_query,
    sql_types::{BigInt, Binary},
};
use diesel_async::RunQueryDsl;
use frontrow_domain::model::{
    ConcertId,
    queue::{Arrival, Left},
};

use super::head::count;
use crate::{errors, session::Session, statement::Fixed};

/// How many leavers are remembered; the schema says it too.
const REMEMBERED: u64 = 2_048;

const _: () = assert!(REMEMBERED >= Left::REMEMBERED as u64);

const ADD: &str = "INSERT INTO queue_exits (concert_id) VALUES (?)";

const COUNT: &str = "UPDATE queue_exits SET left_line = left_line + 1 WHERE concert_id = ?";

const NOTE: &str = "
    INSERT INTO queue_leavers (concert_id, slot, number, arrival)
    SELECT e.concert_id, e.left_line % 2048, e.left_line, ? FROM queue_exits e WHERE e.concert_id = ?
    ON DUPLICATE KEY UPDATE number = VALUES(number), arrival = VALUES(arrival)";

const LAST: &str = "SELECT e.left_line FROM queue_exits e WHERE e.concert_id = ?";

/// Those whose numbers lie between two, whose slots are one stretch or, past the last slot, two.
const LEFT: &str = "
    SELECT l.arrival FROM queue_leavers l FORCE INDEX (PRIMARY)
    WHERE l.concert_id = ? AND (l.slot BETWEEN ? AND ? OR l.slot BETWEEN ? AND ?)
      AND l.number > ? AND l.number <= ?";

/// Adds the record of a queue that the store does not have.
pub(super) async fn add(session: &mut Session, concert: ConcertId) -> QueryResult<()> {
    let statement = sql_query(ADD).bind::<Binary, _>(concert.0.as_bytes().as_slice());
    Fixed(statement)
        .execute(session.connection())
        .await
        .map(drop)
}

/// Notes that the place with this arrival was left. The last that its transaction does: the lock that it takes
/// here holds up the next leaver.
pub(super) async fn note(
    session: &mut Session,
    concert: ConcertId,
    arrival: Arrival,
) -> QueryResult<()> {
    let key = concert.0.as_bytes().as_slice();
    let counting = sql_query(COUNT).bind::<Binary, _>(key);
    if Fixed(counting).execute(session.connection()).await? != 1 {
        return Err(errors::broken(format!(
            "the queue of {concert} has no exit"
        )));
    }
    let noting = sql_query(NOTE)
        .bind::<BigInt, _>(arrival.micros())
        .bind::<Binary, _>(key);
    Fixed(noting).execute(session.connection()).await.map(drop)
}

/// The number of the last who left, and who did so after the one with the number `since`. In a transaction
/// that [looks](Session::begin_look), so that both are of one instant.
pub(super) async fn left_since(
    session: &mut Session,
    concert: ConcertId,
    since: Option<u64>,
) -> QueryResult<(u64, Left)> {
    #[derive(QueryableByName)]
    #[diesel(check_for_backend(Mysql))]
    struct Last {
        #[diesel(sql_type = BigInt)]
        left_line: i64,
    }
    let statement = sql_query(LAST).bind::<Binary, _>(concert.0.as_bytes().as_slice());
    let last: Option<Last> = Fixed(statement)
        .get_result(session.connection())
        .await
        .optional()?;
    let last = last.ok_or_else(|| errors::broken(format!("the queue of {concert} has no exit")))?;
    let last = count(last.left_line);
    let many = since.and_then(|since| last.checked_sub(since));
    let left = match many {
        Some(0) => Left::These(Vec::new()),
        Some(many) if many <= REMEMBERED => between(session, concert, last - many, last).await?,
        _ => Left::Anybody,
    };
    Ok((last, left))
}

/// Who left after the leaver number `from`, up to number `to`.
async fn between(
    session: &mut Session,
    concert: ConcertId,
    from: u64,
    to: u64,
) -> QueryResult<Left> {
    #[derive(QueryableByName)]
    #[diesel(check_for_backend(Mysql))]
    struct Leaver {
        #[diesel(sql_type = BigInt)]
        arrival: i64,
    }
    let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let (first_slot, last_slot) = ((from + 1) % REMEMBERED, to % REMEMBERED);
    let stretches = if first_slot <= last_slot {
        [(first_slot, last_slot), (1, 0)]
    } else {
        [(first_slot, REMEMBERED - 1), (0, last_slot)]
    };
    let mut statement = sql_query(LEFT)
        .into_boxed()
        .bind::<Binary, _>(concert.0.as_bytes().as_slice());
    for (first, last) in stretches {
        statement = statement
            .bind::<BigInt, _>(number(first))
            .bind::<BigInt, _>(number(last));
    }
    let statement = statement
        .bind::<BigInt, _>(number(from))
        .bind::<BigInt, _>(number(to));
    let leavers: Vec<Leaver> = Fixed(statement).load(session.connection()).await?;
    if leavers.len() as u64 != to - from {
        return Ok(Left::Anybody);
    }
    let arrivals = leavers
        .iter()
        .map(|leaver| Arrival::from_micros(leaver.arrival));
    Ok(Left::These(arrivals.collect()))
}
