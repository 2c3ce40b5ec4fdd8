//! Instants and spans as the queue's tables keep them: whole microseconds.

use std::time::Duration;

use jiff::Timestamp;

/// The instant of so many microseconds since 1970.
pub(super) fn instant(micros: i64) -> Timestamp {
    Timestamp::from_microsecond(micros).unwrap_or(Timestamp::MAX)
}

/// A span of so many microseconds.
pub(super) fn span(micros: i64) -> Duration {
    Duration::from_micros(u64::try_from(micros).unwrap_or_default())
}

/// The microseconds of a span; none is longer than a day.
pub(super) fn span_us(span: Duration) -> i64 {
    i64::try_from(span.as_micros()).unwrap_or(i64::MAX)
}
