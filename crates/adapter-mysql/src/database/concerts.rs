//! The catalogue, as buyers see it.
//!
//! No free or sold seat is counted: the number of sold seats is the sum of a few counters (see
//! [`sales`](super::sales)), and held seats are counted in an index that contains only held seats.
//! Both are read in one statement, and so at one instant.

use std::collections::HashMap;

use async_trait::async_trait;
use diesel::{
    ExpressionMethods, OptionalExtension, QueryDsl, QueryResult, QueryableByName, SelectableHelper,
    dsl::exists,
    select, sql_query,
    sql_types::{BigInt, Binary, Datetime, Text},
};
use diesel_async::RunQueryDsl;
use frontrow_domain::{
    model::{Concert, ConcertId, Performance, PerformanceId, Venue},
    ports::{Catalogue, Concerts, SeatMap, StoreResult},
};
use futures_util::{FutureExt, TryFutureExt};
use jiff::Timestamp;

use super::{
    MySqlDatabase,
    columns::Db,
    rows::{ConcertRow, SeatRow},
    schema::{concerts, performances, seats},
};
use crate::{session::Session, statement::Fixed, transactions::Verdict};

#[async_trait]
impl Concerts for MySqlDatabase {
    async fn catalogue(&self, now: Timestamp) -> StoreResult<Catalogue> {
        self.call(now, |session, now| {
            catalogue(session, *now).map_ok(Verdict::Commit).boxed()
        })
        .await
    }

    async fn concert(&self, id: ConcertId, now: Timestamp) -> StoreResult<Option<Concert>> {
        self.call((id, now), |session, (id, now)| {
            concert(session, *id, *now).map_ok(Verdict::Commit).boxed()
        })
        .await
    }

    async fn performances(&self, concert: ConcertId) -> StoreResult<Vec<Performance>> {
        self.call(concert, |session, concert| {
            performances_of(session, *concert)
                .map_ok(Verdict::Commit)
                .boxed()
        })
        .await
    }

    async fn seat_map(&self, performance: PerformanceId) -> StoreResult<Option<SeatMap>> {
        self.call(performance, |session, performance| {
            seat_map(session, *performance)
                .map_ok(Verdict::Commit)
                .boxed()
        })
        .await
    }
}

/// A performance with its numbers of sold and held seats.
#[derive(QueryableByName)]
struct PerformanceRow {
    #[diesel(sql_type = Binary)]
    id: Db<PerformanceId>,
    #[diesel(sql_type = Binary)]
    concert_id: Db<ConcertId>,
    #[diesel(sql_type = Datetime)]
    starts_at: Db<Timestamp>,
    #[diesel(sql_type = Text)]
    venue: Db<Venue>,
    #[diesel(sql_type = BigInt)]
    seats_total: Db<u64>,
    #[diesel(sql_type = BigInt)]
    sold: Db<u64>,
    #[diesel(sql_type = BigInt)]
    held: Db<u64>,
}

impl PerformanceRow {
    fn seats_left(&self) -> u64 {
        self.seats_total.0.saturating_sub(self.sold.0 + self.held.0)
    }
}

/// The sums over the upcoming performances of one concert.
#[derive(Default)]
struct ToCome {
    total: u64,
    sold: u64,
    left: u64,
    next_at: Option<Timestamp>,
}

/// True for a concert that has a performance, including one that has started.
#[diesel::dsl::auto_type]
fn is_planned() -> _ {
    exists(performances::table.filter(performances::concert_id.eq(concerts::id)))
}

/// Performances with a condition. Its parameters come after the offset of the store's clock.
macro_rules! performances_where {
    ($condition:literal) => {
        concat!(
            "SELECT p.id, p.concert_id, p.starts_at, p.venue, p.seats_total,
                    (SELECT CAST(COALESCE(SUM(s.seats_sold), 0) AS SIGNED) FROM performance_sales s
                     WHERE s.performance_id = p.id) AS sold,
                    (SELECT COUNT(*) FROM seats h FORCE INDEX (seats_held)
                     WHERE h.held_performance_id = p.id
                       AND h.held_until > UTC_TIMESTAMP(6) + INTERVAL ? MICROSECOND) AS held
             FROM performances p WHERE ",
            $condition,
            " ORDER BY p.starts_at, p.id"
        )
    };
}

/// Reads the catalogue. The counts are of the instant at which the first statement reads, whose
/// start is `counted_at`.
async fn catalogue(session: &mut Session, now: Timestamp) -> QueryResult<Catalogue> {
    session.begin_snapshot().await?;
    let store_now = session.now();
    let rows: Vec<(ConcertRow, bool, Db<Timestamp>)> = concerts::table
        .order(concerts::id)
        .select((ConcertRow::as_select(), is_planned(), store_now))
        .load(session.connection())
        .await?;
    let counted_at = if let Some((_, _, counted_at)) = rows.as_slice().first() {
        counted_at.0
    } else {
        let now: Db<Timestamp> = select(store_now).get_result(session.connection()).await?;
        now.0
    };
    let mut to_come = to_come(session, now).await?;
    let with_seats = |(row, is_planned, _): (ConcertRow, _, _)| {
        let to_come = to_come.remove(&row.id.0).unwrap_or_default();
        to_come.of(row, is_planned)
    };
    Ok(Catalogue {
        counted_at,
        concerts: rows.into_iter().map(with_seats).collect(),
    })
}

async fn concert(
    session: &mut Session,
    id: ConcertId,
    now: Timestamp,
) -> QueryResult<Option<Concert>> {
    let row: Option<(ConcertRow, bool)> = concerts::table
        .find(Db(id))
        .select((ConcertRow::as_select(), is_planned()))
        .get_result(session.connection())
        .await
        .optional()?;
    let Some((row, is_planned)) = row else {
        return Ok(None);
    };
    let statement = sql_query(performances_where!("p.concert_id = ?"))
        .bind::<BigInt, _>(session.now().0)
        .bind::<Binary, _>(Db(id));
    let rows: Vec<PerformanceRow> = Fixed(statement).load(session.connection()).await?;
    let mut to_come = ToCome::default();
    for performance in rows.iter().filter(|row| row.starts_at.0 > now) {
        to_come.add(performance);
    }
    Ok(Some(to_come.of(row, is_planned)))
}

async fn to_come(session: &mut Session, now: Timestamp) -> QueryResult<HashMap<ConcertId, ToCome>> {
    let statement = sql_query(performances_where!("p.starts_at > ?"))
        .bind::<BigInt, _>(session.now().0)
        .bind::<Datetime, _>(Db(now));
    let rows: Vec<PerformanceRow> = Fixed(statement).load(session.connection()).await?;
    let mut sums: HashMap<ConcertId, ToCome> = HashMap::new();
    for row in rows {
        sums.entry(row.concert_id.0).or_default().add(&row);
    }
    Ok(sums)
}

impl ToCome {
    /// Adds a performance that starts after all that were added before.
    fn add(&mut self, row: &PerformanceRow) {
        self.total += row.seats_total.0;
        self.sold += row.sold.0;
        self.left += row.seats_left();
        self.next_at.get_or_insert(row.starts_at.0);
    }

    /// Returns the concert whose performances have these sums.
    fn of(self, row: ConcertRow, is_planned: bool) -> Concert {
        Concert {
            id: row.id.0,
            title: row.title.0,
            seats_total: self.total,
            seats_left: self.left,
            seats_sold: self.sold,
            next_performance_at: self.next_at,
            is_planned,
            policy: row.policy.into(),
        }
    }
}

async fn performances_of(
    session: &mut Session,
    concert: ConcertId,
) -> QueryResult<Vec<Performance>> {
    let statement = sql_query(performances_where!("p.concert_id = ?"))
        .bind::<BigInt, _>(session.now().0)
        .bind::<Binary, _>(Db(concert));
    let rows: Vec<PerformanceRow> = Fixed(statement).load(session.connection()).await?;
    let performance = |row: PerformanceRow| Performance {
        seats_left: row.seats_left(),
        id: row.id.0,
        concert,
        starts_at: row.starts_at.0,
        venue: row.venue.0,
        seats_total: row.seats_total.0,
    };
    Ok(rows.into_iter().map(performance).collect())
}

async fn seat_map(
    session: &mut Session,
    performance: PerformanceId,
) -> QueryResult<Option<SeatMap>> {
    let found: Option<(Db<ConcertId>, Db<Timestamp>)> = performances::table
        .find(Db(performance))
        .select((performances::concert_id, session.now()))
        .get_result(session.connection())
        .await
        .optional()?;
    let Some((concert, now)) = found else {
        return Ok(None);
    };
    let mut rows: Vec<SeatRow> = seats::table
        .filter(seats::performance_id.eq(Db(performance)))
        .select(SeatRow::as_select())
        .load(session.connection())
        .await?;
    // Faster than an index for this purpose alone.
    rows.sort_unstable_by_key(|row| row.ordinal);
    Ok(Some(SeatMap {
        concert: concert.0,
        seats: rows.into_iter().map(|row| row.seen_at(now.0)).collect(),
    }))
}
