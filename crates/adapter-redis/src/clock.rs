//! The store's own clock: the server's `TIME`, so that instances whose clocks differ agree.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use jiff::SignedDuration;

/// How much later than its server's clock a store takes it to be. None in the product; tests move
/// time with it. Clones are the same offset.
#[derive(Debug, Clone, Default)]
pub struct TimeOffset(Arc<AtomicI64>);

impl TimeOffset {
    /// Makes it so much later, or earlier, than it is.
    pub fn shift(&self, by: SignedDuration) {
        let micros = by.as_micros().try_into().unwrap_or(i64::MAX);
        self.0.fetch_add(micros, Ordering::SeqCst);
    }

    /// The offset in microseconds.
    pub(crate) fn micros(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }
}
