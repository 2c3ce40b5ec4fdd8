//! The clocks of this program.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Returns the current instant, to measure a duration.
#[expect(clippy::disallowed_methods, reason = "this program measures durations")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// Returns the seconds since 1970, for identities that are valid from now on.
pub(crate) fn unix_seconds() -> u64 {
    since_1970().as_secs()
}

/// Returns the microseconds since 1970, for comparison with instants that a store on the same
/// machine recorded.
pub(crate) fn unix_micros() -> i64 {
    i64::try_from(since_1970().as_micros()).unwrap_or(i64::MAX)
}

#[expect(
    clippy::disallowed_methods,
    reason = "this program plays the users and their identity provider, outside of the product"
)]
fn since_1970() -> Duration {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
}
