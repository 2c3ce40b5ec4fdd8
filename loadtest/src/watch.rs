//! The clocks of whoever measures.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Now, to measure a duration.
#[expect(
    clippy::disallowed_methods,
    reason = "durations are what this program is for"
)]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// Seconds since 1970, for identities that are good from now on.
#[expect(
    clippy::disallowed_methods,
    reason = "this program stands in for the identity provider, outside of the product"
)]
pub(crate) fn unix_seconds() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}
