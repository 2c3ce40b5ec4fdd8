//! How look-ups were answered, for metrics.

use std::sync::atomic::{AtomicU64, Ordering};

/// The counts of an instance since its start, over all queues.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LookUpCounts {
    /// Look-ups that were answered from a snapshot.
    pub from_snapshot: u64,
    /// Look-ups for which the store was asked about the user, failed ones included.
    pub from_store: u64,
    /// Heartbeats that were held back and then written to the store.
    pub heartbeats: u64,
}

/// The counters behind [`LookUpCounts`]. Each is exact, but together they are not of one instant.
#[derive(Debug, Default)]
pub(super) struct Counters {
    from_snapshot: AtomicU64,
    from_store: AtomicU64,
    heartbeats: AtomicU64,
}

impl Counters {
    pub(super) fn answered_from_snapshot(&self) {
        self.from_snapshot.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn asked_store(&self) {
        self.from_store.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn wrote_heartbeats(&self, count: u64) {
        self.heartbeats.fetch_add(count, Ordering::Relaxed);
    }

    pub(super) fn read(&self) -> LookUpCounts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        LookUpCounts {
            from_snapshot: read(&self.from_snapshot),
            from_store: read(&self.from_store),
            heartbeats: read(&self.heartbeats),
        }
    }
}
