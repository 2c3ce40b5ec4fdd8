//! The deadlines of places: when waiting, unclaimed and claimed places expire.

use std::time::Duration;

use jiff::Timestamp;

use super::{GatePurpose, QueuePolicy};
use crate::model::later;

/// The deadlines of the places of a queue, as of an instant.
///
/// Time without service does not count: waiting and claim deadlines count from `serving_since` if
/// that is later than the last heartbeat or the admission.
#[derive(Debug, Clone, Copy)]
pub struct Deadlines<'a> {
    policy: &'a QueuePolicy,
    serving_since: Timestamp,
}

impl<'a> Deadlines<'a> {
    /// A queue whose last tick is longer ago than this was out of service.
    pub const OUTAGE_AFTER: Duration = Duration::from_secs(5);

    /// The time for which a place outlives its hold, so that the hold can still be paid.
    pub const PAYMENT_MARGIN: Duration = Duration::from_secs(30);

    /// Deadlines in a queue with this policy.
    ///
    /// `serving_since` is the recorded start of service, `last_tick` the instant of the last tick.
    /// If the last tick is more than [`Deadlines::OUTAGE_AFTER`] ago, service starts again only
    /// now.
    #[must_use]
    pub fn at(
        now: Timestamp,
        policy: &'a QueuePolicy,
        serving_since: Timestamp,
        last_tick: Timestamp,
    ) -> Self {
        let silent = now > later(last_tick, Self::OUTAGE_AFTER);
        Self {
            policy,
            // Not in the future, where a clock that stepped back may have left it.
            serving_since: if silent { now } else { serving_since.min(now) },
        }
    }

    /// Returns the longest life of an active place without outages, if seats are held for
    /// `hold_for`: `claim_ttl` plus `active_ttl` plus `hold_for` plus
    /// [`Deadlines::PAYMENT_MARGIN`].
    #[must_use]
    pub fn longest_active_life(policy: &QueuePolicy, hold_for: Duration) -> Duration {
        let hold = hold_for.saturating_add(Self::PAYMENT_MARGIN);
        let claimed = policy.active_ttl.saturating_add(hold);
        policy.claim_ttl.saturating_add(claimed)
    }

    /// The start of the uninterrupted service of the queue.
    #[must_use]
    pub fn serving_since(&self) -> Timestamp {
        self.serving_since
    }

    /// Returns the deadline of a waiting place whose last heartbeat was at `heartbeat`.
    #[must_use]
    pub fn waiting_end(&self, heartbeat: Timestamp) -> Timestamp {
        later(heartbeat.max(self.serving_since), self.policy.waiting_ttl)
    }

    /// Returns true if a user whose last heartbeat was at `heartbeat` is absent at `now`.
    #[must_use]
    pub fn is_absent(&self, heartbeat: Timestamp, now: Timestamp) -> bool {
        let present_until = |after| later(heartbeat.max(self.serving_since), after);
        let absence = self.policy.absence();
        absence.is_some_and(|after| present_until(after) < now)
    }

    /// Returns the deadline of an active place that was admitted at `admitted_at` and is unclaimed.
    #[must_use]
    pub fn claim_end(&self, admitted_at: Timestamp) -> Timestamp {
        later(admitted_at.max(self.serving_since), self.policy.claim_ttl)
    }

    /// Returns the deadline of an active place that was claimed at `claimed_at`.
    #[must_use]
    pub fn active_end(&self, claimed_at: Timestamp) -> Timestamp {
        later(claimed_at, self.policy.active_ttl)
    }

    /// Returns the deadline of a claimed place after it passed the gate at `now`. Before that the
    /// deadline was `until`.
    ///
    /// Only a hold extends the place: to the deadline of the hold plus
    /// [`Deadlines::PAYMENT_MARGIN`], so that the hold can be paid until its deadline. It extends
    /// the place at most to `claimed_at` plus `active_ttl` plus the length of the hold plus the
    /// margin. The deadline never becomes earlier than `until`.
    #[must_use]
    pub fn end_after_gate(
        &self,
        now: Timestamp,
        claimed_at: Timestamp,
        until: Timestamp,
        purpose: GatePurpose,
    ) -> Timestamp {
        let GatePurpose::Hold { hold_for } = purpose else {
            return until;
        };
        let wanted = hold_for + Self::PAYMENT_MARGIN;
        let last = later(self.active_end(claimed_at), wanted);
        until.max(later(now, wanted).min(last))
    }
}

/// The facts from which the deadline of a place follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlaceEnd {
    /// The place is waiting.
    Waiting {
        /// The last heartbeat.
        heartbeat: Timestamp,
    },
    /// The place was admitted and has not been claimed.
    Unclaimed {
        /// The instant of the admission.
        admitted_at: Timestamp,
    },
    /// The place was claimed.
    Claimed {
        /// Its deadline.
        until: Timestamp,
    },
}

impl PlaceEnd {
    /// Returns the deadline.
    #[must_use]
    pub fn at(self, deadlines: &Deadlines<'_>) -> Timestamp {
        match self {
            Self::Waiting { heartbeat } => deadlines.waiting_end(heartbeat),
            Self::Unclaimed { admitted_at } => deadlines.claim_end(admitted_at),
            Self::Claimed { until } => until,
        }
    }

    /// Returns true if the place has expired at `now`: it is gone for every decision, whether or
    /// not it was removed.
    #[must_use]
    pub fn is_over(self, deadlines: &Deadlines<'_>, now: Timestamp) -> bool {
        self.at(deadlines) <= now
    }
}

/// The latest instants whose places have expired, for stores that select expired places.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cutoffs {
    /// A waiting place has expired if its last heartbeat is not later. None if none can have
    /// expired.
    pub waiting: Option<Timestamp>,
    /// An unclaimed place has expired if its admission is not later. None if none can have expired.
    pub unclaimed: Option<Timestamp>,
    /// A claimed place has expired if its deadline is not later.
    pub claimed: Timestamp,
}

impl Deadlines<'_> {
    /// The cutoffs at `now`.
    #[must_use]
    pub fn cutoffs(&self, now: Timestamp) -> Cutoffs {
        let before = |ttl: Duration| {
            let cutoff = now.checked_sub(ttl).unwrap_or(Timestamp::MIN);
            (self.serving_since <= cutoff).then_some(cutoff)
        };
        Cutoffs {
            waiting: before(self.policy.waiting_ttl),
            unclaimed: before(self.policy.claim_ttl),
            claimed: now,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_active_place_lasts_longer_than_the_longest_life() {
        let policy = QueuePolicy::default();
        let hold_for = Duration::from_mins(5);
        let life = Deadlines::longest_active_life(&policy, hold_for);
        let admitted = at(1_000);
        let deadlines = Deadlines::at(admitted, &policy, admitted, admitted);
        let claimed = deadlines.claim_end(admitted);
        let until = deadlines.active_end(claimed);
        let hold = GatePurpose::Hold { hold_for };
        let end = deadlines.end_after_gate(until, claimed, until, hold);
        assert_eq!(end, later(admitted, life));
    }

    #[test]
    fn cutoffs_select_exactly_the_places_that_have_expired() {
        let policy = QueuePolicy::default();
        for (now, serving_since) in [(1_000, 0), (1_000, 900), (1_000, 700), (100, 0)] {
            let deadlines = Deadlines::at(at(now), &policy, at(serving_since), at(now));
            let cutoffs = deadlines.cutoffs(at(now));
            for second in 0..=now {
                let since = at(second);
                let waiting = PlaceEnd::Waiting { heartbeat: since };
                let unclaimed = PlaceEnd::Unclaimed { admitted_at: since };
                let claimed = PlaceEnd::Claimed { until: since };
                for (end, selected) in [
                    (
                        waiting,
                        cutoffs.waiting.is_some_and(|cutoff| since <= cutoff),
                    ),
                    (
                        unclaimed,
                        cutoffs.unclaimed.is_some_and(|cutoff| since <= cutoff),
                    ),
                    (claimed, since <= cutoffs.claimed),
                ] {
                    assert_eq!(end.is_over(&deadlines, at(now)), selected, "{end:?} {now}");
                }
            }
        }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn users_are_absent_after_a_silence_in_service() {
        let policy = QueuePolicy::default();
        for (serving_since, heartbeat, is_absent) in [
            (0, 954, true),
            (0, 955, false),
            (954, 0, true),
            (955, 0, false),
        ] {
            let deadlines = Deadlines::at(at(1_000), &policy, at(serving_since), at(1_000));
            let found = deadlines.is_absent(at(heartbeat), at(1_000));
            assert_eq!(found, is_absent, "{serving_since} {heartbeat}");
        }
        let without_absence = QueuePolicy {
            waiting_ttl: Duration::from_mins(1),
            ..policy
        };
        let deadlines = Deadlines::at(at(1_000), &without_absence, at(0), at(1_000));
        assert!(!deadlines.is_absent(at(0), at(1_000)));
    }

    #[test]
    fn time_without_service_does_not_count() {
        let policy = QueuePolicy::default();
        let served = Deadlines::at(at(1_004), &policy, at(0), at(1_000));
        assert_eq!(served.waiting_end(at(900)), at(1_200));
        let silent = Deadlines::at(at(1_006), &policy, at(0), at(1_000));
        assert_eq!(silent.waiting_end(at(900)), at(1_306));
        assert_eq!(silent.claim_end(at(900)), at(1_126));
    }

    #[test]
    fn a_hold_extends_its_place_but_not_for_ever() {
        let policy = QueuePolicy::default();
        let lives = Deadlines::at(at(1_000), &policy, at(0), at(1_000));
        let hold = GatePurpose::Hold {
            hold_for: Duration::from_mins(5),
        };
        let until = lives.active_end(at(100));
        assert_eq!(until, at(700));
        assert_eq!(lives.end_after_gate(at(200), at(100), until, hold), at(700));
        assert_eq!(lives.end_after_gate(at(600), at(100), until, hold), at(930));
        assert_eq!(
            lives.end_after_gate(at(1_000), at(100), at(930), hold),
            at(1_030)
        );
        assert_eq!(
            lives.end_after_gate(at(600), at(100), until, GatePurpose::Browse),
            until
        );
    }
}
