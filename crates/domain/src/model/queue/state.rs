//! The effective state of a queue: what its operator set, combined with opening, sale and recovery.

use jiff::Timestamp;

use super::{PolicyState, QueuePolicy, SaleState};

/// The public state of a queue, which every user may see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueView {
    /// The state that its operator has set.
    pub state: PolicyState,
    /// When it starts to admit users. None if no time was set.
    pub opens_at: Option<Timestamp>,
    /// True during the recovery, in which users re-enter after the store lost the queue.
    pub recovering: bool,
    /// What is left to buy.
    pub sale: SaleState,
}

/// The state that decides at an instant. The first that applies wins, in the order given here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EffectiveState {
    /// Joins are refused and no user is admitted.
    Closed,
    /// Joins are refused and no user is admitted: the last performance has started.
    Ended,
    /// Joins are accepted and no user is admitted: the queue recovers from a loss.
    Recovering,
    /// Joins are accepted and no user is admitted: the operator paused the queue, it is before the
    /// opening, or the concert has no performance yet.
    Paused,
    /// Joins are refused and no user is admitted: there is nothing left to buy.
    SoldOut,
    /// Every user is admitted.
    Bypass,
    /// Users are admitted within the limits of the policy.
    Open,
}

/// Why a user may not join.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JoinRefusal {
    /// The queue is closed.
    Closed,
    /// The last performance has started.
    Ended,
    /// There is no seat left to wait for.
    SoldOut,
    /// `max_waiting` users wait.
    Full,
}

impl QueueView {
    /// The view of a queue with this policy.
    #[must_use]
    pub fn new(policy: &QueuePolicy, recovering: bool, sale: SaleState) -> Self {
        Self {
            state: policy.state,
            opens_at: policy.opens_at,
            recovering,
            sale,
        }
    }

    /// Returns the state that decides at `now`.
    #[must_use]
    pub fn effective(&self, now: Timestamp) -> EffectiveState {
        let not_yet_open = self.opens_at.is_some_and(|opens_at| now < opens_at);
        match self.state {
            PolicyState::Closed => EffectiveState::Closed,
            _ if self.sale == SaleState::Ended => EffectiveState::Ended,
            _ if self.recovering => EffectiveState::Recovering,
            PolicyState::Paused => EffectiveState::Paused,
            _ if not_yet_open || self.sale == SaleState::Unplanned => EffectiveState::Paused,
            _ if self.sale == SaleState::SoldOut => EffectiveState::SoldOut,
            PolicyState::Bypass => EffectiveState::Bypass,
            PolicyState::Open => EffectiveState::Open,
        }
    }
}

impl EffectiveState {
    /// Returns why this state refuses joins. None if it accepts them.
    #[must_use]
    pub fn refuses_joins(self) -> Option<JoinRefusal> {
        match self {
            Self::Closed => Some(JoinRefusal::Closed),
            Self::Ended => Some(JoinRefusal::Ended),
            Self::SoldOut => Some(JoinRefusal::SoldOut),
            Self::Recovering | Self::Paused | Self::Bypass | Self::Open => None,
        }
    }

    /// Returns true if users are admitted in this state.
    #[must_use]
    pub fn admits(self) -> bool {
        matches!(self, Self::Bypass | Self::Open)
    }
}

#[cfg(test)]
mod tests {
    use EffectiveState as E;
    use PolicyState as P;
    use SaleState as S;

    use super::*;

    #[test]
    fn the_first_state_that_applies_wins() {
        let now = Timestamp::from_second(100).unwrap();
        let future = Some(Timestamp::from_second(101).unwrap());
        let view = |state, opens_at, recovering, sale| {
            QueueView {
                state,
                opens_at,
                recovering,
                sale,
            }
            .effective(now)
        };
        assert_eq!(view(P::Closed, future, true, S::Ended), E::Closed);
        assert_eq!(view(P::Paused, future, true, S::Ended), E::Ended);
        assert_eq!(view(P::Bypass, None, false, S::Ended), E::Ended);
        assert_eq!(view(P::Paused, future, true, S::SoldOut), E::Recovering);
        assert_eq!(view(P::Paused, None, false, S::SoldOut), E::Paused);
        assert_eq!(view(P::Open, future, false, S::SoldOut), E::Paused);
        assert_eq!(view(P::Bypass, future, false, S::OnSale), E::Paused);
        assert_eq!(view(P::Bypass, None, false, S::Unplanned), E::Paused);
        assert_eq!(view(P::Bypass, None, false, S::SoldOut), E::SoldOut);
        assert_eq!(view(P::Bypass, None, false, S::OnSale), E::Bypass);
        assert_eq!(view(P::Open, Some(now), false, S::OnSale), E::Open);
    }
}
