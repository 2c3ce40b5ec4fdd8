//! The calls that operators make to a queue.

use frontrow_domain::{
    model::queue::{Arrival, QueueSeed, SaleCount, VersionedPolicy},
    ports::SeedOutcome,
};
#[cfg(test)]
use frontrow_domain::{
    model::{ConcertId, queue::PolicyState},
    ports::RemoveOutcome,
};
use jiff::Timestamp;

use super::{Model, ModelQueue, queue::Reentry};

impl Model {
    pub(crate) fn seed(&mut self, now: Timestamp, seed: &QueueSeed) -> SeedOutcome {
        if let Some(queue) = self.queue(seed.concert) {
            return queue.take_policy(now, &seed.policy);
        }
        self.queues.push(ModelQueue::new(now, seed));
        SeedOutcome::Taken {
            recovering: seed.recovery.is_some(),
        }
    }

    /// Removes a queue that is closed and empty.
    #[cfg(test)]
    pub(crate) fn remove(&mut self, now: Timestamp, concert: ConcertId) -> RemoveOutcome {
        let Some(queue) = self.queue(concert) else {
            return RemoveOutcome::Removed;
        };
        if queue.policy.policy.state != PolicyState::Closed {
            return RemoveOutcome::NotClosed;
        }
        if !queue.is_empty(now) {
            return RemoveOutcome::NotEmpty;
        }
        self.queues.retain(|queue| queue.concert != concert);
        RemoveOutcome::Removed
    }

    /// Returns the queues in which any user has a place.
    #[cfg(test)]
    pub(crate) fn busy(&self, now: Timestamp) -> Vec<ConcertId> {
        let busy = self.queues.iter().filter(|queue| !queue.is_empty(now));
        busy.map(|queue| queue.concert).collect()
    }
}

impl ModelQueue {
    fn new(now: Timestamp, seed: &QueueSeed) -> Self {
        Self {
            concert: seed.concert,
            policy: seed.policy.clone(),
            generation: seed.generation,
            reentry: seed.recovery.map(|recovery| Reentry {
                recovery_ends_at: now + recovery.lasts,
                ends_at: now + recovery.lasts + seed.policy.policy.waiting_ttl,
                served_up_to: recovery.served_up_to,
            }),
            sale: SaleCount::default(),
            last_arrival: Arrival::from_micros(now.as_microsecond() - 1),
            is_moved: false,
            gaps: Vec::new(),
            waiting: Vec::new(),
            active: Vec::new(),
            replaced_active: 0,
            ended: Vec::new(),
            stopped_waiting: Vec::new(),
            reentered: false,
            window: None,
            last_tick: now,
            last_recorded: now,
            recorded_since: now,
            uncertain_before: None,
            serving_since: now,
            departed: 0,
            admitted: Vec::new(),
            admitted_up_to: None,
            at_once: None,
            departures: Vec::new(),
            forgotten: 0,
        }
    }

    fn take_policy(&mut self, now: Timestamp, policy: &VersionedPolicy) -> SeedOutcome {
        if policy.version <= self.policy.version {
            return SeedOutcome::HasNewer(self.policy.version);
        }
        self.policy = policy.clone();
        self.change_window(now);
        SeedOutcome::Taken { recovering: false }
    }

    /// Returns true if no place and no re-entry is lost should the store end now.
    pub(crate) fn holds_nothing(&self, now: Timestamp) -> bool {
        self.is_empty(now) && !self.takes_reentries(now)
    }

    pub(crate) fn is_empty(&self, now: Timestamp) -> bool {
        self.waiting_count(now) == 0 && self.active_count(now) == 0
    }
}
