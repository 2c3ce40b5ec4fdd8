//! The system's clock: tests look at the program from outside, where there is no other.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

/// What time it is.
#[expect(clippy::disallowed_methods, reason = "a test has no `Clock`")]
pub(crate) fn now() -> Timestamp {
    Timestamp::now()
}

/// Measures how long something takes.
pub(crate) struct Stopwatch(Instant);

impl Stopwatch {
    #[expect(clippy::disallowed_methods, reason = "it measures a duration")]
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    /// Since the start.
    pub(crate) fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}
