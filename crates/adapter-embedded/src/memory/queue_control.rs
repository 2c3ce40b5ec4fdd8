//! The port [`QueueControl`]: the in-process queues as operators and provisioning see them.

use std::{
    collections::hash_map::Entry,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use frontrow_domain::{
    model::{
        ConcertId,
        queue::{PolicyState, PolicyVersion, QueueSeed, SaleCount},
    },
    ports::{QueueControl, RemoveOutcome, SeedOutcome, Stamped, StoreResult},
};
use jiff::Timestamp;

use super::{
    queue::{MemoryQueue, lock},
    state::QueueState,
};

impl MemoryQueue {
    /// Adds the queue of `seed` and returns the instant. Errors with the existing queue if there is
    /// one.
    fn add(&self, seed: &QueueSeed) -> Result<Timestamp, Arc<Mutex<QueueState>>> {
        match self.write().entry(seed.concert) {
            Entry::Occupied(there) => Err(Arc::clone(there.get())),
            Entry::Vacant(place) => {
                let now = self.now();
                place.insert(Arc::new(Mutex::new(QueueState::new(seed, now))));
                Ok(now)
            }
        }
    }
}

#[async_trait]
impl QueueControl for MemoryQueue {
    async fn seed(&self, seed: &QueueSeed) -> StoreResult<Stamped<SeedOutcome>> {
        let added = match self.find(seed.concert) {
            Some(there) => Err(there),
            None => self.add(seed),
        };
        Ok(match added {
            Ok(as_of) => Stamped {
                as_of,
                value: SeedOutcome::Taken {
                    recovering: seed.recovery.is_some(),
                },
            },
            Err(there) => {
                let mut state = lock(&there);
                let as_of = self.now();
                Stamped {
                    as_of,
                    value: state.reseed(seed, as_of),
                }
            }
        })
    }

    async fn policy_version(&self, concert: ConcertId) -> StoreResult<Option<PolicyVersion>> {
        let queue = self.find(concert);
        Ok(queue.map(|queue| lock(&queue).terms.version()))
    }

    async fn set_sale(&self, concert: ConcertId, count: SaleCount) -> StoreResult<()> {
        if let Some(queue) = self.find(concert) {
            lock(&queue).set_sale(count);
        }
        Ok(())
    }

    /// Returns false too while users can re-enter after a loss: their places would be lost for good
    /// if the queue were taken for one that ended in good order.
    async fn is_empty(&self, concert: ConcertId) -> StoreResult<bool> {
        let queue = self.find(concert);
        Ok(queue.is_none_or(|queue| lock(&queue).holds_nothing(self.now())))
    }

    /// A concurrent call that found the queue before may still run on it. It finds the queue closed
    /// and empty.
    async fn remove(&self, concert: ConcertId) -> StoreResult<RemoveOutcome> {
        let mut queues = self.write();
        let Some(queue) = queues.get(&concert) else {
            return Ok(RemoveOutcome::Removed);
        };
        {
            let state = lock(queue);
            if state.terms.policy().state != PolicyState::Closed {
                return Ok(RemoveOutcome::NotClosed);
            }
            if !state.is_empty(self.now()) {
                return Ok(RemoveOutcome::NotEmpty);
            }
        }
        queues.remove(&concert);
        Ok(RemoveOutcome::Removed)
    }
}
