//! The slots of performances: the starts of a concert in a venue. A slot has at most one
//! performance, except for duplicates from before that rule.

use diesel::{
    ExpressionMethods, OptionalExtension, QueryDsl, QueryResult, QueryableByName, RunQueryDsl,
    SqliteConnection, sql_query,
    sql_types::{BigInt, Binary, Text},
};
use frontrow_domain::{
    model::{ConcertId, PerformanceId, PerformanceUse, Venue},
    ports::DuplicatePerformance,
};
use jiff::Timestamp;

use super::{columns::Db, deletions, schema::performances};

/// Returns the performance in the slot, other than `except`. Of duplicates, the first created.
pub(super) fn taken(
    connection: &mut SqliteConnection,
    concert: ConcertId,
    starts_at: Timestamp,
    venue: &Venue,
    except: Option<PerformanceId>,
) -> QueryResult<Option<PerformanceId>> {
    let mut there = performances::table
        .filter(performances::concert_id.eq(Db(concert)))
        .filter(performances::starts_at.eq(Db(starts_at)))
        .filter(performances::venue.eq(Db(venue.clone())))
        .order(performances::id)
        .select(performances::id)
        .into_boxed();
    if let Some(except) = except {
        there = there.filter(performances::id.ne(Db(except)));
    }
    let there: Option<Db<PerformanceId>> = there.first(connection).optional()?;
    Ok(there.map(|id| id.0))
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Binary)]
    concert_id: Db<ConcertId>,
    #[diesel(sql_type = Binary)]
    id: Db<PerformanceId>,
    #[diesel(sql_type = BigInt)]
    starts_at: Db<Timestamp>,
    #[diesel(sql_type = Text)]
    venue: Db<Venue>,
}

/// Returns every performance that shares concert, start and venue with another one.
pub(super) fn duplicates(
    connection: &mut SqliteConnection,
    now: Timestamp,
) -> QueryResult<Vec<DuplicatePerformance>> {
    let rows: Vec<Row> = sql_query(
        "SELECT p.concert_id, p.id, p.starts_at, p.venue FROM performances p
         JOIN (SELECT concert_id, starts_at, venue FROM performances
               GROUP BY concert_id, starts_at, venue HAVING count(*) > 1) d
             ON d.concert_id = p.concert_id AND d.starts_at = p.starts_at AND d.venue = p.venue
         ORDER BY p.concert_id, p.starts_at, p.venue, p.id",
    )
    .load(connection)?;
    let mut duplicates = Vec::with_capacity(rows.len());
    for row in rows {
        let used: PerformanceUse = deletions::used(connection, now, row.id.0)?;
        duplicates.push(DuplicatePerformance {
            concert: row.concert_id.0,
            id: row.id.0,
            starts_at: row.starts_at.0,
            venue: row.venue.0,
            used,
        });
    }
    Ok(duplicates)
}
