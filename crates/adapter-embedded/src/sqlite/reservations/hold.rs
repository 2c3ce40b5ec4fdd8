//! Setting seats aside.
//!
//! Everything is looked at before anything is changed, and nobody else writes meanwhile, so a refusal
//! leaves the database as it was. The statement that takes a seat still asks whether it is free: the
//! seat's row decides.

use std::collections::BTreeSet;

use diesel::{
    BoolExpressionMethods, ExpressionMethods, OptionalExtension, QueryDsl, QueryResult,
    RunQueryDsl, SelectableHelper, SqliteConnection, insert_into, update,
};
use frontrow_domain::{
    model::{
        Amount, ConcertId, PricedSeat, Reservation, ReservationState, SeatLabel, SeatSelection,
        SeatState, later, micros,
    },
    ports::{HoldOutcome, HoldRequest},
};
use jiff::Timestamp;

use super::{expire::expire, read};
use crate::sqlite::{
    columns::Db,
    errors,
    rows::{ReservationRow, ReservedSeatRow, SeatRow},
    schema::{performances, reservation_seats, reservations, seats},
};

/// Sets the seats of `request` aside, all or none.
pub(super) fn hold(
    connection: &mut SqliteConnection,
    now: Timestamp,
    request: &HoldRequest,
) -> QueryResult<HoldOutcome> {
    if let Some(refusal) = not_on_sale(connection, now, request)? {
        return Ok(refusal);
    }
    let wanted = wanted_seats(connection, request)?;
    let unknown = labels_where(request, |label| {
        !wanted.iter().any(|row| row.label.0 == *label)
    });
    if !unknown.is_empty() {
        return Ok(HoldOutcome::NoSuchSeats(unknown));
    }
    if let Some(answer) = earlier_hold(connection, now, request)? {
        return Ok(answer);
    }
    let slots = free_slots(connection, request)?;
    if slots.len() < wanted.len() {
        let live = SeatSelection::MAX - slots.len();
        return Ok(HoldOutcome::SeatLimit { live });
    }
    let taken: Vec<_> = wanted
        .iter()
        .filter(|row| row.state(now) != SeatState::Available)
        .map(|row| row.label.0.clone())
        .collect();
    if !taken.is_empty() {
        return Ok(HoldOutcome::SeatsTaken(taken));
    }
    let reservation = new_reservation(now, request, &wanted)?;
    take(connection, now, &reservation, &wanted, &slots)?;
    Ok(HoldOutcome::Held(reservation))
}

/// Why the performance has nothing to sell to those let in to the request's concert, if it has not.
fn not_on_sale(
    connection: &mut SqliteConnection,
    now: Timestamp,
    request: &HoldRequest,
) -> QueryResult<Option<HoldOutcome>> {
    let performance: Option<(Db<ConcertId>, Db<Timestamp>)> = performances::table
        .find(Db(request.performance))
        .select((performances::concert_id, performances::starts_at))
        .get_result(connection)
        .optional()?;
    Ok(match performance {
        None => Some(HoldOutcome::NoSuchPerformance),
        Some((concert, _)) if concert.0 != request.concert => Some(HoldOutcome::OtherConcert),
        Some((_, starts_at)) if starts_at.0 <= now => Some(HoldOutcome::Started),
        Some(_) => None,
    })
}

/// The rows of the seats that are asked for, sorted by label, without those that do not exist.
fn wanted_seats(
    connection: &mut SqliteConnection,
    request: &HoldRequest,
) -> QueryResult<Vec<SeatRow>> {
    let mut rows = Vec::with_capacity(SeatSelection::MAX);
    for label in request.seats.labels() {
        let row = seats::table
            .find((Db(request.performance), Db(label.clone())))
            .select(SeatRow::as_select())
            .get_result(connection)
            .optional()?;
        rows.extend(row);
    }
    Ok(rows)
}

fn labels_where(request: &HoldRequest, wrong: impl Fn(&SeatLabel) -> bool) -> Vec<SeatLabel> {
    let labels = request.seats.labels().iter();
    labels.filter(|label| wrong(label)).cloned().collect()
}

/// What the user's hold in this concert, if any, makes of the request. One that is over is expired,
/// so that it neither blocks the new one nor counts for the seat limit.
fn earlier_hold(
    connection: &mut SqliteConnection,
    now: Timestamp,
    request: &HoldRequest,
) -> QueryResult<Option<HoldOutcome>> {
    let Some(earlier) = read::hold_of(connection, &request.user, request.concert)? else {
        return Ok(None);
    };
    let id = earlier.id;
    let Ok(live) = earlier.held_at(now) else {
        expire(connection, id)?;
        return Ok(None);
    };
    let live = live.reservation();
    let same = live.performance == request.performance
        && live
            .seats
            .iter()
            .map(|seat| &seat.label)
            .eq(request.seats.labels());
    Ok(Some(if same {
        HoldOutcome::AlreadyHeld(live.clone())
    } else {
        HoldOutcome::OtherHold(id)
    }))
}

/// Which of the user's four slots in this performance no seat has. Their seats are all live by now:
/// they have one hold in the concert at most, and that was looked at.
fn free_slots(connection: &mut SqliteConnection, request: &HoldRequest) -> QueryResult<Vec<i64>> {
    let used: Vec<Option<i64>> = seats::table
        .filter(seats::performance_id.eq(Db(request.performance)))
        .filter(seats::user_id.eq(Db(request.user.clone())))
        .select(seats::user_slot)
        .load(connection)?;
    let all = 1..=i64::try_from(SeatSelection::MAX).unwrap_or_default();
    Ok(all.filter(|slot| !used.contains(&Some(*slot))).collect())
}

fn new_reservation(
    now: Timestamp,
    request: &HoldRequest,
    wanted: &[SeatRow],
) -> QueryResult<Reservation> {
    let total = Amount::checked_sum(wanted.iter().map(|row| row.price.0))
        .ok_or_else(|| errors::broken("these seats cost more than there is money"))?;
    let priced = |row: &SeatRow| PricedSeat {
        label: row.label.0.clone(),
        price: row.price.0,
    };
    Ok(Reservation {
        id: request.id,
        user: request.user.clone(),
        concert: request.concert,
        performance: request.performance,
        seats: wanted.iter().map(priced).collect(),
        total,
        state: ReservationState::Held {
            until: micros(later(now, request.hold_for)),
        },
        ticket: Some(request.ticket.clone()),
    })
}

fn take(
    connection: &mut SqliteConnection,
    now: Timestamp,
    reservation: &Reservation,
    wanted: &[SeatRow],
    slots: &[i64],
) -> QueryResult<()> {
    // They lose their other seats too: a hold is whole or over, even if the clock steps back.
    let losers: BTreeSet<_> = wanted
        .iter()
        .filter_map(|row| row.reservation_id.as_ref())
        .map(|id| id.0)
        .collect();
    for loser in losers {
        expire(connection, loser)?;
    }
    let row = ReservationRow::from(reservation);
    let until = row.held_until.clone();
    insert_into(reservations::table)
        .values(row)
        .execute(connection)?;
    for (seat, slot) in reservation.seats.iter().zip(slots) {
        let free = seats::table
            .find((Db(reservation.performance), Db(seat.label.clone())))
            .filter(
                seats::reservation_id
                    .is_null()
                    .or(seats::held_until.le(Db(now))),
            );
        let taken = update(free)
            .set((
                seats::reservation_id.eq(Db(reservation.id)),
                seats::held_until.eq(until.clone()),
                seats::user_id.eq(Db(reservation.user.clone())),
                seats::user_slot.eq(slot),
            ))
            .execute(connection)?;
        if taken != 1 {
            return Err(errors::broken(format!(
                "seat {} was free and is not",
                seat.label
            )));
        }
        insert_into(reservation_seats::table)
            .values(ReservedSeatRow {
                reservation_id: Db(reservation.id),
                label: Db(seat.label.clone()),
                price: Db(seat.price),
            })
            .execute(connection)?;
    }
    Ok(())
}
