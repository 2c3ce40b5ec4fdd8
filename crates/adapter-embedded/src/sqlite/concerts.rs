//! The catalogue, as buyers see it.
//!
//! No seat is counted: the number of sold seats is a column of the performance, and held seats are
//! in an index that contains only held seats.

use std::collections::HashMap;

use async_trait::async_trait;
use diesel::{
    ExpressionMethods, OptionalExtension, QueryDsl, QueryResult, RunQueryDsl, SelectableHelper,
    SqliteConnection,
    dsl::{count_star, exists},
};
use frontrow_domain::{
    model::{Concert, ConcertId, Performance, PerformanceId, Venue},
    ports::{Catalogue, Concerts, SeatMap, StoreResult},
};
use jiff::Timestamp;

use super::{
    SqliteDatabase,
    columns::Db,
    rows::{ConcertRow, SeatRow},
    schema::{concerts, performances, seats},
};

#[async_trait]
impl Concerts for SqliteDatabase {
    async fn catalogue(&self, now: Timestamp) -> StoreResult<Catalogue> {
        self.read(move |connection, store_now| catalogue(connection, now, store_now))
            .await
    }

    async fn concert(&self, id: ConcertId, now: Timestamp) -> StoreResult<Option<Concert>> {
        self.read(move |connection, store_now| concert(connection, id, now, store_now))
            .await
    }

    async fn performances(&self, concert: ConcertId) -> StoreResult<Vec<Performance>> {
        self.read(move |connection, now| performances_of(connection, now, concert))
            .await
    }

    async fn seat_map(&self, performance: PerformanceId) -> StoreResult<Option<SeatMap>> {
        self.read(move |connection, now| seat_map(connection, now, performance))
            .await
    }
}

/// Number of held seats by performance.
type Held = HashMap<PerformanceId, u64>;

/// The sums over the upcoming performances of one concert.
#[derive(Default)]
struct ToCome {
    total: u64,
    sold: u64,
    held: u64,
    next_at: Option<Timestamp>,
}

/// Returns an expression that is true if a concert has a performance, including one that has
/// started.
#[diesel::dsl::auto_type]
fn is_planned() -> _ {
    exists(performances::table.filter(performances::concert_id.eq(concerts::id)))
}

fn catalogue(
    connection: &mut SqliteConnection,
    now: Timestamp,
    store_now: Timestamp,
) -> QueryResult<Catalogue> {
    let rows: Vec<(ConcertRow, bool)> = concerts::table
        .order(concerts::id)
        .select((ConcertRow::as_select(), is_planned()))
        .load(connection)?;
    let mut to_come = to_come(connection, None, now, store_now)?;
    let with_seats = |(row, is_planned): (ConcertRow, bool)| {
        let to_come = to_come.remove(&row.id.0).unwrap_or_default();
        to_come.of(row, is_planned)
    };
    Ok(Catalogue {
        counted_at: store_now,
        concerts: rows.into_iter().map(with_seats).collect(),
    })
}

fn concert(
    connection: &mut SqliteConnection,
    id: ConcertId,
    now: Timestamp,
    store_now: Timestamp,
) -> QueryResult<Option<Concert>> {
    let row: Option<(ConcertRow, bool)> = concerts::table
        .find(Db(id))
        .select((ConcertRow::as_select(), is_planned()))
        .get_result(connection)
        .optional()?;
    let Some((row, is_planned)) = row else {
        return Ok(None);
    };
    let mut to_come = to_come(connection, Some(id), now, store_now)?;
    Ok(Some(
        to_come.remove(&id).unwrap_or_default().of(row, is_planned),
    ))
}

impl ToCome {
    /// Returns the concert whose performances have these sums.
    fn of(self, row: ConcertRow, is_planned: bool) -> Concert {
        Concert {
            id: row.id.0,
            title: row.title.0,
            seats_total: self.total,
            seats_left: self.total.saturating_sub(self.sold + self.held),
            seats_sold: self.sold,
            next_performance_at: self.next_at,
            is_planned,
            policy: row.policy.into(),
        }
    }
}

/// Returns the sums over the upcoming performances by concert, of all concerts or of one.
fn to_come(
    connection: &mut SqliteConnection,
    concert: Option<ConcertId>,
    now: Timestamp,
    store_now: Timestamp,
) -> QueryResult<HashMap<ConcertId, ToCome>> {
    type Row = (
        Db<PerformanceId>,
        Db<ConcertId>,
        Db<Timestamp>,
        Db<u64>,
        Db<u64>,
    );
    let mut rows = performances::table
        .filter(performances::starts_at.gt(Db(now)))
        .order(performances::starts_at)
        .select((
            performances::id,
            performances::concert_id,
            performances::starts_at,
            performances::seats_total,
            performances::seats_sold,
        ))
        .into_boxed();
    if let Some(concert) = concert {
        rows = rows.filter(performances::concert_id.eq(Db(concert)));
    }
    let rows: Vec<Row> = rows.load(connection)?;
    let held = held_everywhere(connection, store_now)?;
    let mut sums: HashMap<ConcertId, ToCome> = HashMap::new();
    for (performance, concert, starts_at, total, sold) in rows {
        let sum = sums.entry(concert.0).or_default();
        sum.total += total.0;
        sum.sold += sold.0;
        sum.held += held.get(&performance.0).copied().unwrap_or_default();
        sum.next_at.get_or_insert(starts_at.0);
    }
    Ok(sums)
}

fn held_everywhere(connection: &mut SqliteConnection, now: Timestamp) -> QueryResult<Held> {
    let rows: Vec<(Db<PerformanceId>, Db<u64>)> = seats::table
        .filter(seats::held_until.gt(Db(now)))
        .group_by(seats::performance_id)
        .select((seats::performance_id, count_star()))
        .load(connection)?;
    Ok(rows.into_iter().map(|(id, held)| (id.0, held.0)).collect())
}

fn held_in(
    connection: &mut SqliteConnection,
    now: Timestamp,
    performance: PerformanceId,
) -> QueryResult<u64> {
    let held: Db<u64> = seats::table
        .filter(seats::performance_id.eq(Db(performance)))
        .filter(seats::held_until.gt(Db(now)))
        .select(count_star())
        .get_result(connection)?;
    Ok(held.0)
}

fn performances_of(
    connection: &mut SqliteConnection,
    now: Timestamp,
    concert: ConcertId,
) -> QueryResult<Vec<Performance>> {
    type Row = (
        Db<PerformanceId>,
        Db<Timestamp>,
        Db<Venue>,
        Db<u64>,
        Db<u64>,
    );
    let rows: Vec<Row> = performances::table
        .filter(performances::concert_id.eq(Db(concert)))
        .order((performances::starts_at, performances::id))
        .select((
            performances::id,
            performances::starts_at,
            performances::venue,
            performances::seats_total,
            performances::seats_sold,
        ))
        .load(connection)?;
    let with_seats = |(id, starts_at, venue, total, sold): Row| {
        let held = held_in(connection, now, id.0)?;
        Ok(Performance {
            id: id.0,
            concert,
            starts_at: starts_at.0,
            venue: venue.0,
            seats_total: total.0,
            seats_left: total.0.saturating_sub(sold.0 + held),
        })
    };
    rows.into_iter().map(with_seats).collect()
}

fn seat_map(
    connection: &mut SqliteConnection,
    now: Timestamp,
    performance: PerformanceId,
) -> QueryResult<Option<SeatMap>> {
    let concert: Option<Db<ConcertId>> = performances::table
        .find(Db(performance))
        .select(performances::concert_id)
        .get_result(connection)
        .optional()?;
    let Some(concert) = concert else {
        return Ok(None);
    };
    let mut rows: Vec<SeatRow> = seats::table
        .filter(seats::performance_id.eq(Db(performance)))
        .select(SeatRow::as_select())
        .load(connection)?;
    // Faster than an index for this purpose alone.
    rows.sort_unstable_by_key(|row| row.ordinal);
    Ok(Some(SeatMap {
        concert: concert.0,
        seats: rows.into_iter().map(|row| row.seen_at(now)).collect(),
    }))
}
