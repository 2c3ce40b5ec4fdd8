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
        self.statuses.note_absent(concert);
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
        if self.statuses.is_absent(concert) {
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
mod together;

#[cfg(test)]
mod tests {
    use mockall::Sequence;

    use super::*;
    use crate::{
        model::queue::{Arrival, Generation},
        ports::{MockQueueControl, MockQueuePolicies, MockServedArrivals, RemoveOutcome},
        test_support::*,
    };

    fn seeding(policies: MockQueuePolicies, control: MockQueueControl) -> SeedQueues {
        SeedQueues::new(
            Arc::new(policies),
            nobody_served(),
            Arc::new(control),
            ids(),
            statuses(),
            RECOVERY,
        )
    }

    fn master(seeded: bool) -> MasterPolicy {
        MasterPolicy {
            policy: policy(1),
            seeded,
            reserved: None,
        }
    }

    #[tokio::test]
    async fn a_new_queue_has_its_reserved_generation_and_nothing_to_recover() {
        let mut order = Sequence::new();
        let mut policies = MockQueuePolicies::new();
        let mut control = MockQueueControl::new();
        policies
            .expect_find()
            .return_once(|_| Ok(Some(master(false))));
        policies
            .expect_reserve_generation()
            .withf(|_, generation| *generation == Generation(9))
            .once()
            .in_sequence(&mut order)
            .return_once(|_, _| Ok(ReserveOutcome::Reserved(Generation(5))));
        control
            .expect_seed()
            .withf(|seed| seed.recovery.is_none() && seed.generation == Generation(5))
            .once()
            .in_sequence(&mut order)
            .return_once(|_| Ok(stamped(SeedOutcome::Taken { recovering: false })));
        policies
            .expect_mark_seeded()
            .once()
            .in_sequence(&mut order)
            .return_once(|_| Ok(()));
        assert_eq!(
            seeding(policies, control).one(CONCERT).await,
            Ok(Seeding::Served {
                recovering: false,
                version: policy(1).version
            })
        );
    }

    #[tokio::test]
    async fn a_queue_that_was_served_before_recovers_if_it_is_lost() {
        let mut policies = MockQueuePolicies::new();
        let mut control = MockQueueControl::new();
        policies
            .expect_find()
            .return_once(|_| Ok(Some(master(true))));
        control
            .expect_seed()
            .withf(|seed| seed.recovery == Some(RECOVERY))
            .once()
            .return_once(|_| Ok(stamped(SeedOutcome::Taken { recovering: true })));
        let seeding = seeding(policies, control);
        let version = policy(1).version;
        let recovering = true;
        assert_eq!(
            seeding.one(CONCERT).await,
            Ok(Seeding::Served {
                recovering,
                version
            })
        );
        assert_eq!(seeding.statuses.recovering(), [CONCERT]);
        assert!(seeding.statuses.is_in_store(CONCERT, version));
    }

    /// A queue that was seeded before, of which the database says this.
    async fn seeded_before(served: StoreResult<Option<Arrival>>) -> StoreResult<Option<Recovery>> {
        let mut arrivals = MockServedArrivals::new();
        arrivals
            .expect_served_before_loss()
            .return_once(move |_| served);
        let seeded = Arc::new(std::sync::Mutex::new(None));
        let given = Arc::clone(&seeded);
        let mut control = MockQueueControl::new();
        control.expect_seed().returning(move |seed| {
            *given.lock().unwrap() = seed.recovery;
            Ok(stamped(SeedOutcome::Taken { recovering: true }))
        });
        let seeding = SeedQueues {
            served: Arc::new(arrivals),
            ..seeding(MockQueuePolicies::new(), control)
        };
        seeding.give(CONCERT, master(true)).await?;
        let given = *seeded.lock().unwrap();
        Ok(given)
    }

    #[tokio::test]
    async fn a_recovery_leaves_out_users_who_were_served() {
        for served in [None, Some(Arrival::from_micros(5))] {
            let recovery = Recovery {
                served_up_to: served,
                ..RECOVERY
            };
            assert_eq!(seeded_before(Ok(served)).await, Ok(Some(recovery)));
        }
    }

    #[tokio::test]
    async fn a_queue_is_not_given_where_nobody_can_say_who_was_served() {
        assert_eq!(seeded_before(Err(down())).await, Err(down()));
    }

    #[tokio::test]
    async fn a_queue_that_could_not_be_recorded_is_given_again_as_the_same() {
        let mut policies = MockQueuePolicies::new();
        let mut control = MockQueueControl::new();
        policies
            .expect_find()
            .returning(|_| Ok(Some(master(false))));
        policies
            .expect_reserve_generation()
            .times(2)
            .returning(|_, _| Ok(ReserveOutcome::Reserved(Generation(5))));
        let mut failed = false;
        policies.expect_mark_seeded().times(2).returning(move |_| {
            if std::mem::replace(&mut failed, true) {
                Ok(())
            } else {
                Err(down())
            }
        });
        control.expect_seed().times(2).returning(|seed| {
            assert_eq!(seed.recovery, None);
            Ok(stamped(SeedOutcome::Taken { recovering: false }))
        });
        let seeding = seeding(policies, control);
        assert_eq!(seeding.one(CONCERT).await, Err(down()));
        assert!(!seeding.statuses.is_in_store(CONCERT, policy(1).version));
        let served = seeding.one(CONCERT).await;
        assert!(matches!(served, Ok(Seeding::Served { .. })), "{served:?}");
        assert!(seeding.statuses.is_in_store(CONCERT, policy(1).version));
    }

    #[tokio::test]
    async fn a_queue_whose_concert_is_deleted_before_it_is_given_is_not_given() {
        let mut policies = MockQueuePolicies::new();
        policies
            .expect_find()
            .return_once(|_| Ok(Some(master(false))));
        policies
            .expect_reserve_generation()
            .return_once(|_, _| Ok(ReserveOutcome::NoSuchConcert));
        let mut control = MockQueueControl::new();
        control
            .expect_remove()
            .once()
            .return_once(|_| Ok(RemoveOutcome::Removed));
        let seeding = seeding(policies, control);
        assert_eq!(seeding.one(CONCERT).await, Ok(Seeding::NoSuchConcert));
        assert!(seeding.statuses.is_absent(CONCERT));
    }

    #[tokio::test]
    async fn another_instance_that_has_seeded_it_meanwhile_counts_as_before() {
        let mut policies = MockQueuePolicies::new();
        let mut control = MockQueueControl::new();
        policies
            .expect_find()
            .return_once(|_| Ok(Some(master(false))));
        policies
            .expect_reserve_generation()
            .return_once(|_, _| Ok(ReserveOutcome::SeededBefore));
        control
            .expect_seed()
            .withf(|seed| seed.recovery == Some(RECOVERY))
            .once()
            .return_once(|_| Ok(stamped(SeedOutcome::HasNewer(policy(2).version))));
        assert_eq!(
            seeding(policies, control).one(CONCERT).await,
            Ok(Seeding::Served {
                recovering: false,
                version: policy(2).version
            })
        );
    }

    #[tokio::test]
    async fn a_store_that_fails_is_not_known_to_have_the_queue() {
        let mut control = MockQueueControl::new();
        control.expect_seed().once().return_once(|_| Err(down()));
        let seeding = seeding(MockQueuePolicies::new(), control);
        assert_eq!(seeding.give(CONCERT, master(true)).await, Err(down()));
        assert!(!seeding.statuses.is_in_store(CONCERT, policy(1).version));
    }

    #[tokio::test]
    async fn a_concert_that_is_not_there_has_no_queue() {
        let mut policies = MockQueuePolicies::new();
        policies.expect_find().return_once(|_| Ok(None));
        let mut control = MockQueueControl::new();
        control
            .expect_remove()
            .once()
            .return_once(|_| Ok(RemoveOutcome::Removed));
        let seeding = seeding(policies, control);
        assert_eq!(seeding.one(CONCERT).await, Ok(Seeding::NoSuchConcert));
        assert!(seeding.statuses.is_absent(CONCERT));
    }

    #[tokio::test]
    async fn a_queue_whose_concert_is_deleted_meanwhile_does_not_stay() {
        let mut policies = MockQueuePolicies::new();
        policies
            .expect_find()
            .return_once(|_| Ok(Some(master(true))));
        let mut control = MockQueueControl::new();
        let statuses = statuses();
        let deleted = Arc::clone(&statuses);
        control.expect_seed().return_once(move |_| {
            deleted.note_absent(CONCERT);
            Ok(stamped(SeedOutcome::Taken { recovering: true }))
        });
        control
            .expect_remove()
            .once()
            .return_once(|_| Ok(RemoveOutcome::Removed));
        let (policies, control) = (Arc::new(policies), Arc::new(control));
        let seeding = SeedQueues::new(
            policies,
            nobody_served(),
            control,
            ids(),
            statuses,
            RECOVERY,
        );
        assert_eq!(seeding.one(CONCERT).await, Ok(Seeding::NoSuchConcert));
    }
}
