//! The order in which heartbeats are due to reach the store.

use std::collections::VecDeque;

use jiff::Timestamp;

use super::cache_limit::is_sparse;
use crate::model::queue::Arrival;

/// Users with the instant at which the store last found them, the earliest first. Users who were
/// removed from the cache stay until their entry is reached.
#[derive(Debug, Default)]
pub(super) struct DueOrder(VecDeque<(Arrival, Timestamp)>);

impl DueOrder {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn get(&self, index: usize) -> Option<(Arrival, Timestamp)> {
        self.0.get(index).copied()
    }

    pub(super) fn remove(&mut self, index: usize) {
        self.0.remove(index);
    }

    /// Adds a user behind all users who were found up to `found_at`, but not before index `first`.
    /// Answers may overtake each other, so this need not be the end.
    pub(super) fn insert(&mut self, arrival: Arrival, found_at: Timestamp, first: usize) {
        if self.0.back().is_none_or(|&(_, at)| at <= found_at) {
            self.0.push_back((arrival, found_at));
        } else {
            let turn = self.0.partition_point(|&(_, at)| at <= found_at);
            self.0.insert(turn.max(first), (arrival, found_at));
        }
    }

    /// Frees memory that is no longer needed.
    pub(super) fn shrink(&mut self) {
        if is_sparse(self.0.len(), self.0.capacity()) {
            self.0.shrink_to(self.0.len() * 2);
        }
    }

    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.0.capacity()
    }
}

impl FromIterator<(Arrival, Timestamp)> for DueOrder {
    fn from_iter<I: IntoIterator<Item = (Arrival, Timestamp)>>(due_order: I) -> Self {
        let mut due_order: Vec<_> = due_order.into_iter().collect();
        due_order.sort_unstable_by_key(|&(_, at)| at);
        Self(due_order.into())
    }
}
