//! The sale: holds, payments, points, and what keeps the books in order.

mod charge_points;
mod hold_seats;
mod pay_reservation;
mod reconcile;
mod release_hold;
mod show_reservations;
mod sweep;

pub use charge_points::{ChargeAnswer, ChargePoints};
pub use hold_seats::{HoldAnswer, HoldSeats};
pub use pay_reservation::{PayReservation, Replay};
pub use reconcile::{Reconcile, Reconciled};
pub use release_hold::ReleaseHold;
pub use show_reservations::ShowReservations;
pub use sweep::{PurgeKeys, SweepHolds};
