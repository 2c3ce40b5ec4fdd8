use std::sync::Arc;

use jiff::Timestamp;

use super::{SeedQueues, Seeding};
use crate::{
    model::{
        ConcertId, Invalid, late_opening,
        queue::{PolicyRules, PolicyVersion, QueuePolicy, VersionedPolicy},
    },
    ports::{
        Clock, Concerts, Operator, PutOutcome, QueueControl, QueuePolicies, StoreError, StoreResult,
    },
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
    /// Says when performances start.
    pub concerts: Arc<dyn Concerts>,
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
            in_force: stored == Some(master.policy.version),
            policy: master.policy,
        }))
    }

    /// Changes the policy of the queue of `concert` by `edit`, which is made again on the newest copy
    /// where others change it at the same time. A queue that would newly open after the last performance
    /// has started is refused unless `allow_past` is true.
    ///
    /// # Errors
    /// When the database fails, or others change the policy faster than this can.
    pub async fn change(
        &self,
        concert: ConcertId,
        edit: &(dyn Fn(&mut QueuePolicy) + Send + Sync),
        allow_past: bool,
        operator: &str,
    ) -> StoreResult<PolicyAnswer> {
        for _ in 0..Self::TRIES {
            let Some(master) = self.policies.find(concert).await? else {
                return Ok(PolicyAnswer::NoSuchConcert);
            };
            let opened_at = master.policy.policy.opens_at;
            let mut policy = master.policy.policy;
            edit(&mut policy);
            let mut faults = policy.faults(&self.rules);
            if !allow_past && policy.opens_at != opened_at {
                let late = self.late_opening(concert, policy.opens_at).await?;
                faults.extend(late.map(|why| ("opens_at", why)));
            }
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

    async fn late_opening(
        &self,
        concert: ConcertId,
        opens_at: Option<Timestamp>,
    ) -> StoreResult<Option<Invalid>> {
        if opens_at.is_none() {
            return Ok(None);
        }
        let performances = self.concerts.performances(concert).await?;
        let starts = performances.iter().map(|performance| performance.starts_at);
        Ok(late_opening(opens_at, starts))
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
mod tests;
