//! How many may be admitted now.

use frontrow_domain::model::queue::{AdmissionWindow, EffectiveState, QueuePolicy};
use jiff::Timestamp;

/// The admission window that a queue keeps.
#[derive(Debug, Default)]
pub(super) struct Admission {
    /// None until the first attempt to admit somebody.
    window: Option<AdmissionWindow>,
}

impl Admission {
    /// How many may be admitted at `now`, where `active` are active. Starts the first window, and
    /// moves on to the one that runs; where there is no limit in time, it stays as it is.
    pub(super) fn room(
        &mut self,
        state: EffectiveState,
        policy: &QueuePolicy,
        active: usize,
        now: Timestamp,
    ) -> u64 {
        match state {
            EffectiveState::Bypass => u64::MAX,
            EffectiveState::Open => {
                let in_window = policy.throughput.map_or(u64::MAX, |throughput| {
                    let window = self
                        .window
                        .unwrap_or_else(|| AdmissionWindow::first(now, throughput))
                        .at(now, throughput);
                    self.window = Some(window);
                    window.room(throughput).into()
                });
                let at_once = policy.capacity.map_or(u64::MAX, |capacity| {
                    u64::from(capacity.max_active).saturating_sub(active as u64)
                });
                in_window.min(at_once)
            }
            EffectiveState::Closed
            | EffectiveState::Recovering
            | EffectiveState::Paused
            | EffectiveState::SoldOut => 0,
        }
    }

    /// Notes that so many were admitted.
    pub(super) fn note(&mut self, state: EffectiveState, policy: &QueuePolicy, admitted: u32) {
        let counts = state == EffectiveState::Open && policy.throughput.is_some();
        if let Some(window) = self.window.as_mut().filter(|_| counts) {
            window.admitted = window.admitted.saturating_add(admitted);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use frontrow_domain::model::queue::{Capacity, Throughput};

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn both() -> QueuePolicy {
        QueuePolicy {
            throughput: Some(Throughput {
                admit: 5,
                interval: Duration::from_secs(10),
            }),
            capacity: Some(Capacity { max_active: 7 }),
            ..QueuePolicy::default()
        }
    }

    #[test]
    fn the_tighter_limit_counts() {
        let mut admission = Admission::default();
        let open = EffectiveState::Open;
        assert_eq!(admission.room(open, &both(), 0, at(0)), 5);
        admission.note(open, &both(), 4);
        assert_eq!(admission.room(open, &both(), 4, at(9)), 1);
        assert_eq!(admission.room(open, &both(), 4, at(10)), 3);
        assert_eq!(admission.room(open, &both(), 9, at(10)), 0);
    }

    #[test]
    fn bypass_neither_counts_nor_moves_the_window() {
        let mut admission = Admission::default();
        admission.room(EffectiveState::Open, &both(), 0, at(0));
        let before = admission.window;
        assert_eq!(
            admission.room(EffectiveState::Bypass, &both(), 100, at(99)),
            u64::MAX
        );
        admission.note(EffectiveState::Bypass, &both(), 100);
        assert_eq!(admission.window, before);
    }

    #[test]
    fn no_other_state_admits_or_starts_a_window() {
        let mut admission = Admission::default();
        for state in [
            EffectiveState::Closed,
            EffectiveState::Recovering,
            EffectiveState::Paused,
            EffectiveState::SoldOut,
        ] {
            assert_eq!(admission.room(state, &both(), 0, at(0)), 0);
        }
        assert_eq!(admission.window, None);
    }
}
