//! How many there are in a queue, without counting them one by one.
//!
//! What joins and ticks have added up so far is in the two rows of the queue. Beside it are those whom
//! no tick has counted out yet: who is past their end, and who has left since the last tick. They are
//! counted here, and their number does not depend on the length of the line.

use diesel::{
    OptionalExtension, QueryResult, QueryableByName,
    mysql::Mysql,
    sql_query,
    sql_types::{BigInt, Binary, Bool},
};
use diesel_async::RunQueryDsl;
use frontrow_domain::model::ConcertId;

use super::{head::count, places::Cutoffs};
use crate::{errors, session::Session, statement::Fixed};

/// One statement, so that all of it is true at the same instant.
const COUNT: &str = "
    SELECT t.last_seq + t.came_back AS lined_up,
      h.admitted, h.admitted + h.admitted_at_once AS activated,
      t.removed_waiting + h.removed_waiting AS removed_waiting,
      t.removed_active + h.removed_active AS removed_active,
      (SELECT COUNT(*) FROM queue_places p FORCE INDEX (queue_places_ends)
       WHERE p.concert_id = ? AND p.phase IN (0, 1) AND p.since_us <= ?) AS over_waiting,
      (SELECT COUNT(*) FROM queue_places p FORCE INDEX (queue_places_ends)
       WHERE p.concert_id = ? AND p.phase = 2 AND p.since_us <= ?)
      + (SELECT COUNT(*) FROM queue_places p FORCE INDEX (queue_places_ends)
         WHERE p.concert_id = ? AND p.phase = 3 AND p.since_us <= ?) AS over_active,
      (SELECT COUNT(*) FROM queue_places p FORCE INDEX (queue_places_ends)
       WHERE p.concert_id = ? AND p.phase = 4) AS left_line,
      (SELECT COUNT(*) FROM queue_places p FORCE INDEX (queue_places_ends)
       WHERE p.concert_id = ? AND p.phase = 5) AS left_active,
      (SELECT 1 FROM queue_places p FORCE INDEX (queue_places_ends)
       WHERE p.concert_id = ? AND p.phase = 6 LIMIT 1) IS NOT NULL AS remembers
    FROM queue_tails t JOIN queue_heads h ON h.concert_id = t.concert_id
    WHERE t.concert_id = ?";

#[derive(QueryableByName)]
#[diesel(check_for_backend(Mysql))]
struct Row {
    #[diesel(sql_type = BigInt)]
    lined_up: i64,
    #[diesel(sql_type = BigInt)]
    admitted: i64,
    #[diesel(sql_type = BigInt)]
    activated: i64,
    #[diesel(sql_type = BigInt)]
    removed_waiting: i64,
    #[diesel(sql_type = BigInt)]
    removed_active: i64,
    #[diesel(sql_type = BigInt)]
    over_waiting: i64,
    #[diesel(sql_type = BigInt)]
    over_active: i64,
    #[diesel(sql_type = BigInt)]
    left_line: i64,
    #[diesel(sql_type = BigInt)]
    left_active: i64,
    #[diesel(sql_type = Bool)]
    remembers: bool,
}

/// How many there are in a queue at an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Counts {
    /// How many wait.
    pub(super) waiting: u64,
    /// How many are active.
    pub(super) active: u64,
    /// How many have stopped waiting.
    pub(super) departed: u64,
    /// How many rows in the line are past their end.
    pub(super) over_waiting: u64,
    /// How many rows past the line are past their end.
    pub(super) over_active: u64,
    /// True when there are rows of those who have left, or who are remembered.
    pub(super) leftovers: bool,
}

/// Counts who is in a queue, as it was committed or, in this transaction, saved.
pub(super) async fn count_places(
    session: &mut Session,
    concert: ConcertId,
    cutoffs: Cutoffs,
) -> QueryResult<Counts> {
    let key = concert.0.as_bytes().as_slice();
    let statement = sql_query(COUNT)
        .bind::<Binary, _>(key)
        .bind::<BigInt, _>(cutoffs.waiting)
        .bind::<Binary, _>(key)
        .bind::<BigInt, _>(cutoffs.admitted)
        .bind::<Binary, _>(key)
        .bind::<BigInt, _>(cutoffs.claimed)
        .bind::<Binary, _>(key)
        .bind::<Binary, _>(key)
        .bind::<Binary, _>(key)
        .bind::<Binary, _>(key);
    let row: Option<Row> = Fixed(statement)
        .get_result(session.connection())
        .await
        .optional()?;
    let row = row.ok_or_else(|| errors::broken(format!("the queue of {concert} is not whole")))?;
    let departed = row.admitted + row.removed_waiting + row.left_line + row.over_waiting;
    let ended = row.removed_active + row.left_active + row.over_active;
    Ok(Counts {
        waiting: count(row.lined_up - departed),
        active: count(row.activated - ended),
        departed: count(departed),
        over_waiting: count(row.over_waiting),
        over_active: count(row.over_active),
        leftovers: row.left_line + row.left_active > 0 || row.remembers,
    })
}

impl Counts {
    /// The same after so many of the line were admitted.
    pub(super) fn after_admitting(self, admitted: u64) -> Self {
        Self {
            waiting: self.waiting.saturating_sub(admitted),
            active: self.active + admitted,
            departed: self.departed + admitted,
            ..self
        }
    }
}
