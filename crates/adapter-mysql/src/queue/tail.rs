//! The tail of a queue, and the new places that joins write behind it.

use diesel::{
    OptionalExtension, QueryResult, QueryableByName,
    mysql::Mysql,
    sql_query,
    sql_types::{BigInt, Binary, Nullable, Text},
};
use diesel_async::RunQueryDsl;
use frontrow_domain::model::{ConcertId, queue::Arrival};

use super::{entering::Entering, remove, returns};
use crate::{session::Session, statement::Fixed};

const LOCK_TAIL: &str = "
    SELECT last_seq, last_arrival, came_back, removed_waiting, removed_active
    FROM queue_tails WHERE concert_id = ? FOR UPDATE";

/// A user's row that is over is written anew.
const ENTER: &str = "
    INSERT INTO queue_places (concert_id, user_id, arrival, seq, phase, since_us, admitted_at_us)
    SELECT ?, j.user_id, j.arrival, j.seq, j.phase, j.since_us, j.admitted_at_us
    FROM JSON_TABLE(?, '$[*]' COLUMNS (
        user_id VARCHAR(64) CHARACTER SET utf8mb4 PATH '$[0]', arrival BIGINT PATH '$[1]',
        seq BIGINT PATH '$[2]', phase TINYINT PATH '$[3]', since_us BIGINT PATH '$[4]',
        admitted_at_us BIGINT PATH '$[5]')) j
    ON DUPLICATE KEY UPDATE arrival = VALUES(arrival), seq = VALUES(seq), phase = VALUES(phase),
        since_us = VALUES(since_us), admitted_at_us = VALUES(admitted_at_us), claimed_at_us = NULL";

const SAVE_TAIL: &str = "
    UPDATE queue_tails
    SET last_seq = ?, last_arrival = ?, came_back = ?, removed_waiting = ?, removed_active = ?
    WHERE concert_id = ?";

/// What joins change in a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tail {
    pub(super) last_seq: i64,
    pub(super) last_arrival: Option<Arrival>,
    pub(super) came_back: i64,
    pub(super) removed_waiting: i64,
    pub(super) removed_active: i64,
}

/// Locks the tail. The clock is read only after that, so that those who wait for it do not live in the past.
pub(super) async fn lock(session: &mut Session, concert: ConcertId) -> QueryResult<Option<Tail>> {
    #[derive(QueryableByName)]
    #[diesel(check_for_backend(Mysql))]
    struct Row {
        #[diesel(sql_type = BigInt)]
        last_seq: i64,
        #[diesel(sql_type = Nullable<BigInt>)]
        last_arrival: Option<i64>,
        #[diesel(sql_type = BigInt)]
        came_back: i64,
        #[diesel(sql_type = BigInt)]
        removed_waiting: i64,
        #[diesel(sql_type = BigInt)]
        removed_active: i64,
    }
    let statement = sql_query(LOCK_TAIL).bind::<Binary, _>(concert.0.as_bytes().as_slice());
    let row: Option<Row> = Fixed(statement)
        .get_result(session.connection())
        .await
        .optional()?;
    Ok(row.map(|row| Tail {
        last_seq: row.last_seq,
        last_arrival: row.last_arrival.map(Arrival::from_micros),
        came_back: row.came_back,
        removed_waiting: row.removed_waiting,
        removed_active: row.removed_active,
    }))
}

/// Writes what has changed; false where somebody has got a row meanwhile who had none.
pub(super) async fn write(
    session: &mut Session,
    concert: ConcertId,
    entering: &Entering,
) -> QueryResult<bool> {
    let key = concert.0.as_bytes().as_slice();
    if let Some(list) = entering.new_rows() {
        let statement = sql_query(ENTER)
            .bind::<Binary, _>(key)
            .bind::<Text, _>(list);
        let written = Fixed(statement).execute(session.connection()).await?;
        // The server counts a row that it adds once, and one that it changes twice.
        if written != entering.entered.len() + entering.rewritten() {
            return Ok(false);
        }
    }
    remove::erase(
        session,
        concert,
        &entering.head,
        entering.turned_away.iter(),
        entering.now,
    )
    .await?;
    if entering.changes_tail() {
        let tail = &entering.tail;
        let statement = sql_query(SAVE_TAIL)
            .bind::<BigInt, _>(tail.last_seq)
            .bind::<Nullable<BigInt>, _>(tail.last_arrival.map(Arrival::micros))
            .bind::<BigInt, _>(tail.came_back)
            .bind::<BigInt, _>(tail.removed_waiting)
            .bind::<BigInt, _>(tail.removed_active)
            .bind::<Binary, _>(key);
        Fixed(statement).execute(session.connection()).await?;
    }
    if entering.locks_head {
        entering.head.save(session, concert).await?;
        returns::add(session, concert, &entering.came_back).await?;
        returns::take(session, concert, &entering.replaced).await?;
    }
    Ok(true)
}
