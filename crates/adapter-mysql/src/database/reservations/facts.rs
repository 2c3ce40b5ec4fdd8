//! The facts on which a hold depends, read in one statement and without a lock.

use diesel::{
    QueryResult, QueryableByName, sql_query,
    sql_types::{BigInt, Binary, Datetime, Nullable, Text},
};
use diesel_async::RunQueryDsl;
use frontrow_domain::model::{
    Amount, ConcertId, HoldFacts, HoldRequest, PerformanceId, PricedSeat, Reservation,
    ReservationId, ReservationState, SeatFacts, SeatLabel, SeatSelection,
    queue::{Arrival, Generation, Ticket},
};
use jiff::Timestamp;

use crate::{database::columns::Db, errors, session::Session, statement::Fixed};

/// One row for each requested seat that exists, or one row without a seat. The labels are padded to
/// [`SeatSelection::MAX`], so that the statement is always the same.
const FACTS: &str = "
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

/// Reads the facts for `request`. None if there is no such performance.
pub(super) async fn facts(
    session: &mut Session,
    request: &HoldRequest,
) -> QueryResult<Option<HoldFacts>> {
    let [first, second, third, fourth] = four(request.seats.labels());
    let offset_us = session.now().0;
    let statement = sql_query(FACTS)
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
    let used = line.slots;
    Ok(Some(HoldFacts {
        now: line.now.0,
        concert: line.concert_id.0,
        starts_at: line.starts_at.0,
        own_hold: hold_in(line, request)?,
        free_slots: HoldFacts::free_slots(|slot| used >> slot & 1 == 1),
        seats: lines.into_iter().filter_map(seat_in).collect(),
    }))
}

/// Returns the items, with the last one repeated up to the maximum number of one reservation.
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

fn seat_in(line: Line) -> Option<SeatFacts> {
    Some(SeatFacts {
        label: line.label?.0,
        price: line.price?.0,
        reservation: line.reservation_id.map(|id| id.0),
        held_until: line.held_until.map(|until| until.0),
    })
}
