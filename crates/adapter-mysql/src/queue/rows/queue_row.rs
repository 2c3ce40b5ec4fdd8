//! The row of a queue: how it is read, locked and written.

use std::time::Duration;

use diesel::{
    ExpressionMethods, OptionalExtension, QueryDsl, QueryResult, QueryableByName, insert_into,
    mysql::Mysql,
    sql_query,
    sql_types::{BigInt, Binary, Nullable, Text},
    update,
};
use diesel_async::RunQueryDsl;
use frontrow_domain::model::ConcertId;
use jiff::Timestamp;

use super::columns::{Columns, queues};
pub(in crate::queue) use super::queue_fields::QueueRow;
use crate::{
    clock::{locked_now_us, now_us},
    session::Session,
    statement::Fixed,
};

/// How long a job waits for a queue's row. A transaction that holds it for longer hangs, and a job
/// that waited on would keep a connection from other queues.
const ROW_TIMEOUT: Duration = Duration::from_millis(500);

const READ: &str = concat!(
    "SELECT ",
    now_us!(),
    ", @frontrow_server AS server, q.* FROM queues q WHERE q.concert_id = ?"
);

/// The clock is read once the row is locked: a call that waited for it is not stamped with the
/// past.
const LOCK: &str = concat!(
    "SELECT ",
    locked_now_us!(),
    ", @frontrow_server AS server, q.* FROM queues q WHERE q.concert_id = ? FOR UPDATE"
);

impl QueueRow {
    /// Adds the queue. Errors with a duplicate key if the store has it.
    pub(in crate::queue) async fn add(
        &self,
        session: &mut Session,
        concert: ConcertId,
    ) -> QueryResult<()> {
        insert_into(queues::table)
            .values((queues::concert_id.eq(key(&concert)), Columns::from(self)))
            .execute(session.connection())
            .await?;
        Ok(())
    }

    /// Writes the row. The caller holds its lock.
    pub(in crate::queue) async fn save(
        &self,
        session: &mut Session,
        concert: ConcertId,
    ) -> QueryResult<()> {
        // All columns are written, so that the text is always the same.
        let statement = update(queues::table.find(key(&concert))).set(Columns::from(self));
        Fixed(statement).execute(session.connection()).await?;
        Ok(())
    }
}

/// Reads a queue and the time, without a lock. None if the store does not have it.
pub(in crate::queue) async fn read(
    session: &mut Session,
    concert: ConcertId,
) -> QueryResult<Option<(Timestamp, QueueRow)>> {
    select(session, concert, READ).await
}

/// Locks the row of a queue and reads it, and then the time. None if the store does not have the
/// queue.
pub(in crate::queue) async fn lock(
    session: &mut Session,
    concert: ConcertId,
) -> QueryResult<Option<(Timestamp, QueueRow)>> {
    select(session, concert, LOCK).await
}

/// Does the same as [`lock`] for a job, which waits no longer than [`ROW_TIMEOUT`].
pub(in crate::queue) async fn lock_soon(
    session: &mut Session,
    concert: ConcertId,
) -> QueryResult<Option<(Timestamp, QueueRow)>> {
    let locking = session.within(ROW_TIMEOUT, async |session| lock(session, concert).await);
    locking.await
}

async fn select(
    session: &mut Session,
    concert: ConcertId,
    text: &'static str,
) -> QueryResult<Option<(Timestamp, QueueRow)>> {
    #[derive(QueryableByName)]
    #[diesel(check_for_backend(Mysql))]
    struct Row {
        #[diesel(sql_type = BigInt)]
        now_us: i64,
        #[diesel(sql_type = Nullable<Text>)]
        server: Option<String>,
        #[diesel(embed)]
        columns: Columns,
    }
    let statement = sql_query(text).bind::<Binary, _>(key(&concert));
    let row: Option<Row> = Fixed(statement)
        .get_result(session.connection())
        .await
        .optional()?;
    row.map(|row| {
        let queue = row.columns.into_row(row.server.as_deref())?;
        Ok((session.now().at(row.now_us), queue))
    })
    .transpose()
}

/// Reads the time, for an answer that needs no other statement.
pub(in crate::queue) async fn now(session: &mut Session) -> QueryResult<Timestamp> {
    #[derive(QueryableByName)]
    #[diesel(check_for_backend(Mysql))]
    struct Row {
        #[diesel(sql_type = BigInt)]
        now_us: i64,
    }
    let statement = sql_query(concat!("SELECT ", now_us!()));
    let row: Row = Fixed(statement).get_result(session.connection()).await?;
    Ok(session.now().at(row.now_us))
}

/// Returns a concert's id as a parameter.
pub(in crate::queue) fn key(concert: &ConcertId) -> &[u8] {
    concert.0.as_bytes().as_slice()
}
