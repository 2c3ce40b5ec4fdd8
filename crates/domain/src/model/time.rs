//! Instants are [`jiff::Timestamp`] in whole microseconds, the finest unit that every store keeps.

use std::time::Duration;

use jiff::Timestamp;

/// `at` plus `by`, or the last representable instant where that would overflow.
#[must_use]
pub fn later(at: Timestamp, by: Duration) -> Timestamp {
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}

/// `at` without what is finer than a microsecond, as every store keeps it.
#[must_use]
pub fn micros(at: Timestamp) -> Timestamp {
    Timestamp::from_microsecond(at.as_microsecond()).unwrap_or(at)
}
