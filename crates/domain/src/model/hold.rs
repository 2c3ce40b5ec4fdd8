//! The hold decision: the facts that a store reads, and the hold or refusal that follows from them.
//!
//! [`HoldRequest::decide`] is the whole rule, with the order in which refusals come. A store reads
//! the [`HoldFacts`], calls it, and writes the [`HoldDecision`] in the transaction that takes the
//! seats. The rows of the seats still decide: if one changed in between, nothing is written.

mod limits;

use std::time::Duration;

use jiff::Timestamp;

pub use self::limits::{HOLD_DEFAULT, HOLD_RANGE, SEATS_PER_USER_MAX};
use super::{
    Amount, ConcertId, PerformanceId, PricedSeat, Reservation, ReservationId, ReservationState,
    SeatLabel, SeatSelection, SeatState, UserId, later, micros, queue::Ticket,
};

/// A request to hold seats.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HoldRequest {
    /// The id of the reservation, if one is made.
    pub id: ReservationId,
    /// The user who wants the seats.
    pub user: UserId,
    /// The concert for which the user passed the gate.
    pub concert: ConcertId,
    /// The performance.
    pub performance: PerformanceId,
    /// The seats.
    pub seats: SeatSelection,
    /// How long to hold them, from the store's present time.
    pub hold_for: Duration,
    /// The place with which the user passed the gate. It is stored with the reservation and ends
    /// when that is paid.
    pub ticket: Ticket,
}

/// Why a hold is refused, in the order in which the reasons are checked. If several apply, the
/// first one is returned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HoldRefusal {
    /// There is no such performance.
    NoSuchPerformance,
    /// The performance is of another concert than the one for which the user passed the gate.
    OtherConcert,
    /// The performance has started.
    Started,
    /// The performance has no such seats.
    NoSuchSeats(Vec<SeatLabel>),
    /// The user has another live hold in this concert.
    OtherHold(ReservationId),
    /// Together with the user's live seats they would be more than [`SEATS_PER_USER_MAX`].
    SeatLimit {
        /// Number of held and confirmed seats of this user in this performance.
        live: usize,
    },
    /// These seats are held by another user, or sold.
    SeatsTaken(Vec<SeatLabel>),
}

/// The facts on which a hold depends, read from the store at one instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HoldFacts {
    /// The store's present time, in whole microseconds.
    pub now: Timestamp,
    /// The concert of the performance.
    pub concert: ConcertId,
    /// When the performance starts.
    pub starts_at: Timestamp,
    /// The user's hold in the concert as it is stored. It may have expired.
    pub own_hold: Option<Reservation>,
    /// The slots that no live seat of the user in the performance has, as
    /// [`HoldFacts::free_slots`] numbers them.
    pub free_slots: Vec<u8>,
    /// The requested seats that exist, sorted by label.
    pub seats: Vec<SeatFacts>,
}

/// A requested seat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeatFacts {
    /// Its label.
    pub label: SeatLabel,
    /// Its price.
    pub price: Amount,
    /// The reservation that has it, or had it until its hold expired.
    pub reservation: Option<ReservationId>,
    /// The deadline of that hold. None for a sold seat and for one that no reservation has.
    pub held_until: Option<Timestamp>,
}

/// The decision that follows from the facts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HoldDecision {
    /// Write this hold.
    Take(NewHold),
    /// The user holds these very seats already. Write nothing.
    AlreadyHeld(Reservation),
    /// The hold is refused. Write nothing.
    Refused(HoldRefusal),
}

/// A hold to be written: all of it or nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewHold {
    /// The reservation, which is held.
    pub reservation: Reservation,
    /// The deadline of the hold, the same as in the reservation's state.
    pub until: Timestamp,
    /// The slot of each seat of the reservation, in the order of its seats.
    pub slots: Vec<u8>,
    /// The expired holds to be ended, sorted: the user's own and those that had a requested seat.
    /// They lose their other seats too: a hold has all its seats or none, even if the clock steps
    /// back.
    pub lapsed: Vec<ReservationId>,
}

/// The total of the seats is larger than an [`Amount`] can be. No seat plan allows such prices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the total of these seats is larger than an amount can be")]
pub struct TotalTooLarge;

impl HoldFacts {
    /// Returns the slots for which `used` is false, of all that one user has in one performance: 1
    /// to [`SEATS_PER_USER_MAX`].
    ///
    /// Each live seat of a user takes one slot, and a slot has one seat. So the database itself
    /// refuses one seat too many.
    pub fn free_slots(used: impl Fn(u8) -> bool) -> Vec<u8> {
        let all = (1..=u8::MAX).take(SEATS_PER_USER_MAX);
        all.filter(|slot| !used(*slot)).collect()
    }
}

impl HoldRequest {
    /// Decides this request from the facts in the store. `facts` is none if there is no such
    /// performance.
    ///
    /// # Errors
    /// [`TotalTooLarge`] if the store has prices that no seat plan allows.
    pub fn decide(&self, facts: Option<HoldFacts>) -> Result<HoldDecision, TotalTooLarge> {
        let Some(facts) = facts else {
            return Ok(HoldDecision::Refused(HoldRefusal::NoSuchPerformance));
        };
        if let Some(refusal) = self.not_for_sale(&facts) {
            return Ok(HoldDecision::Refused(refusal));
        }
        let HoldFacts { now, own_hold, .. } = facts;
        let mut lapsed = Vec::new();
        if let Some(own) = own_hold {
            let id = own.id;
            match own.held_at(now) {
                Ok(live) if self.asks_for(live.reservation()) => {
                    return Ok(HoldDecision::AlreadyHeld(live.into_reservation()));
                }
                Ok(_) => return Ok(HoldDecision::Refused(HoldRefusal::OtherHold(id))),
                Err(_) => lapsed.push(id),
            }
        }
        let (seats, slots) = (facts.seats, facts.free_slots);
        if let Some(refusal) = not_to_be_had(now, &seats, &slots) {
            return Ok(HoldDecision::Refused(refusal));
        }
        lapsed.extend(seats.iter().filter_map(|seat| seat.reservation));
        lapsed.sort_unstable();
        lapsed.dedup();
        self.take(now, seats, slots, lapsed).map(HoldDecision::Take)
    }

    /// Returns why the performance does not sell these seats to the request's concert, if it does
    /// not.
    fn not_for_sale(&self, facts: &HoldFacts) -> Option<HoldRefusal> {
        if facts.concert != self.concert {
            return Some(HoldRefusal::OtherConcert);
        }
        if facts.starts_at <= facts.now {
            return Some(HoldRefusal::Started);
        }
        let exists = |label: &SeatLabel| facts.seats.iter().any(|seat| seat.label == *label);
        let labels = self.seats.labels().iter();
        let unknown: Vec<_> = labels.filter(|label| !exists(label)).cloned().collect();
        (!unknown.is_empty()).then_some(HoldRefusal::NoSuchSeats(unknown))
    }

    /// Returns true if `hold` has the very seats of this request.
    fn asks_for(&self, hold: &Reservation) -> bool {
        let labels = hold.seats.iter().map(|seat| &seat.label);
        hold.performance == self.performance && labels.eq(self.seats.labels())
    }

    fn take(
        &self,
        now: Timestamp,
        seats: Vec<SeatFacts>,
        mut slots: Vec<u8>,
        lapsed: Vec<ReservationId>,
    ) -> Result<NewHold, TotalTooLarge> {
        let prices = seats.iter().map(|seat| seat.price);
        let total = Amount::checked_sum(prices).ok_or(TotalTooLarge)?;
        let until = micros(later(now, self.hold_for));
        slots.truncate(seats.len());
        let priced = |seat: SeatFacts| PricedSeat {
            label: seat.label,
            price: seat.price,
        };
        let reservation = Reservation {
            id: self.id,
            user: self.user.clone(),
            concert: self.concert,
            performance: self.performance,
            seats: seats.into_iter().map(priced).collect(),
            total,
            state: ReservationState::Held { until },
            ticket: Some(self.ticket.clone()),
        };
        Ok(NewHold {
            reservation,
            until,
            slots,
            lapsed,
        })
    }
}

/// Returns why a user with these free slots cannot have all of the seats at `now`, if so.
fn not_to_be_had(now: Timestamp, seats: &[SeatFacts], free_slots: &[u8]) -> Option<HoldRefusal> {
    if free_slots.len() < seats.len() {
        let live = SEATS_PER_USER_MAX.saturating_sub(free_slots.len());
        return Some(HoldRefusal::SeatLimit { live });
    }
    let taken = seats.iter().filter(|seat| {
        SeatState::at(now, seat.reservation.is_some(), seat.held_until) != SeatState::Available
    });
    let taken: Vec<_> = taken.map(|seat| seat.label.clone()).collect();
    (!taken.is_empty()).then_some(HoldRefusal::SeatsTaken(taken))
}

#[cfg(test)]
mod tests;
