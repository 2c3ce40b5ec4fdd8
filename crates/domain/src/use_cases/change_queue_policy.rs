use std::sync::Arc;

use super::{SeedQueues, Seeding};
use crate::{
    model::{
        ConcertId, Invalid,
        queue::{PolicyRules, PolicyVersion, QueuePolicy, VersionedPolicy},
    },
    ports::{Clock, Operator, PutOutcome, QueueControl, QueuePolicies, StoreError, StoreResult},
};

/// Changes how a queue admits people, while it does.
pub struct ChangeQueuePolicy {
    /// The master copies; written first.
    pub policies: Arc<dyn QueuePolicies>,
    /// The queues' store, where the change comes into force.
    pub control: Arc<dyn QueueControl>,
    /// Takes the change there.
    pub seeding: Arc<SeedQueues>,
    /// Says when the change was made.
    pub clock: Arc<dyn Clock>,
    /// What every policy must obey.
    pub rules: PolicyRules,
}

/// A policy, and whether the queues' store has it yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyInForce {
    /// The master copy.
    pub policy: VersionedPolicy,
    /// False while the store has not taken it; the next tick tries again.
    pub in_force: bool,
}

/// What came of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PolicyAnswer {
    /// It is made.
    Changed(PolicyInForce),
    /// These fields are wrong.
    Invalid(Vec<(&'static str, Invalid)>),
    /// There is no such concert.
    NoSuchConcert,
}

impl ChangeQueuePolicy {
    /// How often a change is tried while others make theirs.
    const TRIES: usize = 5;

    /// The policy of a concert's queue; none where there is no such concert.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn read(&self, concert: ConcertId) -> StoreResult<Option<PolicyInForce>> {
        let Some(master) = self.policies.find(concert).await? else {
            return Ok(None);
        };
        let stored = self.stored_version(concert).await;
        Ok(Some(PolicyInForce {
            in_force: stored >= Some(master.policy.version),
            policy: master.policy,
        }))
    }

    /// Changes the policy of the queue of `concert` by `edit`, which is made again on the newest copy
    /// where others change it at the same time.
    ///
    /// # Errors
    /// When the database fails, or others change the policy faster than this can.
    pub async fn change(
        &self,
        concert: ConcertId,
        edit: &(dyn Fn(&mut QueuePolicy) + Send + Sync),
        operator: &str,
    ) -> StoreResult<PolicyAnswer> {
        for _ in 0..Self::TRIES {
            let Some(master) = self.policies.find(concert).await? else {
                return Ok(PolicyAnswer::NoSuchConcert);
            };
            let mut policy = master.policy.policy;
            edit(&mut policy);
            let faults = policy.faults(&self.rules);
            if !faults.is_empty() {
                return Ok(PolicyAnswer::Invalid(faults));
            }
            let stored = self.stored_version(concert).await;
            let newest = stored.map_or(master.policy.version, |stored| {
                stored.max(master.policy.version)
            });
            let at = self.clock.now();
            let changed = VersionedPolicy {
                policy,
                version: PolicyVersion::after(newest, at),
            };
            let by = Operator {
                name: operator.to_owned(),
                at,
            };
            let based_on = master.policy.version;
            match self.policies.put(concert, based_on, &changed, &by).await? {
                PutOutcome::Put => {}
                PutOutcome::Outdated => continue,
                PutOutcome::NoSuchConcert => return Ok(PolicyAnswer::NoSuchConcert),
            }
            if let Some(in_force) = self.bring_into_force(concert, &changed).await {
                return Ok(PolicyAnswer::Changed(PolicyInForce {
                    policy: changed,
                    in_force,
                }));
            }
        }
        Err(StoreError::not_applied(
            "others change this policy at the same time",
        ))
    }

    /// Whether the queues' store has taken the change; none where it has a newer policy, which this
    /// one must be made newer than.
    async fn bring_into_force(&self, concert: ConcertId, policy: &VersionedPolicy) -> Option<bool> {
        match self.seeding.one(concert).await {
            Ok(Seeding::Served { version, .. }) if version > policy.version => {
                // Either somebody has changed it since, on top of this change, or the store is ahead
                // of the database.
                let master = self.policies.find(concert).await.ok().flatten();
                let on_top = master.is_some_and(|master| master.policy.version >= version);
                on_top.then_some(true)
            }
            Ok(_) => Some(true),
            Err(error) => {
                tracing::warn!(%error, %concert, "a queue's store has not yet taken its new policy");
                self.seeding.board().want(concert);
                Some(false)
            }
        }
    }

    /// The version in the store; none where it has none or cannot be asked.
    async fn stored_version(&self, concert: ConcertId) -> Option<PolicyVersion> {
        self.control.policy_version(concert).await.ok().flatten()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{
        ports::{MasterPolicy, MockQueueControl, MockQueuePolicies, SeedOutcome},
        use_cases::testing::*,
    };

    fn change(policies: MockQueuePolicies, control: MockQueueControl) -> ChangeQueuePolicy {
        let (policies, control) = (Arc::new(policies), Arc::new(control));
        ChangeQueuePolicy {
            policies: Arc::clone(&policies) as _,
            control: Arc::clone(&control) as _,
            seeding: Arc::new(SeedQueues::new(policies, control, ids(), board(), RECOVERY)),
            clock: clock(1),
            rules: PolicyRules {
                longest_poll: Duration::from_secs(15),
            },
        }
    }

    fn with_master(version: i64) -> MockQueuePolicies {
        let mut policies = MockQueuePolicies::new();
        policies.expect_find().returning(move |_| {
            Ok(Some(MasterPolicy {
                policy: policy(version),
                seeded: true,
            }))
        });
        policies
    }

    #[tokio::test]
    async fn a_change_is_later_than_both_copies_and_in_force_at_once() {
        let mut policies = with_master(2_000_000);
        policies
            .expect_put()
            .withf(|_, based_on, put, by| {
                based_on.0 == 2_000_000
                    && put.version == PolicyVersion(3_000_001)
                    && by.name == "ops"
            })
            .once()
            .return_once(|_, _, _, _| Ok(PutOutcome::Put));
        let mut control = MockQueueControl::new();
        control
            .expect_policy_version()
            .returning(|_| Ok(Some(PolicyVersion(3_000_000))));
        control
            .expect_seed()
            .once()
            .return_once(|_| Ok(stamped(SeedOutcome::Taken { recovering: false })));
        let answer = change(policies, control)
            .change(CONCERT, &|_| {}, "ops")
            .await;
        assert_eq!(
            answer,
            Ok(PolicyAnswer::Changed(PolicyInForce {
                policy: policy(3_000_001),
                in_force: true
            }))
        );
    }

    #[tokio::test]
    async fn a_change_that_the_store_has_not_taken_is_kept_and_says_so() {
        let mut policies = with_master(1);
        policies
            .expect_put()
            .return_once(|_, _, _, _| Ok(PutOutcome::Put));
        let mut control = MockQueueControl::new();
        control.expect_policy_version().returning(|_| Err(down()));
        control.expect_seed().return_once(|_| Err(down()));
        let change = change(policies, control);
        let answer = change.change(CONCERT, &|_| {}, "ops").await.unwrap();
        assert!(matches!(
            answer,
            PolicyAnswer::Changed(PolicyInForce {
                in_force: false,
                ..
            })
        ));
        assert!(change.seeding.board().take_wanted().contains(&CONCERT));
        let read = change.read(CONCERT).await.unwrap().unwrap();
        assert!(!read.in_force);
    }

    #[tokio::test]
    async fn a_change_that_came_second_is_made_again() {
        let mut policies = with_master(1);
        let mut first = true;
        policies.expect_put().times(2).returning(move |_, _, _, _| {
            Ok(if std::mem::take(&mut first) {
                PutOutcome::Outdated
            } else {
                PutOutcome::Put
            })
        });
        let mut control = MockQueueControl::new();
        control.expect_policy_version().returning(|_| Ok(None));
        control
            .expect_seed()
            .returning(|_| Ok(stamped(SeedOutcome::Taken { recovering: false })));
        let answer = change(policies, control)
            .change(CONCERT, &|_| {}, "ops")
            .await;
        assert!(matches!(answer, Ok(PolicyAnswer::Changed(_))));
    }

    #[tokio::test]
    async fn a_change_that_another_was_made_on_top_of_is_not_made_again() {
        let mut policies = MockQueuePolicies::new();
        let mut versions = vec![5_000_000, 5_000_000, 1];
        policies.expect_find().returning(move |_| {
            Ok(Some(MasterPolicy {
                policy: policy(versions.pop().unwrap()),
                seeded: true,
            }))
        });
        policies
            .expect_put()
            .once()
            .return_once(|_, _, _, _| Ok(PutOutcome::Put));
        let mut control = MockQueueControl::new();
        control.expect_policy_version().returning(|_| Ok(None));
        control
            .expect_seed()
            .once()
            .return_once(|_| Ok(stamped(SeedOutcome::Taken { recovering: false })));
        let answer = change(policies, control)
            .change(CONCERT, &|_| {}, "ops")
            .await;
        assert!(matches!(
            answer,
            Ok(PolicyAnswer::Changed(PolicyInForce { in_force: true, .. }))
        ));
    }

    #[tokio::test]
    async fn a_store_with_a_newer_policy_gets_one_that_is_newer_still() {
        let mut policies = with_master(1);
        policies
            .expect_put()
            .times(2)
            .returning(|_, _, _, _| Ok(PutOutcome::Put));
        let mut control = MockQueueControl::new();
        let mut versions = vec![Ok(Some(PolicyVersion(9_000_000))), Err(down())];
        control
            .expect_policy_version()
            .returning(move |_| versions.pop().unwrap());
        let mut seeded = false;
        control.expect_seed().times(2).returning(move |_| {
            Ok(stamped(if std::mem::replace(&mut seeded, true) {
                SeedOutcome::Taken { recovering: false }
            } else {
                SeedOutcome::HasNewer(PolicyVersion(9_000_000))
            }))
        });
        let answer = change(policies, control)
            .change(CONCERT, &|_| {}, "ops")
            .await;
        assert_eq!(
            answer,
            Ok(PolicyAnswer::Changed(PolicyInForce {
                policy: policy(9_000_001),
                in_force: true
            }))
        );
    }

    #[tokio::test]
    async fn a_wrong_policy_changes_nothing() {
        let wrong = |policy: &mut QueuePolicy| policy.throughput = None;
        let answer = change(with_master(1), MockQueueControl::new())
            .change(CONCERT, &wrong, "ops")
            .await
            .unwrap();
        assert!(matches!(answer, PolicyAnswer::Invalid(faults) if faults[0].0 == "throughput"));
    }
}
