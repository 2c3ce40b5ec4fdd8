use std::sync::Arc;

use crate::read_models::QueueStatuses;
use crate::{
    model::{
        ConcertId,
        queue::{PolicyVersion, QueueSeed, QueueView, Recovery},
    },
    ports::{
        Ids, MasterPolicy, QueueControl, QueuePolicies, ReserveOutcome, SeedOutcome,
        ServedArrivals, StoreResult,
    },
};

/// Provisioning: gives the queues' store the queues whose master copies the database has.
pub struct SeedQueues {
    policies: Arc<dyn QueuePolicies>,
    served: Arc<dyn ServedArrivals>,
    control: Arc<dyn QueueControl>,
    ids: Arc<dyn Ids>,
    statuses: Arc<QueueStatuses>,
    recovery: Recovery,
}

/// The result of giving a queue to its store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seeding {
    /// The store serves the queue.
    Served {
        /// True if the store had lost the queue: its users re-enter from now on.
        recovering: bool,
        /// The version of the policy in force: the master copy's, unless the store has a newer one.
        version: PolicyVersion,
    },
    /// There is no such concert.
    NoSuchConcert,
}

impl SeedQueues {
    /// Gives `control` the queues that `policies` has, and records them in `statuses`. Users of a
    /// lost queue re-enter as `recovery` says, except those whom `served` knows to have been
    /// served.
    #[must_use]
    pub fn new(
        policies: Arc<dyn QueuePolicies>,
        served: Arc<dyn ServedArrivals>,
        control: Arc<dyn QueueControl>,
        ids: Arc<dyn Ids>,
        statuses: Arc<QueueStatuses>,
        recovery: Recovery,
    ) -> Self {
        Self {
            policies,
            served,
            control,
            ids,
            statuses,
            recovery,
        }
    }

    /// Returns the last known statuses of the queues that it provides.
    #[must_use]
    pub fn statuses(&self) -> &QueueStatuses {
        &self.statuses
    }

    /// Gives the store the queue of one concert.
    ///
    /// # Errors
    /// When the database or the queues' store fails.
    pub async fn one(&self, concert: ConcertId) -> StoreResult<Seeding> {
        let Some(master) = self.policies.find(concert).await? else {
            self.drop_queue(concert).await?;
            return Ok(Seeding::NoSuchConcert);
        };
        self.give(concert, master).await
    }

    /// Removes a missing concert from the statuses. Its queue was perhaps given to the store while
    /// an operator deleted the concert: it is removed too if it is closed and empty.
    async fn drop_queue(&self, concert: ConcertId) -> StoreResult<()> {
        self.statuses.note_missing(concert);
        self.control.remove(concert).await.map(drop)
    }

    /// Gives the store the queue of one concert, whose master copy was just read.
    ///
    /// A queue that no store had before is given in three steps: the database reserves its
    /// generation, the store takes the queue, the database records that. All instances that do this
    /// at the same time use the same generation, so none of them recovers a new queue. Nor does the
    /// next one after a process that died between the steps: until the last step the queue counts
    /// as new.
    ///
    /// # Errors
    /// When the database or the queues' store fails.
    pub async fn give(&self, concert: ConcertId, master: MasterPolicy) -> StoreResult<Seeding> {
        self.statuses.note_policy(concert, &master.policy);
        let master_version = master.policy.version;
        let fresh = self.ids.generation();
        let reserved = if master.seeded {
            ReserveOutcome::SeededBefore
        } else {
            self.policies.reserve_generation(concert, fresh).await?
        };
        let (generation, recovery) = match reserved {
            ReserveOutcome::Reserved(generation) => (generation, None),
            ReserveOutcome::SeededBefore => (fresh, Some(self.recovery_of(concert).await?)),
            ReserveOutcome::NoSuchConcert => {
                self.drop_queue(concert).await?;
                return Ok(Seeding::NoSuchConcert);
            }
        };
        let seed = QueueSeed {
            concert,
            policy: master.policy,
            generation,
            recovery,
        };
        let (recovering, version) = match self.control.seed(&seed).await?.value {
            SeedOutcome::Taken { recovering } => (recovering, master_version),
            SeedOutcome::HasNewer(version) => (false, version),
        };
        if self.statuses.is_missing(concert) {
            // The concert was deleted since the policy was read.
            self.control.remove(concert).await?;
            return Ok(Seeding::NoSuchConcert);
        }
        if recovery.is_none() {
            // If this fails, the queue is served all the same. But the call must be retried soon: a
            // store that lost the queue before that would be given it as a new one, without
            // re-entry.
            self.policies.mark_seeded(concert).await?;
        }
        self.statuses.note_in_store(concert, version);
        if recovering {
            // A recovering queue is ticked until a tick reports the end of the recovery, whether or
            // not a user has a place.
            if let Some(view) = self.statuses.view(concert) {
                self.statuses
                    .note_view(concert, QueueView { recovering, ..view });
            }
            tracing::warn!(%concert, seconds = self.recovery.lasts.as_secs(),
                "the queue store lost a queue; no user is admitted during its recovery, while users \
                 re-enter with their tokens");
        }
        Ok(Seeding::Served {
            recovering,
            version,
        })
    }
}

impl SeedQueues {
    /// Returns how the queue of `concert` recovers if its store has lost it.
    async fn recovery_of(&self, concert: ConcertId) -> StoreResult<Recovery> {
        Ok(Recovery {
            served_up_to: self.served.served_before_loss(concert).await?,
            ..self.recovery
        })
    }
}

#[cfg(test)]
mod interleavings;

#[cfg(test)]
mod tests;
