//! What a queue is like when a batch of joins comes.

use diesel::{
    OptionalExtension, QueryResult, QueryableByName,
    mysql::Mysql,
    sql_query,
    sql_types::{BigInt, Binary, Nullable},
};
use diesel_async::RunQueryDsl;
use frontrow_domain::model::ConcertId;
use jiff::Timestamp;

use super::{
    batches::Request,
    head::Head,
    head_row::{HeadRow, head_columns},
    instants::instant,
};
use crate::{clock::now_us, session::Session, statement::Fixed};

/// The head, and the latest sign of life of anybody who waits: one entry of an index for each kind.
const SITUATION: &str = concat!(
    "SELECT ",
    now_us!(),
    ", ",
    head_columns!(),
    ", (SELECT p.since_us FROM queue_places p FORCE INDEX (queue_places_ends)
        WHERE p.concert_id = ? AND p.phase = 0 ORDER BY p.since_us DESC LIMIT 1) AS newest_back,
       (SELECT p.since_us FROM queue_places p FORCE INDEX (queue_places_ends)
        WHERE p.concert_id = ? AND p.phase = 1 ORDER BY p.since_us DESC LIMIT 1) AS newest_waiting
     FROM queue_heads h WHERE h.concert_id = ?"
);

/// What a queue is like when a batch comes.
pub(super) struct Situation {
    pub(super) now: Timestamp,
    pub(super) head: Head,
    /// True when anybody waits.
    pub(super) line: bool,
}

impl Situation {
    /// True when those who join may be active at once.
    pub(super) fn may_admit(&self) -> bool {
        !self.line && self.head.state(self.now).admits()
    }

    /// True when `request` may give back a place from before a loss.
    pub(super) fn may_take_back(&self, request: &Request) -> bool {
        let ticket = match request {
            Request::Join { shown, .. } => shown.as_ref(),
            Request::Return(ticket) => Some(ticket),
        };
        ticket.is_some_and(|ticket| self.head.takes_back(ticket, self.now))
    }
}

/// Reads it, without a lock.
pub(super) async fn read(
    session: &mut Session,
    concert: ConcertId,
) -> QueryResult<Option<Situation>> {
    #[derive(QueryableByName)]
    #[diesel(check_for_backend(Mysql))]
    struct Row {
        #[diesel(sql_type = BigInt)]
        now_us: i64,
        #[diesel(embed)]
        head: HeadRow,
        #[diesel(sql_type = Nullable<BigInt>)]
        newest_back: Option<i64>,
        #[diesel(sql_type = Nullable<BigInt>)]
        newest_waiting: Option<i64>,
    }
    let key = concert.0.as_bytes().as_slice();
    let statement = sql_query(SITUATION)
        .bind::<Binary, _>(key)
        .bind::<Binary, _>(key)
        .bind::<Binary, _>(key);
    let row: Option<Row> = Fixed(statement)
        .get_result(session.connection())
        .await
        .optional()?;
    let Some(row) = row else {
        return Ok(None);
    };
    let now = session.now().at(row.now_us);
    let head = Head::try_from(row.head)?;
    let newest = row.newest_back.max(row.newest_waiting).map(instant);
    let line = newest.is_some_and(|last_seen| now < head.lives(now).waiting_end(last_seen));
    Ok(Some(Situation { now, head, line }))
}
