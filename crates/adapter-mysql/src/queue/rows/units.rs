//! Instants, durations and counts as columns.

use std::time::Duration;

use jiff::Timestamp;

/// The instant of a column in microseconds since 1970.
pub(in crate::queue) fn instant(micros: i64) -> Timestamp {
    Timestamp::from_microsecond(micros).unwrap_or(Timestamp::MAX)
}

/// The duration of a column in microseconds.
pub(in crate::queue) fn span(micros: i64) -> Duration {
    Duration::from_micros(micros.unsigned_abs())
}

/// A duration as a column in microseconds.
pub(in crate::queue) fn span_us(span: Duration) -> i64 {
    i64::try_from(span.as_micros()).unwrap_or(i64::MAX)
}

/// The count of a column.
pub(in crate::queue) fn count(column: i64) -> u64 {
    u64::try_from(column).unwrap_or_default()
}
