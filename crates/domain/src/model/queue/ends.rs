//! When a place ends.

use std::time::Duration;

use jiff::Timestamp;

use super::{GatePurpose, QueuePolicy};
use crate::model::later;

/// How long places live, and since when the queue has been served without a break.
///
/// Time without service does not count against anybody: waiting and claim deadlines count from
/// `serving_since` where that is later than the last sign of life or the admission.
#[derive(Debug, Clone, Copy)]
pub struct Lives<'a> {
    policy: &'a QueuePolicy,
    serving_since: Timestamp,
}

impl<'a> Lives<'a> {
    /// A queue that was ticked longer ago than this was out of service.
    pub const LONGEST_SILENCE: Duration = Duration::from_secs(5);

    /// What a hold's place is given beyond the hold itself, so that it can still be paid.
    pub const TIME_TO_PAY: Duration = Duration::from_secs(30);

    /// Lives in a queue with this policy.
    ///
    /// `serving_since` is what the queue has recorded, `last_tick` when it was last ticked; where
    /// that is over [`Lives::LONGEST_SILENCE`] ago, service starts again only now.
    #[must_use]
    pub fn at(
        now: Timestamp,
        policy: &'a QueuePolicy,
        serving_since: Timestamp,
        last_tick: Timestamp,
    ) -> Self {
        let silent = now > later(last_tick, Self::LONGEST_SILENCE);
        Self {
            policy,
            // Never in the future, where a clock that stepped back has left it.
            serving_since: if silent { now } else { serving_since.min(now) },
        }
    }

    /// Since when the queue has been served without a break.
    #[must_use]
    pub fn serving_since(&self) -> Timestamp {
        self.serving_since
    }

    /// When a waiting place ends whose user was last heard of at `last_seen`.
    #[must_use]
    pub fn waiting_end(&self, last_seen: Timestamp) -> Timestamp {
        later(last_seen.max(self.serving_since), self.policy.waiting_ttl)
    }

    /// When an active place ends that was admitted at `admitted_at` and not yet used.
    #[must_use]
    pub fn claim_end(&self, admitted_at: Timestamp) -> Timestamp {
        later(admitted_at.max(self.serving_since), self.policy.claim_ttl)
    }

    /// When an active place ends that was first used at `claimed_at`.
    #[must_use]
    pub fn active_end(&self, claimed_at: Timestamp) -> Timestamp {
        later(claimed_at, self.policy.active_ttl)
    }

    /// When a claimed place that ends at `until` ends after it passed the gate at `now`.
    ///
    /// A hold must be payable to its end, so its gate extends the place to the end of the hold and
    /// [`Lives::TIME_TO_PAY`] more, but never past where the last hold of an ordinary life would end.
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
        let wanted = hold_for + Self::TIME_TO_PAY;
        let last = later(self.active_end(claimed_at), wanted);
        until.max(later(now, wanted).min(last))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn time_without_service_does_not_count() {
        let policy = QueuePolicy::default();
        let served = Lives::at(at(1_004), &policy, at(0), at(1_000));
        assert_eq!(served.waiting_end(at(900)), at(1_200));
        let silent = Lives::at(at(1_006), &policy, at(0), at(1_000));
        assert_eq!(silent.waiting_end(at(900)), at(1_306));
        assert_eq!(silent.claim_end(at(900)), at(1_126));
    }

    #[test]
    fn a_hold_extends_its_place_but_not_for_ever() {
        let policy = QueuePolicy::default();
        let lives = Lives::at(at(1_000), &policy, at(0), at(1_000));
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
