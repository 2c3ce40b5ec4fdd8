//! Those who came back after a loss: how many of them stand before an arrival.
//!
//! They come back in any order, so no number given out once says where they stand. `queue_returns` counts
//! them by arrival in steps of 2^8 µs, 2^16 µs and so on. How many came before an instant is the sum of the
//! nodes before it, at each level those under the same parent: at most 255 rows a level, whatever the
//! number of people. Within the finest node, which is 256 µs long, the places themselves are counted.
//!
//! The rows are changed under the lock of the queue's head, by joins and by ticks. A node with nobody in it
//! is removed.

use std::collections::BTreeMap;

use diesel::{
    QueryResult, QueryableByName,
    mysql::Mysql,
    sql_query,
    sql_types::{BigInt, Binary, Nullable, Text},
};
use diesel_async::RunQueryDsl;
use frontrow_domain::model::{ConcertId, queue::Arrival};
use serde_json::Value;

use super::head::count;
use crate::{session::Session, statement::Fixed};

/// How many bits of an arrival a level is coarser than the one below it.
const BITS: u32 = 8;

/// So many levels; above the highest there are few enough nodes for any date.
const LEVELS: u32 = 6;

const NODES: &str = "JSON_TABLE(?, '$[*]' COLUMNS ( \
    level TINYINT PATH '$[0]', node BIGINT PATH '$[1]', people BIGINT PATH '$[2]')) j";

/// What [`around`] adds up. Beside it: the numbers of those who have one and stand next to the arrival.
const BEFORE: &str = "
    SELECT
      (SELECT CAST(SUM(r.people) AS SIGNED) FROM queue_returns r FORCE INDEX (PRIMARY)
       WHERE r.concert_id = ? AND ((r.level = 1 AND r.node >= ? AND r.node < ?)
         OR (r.level = 2 AND r.node >= ? AND r.node < ?) OR (r.level = 3 AND r.node >= ? AND r.node < ?)
         OR (r.level = 4 AND r.node >= ? AND r.node < ?) OR (r.level = 5 AND r.node >= ? AND r.node < ?)
         OR (r.level = 6 AND r.node >= ? AND r.node < ?))) AS in_nodes,
      (SELECT COUNT(*) FROM queue_places p FORCE INDEX (queue_places_line)
       WHERE p.concert_id = ? AND p.phase = 0 AND p.arrival >= ? AND p.arrival < ?) AS in_node,
      (SELECT p.seq FROM queue_places p FORCE INDEX (queue_places_line)
       WHERE p.concert_id = ? AND p.phase = 1 AND p.arrival < ?
       ORDER BY p.arrival DESC LIMIT 1) AS joined_before,
      (SELECT p.seq FROM queue_places p FORCE INDEX (queue_places_line)
       WHERE p.concert_id = ? AND p.phase = 1 AND p.arrival > ?
       ORDER BY p.arrival LIMIT 1) AS joined_after";

/// Who stands before and after an arrival.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Neighbours {
    /// How many who came back have an earlier arrival.
    pub(super) back_before: u64,
    /// The number of the last in the line with an earlier arrival.
    pub(super) joined_before: Option<i64>,
    /// The number of the first in the line with a later arrival.
    pub(super) joined_after: Option<i64>,
}

/// Who stands before and after `arrival`.
pub(super) async fn around(
    session: &mut Session,
    concert: ConcertId,
    arrival: Arrival,
) -> QueryResult<Neighbours> {
    #[derive(QueryableByName)]
    #[diesel(check_for_backend(Mysql))]
    struct Row {
        #[diesel(sql_type = Nullable<BigInt>)]
        in_nodes: Option<i64>,
        #[diesel(sql_type = BigInt)]
        in_node: i64,
        #[diesel(sql_type = Nullable<BigInt>)]
        joined_before: Option<i64>,
        #[diesel(sql_type = Nullable<BigInt>)]
        joined_after: Option<i64>,
    }
    let key = concert.0.as_bytes().as_slice();
    let at = arrival.micros();
    let mut statement = sql_query(BEFORE).into_boxed().bind::<Binary, _>(key);
    for level in 1..=LEVELS {
        let node = node_of(at, level);
        let first_sibling = if level == LEVELS {
            i64::MIN
        } else {
            node_of(at, level + 1) << BITS
        };
        statement = statement
            .bind::<BigInt, _>(first_sibling)
            .bind::<BigInt, _>(node);
    }
    let statement = statement
        .bind::<Binary, _>(key)
        .bind::<BigInt, _>(node_of(at, 1) << BITS)
        .bind::<BigInt, _>(at)
        .bind::<Binary, _>(key)
        .bind::<BigInt, _>(at)
        .bind::<Binary, _>(key)
        .bind::<BigInt, _>(at);
    let row: Row = Fixed(statement).get_result(session.connection()).await?;
    Ok(Neighbours {
        back_before: count(row.in_nodes.unwrap_or_default() + row.in_node),
        joined_before: row.joined_before,
        joined_after: row.joined_after,
    })
}

/// Counts people with these arrivals in. The caller holds the lock of the queue's head.
pub(super) async fn add(
    session: &mut Session,
    concert: ConcertId,
    arrivals: &[Arrival],
) -> QueryResult<()> {
    if arrivals.is_empty() {
        return Ok(());
    }
    let text = format!(
        "INSERT INTO queue_returns (concert_id, level, node, people)
         SELECT ?, j.level, j.node, j.people FROM {NODES}
         ON DUPLICATE KEY UPDATE people = queue_returns.people + VALUES(people)"
    );
    let statement = sql_query(text)
        .bind::<Binary, _>(concert.0.as_bytes().as_slice())
        .bind::<Text, _>(nodes_of(arrivals));
    Fixed(statement)
        .execute(session.connection())
        .await
        .map(drop)
}

/// Counts people with these arrivals, who were counted in, out. The caller holds the lock of the queue's
/// head.
pub(super) async fn take(
    session: &mut Session,
    concert: ConcertId,
    arrivals: &[Arrival],
) -> QueryResult<()> {
    if arrivals.is_empty() {
        return Ok(());
    }
    let nodes = nodes_of(arrivals);
    let ours = "queue_returns r FORCE INDEX (PRIMARY)
        ON r.concert_id = ? AND r.level = j.level AND r.node = j.node";
    for text in [
        format!("UPDATE {NODES} STRAIGHT_JOIN {ours} SET r.people = r.people - j.people"),
        format!("DELETE r FROM {NODES} STRAIGHT_JOIN {ours} WHERE r.people = 0"),
    ] {
        let statement = sql_query(text)
            .bind::<Text, _>(&nodes)
            .bind::<Binary, _>(concert.0.as_bytes().as_slice());
        Fixed(statement).execute(session.connection()).await?;
    }
    Ok(())
}

/// The node of an arrival at a level.
fn node_of(arrival_us: i64, level: u32) -> i64 {
    arrival_us >> (BITS * level)
}

/// How many of these arrivals each node has, as a statement's parameter.
fn nodes_of(arrivals: &[Arrival]) -> String {
    let mut nodes: BTreeMap<(u32, i64), i64> = BTreeMap::new();
    for arrival in arrivals {
        for level in 1..=LEVELS {
            let node = node_of(arrival.micros(), level);
            *nodes.entry((level, node)).or_default() += 1;
        }
    }
    let list = nodes
        .into_iter()
        .map(|((level, node), people)| serde_json::json!([level, node, people]));
    list.collect::<Value>().to_string()
}
