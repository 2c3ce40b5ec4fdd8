//! The clock of the store is the server's `TIME`, so that instances whose clocks differ agree.
//! Tests shift it with [`TimeOffset`].

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use jiff::SignedDuration;

/// How much later than the clock of its server a store takes the time to be. Zero in production;
/// tests move time with it. Clones share one offset.
#[derive(Debug, Clone, Default)]
pub struct TimeOffset(Arc<AtomicI64>);

impl TimeOffset {
    /// Moves the time of the store forward by `by`, or back if `by` is negative.
    pub fn shift(&self, by: SignedDuration) {
        let micros = by.as_micros().try_into().unwrap_or(i64::MAX);
        self.0.fetch_add(micros, Ordering::SeqCst);
    }

    /// The offset in microseconds.
    pub(crate) fn micros(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }
}
