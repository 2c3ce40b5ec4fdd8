//! The decision about a waiting place when its turn comes: admit, stand aside or remove.

use jiff::Timestamp;

use super::{Deadlines, EffectiveState, PlaceEnd};

/// The decision about the place at the head of the line while there is room for another user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeadDecision {
    /// The user is admitted.
    Admit,
    /// The user is absent and stands aside: the place keeps its arrival and its deadline, takes no
    /// room, and is next in line again from the user's next heartbeat on.
    StandAside,
    /// The place has expired.
    Remove,
}

impl HeadDecision {
    /// Decides by the last `heartbeat` of the user. In *bypass* no user stands aside, because every
    /// user is admitted.
    #[must_use]
    pub fn of(
        heartbeat: Timestamp,
        deadlines: &Deadlines<'_>,
        state: EffectiveState,
        now: Timestamp,
    ) -> Self {
        if (PlaceEnd::Waiting { heartbeat }).is_over(deadlines, now) {
            Self::Remove
        } else if state != EffectiveState::Bypass && deadlines.is_absent(heartbeat, now) {
            Self::StandAside
        } else {
            Self::Admit
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::queue::QueuePolicy;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn the_time_since_the_last_heartbeat_decides() {
        use EffectiveState::{Bypass, Open};
        use HeadDecision::{Admit, Remove, StandAside};

        let policy = QueuePolicy::default();
        let deadlines = Deadlines::at(at(1_000), &policy, at(0), at(1_000));
        for (heartbeat, state, expected) in [
            (1_000, Open, Admit),
            (955, Open, Admit),
            (954, Open, StandAside),
            (954, Bypass, Admit),
            (701, Open, StandAside),
            (700, Open, Remove),
            (700, Bypass, Remove),
        ] {
            let decision = HeadDecision::of(at(heartbeat), &deadlines, state, at(1_000));
            assert_eq!(decision, expected, "{heartbeat} {state:?}");
        }
    }
}
