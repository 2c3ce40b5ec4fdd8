//! What a hold finds: everything that it depends on, in one statement and without a lock.

use diesel::{
    QueryResult, QueryableByName, sql_query,
    sql_types::{BigInt, Binary, Datetime, Nullable, Text},
};
use diesel_async::RunQueryDsl;
use frontrow_domain::{
    model::{
        Amount, ConcertId, PerformanceId, PricedSeat, Reservation, ReservationId, ReservationState,
        SeatLabel, SeatSelection, SeatState,
        queue::{Arrival, Generation, Ticket},
    },
    ports::HoldRequest,
};
use jiff::Timestamp;

use crate::{database::columns::Db, errors, session::Session, statement::Fixed};

/// One line a seat that is asked for and there, or one without a seat. Labels come last and are padded to
/// four, so that the statement is always the same.
const LOOK: &str = "
    SELECT p.concert_id, p.starts_at, UTC_TIMESTAMP(6) + INTERVAL ? MICROSECOND AS now,
           h.id AS hold_id, h.performance_id AS hold_performance, h.held_until AS hold_until,
           h.total AS hold_total, h.seats AS hold_seats, h.place_arrival AS hold_arrival,
           h.place_generation AS hold_generation,
           (SELECT CAST(COALESCE(SUM(1 << m.user_slot), 0) AS SIGNED) FROM seats m
            FORCE INDEX (seats_of_user)
            WHERE m.performance_id = p.id AND m.user_id = ?
              AND (m.held_until IS NULL OR m.held_until > UTC_TIMESTAMP(6) + INTERVAL ? MICROSECOND))
               AS slots,
           s.label, s.price, s.reservation_id, s.held_until
    FROM performances p
    LEFT JOIN reservations h ON h.user_id = ? AND h.held_concert_id = p.concert_id
    LEFT JOIN seats s ON s.performance_id = p.id AND s.label IN (?, ?, ?, ?)
    WHERE p.id = ?
    ORDER BY s.label";

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Binary)]
    concert_id: Db<ConcertId>,
    #[diesel(sql_type = Datetime)]
    starts_at: Db<Timestamp>,
    #[diesel(sql_type = Datetime)]
    now: Db<Timestamp>,
    #[diesel(sql_type = Nullable<Binary>)]
    hold_id: Option<Db<ReservationId>>,
    #[diesel(sql_type = Nullable<Binary>)]
    hold_performance: Option<Db<PerformanceId>>,
    #[diesel(sql_type = Nullable<Datetime>)]
    hold_until: Option<Db<Timestamp>>,
    #[diesel(sql_type = Nullable<BigInt>)]
    hold_total: Option<Db<Amount>>,
    #[diesel(sql_type = Nullable<Text>)]
    hold_seats: Option<Db<Vec<PricedSeat>>>,
    #[diesel(sql_type = Nullable<BigInt>)]
    hold_arrival: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    hold_generation: Option<i64>,
    #[diesel(sql_type = BigInt)]
    slots: i64,
    #[diesel(sql_type = Nullable<Text>)]
    label: Option<Db<SeatLabel>>,
    #[diesel(sql_type = Nullable<BigInt>)]
    price: Option<Db<Amount>>,
    #[diesel(sql_type = Nullable<Binary>)]
    reservation_id: Option<Db<ReservationId>>,
    #[diesel(sql_type = Nullable<Datetime>)]
    held_until: Option<Db<Timestamp>>,
}

/// A performance as somebody who wants seats of it finds it.
pub(super) struct Scene {
    /// What time it is.
    pub(super) now: Timestamp,
    /// Whose performance it is.
    pub(super) concert: ConcertId,
    /// When it starts.
    pub(super) starts_at: Timestamp,
    /// The user's hold in the concert, as it is written; it may be over.
    pub(super) hold: Option<Reservation>,
    /// Which of the user's four slots in the performance no live seat has.
    pub(super) free_slots: Vec<i8>,
    /// The seats that are asked for and there, sorted by label.
    pub(super) seats: Vec<WantedSeat>,
}

/// A seat that is asked for.
pub(super) struct WantedSeat {
    pub(super) label: SeatLabel,
    pub(super) price: Amount,
    /// Whether it can be had.
    pub(super) state: SeatState,
    /// Whose it is, or was until their hold was over.
    pub(super) reservation: Option<ReservationId>,
}

/// Looks at what a request is about; none where there is no such performance.
pub(super) async fn look(
    session: &mut Session,
    request: &HoldRequest,
) -> QueryResult<Option<Scene>> {
    let [first, second, third, fourth] = four(request.seats.labels());
    let offset_us = session.now().0;
    let statement = sql_query(LOOK)
        .bind::<BigInt, _>(offset_us)
        .bind::<Text, _>(Db(request.user.clone()))
        .bind::<BigInt, _>(offset_us)
        .bind::<Text, _>(Db(request.user.clone()))
        .bind::<Nullable<Text>, _>(first.map(Db))
        .bind::<Nullable<Text>, _>(second.map(Db))
        .bind::<Nullable<Text>, _>(third.map(Db))
        .bind::<Nullable<Text>, _>(fourth.map(Db))
        .bind::<Binary, _>(Db(request.performance));
    let lines: Vec<Line> = Fixed(statement).load(session.connection()).await?;
    let Some(line) = lines.as_slice().first() else {
        return Ok(None);
    };
    Ok(Some(Scene {
        now: line.now.0,
        concert: line.concert_id.0,
        starts_at: line.starts_at.0,
        hold: hold_in(line, request)?,
        free_slots: free_slots(line.slots),
        seats: lines.into_iter().filter_map(wanted_seat).collect(),
    }))
}

/// The items, the last one again and again until there are four.
pub(super) fn four<T: Clone>(items: &[T]) -> [Option<T>; SeatSelection::MAX] {
    std::array::from_fn(|at| items.get(at).or(items.last()).cloned())
}

fn hold_in(line: &Line, request: &HoldRequest) -> QueryResult<Option<Reservation>> {
    let Some(id) = &line.hold_id else {
        return Ok(None);
    };
    let parts = (
        &line.hold_performance,
        &line.hold_until,
        &line.hold_total,
        &line.hold_seats,
    );
    let (Some(performance), Some(until), Some(total), Some(seats)) = parts else {
        return Err(errors::broken(format!("reservation {} is not whole", id.0)));
    };
    let place = line.hold_arrival.zip(line.hold_generation);
    let ticket = place.map(|(arrival, generation)| Ticket {
        concert: line.concert_id.0,
        user: request.user.clone(),
        arrival: Arrival::from_micros(arrival),
        generation: Generation(generation.cast_unsigned()),
    });
    Ok(Some(Reservation {
        id: id.0,
        user: request.user.clone(),
        concert: line.concert_id.0,
        performance: performance.0,
        seats: seats.0.clone(),
        total: total.0,
        state: ReservationState::Held { until: until.0 },
        ticket,
    }))
}

fn free_slots(used: i64) -> Vec<i8> {
    let all = 1..=i8::try_from(SeatSelection::MAX).unwrap_or_default();
    all.filter(|slot| used >> slot & 1 == 0).collect()
}

fn wanted_seat(line: Line) -> Option<WantedSeat> {
    let state = match (&line.reservation_id, &line.held_until) {
        (Some(_), None) => SeatState::Sold,
        (Some(_), Some(until)) if until.0 > line.now.0 => SeatState::Held,
        _ => SeatState::Available,
    };
    Some(WantedSeat {
        label: line.label?.0,
        price: line.price?.0,
        state,
        reservation: line.reservation_id.map(|id| id.0),
    })
}
