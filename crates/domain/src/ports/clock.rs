use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use jiff::{SignedDuration, Timestamp};

/// The current time, for everything except queues and the deadlines of holds.
///
/// - Called by: most use cases that need the time, and the wiring of `frontrow-app`.
/// - Implemented by: `SystemClock`.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
pub trait Clock: Send + Sync {
    /// Returns the current time in whole microseconds. It may step in either direction between two
    /// calls.
    fn now(&self) -> Timestamp;
}

/// How far the time of a store is ahead of the clock of its server. Zero in the product. Tests move
/// time with it. Clones share one offset.
#[derive(Debug, Clone, Default)]
pub struct TimeOffset(Arc<AtomicI64>);

impl TimeOffset {
    /// Moves the time of the store forward by `by`, or back if `by` is negative.
    pub fn shift(&self, by: SignedDuration) {
        let micros = by.as_micros().try_into().unwrap_or(i64::MAX);
        self.0.fetch_add(micros, Ordering::SeqCst);
    }

    /// The offset in microseconds.
    #[must_use]
    pub fn micros(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }
}
