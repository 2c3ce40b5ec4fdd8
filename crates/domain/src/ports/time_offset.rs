use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use jiff::SignedDuration;

/// How far the time of a store is ahead of the clock of its server. Zero in the product. Tests move
/// time with it. Clones share one offset.
#[derive(Debug, Clone, Default)]
pub struct TimeOffset(Arc<AtomicI64>);

impl TimeOffset {
    /// Moves the time of the store forward by `by`, or back if `by` is negative.
    pub fn shift(&self, by: SignedDuration) {
        let micros = by.as_micros().clamp(i64::MIN.into(), i64::MAX.into());
        self.0
            .fetch_add(i64::try_from(micros).unwrap_or_default(), Ordering::SeqCst);
    }

    /// Returns the offset in microseconds.
    #[must_use]
    pub fn micros(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }
}
