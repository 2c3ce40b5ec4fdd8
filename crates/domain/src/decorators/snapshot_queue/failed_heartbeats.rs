//! Heartbeats of requests that failed in the store.

use std::collections::{HashMap, hash_map::Entry};

use jiff::Timestamp;

use super::{
    cache_limit::{CacheLimit, is_sparse},
    cached_place::Snapshot,
};
use crate::model::{
    UserId, later,
    queue::{Arrival, Heartbeat, Ticket},
};

/// The last such heartbeat of each place. The next flush that succeeds writes them to the store.
#[derive(Debug, Default)]
pub(super) struct FailedHeartbeats(HashMap<Arrival, (UserId, Timestamp)>);

impl FailedHeartbeats {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Keeps a heartbeat at `at` of the user of `ticket`. Drops it if there is no capacity for
    /// another user.
    pub(super) fn add(&mut self, ticket: &Ticket, at: Timestamp, limit: &CacheLimit) {
        match self.0.entry(ticket.arrival) {
            Entry::Occupied(mut before) => {
                let (user, last) = before.get_mut();
                if *user == ticket.user {
                    *last = at.max(*last);
                } else {
                    // Tickets of two generations may have the same arrival.
                    (*user, *last) = (ticket.user.clone(), at);
                }
            }
            Entry::Vacant(free) if limit.take() => {
                free.insert((ticket.user.clone(), at));
            }
            Entry::Vacant(_) => {}
        }
    }

    /// Returns up to `limit` heartbeats.
    pub(super) fn some(&self, limit: usize) -> impl Iterator<Item = Heartbeat> {
        let some = self.0.iter().take(limit);
        some.map(|(arrival, (user, at))| Heartbeat {
            user: user.clone(),
            arrival: *arrival,
            at: *at,
        })
    }

    /// Drops the heartbeats that cannot keep a place at `now`, by the store's clock: the waiting
    /// time to live has passed since them.
    pub(super) fn drop_useless(&mut self, snapshot: &Snapshot, now: Timestamp, limit: &CacheLimit) {
        let Some(line) = &snapshot.line else {
            return;
        };
        self.0.retain(|_, (_, at)| {
            let keeps_place = later(*at, line.waiting_ttl) > now;
            if !keeps_place {
                limit.give_back();
            }
            keeps_place
        });
    }

    /// Removes a heartbeat that the store has recorded, unless a later one was added since.
    pub(super) fn recorded(&mut self, heartbeat: &Heartbeat, limit: &CacheLimit) {
        let last = self.0.get(&heartbeat.arrival);
        if last.is_some_and(|(_, at)| *at <= heartbeat.at) {
            self.0.remove(&heartbeat.arrival);
            limit.give_back();
            if is_sparse(self.0.len(), self.0.capacity()) {
                self.0.shrink_to(self.0.len() * 2);
            }
        }
    }

    pub(super) fn clear(&mut self, limit: &CacheLimit) {
        for _ in std::mem::take(&mut self.0) {
            limit.give_back();
        }
    }

    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.0.capacity()
    }
}
