//! Tidying up: places past their end, and those that their users have left since the last tick.

use diesel::{
    OptionalExtension, QueryResult, QueryableByName,
    mysql::Mysql,
    sql_query,
    sql_types::{BigInt, Binary},
};
use diesel_async::RunQueryDsl;
use frontrow_domain::ports::{Stamped, TickOutcome};

use super::{
    places::{self, Phase},
    remove,
    ticks::{self, Begun, Order, Tick},
};
use crate::{calls::Turn, session::Session, statement::Fixed};

const FIRST: &str = "
    SELECT p.seq FROM queue_places p FORCE INDEX (queue_places_line)
    WHERE p.concert_id = ? AND p.phase = 1 AND p.arrival > ? ORDER BY p.arrival LIMIT 1";

/// Removes at most `order.limit` places that are past their end.
pub(super) async fn expire(
    session: &mut Session,
    order: Order,
) -> QueryResult<Turn<Stamped<TickOutcome>>> {
    let mut tick = match ticks::begin(session, order.concert).await? {
        Begun::Tick(tick) => *tick,
        Begun::Not(why) => return Ok(Turn::Refused(why)),
    };
    let over = tick.counts.over_waiting + tick.counts.over_active;
    if over == 0 && !tick.counts.leftovers {
        return tick.end(session, 0, false).await;
    }
    let (head, now) = (&mut tick.head, tick.now);
    let due = remove::due(session, order, head, &Phase::ALL, now).await?;
    let rows = places::lock(session, order.concert, due.users()).await?;
    let ended = remove::remove(session, order.concert, head, &rows, now).await?;
    if !rows.is_empty() {
        close_up(session, &mut tick).await?;
    }
    let more = over > u64::from(ended) || due.may_have_left_more();
    tick.end(session, ended, more).await
}

/// Counts positions from the first who still waits, where those ahead have left.
async fn close_up(session: &mut Session, tick: &mut Tick) -> QueryResult<()> {
    #[derive(QueryableByName)]
    #[diesel(check_for_backend(Mysql))]
    struct First {
        #[diesel(sql_type = BigInt)]
        seq: i64,
    }
    let statement = sql_query(FIRST)
        .bind::<Binary, _>(tick.concert.0.as_bytes().as_slice())
        .bind::<BigInt, _>(tick.head.passed_arrival);
    let first: Option<First> = Fixed(statement)
        .get_result(session.connection())
        .await
        .optional()?;
    if let Some(First { seq }) = first {
        tick.head.passed_seq = tick.head.passed_seq.max(seq - 1);
    }
    Ok(())
}
