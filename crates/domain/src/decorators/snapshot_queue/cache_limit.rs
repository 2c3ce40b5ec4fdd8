//! The limit of cached users, and when collections free memory.

use std::sync::atomic::{AtomicUsize, Ordering};

/// The number of users who may still be cached, over all queues.
#[derive(Debug)]
pub(super) struct CacheLimit(AtomicUsize);

impl CacheLimit {
    pub(super) fn new(most: usize) -> Self {
        Self(AtomicUsize::new(most))
    }

    /// Takes the space of one user. Returns false if there is none left.
    pub(super) fn take(&self) -> bool {
        let one_less = |left: usize| left.checked_sub(1);
        self.0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less)
            .is_ok()
    }

    pub(super) fn give_back(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// A collection with at most this capacity is not worth shrinking.
pub(super) const SMALL: usize = 64;

/// True if a collection is worth shrinking: it uses less than a quarter of its capacity.
pub(super) fn is_sparse(len: usize, capacity: usize) -> bool {
    capacity > SMALL && len < capacity / 4
}
