//! Which performance of a concert starts at an instant in a venue. There is at most one, except for
//! duplicates from before that rule.

use diesel::{
    ExpressionMethods, OptionalExtension, QueryDsl, QueryResult, QueryableByName, sql_query,
    sql_types::{Binary, Datetime, Text},
};
use diesel_async::RunQueryDsl;
use frontrow_domain::{
    model::{ConcertId, PerformanceId, PerformanceUse, Venue},
    ports::DuplicatePerformance,
};
use jiff::Timestamp;

use super::{columns::Db, deletions, schema::performances};
use crate::{session::Session, statement::Fixed};

/// Returns the performance in the slot, other than `except`. Of duplicates, the first created.
pub(super) async fn taken(
    session: &mut Session,
    concert: ConcertId,
    starts_at: Timestamp,
    venue: &Venue,
    except: Option<PerformanceId>,
) -> QueryResult<Option<PerformanceId>> {
    let mut query = performances::table
        .filter(performances::concert_id.eq(Db(concert)))
        .filter(performances::starts_at.eq(Db(starts_at)))
        .filter(performances::venue.eq(Db(venue.clone())))
        .order(performances::id)
        .select(performances::id)
        .into_boxed();
    if let Some(except) = except {
        query = query.filter(performances::id.ne(Db(except)));
    }
    let found: Option<Db<PerformanceId>> = query.first(session.connection()).await.optional()?;
    Ok(found.map(|id| id.0))
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Binary)]
    concert_id: Db<ConcertId>,
    #[diesel(sql_type = Binary)]
    id: Db<PerformanceId>,
    #[diesel(sql_type = Datetime)]
    starts_at: Db<Timestamp>,
    #[diesel(sql_type = Text)]
    venue: Db<Venue>,
}

/// Returns every performance that shares concert, start and venue with another one.
pub(super) async fn duplicates(session: &mut Session) -> QueryResult<Vec<DuplicatePerformance>> {
    let statement = sql_query(
        "SELECT p.concert_id, p.id, p.starts_at, p.venue FROM performances p
         JOIN (SELECT concert_id, starts_at, venue FROM performances
               GROUP BY concert_id, starts_at, venue HAVING COUNT(*) > 1) d
             ON d.concert_id = p.concert_id AND d.starts_at = p.starts_at AND d.venue = p.venue
         ORDER BY p.concert_id, p.starts_at, p.venue, p.id",
    );
    let rows: Vec<Row> = Fixed(statement).load(session.connection()).await?;
    let mut duplicates = Vec::with_capacity(rows.len());
    for row in rows {
        let used: PerformanceUse = deletions::used(session, row.id.0).await?;
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
