//! How many users a queue may admit.

use jiff::Timestamp;

use super::{AdmissionWindow, EffectiveState, QueuePolicy};

/// The count of admissions against the throughput of a queue, from which its room follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Admission {
    /// The admission window. None before the first attempt to admit a user under a throughput.
    pub window: Option<AdmissionWindow>,
}

impl Admission {
    /// Returns the room at `now`, while `active` places are active: how many users may be admitted.
    /// 0 if the state admits no user, [`u64::MAX`] in *bypass*.
    ///
    /// If the state is *open* and the policy has a throughput, this starts the first window or
    /// moves on to the running one. So call it only for an attempt to admit a user.
    pub fn room(
        &mut self,
        state: EffectiveState,
        policy: &QueuePolicy,
        active: u64,
        now: Timestamp,
    ) -> u64 {
        match state {
            EffectiveState::Bypass => u64::MAX,
            EffectiveState::Open => {
                let in_window = policy.throughput.map_or(u64::MAX, |throughput| {
                    let window = self
                        .window
                        .unwrap_or_else(|| AdmissionWindow::first(now, throughput))
                        .changed(throughput, now);
                    self.window = Some(window);
                    window.room(throughput).into()
                });
                let under_capacity = policy.capacity.map_or(u64::MAX, |capacity| {
                    u64::from(capacity.max_active).saturating_sub(active)
                });
                in_window.min(under_capacity)
            }
            EffectiveState::Closed
            | EffectiveState::Ended
            | EffectiveState::Recovering
            | EffectiveState::Paused
            | EffectiveState::SoldOut => 0,
        }
    }

    /// Like [`room`](Self::room), but not an attempt to admit a user: no window starts or moves on.
    #[must_use]
    pub fn peek_room(
        mut self,
        state: EffectiveState,
        policy: &QueuePolicy,
        active: u64,
        now: Timestamp,
    ) -> u64 {
        self.room(state, policy, active, now)
    }

    /// Counts `admitted` users in the window. Only admissions in the state *open* under a
    /// throughput count in one.
    pub fn record(&mut self, state: EffectiveState, policy: &QueuePolicy, admitted: u32) {
        let counts = state == EffectiveState::Open && policy.throughput.is_some();
        if let Some(window) = self.window.as_mut().filter(|_| counts) {
            window.admitted = window.admitted.saturating_add(admitted);
        }
    }

    /// Applies a policy that takes effect at `now` to the running window. A policy without a
    /// throughput leaves the window as it is, for the next one that has one.
    pub fn change(&mut self, policy: &QueuePolicy, now: Timestamp) {
        if let (Some(window), Some(throughput)) = (self.window, policy.throughput) {
            self.window = Some(window.changed(throughput, now));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::model::queue::{Capacity, Throughput};

    const OPEN: EffectiveState = EffectiveState::Open;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn policy(admit: Option<(u32, u64)>, max_active: Option<u32>) -> QueuePolicy {
        QueuePolicy {
            throughput: admit.map(|(admit, seconds)| Throughput {
                admit,
                interval: Duration::from_secs(seconds),
            }),
            capacity: max_active.map(|max_active| Capacity { max_active }),
            ..QueuePolicy::default()
        }
    }

    #[test]
    fn the_tighter_limit_counts() {
        let both = policy(Some((5, 10)), Some(7));
        let mut admission = Admission::default();
        assert_eq!(admission.room(OPEN, &both, 0, at(0)), 5);
        admission.record(OPEN, &both, 4);
        assert_eq!(admission.room(OPEN, &both, 4, at(9)), 1);
        assert_eq!(admission.room(OPEN, &both, 4, at(10)), 3);
        assert_eq!(admission.room(OPEN, &both, 9, at(10)), 0);
    }

    #[test]
    fn bypass_neither_counts_nor_moves_the_window() {
        let both = policy(Some((5, 10)), Some(7));
        let mut admission = Admission::default();
        admission.room(OPEN, &both, 0, at(0));
        let before = admission;
        let bypass = EffectiveState::Bypass;
        assert_eq!(admission.room(bypass, &both, 100, at(99)), u64::MAX);
        admission.record(bypass, &both, 100);
        assert_eq!(admission, before);
    }

    #[test]
    fn no_other_state_admits_or_starts_a_window() {
        let mut admission = Admission::default();
        for state in [
            EffectiveState::Closed,
            EffectiveState::Ended,
            EffectiveState::Recovering,
            EffectiveState::Paused,
            EffectiveState::SoldOut,
        ] {
            assert_eq!(
                admission.room(state, &policy(Some((5, 10)), None), 0, at(0)),
                0
            );
        }
        assert_eq!(admission.window, None);
    }

    #[test]
    fn the_window_survives_a_policy_without_a_throughput() {
        let hourly = policy(Some((5, 3_600)), None);
        let unlimited = policy(None, Some(1_000));
        let mut admission = Admission::default();
        admission.room(OPEN, &hourly, 0, at(0));
        admission.record(OPEN, &hourly, 5);
        admission.change(&unlimited, at(10));
        assert_eq!(admission.room(OPEN, &unlimited, 5, at(20)), 995);
        admission.record(OPEN, &unlimited, 300);
        admission.change(&hourly, at(30));
        assert_eq!(admission.room(OPEN, &hourly, 305, at(40)), 0);
        assert_eq!(admission.room(OPEN, &hourly, 305, at(3_600)), 5);
    }

    #[test]
    fn a_change_takes_effect_at_its_own_instant() {
        let (fast, slow) = (policy(Some((5, 1)), None), policy(Some((5, 100)), None));
        let mut admission = Admission::default();
        admission.room(OPEN, &fast, 0, at(0));
        admission.record(OPEN, &fast, 5);
        admission.change(&slow, at(0));
        // Had the change waited for this attempt, a window of the old length would have begun.
        assert_eq!(admission.room(OPEN, &slow, 5, at(50)), 0);
    }
}
