//! The terms of a queue: policy, service and known losses, which decide what it does at an instant.

use std::time::Duration;

use jiff::Timestamp;

use super::{
    Arrival, Deadlines, EffectiveState, Gaps, Generation, PolicyVersion, QueuePolicy, QueueView,
    Recovery, ReentryPeriod, SaleCount, ServerId, Servers, VersionedPolicy,
};
use crate::model::later;

/// All that decides what a queue does at an instant, apart from its places.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueTerms {
    /// The generation of the queue.
    pub generation: Generation,
    /// The policy in force.
    pub policy: VersionedPolicy,
    /// What is left to buy.
    pub sale: SaleCount,
    /// The start of the uninterrupted service, as recorded by the last tick.
    pub serving_since: Timestamp,
    /// When the queue was last ticked.
    pub last_tick: Timestamp,
    /// The re-entry after a loss of the queue. None if there was no loss, or the re-entry is over.
    pub reentry: Option<ReentryPeriod>,
    /// The latest arrival that was given out or re-entered. In a queue without any it is before the
    /// instant at which the queue was seeded.
    pub last_arrival: Arrival,
    /// The servers that have kept the queue.
    pub servers: Servers,
    /// The arrivals that may have been lost with the last writes of a server.
    pub gaps: Gaps,
}

impl QueueTerms {
    /// The terms of a queue that is seeded at `now` into a store that `server` keeps.
    #[must_use]
    pub fn new(
        policy: VersionedPolicy,
        generation: Generation,
        recovery: Option<Recovery>,
        server: Option<&ServerId>,
        now: Timestamp,
    ) -> Self {
        let waiting_ttl = policy.policy.waiting_ttl;
        Self {
            generation,
            policy,
            sale: SaleCount::default(),
            serving_since: now,
            last_tick: now,
            reentry: recovery.map(|recovery| ReentryPeriod::begin(now, recovery, waiting_ttl)),
            last_arrival: Arrival::before(now),
            servers: Servers::first(server, now),
            gaps: Gaps::default(),
        }
    }

    /// The policy in force.
    #[must_use]
    pub fn policy(&self) -> &QueuePolicy {
        &self.policy.policy
    }

    /// The version of the policy in force.
    #[must_use]
    pub fn version(&self) -> PolicyVersion {
        self.policy.version
    }

    /// Puts `policy` in force if it is newer. Returns true if it was.
    pub fn take(&mut self, policy: &VersionedPolicy) -> bool {
        let newer = policy.version > self.policy.version;
        if newer {
            self.policy = policy.clone();
        }
        newer
    }

    /// The deadlines of places, as of `now`.
    #[must_use]
    pub fn deadlines(&self, now: Timestamp) -> Deadlines<'_> {
        Deadlines::at(now, self.policy(), self.serving_since, self.last_tick)
    }

    /// The public state of the queue at `now`.
    #[must_use]
    pub fn view(&self, now: Timestamp) -> QueueView {
        let recovering = self
            .reentry
            .is_some_and(|period| now < period.recovering_until);
        QueueView::new(self.policy(), recovering, self.sale.sale)
    }

    /// The effective state at `now`.
    #[must_use]
    pub fn state(&self, now: Timestamp) -> EffectiveState {
        self.view(now).effective(now)
    }

    /// Gives out the arrival of a user who joins at `now`.
    pub fn next_arrival(&mut self, now: Timestamp) -> Arrival {
        self.last_arrival = Arrival::after(self.last_arrival, now);
        self.gaps.give_out(self.last_arrival);
        self.last_arrival
    }

    /// Records a tick at `now`. Drops a re-entry period or a gap that is over, so that it stays
    /// over if the clock steps back.
    pub fn tick(&mut self, now: Timestamp) {
        self.gaps.forget(now, self.policy.policy.waiting_ttl);
        self.serving_since = self.deadlines(now).serving_since();
        self.last_tick = now;
        self.reentry = self.reentry.filter(|period| now < period.open_until);
    }

    /// Records that the first place in a queue without places is taken at `now`.
    ///
    /// Ticks of a queue without places record nothing, so that idle queues cost no writes. Without
    /// this call the queue would look like one that was out of service.
    pub fn first_place(&mut self, now: Timestamp) {
        self.tick(now);
    }

    /// Returns true if a tick that changes nothing else has to record its instant all the same,
    /// because the recorded one is more than 1 s old and would soon count as an outage.
    #[must_use]
    pub fn tick_is_due(&self, now: Timestamp) -> bool {
        let recorded = later(self.last_tick, Duration::from_secs(1));
        now > recorded || now < self.last_tick || self.serving_since > now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn terms() -> QueueTerms {
        let policy = VersionedPolicy {
            policy: QueuePolicy::default(),
            version: PolicyVersion(1),
        };
        QueueTerms::new(policy, Generation(7), None, None, at(0))
    }

    #[test]
    fn an_older_policy_changes_nothing() {
        let mut terms = terms();
        let policy = |version| VersionedPolicy {
            policy: QueuePolicy::default(),
            version: PolicyVersion(version),
        };
        assert!(!terms.take(&policy(1)));
        assert!(terms.take(&policy(2)));
        assert_eq!(terms.version(), PolicyVersion(2));
    }

    #[test]
    fn a_tick_after_an_outage_restarts_the_service() {
        let mut terms = terms();
        terms.tick(at(4));
        assert_eq!(terms.serving_since, at(0));
        terms.tick(at(10));
        assert_eq!(terms.serving_since, at(10));
    }

    #[test]
    fn a_tick_records_its_instant_at_most_once_a_second() {
        let mut terms = terms();
        terms.tick(at(10));
        for (second, due) in [(10, false), (11, false), (12, true), (9, true)] {
            assert_eq!(terms.tick_is_due(at(second)), due, "{second}");
        }
    }
}
