//! Setting seats aside: what is asked for against what is there.

use diesel::QueryResult;
use frontrow_domain::{
    model::{
        Amount, PricedSeat, Reservation, ReservationState, SeatLabel, SeatSelection, SeatState,
        later, micros,
    },
    ports::{HoldOutcome, HoldRequest},
};

use super::{
    look::{self, Scene, WantedSeat},
    take,
};
use crate::{calls::Turn, errors, session::Session};

/// Sets the seats of `request` aside, all or none.
pub(super) async fn hold(
    session: &mut Session,
    request: &HoldRequest,
) -> QueryResult<Turn<HoldOutcome>> {
    let Some(scene) = look::look(session, request).await? else {
        return Ok(Turn::Done(HoldOutcome::NoSuchPerformance));
    };
    if let Some(refusal) = refusal(&scene, request) {
        return Ok(Turn::Done(refusal));
    }
    let reservation = new_reservation(&scene, request)?;
    session.begin().await?;
    Ok(if take::take(session, &scene, &reservation).await? {
        Turn::Done(HoldOutcome::Held(reservation))
    } else {
        Turn::Again
    })
}

/// Why the request gets no seats, or no new ones; none where it does.
fn refusal(scene: &Scene, request: &HoldRequest) -> Option<HoldOutcome> {
    if scene.concert != request.concert {
        return Some(HoldOutcome::OtherConcert);
    }
    if scene.starts_at <= scene.now {
        return Some(HoldOutcome::Started);
    }
    let labels = request.seats.labels().iter();
    let there = |label: &SeatLabel| scene.seats.iter().any(|seat| seat.label == *label);
    let unknown: Vec<_> = labels.filter(|label| !there(label)).cloned().collect();
    if !unknown.is_empty() {
        return Some(HoldOutcome::NoSuchSeats(unknown));
    }
    if let Some(answer) = earlier_hold(scene, request) {
        return Some(answer);
    }
    if scene.free_slots.len() < scene.seats.len() {
        let live = SeatSelection::MAX - scene.free_slots.len();
        return Some(HoldOutcome::SeatLimit { live });
    }
    let taken = scene
        .seats
        .iter()
        .filter(|seat| seat.state != SeatState::Available);
    let taken: Vec<_> = taken.map(|seat| seat.label.clone()).collect();
    (!taken.is_empty()).then_some(HoldOutcome::SeatsTaken(taken))
}

/// What the user's hold in this concert, if it is not over, makes of the request.
fn earlier_hold(scene: &Scene, request: &HoldRequest) -> Option<HoldOutcome> {
    let live = scene.hold.clone()?.held_at(scene.now).ok()?;
    let live = live.reservation();
    let labels = live.seats.iter().map(|seat| &seat.label);
    let same = live.performance == request.performance && labels.eq(request.seats.labels());
    Some(if same {
        HoldOutcome::AlreadyHeld(live.clone())
    } else {
        HoldOutcome::OtherHold(live.id)
    })
}

fn new_reservation(scene: &Scene, request: &HoldRequest) -> QueryResult<Reservation> {
    let total = Amount::checked_sum(scene.seats.iter().map(|seat| seat.price))
        .ok_or_else(|| errors::broken("these seats cost more than there is money"))?;
    let priced = |seat: &WantedSeat| PricedSeat {
        label: seat.label.clone(),
        price: seat.price,
    };
    Ok(Reservation {
        id: request.id,
        user: request.user.clone(),
        concert: request.concert,
        performance: request.performance,
        seats: scene.seats.iter().map(priced).collect(),
        total,
        state: ReservationState::Held {
            until: micros(later(scene.now, request.hold_for)),
        },
        ticket: Some(request.ticket.clone()),
    })
}
