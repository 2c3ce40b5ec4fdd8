//! The types of the domain and the pure decisions about them. The waiting room is in [`queue`].
//!
//! Nothing here does I/O. Each decision takes the facts and the time as arguments. Where to start:
//!
//! - What is sold: [`Concert`], [`Performance`], [`SeatPlan`], [`Seat`].
//! - A sale: [`HoldRequest::decide`] makes a [`Reservation`], [`HeldReservation::pay`] confirms it,
//!   [`HeldReservation::release`] cancels it.
//! - Money: [`Amount`], [`Balance`], [`LedgerEntry`].
//! - Repeated requests: [`IdempotencyKey`], [`Keyed`], [`Applied`].
//! - Changes by operators: [`PerformanceChange`], [`PlanChange`], [`AuditNote`].
//! - Rankings: [`Ranking`], [`Period`], [`Span`], [`Buckets`].
//! - A restart that keeps the queues: [`ImageDecision`].

mod audit;
mod clean_stop;
mod concert;
mod hold;
mod idempotency;
mod ids;
mod keyed_request;
mod ledger;
mod money;
mod page;
mod performance_change;
pub mod queue;
mod ranking;
mod reconciliation;
mod reservation;
mod schedule;
mod seat;
mod seat_plan;
mod seat_plan_edit;
mod spread;
mod time;

pub use audit::{AuditDetail, AuditNote};
pub use clean_stop::{DatabaseId, ImageDecision, ImageFault, ImageStamp, RunId, StopNumber};
pub use concert::{
    Concert, ConcertTitle, NewPerformance, Performance, PerformanceEdit, PerformanceUse, Venue,
};
pub use hold::{
    HOLD_DEFAULT, HOLD_RANGE, HoldDecision, HoldFacts, HoldRefusal, HoldRequest, NewHold,
    SEATS_PER_USER_MAX, SeatFacts, TotalTooLarge,
};
pub use idempotency::{Applied, IdempotencyKey, Operation, RequestDigest, Sender};
pub use ids::{ConcertId, LedgerEntryId, PerformanceId, ReservationId, UserId};
pub use keyed_request::{FormerKey, FormerRecord, KeyMeaning, Keyed};
pub use ledger::{Account, Balance, LedgerEntry, LedgerReason};
pub use money::{Amount, Currency};
pub use page::{Page, PageRequest};
pub use performance_change::{PerformanceChange, PerformanceFacts};
pub use ranking::{Buckets, Grain, PerPeriod, Period, RankedConcert, Ranking, Span};
pub use reconciliation::{
    AccountBooks, BookedEntry, BookedPayment, Difference, PerformanceRecords, TakenSeat,
};
pub use reservation::{HeldReservation, PayRefusal, Reservation, ReservationState, WrongState};
pub use schedule::{late_opening, past_start};
pub use seat::{PricedSeat, Seat, SeatLabel, SeatSelection, SeatState};
pub use seat_plan::{PlannedSeat, Row, SeatPlan, Section};
pub use seat_plan_edit::{PlanChange, StandingSeat};
pub use spread::spread;
pub use time::{LATEST_PLAN, later, micros, planned};

/// Why an input value was refused. The text is for its sender.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Invalid(pub String);

impl Invalid {
    /// A refusal with this text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}
