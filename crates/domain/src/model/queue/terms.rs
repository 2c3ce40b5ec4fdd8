//! What a queue goes by, apart from its places: policy, service, and re-entry after a loss.

use std::time::Duration;

use jiff::Timestamp;

use super::{
    Deadlines, EffectiveState, Generation, PolicyVersion, QueuePolicy, QueueView, Recovery,
    SaleCount, Ticket, VersionedPolicy,
};
use crate::model::later;

/// The terms of a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueTerms {
    /// The life of the queue's store.
    pub generation: Generation,
    /// The policy in force.
    pub policy: VersionedPolicy,
    /// What is left to buy.
    pub sale: SaleCount,
    /// Since when the queue has been served without a break, as recorded by the last tick.
    pub serving_since: Timestamp,
    /// When the queue was last ticked.
    pub last_tick: Timestamp,
    /// The time after a loss. None where the store never lost the queue, or no longer needs to know.
    pub reentry: Option<ReentryPeriod>,
}

/// The time after a store lost a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReentryPeriod {
    /// Until then the queue recovers: nobody is admitted.
    pub recovering_until: Timestamp,
    /// Until then users re-enter the line with tokens of another generation.
    pub open_until: Timestamp,
}

impl ReentryPeriod {
    /// The period that begins at `now`: the recovery, then `waiting_ttl` for late users.
    #[must_use]
    pub fn begin(now: Timestamp, recovery: Recovery, waiting_ttl: Duration) -> Self {
        let recovering_until = later(now, recovery.lasts);
        Self {
            recovering_until,
            open_until: later(recovering_until, waiting_ttl),
        }
    }
}

impl QueueTerms {
    /// The terms of a queue that its store is given at `now`.
    #[must_use]
    pub fn new(
        policy: VersionedPolicy,
        generation: Generation,
        recovery: Option<Recovery>,
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

    /// Puts `policy` in force if it is newer. Returns true where it was.
    pub fn take(&mut self, policy: &VersionedPolicy) -> bool {
        let newer = policy.version > self.policy.version;
        if newer {
            self.policy = policy.clone();
        }
        newer
    }

    /// When places end, as of `now`.
    #[must_use]
    pub fn deadlines(&self, now: Timestamp) -> Deadlines<'_> {
        Deadlines::at(now, self.policy(), self.serving_since, self.last_tick)
    }

    /// What everybody may know of the queue at `now`.
    #[must_use]
    pub fn view(&self, now: Timestamp) -> QueueView {
        let recovering = self
            .reentry
            .is_some_and(|period| now < period.recovering_until);
        QueueView::new(self.policy(), recovering, self.sale.sale)
    }

    /// The state that counts at `now`.
    #[must_use]
    pub fn state(&self, now: Timestamp) -> EffectiveState {
        self.view(now).effective(now)
    }

    /// Until when users may re-enter with tokens from before a loss. None where they may not.
    #[must_use]
    pub fn reentry_until(&self, now: Timestamp) -> Option<Timestamp> {
        let open_until = self.reentry.map(|period| period.open_until);
        open_until.filter(|open_until| now < *open_until)
    }

    /// True while users may re-enter with tokens from before a loss.
    #[must_use]
    pub fn accepts_reentry(&self, now: Timestamp) -> bool {
        self.reentry_until(now).is_some()
    }

    /// True where `ticket` is from before a loss and re-enters the line, provided that its user has
    /// no place and none that ended since the loss.
    #[must_use]
    pub fn reenters(&self, ticket: &Ticket, now: Timestamp) -> bool {
        ticket.generation != self.generation && self.accepts_reentry(now)
    }

    /// Records a tick at `now`. A re-entry period that is over is forgotten, so that it stays over
    /// when the clock steps back.
    pub fn tick(&mut self, now: Timestamp) {
        self.serving_since = self.deadlines(now).serving_since();
        self.last_tick = now;
        self.reentry = self.reentry.filter(|period| now < period.open_until);
    }

    /// Records that the first place is taken in a queue without places at `now`.
    ///
    /// Ticks of such a queue record nothing, so that idle queues cost no writes. Without this the queue
    /// would look like one that was out of service.
    pub fn first_place(&mut self, now: Timestamp) {
        self.tick(now);
    }

    /// True where a tick that changes nothing else has to record its instant all the same: the
    /// recorded one is more than a second old, so it would soon count as an outage.
    #[must_use]
    pub fn tick_is_due(&self, now: Timestamp) -> bool {
        let recorded = later(self.last_tick, Duration::from_secs(1));
        now > recorded || now < self.last_tick || self.serving_since > now
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::model::{ConcertId, UserId, queue::Arrival};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn terms(recovery: Option<u64>) -> QueueTerms {
        let policy = VersionedPolicy {
            policy: QueuePolicy::default(),
            version: PolicyVersion(1),
        };
        let recovery = recovery.map(|seconds| Recovery {
            lasts: Duration::from_secs(seconds),
        });
        QueueTerms::new(policy, Generation(7), recovery, at(0))
    }

    fn ticket(generation: u64) -> Ticket {
        Ticket {
            concert: ConcertId(Uuid::nil()),
            user: UserId::try_from("alice").unwrap(),
            arrival: Arrival::from_micros(1),
            generation: Generation(generation),
        }
    }

    #[test]
    fn an_older_policy_changes_nothing() {
        let mut terms = terms(None);
        let policy = |version| VersionedPolicy {
            policy: QueuePolicy::default(),
            version: PolicyVersion(version),
        };
        assert!(!terms.take(&policy(1)));
        assert!(terms.take(&policy(2)));
        assert_eq!(terms.version(), PolicyVersion(2));
    }

    /// Seconds after a loss with a recovery of 60 s and a waiting TTL of 300 s.
    #[test]
    fn a_lost_queue_recovers_then_accepts_late_users() {
        let lost = terms(Some(60));
        for (second, state, accepts) in [
            (0, EffectiveState::Recovering, true),
            (59, EffectiveState::Recovering, true),
            (60, EffectiveState::Open, true),
            (359, EffectiveState::Open, true),
            (360, EffectiveState::Open, false),
        ] {
            assert_eq!(lost.state(at(second)), state, "{second}");
            assert_eq!(lost.accepts_reentry(at(second)), accepts, "{second}");
            assert_eq!(lost.reenters(&ticket(6), at(second)), accepts, "{second}");
            assert!(!lost.reenters(&ticket(7), at(second)), "{second}");
        }
    }

    #[test]
    fn a_reentry_period_that_is_over_stays_over_when_the_clock_steps_back() {
        let mut lost = terms(Some(60));
        lost.tick(at(360));
        assert!(!lost.accepts_reentry(at(10)));
    }

    #[test]
    fn a_tick_after_an_outage_restarts_the_service() {
        let mut terms = terms(None);
        terms.tick(at(4));
        assert_eq!(terms.serving_since, at(0));
        terms.tick(at(10));
        assert_eq!(terms.serving_since, at(10));
    }

    #[test]
    fn a_tick_records_its_instant_at_most_once_a_second() {
        let mut terms = terms(None);
        terms.tick(at(10));
        for (second, due) in [(10, false), (11, false), (12, true), (9, true)] {
            assert_eq!(terms.tick_is_due(at(second)), due, "{second}");
        }
    }
}
