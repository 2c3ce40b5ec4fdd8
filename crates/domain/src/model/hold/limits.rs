//! The length of a hold, and how many seats a user may have.

use std::{ops::RangeInclusive, time::Duration};

use crate::model::SeatSelection;

/// The most live seats, held and bought together, that one user may have in one performance.
///
/// The number is written out where a constant cannot be named: the `CHECK` of `seats.user_slot` in
/// the migrations of both databases. Raising it needs a migration of each.
pub const SEATS_PER_USER_MAX: usize = 4;

// A request for more seats than a user may have could never be granted.
const _: () = assert!(SeatSelection::MAX <= SEATS_PER_USER_MAX);

/// How long seats are held if the operator configures nothing.
pub const HOLD_DEFAULT: Duration = Duration::from_mins(5);

/// The range of the hold time that an operator may configure.
pub const HOLD_RANGE: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_hours(1);
