//! How many users are remembered, and when memory is given back.

use std::sync::atomic::{AtomicUsize, Ordering};

/// How many users may still be remembered, over all queues.
#[derive(Debug)]
pub(super) struct Capacity(AtomicUsize);

impl Capacity {
    pub(super) fn new(most: usize) -> Self {
        Self(AtomicUsize::new(most))
    }

    /// Takes the room of one user; false where there is none.
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

/// A collection with room for so few is never worth shrinking.
pub(super) const SMALL: usize = 64;

/// True where a collection has so much more room than it needs that it is to give some back.
pub(super) fn is_sparse(len: usize, capacity: usize) -> bool {
    capacity > SMALL && len < capacity / 4
}
