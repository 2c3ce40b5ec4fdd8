mod policy_turns;

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;

pub use policy_turns::PolicyTurns;

use crate::use_cases::{SeedQueues, Seeding};
use crate::{
    model::{
        ConcertId, Invalid, late_opening,
        queue::{PolicyRules, PolicyVersion, QueuePolicy, VersionedPolicy},
        spread,
    },
    ports::{
        Clock, Concerts, Operator, PutOutcome, QueueControl, QueuePolicies, StoreResult, Timer,
    },
};

/// Changes the policy of a queue while the queue is in service.
pub struct ChangeQueuePolicy {
    /// The master copies. They are written first.
    pub policies: Arc<dyn QueuePolicies>,
    /// The queues' store, where the change comes into force.
    pub control: Arc<dyn QueueControl>,
    /// Gives the change to the store.
    pub seeding: Arc<SeedQueues>,
    /// Says when the change was made.
    pub clock: Arc<dyn Clock>,
    /// The rules for policies.
    pub rules: PolicyRules,
    /// Says when performances start.
    pub concerts: Arc<dyn Concerts>,
    /// Lets time pass before a change is tried again.
    pub timer: Arc<dyn Timer>,
    /// Serialises changes of the same policy in this instance.
    pub turns: PolicyTurns,
}

/// A policy, and whether the queues' store has it yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyInForce {
    /// The master copy.
    pub policy: VersionedPolicy,
    /// False while the store has not taken it. Provisioning tries again.
    pub in_force: bool,
}

/// The result of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PolicyAnswer {
    /// The change is made.
    Changed(PolicyInForce),
    /// These fields are wrong.
    Invalid(Vec<(&'static str, Invalid)>),
    /// There is no such concert.
    NoSuchConcert,
    /// Another change was faster each time. Nothing was changed.
    Conflict,
}

/// The result of one try.
enum Try {
    /// The final answer.
    Answered(PolicyAnswer),
    /// Another instance has changed the policy since it was read.
    Outdated,
    /// The change is made, but the queues' store has a newer policy than this.
    Behind(VersionedPolicy),
}

impl ChangeQueuePolicy {
    /// The maximum number of tries while other instances make changes.
    const TRIES: u32 = 20;
    /// The pause before the second try is shorter than this.
    const FIRST_PAUSE: Duration = Duration::from_millis(5);
    /// The upper bound of a pause doubles with each try, up to this.
    const LONGEST_PAUSE: Duration = Duration::from_millis(100);

    /// Returns the policy of a concert's queue. None if there is no such concert.
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

    /// Changes the policy of the queue of `concert` by `edit`. If others change it at the same
    /// time, `edit` is applied again to the newest copy: changes in this instance take turns, and
    /// this instance tries again when another one was faster. A queue that would newly open after
    /// the last performance has started is refused unless `allow_past` is true.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn change(
        &self,
        concert: ConcertId,
        edit: &(dyn Fn(&mut QueuePolicy) + Send + Sync),
        allow_past: bool,
        operator: &str,
    ) -> StoreResult<PolicyAnswer> {
        let _turn = self.turns.take(concert).await;
        let mut made = None;
        for tried in 1..=Self::TRIES {
            match self.attempt(concert, edit, allow_past, operator).await? {
                Try::Answered(answer) => return Ok(answer),
                Try::Outdated if tried < Self::TRIES => self.timer.sleep(self.pause(tried)).await,
                Try::Outdated => {}
                Try::Behind(policy) => made = Some(policy),
            }
        }
        Ok(made.map_or(PolicyAnswer::Conflict, |policy| {
            let in_force = false;
            PolicyAnswer::Changed(PolicyInForce { policy, in_force })
        }))
    }

    async fn attempt(
        &self,
        concert: ConcertId,
        edit: &(dyn Fn(&mut QueuePolicy) + Send + Sync),
        allow_past: bool,
        operator: &str,
    ) -> StoreResult<Try> {
        let Some(master) = self.policies.find(concert).await? else {
            return Ok(Try::Answered(PolicyAnswer::NoSuchConcert));
        };
        let opened_at = master.policy.policy.opens_at;
        let mut policy = master.policy.policy;
        edit(&mut policy);
        let mut faults = policy.faults(&self.rules);
        if policy.opens_at == opened_at {
            // This change leaves the opening as it is, which may be from before today's rules.
            faults.retain(|(field, _)| *field != "opens_at");
        } else if !allow_past && faults.iter().all(|(field, _)| *field != "opens_at") {
            let late = self.late_opening(concert, policy.opens_at).await?;
            faults.extend(late.map(|why| ("opens_at", why)));
        }
        if !faults.is_empty() {
            return Ok(Try::Answered(PolicyAnswer::Invalid(faults)));
        }
        let stored = self.stored_version(concert).await;
        let newest = stored.map_or(master.policy.version, |stored| {
            stored.max(master.policy.version)
        });
        let at = self.clock.now();
        let policy = VersionedPolicy {
            policy,
            version: PolicyVersion::after(newest, at),
        };
        let by = Operator {
            name: operator.to_owned(),
            at,
        };
        let based_on = master.policy.version;
        match self.policies.put(concert, based_on, &policy, &by).await? {
            PutOutcome::Put => {}
            PutOutcome::Outdated => return Ok(Try::Outdated),
            PutOutcome::NoSuchConcert => return Ok(Try::Answered(PolicyAnswer::NoSuchConcert)),
        }
        Ok(match self.bring_into_force(concert, &policy).await {
            Some(in_force) => {
                Try::Answered(PolicyAnswer::Changed(PolicyInForce { policy, in_force }))
            }
            None => Try::Behind(policy),
        })
    }

    /// Returns the pause after this many tries, so that instances that collided do not collide
    /// again. The clock spreads it: two instances hardly ever read it in the same microsecond.
    fn pause(&self, tried: u32) -> Duration {
        let doubled = Self::FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(tried - 1));
        let longest = doubled.min(Self::LONGEST_PAUSE);
        let longest_us = u64::try_from(longest.as_micros()).unwrap_or(u64::MAX);
        let turn = self.clock.now().as_microsecond().cast_unsigned();
        Duration::from_micros(spread(turn, longest_us))
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

    /// Returns whether the queues' store has taken the change. None if the store has a newer
    /// policy: then the change must be made again with a newer version.
    async fn bring_into_force(&self, concert: ConcertId, policy: &VersionedPolicy) -> Option<bool> {
        match self.seeding.one(concert).await {
            Ok(Seeding::Served { version, .. }) if version > policy.version => {
                // Either another caller has changed the policy since, on top of this change, or the
                // store is ahead of the database.
                let master = self.policies.find(concert).await.ok().flatten();
                let on_top = master.is_some_and(|master| master.policy.version >= version);
                on_top.then_some(true)
            }
            Ok(_) => Some(true),
            Err(error) => {
                tracing::warn!(%error, %concert,
                    "failed to write a new policy to the queue store; provisioning retries");
                self.seeding.statuses().want(concert);
                Some(false)
            }
        }
    }

    /// Returns the version in the store. None if it has none or cannot be asked.
    async fn stored_version(&self, concert: ConcertId) -> Option<PolicyVersion> {
        self.control.policy_version(concert).await.ok().flatten()
    }
}

#[cfg(test)]
mod tests;
