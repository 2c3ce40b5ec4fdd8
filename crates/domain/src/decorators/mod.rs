//! Implementations of ports that stand before another implementation of the same port.

mod snapshot_queue;

pub use snapshot_queue::{LookUpCounts, SharedSnapshot, SnapshotQueue};
