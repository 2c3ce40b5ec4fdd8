//! Expired places: whether a queue has any other places, and the removal of the expired ones.
//!
//! They are found in an index without locks. Heartbeats need the queue's lock, which the caller of
//! a removal holds, so a waiting place stays expired. An active place may be claimed meanwhile:
//! each is deleted only if it is as it was read, and a difference makes the transaction run again.

use diesel::{
    OptionalExtension, QueryResult, QueryableByName,
    mysql::Mysql,
    sql_query,
    sql_types::{BigInt, Binary, Text, TinyInt},
};
use diesel_async::RunQueryDsl;
use frontrow_domain::model::{
    ConcertId,
    queue::{Arrival, EffectiveState},
};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::{
    errors,
    queue::rows::{
        places::Phase,
        queue_row::{QueueRow, key},
        units::count,
    },
    session::Session,
    statement::Fixed,
};

/// Maximum number of expired active places that one call removes so that others can be admitted.
const ROOM_MAX: u32 = 1_000;

macro_rules! live {
    ($phase:literal, $and:literal) => {
        concat!(
            "(SELECT p.since_us FROM queue_places p FORCE INDEX (queue_places_ends) \
             WHERE p.concert_id = ? AND p.phase = ",
            $phase,
            " AND p.since_us > ?",
            $and,
            " LIMIT 1)"
        )
    };
}

/// Finds a user who waits for their turn: one whose place is next in line, or one of the line, of
/// which the last place is the likeliest to be still held. Of the line, only what admission has not
/// passed is read.
const WAITS: &str = concat!(
    live!(0, ""),
    " UNION ALL \
     (SELECT p.since_us FROM queue_places p FORCE INDEX (queue_places_line) \
      WHERE p.concert_id = ? AND p.phase = 1 AND p.arrival > ? AND p.since_us > ? \
      ORDER BY p.arrival DESC LIMIT 1) LIMIT 1"
);

/// Finds any place that is not expired. Reads one entry of an index for each phase.
const ANY: &str = concat!(
    live!(0, ""),
    " UNION ALL ",
    live!(1, " AND (p.arrival > ? OR p.since_us > ?)"),
    " UNION ALL ",
    live!(2, ""),
    " UNION ALL ",
    live!(3, ""),
    " LIMIT 1"
);

macro_rules! over {
    ($phase:literal) => {
        concat!(
            "(SELECT p.user_id, p.phase, p.since_us, p.arrival FROM queue_places p \
             FORCE INDEX (queue_places_ends) WHERE p.concert_id = ? AND p.phase = ",
            $phase,
            " AND p.since_us <= ? ORDER BY p.since_us LIMIT ?)"
        )
    };
}

const OVER: &str = concat!(
    over!(0),
    " UNION ALL ",
    over!(1),
    " UNION ALL ",
    over!(2),
    " UNION ALL ",
    over!(3),
    " UNION ALL ",
    over!(6),
    " LIMIT ?"
);

/// Finds places that were expired when admission passed them. An outage moves deadlines on, so
/// their deadlines would come a second time.
const PASSED: &str = "
    SELECT p.user_id, p.phase, p.since_us, p.arrival
    FROM queue_places p FORCE INDEX (queue_places_ends)
    WHERE p.concert_id = ? AND p.phase = 1 AND p.since_us <= ? AND p.arrival <= ?
    ORDER BY p.since_us LIMIT ?";

macro_rules! listed {
    () => {
        "JSON_TABLE(?, '$[*]' COLUMNS ( \
             user_id VARCHAR(64) CHARACTER SET utf8mb4 PATH '$[0]', phase TINYINT PATH '$[1]', \
             since_us BIGINT PATH '$[2]')) j \
         STRAIGHT_JOIN queue_places p FORCE INDEX (PRIMARY) \
             ON p.concert_id = ? AND p.user_id = j.user_id"
    };
}

const DELETE: &str = concat!(
    "DELETE p FROM ",
    listed!(),
    " WHERE p.phase = j.phase AND p.since_us = j.since_us"
);

const REMEMBER: &str = concat!(
    "UPDATE ",
    listed!(),
    " SET p.phase = 6, p.since_us = ? WHERE p.phase = j.phase AND p.since_us = j.since_us"
);

/// An expired place, as it was read.
#[derive(Debug, QueryableByName)]
#[diesel(check_for_backend(Mysql))]
pub(super) struct Expired {
    #[diesel(sql_type = Text)]
    user_id: String,
    #[diesel(sql_type = TinyInt)]
    phase: i8,
    #[diesel(sql_type = BigInt)]
    since_us: i64,
    #[diesel(sql_type = BigInt)]
    arrival: i64,
}

#[derive(QueryableByName)]
#[diesel(check_for_backend(Mysql))]
struct Any {
    #[diesel(sql_type = BigInt)]
    #[expect(dead_code, reason = "only the existence of a row matters")]
    since_us: i64,
}

/// Returns true if any user waits for their turn whose place is not expired. Users who stand aside
/// do not count.
pub(in crate::queue) async fn any_user_waits(
    session: &mut Session,
    concert: ConcertId,
    queue: &QueueRow,
    now: Timestamp,
) -> QueryResult<bool> {
    if queue.waiting == queue.aside {
        return Ok(false);
    }
    let concert = key(&concert);
    let waiting = bound(queue.cutoffs(now).waiting);
    let statement = sql_query(WAITS)
        .bind::<Binary, _>(concert)
        .bind::<BigInt, _>(waiting)
        .bind::<Binary, _>(concert)
        .bind::<BigInt, _>(queue.passed_arrival)
        .bind::<BigInt, _>(waiting);
    let found: QueryResult<Any> = Fixed(statement).get_result(session.connection()).await;
    Ok(found.optional()?.is_some())
}

/// Returns true if any user has a place that is not expired.
pub(in crate::queue) async fn any_user_is_there(
    session: &mut Session,
    concert: ConcertId,
    queue: &QueueRow,
    now: Timestamp,
) -> QueryResult<bool> {
    let cutoffs = queue.cutoffs(now);
    let concert = key(&concert);
    let waiting = bound(cutoffs.waiting);
    let statement = sql_query(ANY)
        .bind::<Binary, _>(concert)
        .bind::<BigInt, _>(waiting)
        .bind::<Binary, _>(concert)
        .bind::<BigInt, _>(waiting)
        .bind::<BigInt, _>(queue.passed_arrival)
        .bind::<BigInt, _>(bound(queue.passed_ends))
        .bind::<Binary, _>(concert)
        .bind::<BigInt, _>(bound(cutoffs.unclaimed))
        .bind::<Binary, _>(concert)
        .bind::<BigInt, _>(bound(Some(cutoffs.claimed)));
    let found: QueryResult<Any> = Fixed(statement).get_result(session.connection()).await;
    Ok(found.optional()?.is_some())
}

/// Removes expired active places if, with them, the capacity has no room for `wanted` more users.
/// Only a removed place is certain not to count: one that is merely expired may be claimed at this
/// very moment.
pub(in crate::queue) async fn make_room(
    session: &mut Session,
    concert: ConcertId,
    queue: &mut QueueRow,
    wanted: u64,
    now: Timestamp,
) -> QueryResult<()> {
    let capacity = queue.policy().capacity;
    let capacity = capacity.filter(|_| queue.terms.state(now) == EffectiveState::Open);
    let occupied = count(queue.active).saturating_add(wanted);
    // If the last tick is not recent, it also matters whether the next place is the only one.
    let is_served = !queue.terms.tick_is_due(now);
    if capacity.is_none_or(|most| is_served && occupied <= u64::from(most.max_active)) {
        return Ok(());
    }
    let phases = [Phase::Admitted, Phase::Claimed];
    let expired = find(session, concert, queue, &phases, ROOM_MAX, now).await?;
    remove(session, concert, queue, &expired, now).await
}

/// Returns at most `limit` places of these phases that are expired at `now`, and remembered ends
/// that are no longer needed.
pub(super) async fn find(
    session: &mut Session,
    concert: ConcertId,
    queue: &QueueRow,
    phases: &[Phase],
    limit: u32,
    now: Timestamp,
) -> QueryResult<Vec<Expired>> {
    let cutoffs = queue.cutoffs(now);
    let remembers = queue.terms.accepts_reentry(now);
    let mut statement = sql_query(OVER).into_boxed();
    for (phase, cutoff) in [
        (Phase::Reentered, bound(cutoffs.waiting)),
        (Phase::Waiting, bound(cutoffs.waiting)),
        (Phase::Admitted, bound(cutoffs.unclaimed)),
        (Phase::Claimed, bound(Some(cutoffs.claimed))),
        (Phase::Ended, i64::MAX),
    ] {
        let wanted = phases.contains(&phase) && !(phase == Phase::Ended && remembers);
        statement = statement
            .bind::<Binary, _>(key(&concert))
            .bind::<BigInt, _>(cutoff)
            .bind::<BigInt, _>(if wanted { i64::from(limit) } else { 0 });
    }
    let statement = statement.bind::<BigInt, _>(i64::from(limit));
    Fixed(statement).load(session.connection()).await
}

/// Returns at most `limit` places that were expired when admission passed them, whether or not they
/// are expired at the moment.
pub(super) async fn find_passed(
    session: &mut Session,
    concert: ConcertId,
    queue: &QueueRow,
    limit: u32,
) -> QueryResult<Vec<Expired>> {
    let Some(ends) = queue.passed_ends.filter(|_| queue.aside > 0) else {
        return Ok(Vec::new());
    };
    let statement = sql_query(PASSED)
        .bind::<Binary, _>(key(&concert))
        .bind::<BigInt, _>(ends.as_microsecond())
        .bind::<BigInt, _>(queue.passed_arrival)
        .bind::<BigInt, _>(i64::from(limit));
    Fixed(statement).load(session.connection()).await
}

/// Removes these places, and subtracts them from the counts of `queue`, which the caller saves.
pub(super) async fn remove(
    session: &mut Session,
    concert: ConcertId,
    queue: &mut QueueRow,
    expired: &[Expired],
    now: Timestamp,
) -> QueryResult<()> {
    if expired.is_empty() {
        return Ok(());
    }
    let list: Value = expired
        .iter()
        .map(|place| json!([place.user_id, place.phase, place.since_us]))
        .collect();
    let remembers = queue.terms.accepts_reentry(now);
    let statement = sql_query(if remembers { REMEMBER } else { DELETE }).into_boxed();
    let mut statement = statement
        .bind::<Text, _>(list.to_string())
        .bind::<Binary, _>(key(&concert));
    if remembers {
        statement = statement.bind::<BigInt, _>(now.as_microsecond());
    }
    let removed = Fixed(statement).execute(session.connection()).await?;
    if removed != expired.len() {
        // A place was claimed since it was read.
        return Err(errors::changed_meanwhile());
    }
    for place in expired {
        queue.count_out(Phase::of(place.phase)?, Arrival::from_micros(place.arrival));
        queue.remembered += i64::from(remembers);
    }
    Ok(())
}

/// Returns a cutoff as a bound. Without a cutoff it is below every instant.
fn bound(cutoff: Option<Timestamp>) -> i64 {
    cutoff.map_or(i64::MIN, Timestamp::as_microsecond)
}
