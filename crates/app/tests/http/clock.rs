//! The system's clock. Tests observe the program from outside and have no other clock.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

/// The current time.
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

    /// The time since the start.
    pub(crate) fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}
