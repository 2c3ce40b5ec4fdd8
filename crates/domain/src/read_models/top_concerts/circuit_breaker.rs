//! Skips a store for a while after it has failed.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jiff::Timestamp;

/// Decides whether a store may be called. After a failure it may not, for a while. Then one caller
/// may try, while the others still skip it.
#[derive(Debug, Default)]
pub(super) struct CircuitBreaker(Mutex<State>);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum State {
    /// Every caller may call it.
    #[default]
    Closed,
    /// It failed at `since`.
    Open { since: Timestamp },
    /// One caller has been trying since `since`.
    Probing { since: Timestamp },
}

impl CircuitBreaker {
    /// How long a failed store is skipped, and how long the caller that tries may take before
    /// another caller may try.
    pub(super) const PAUSE: Duration = Duration::from_secs(2);

    /// True if the caller may call the store. The caller then reports the result with
    /// [`CircuitBreaker::answered`] or [`CircuitBreaker::failed`].
    pub(super) fn lets_ask(&self, now: Timestamp) -> bool {
        let mut state = self.state();
        match *state {
            State::Closed => true,
            State::Open { since } | State::Probing { since } => {
                let waited = now.duration_since(since).unsigned_abs();
                let may_try = waited >= Self::PAUSE;
                if may_try {
                    *state = State::Probing { since: now };
                }
                may_try
            }
        }
    }

    /// Records that the store has answered. Returns true if it was skipped before.
    pub(super) fn answered(&self) -> bool {
        std::mem::take(&mut *self.state()) != State::Closed
    }

    /// Records that the store has failed. Returns true if it was not skipped before.
    pub(super) fn failed(&self, now: Timestamp) -> bool {
        std::mem::replace(&mut *self.state(), State::Open { since: now }) == State::Closed
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::at;

    #[test]
    fn after_a_failure_one_caller_tries_at_a_time() {
        let breaker = CircuitBreaker::default();
        assert!(breaker.lets_ask(at(0)) && breaker.lets_ask(at(0)));
        assert!(breaker.failed(at(0)), "the first failure opens the circuit");
        assert!(!breaker.lets_ask(at(1)));
        assert!(breaker.lets_ask(at(2)), "one caller may try");
        assert!(!breaker.lets_ask(at(2)), "the other callers may not");
        assert!(!breaker.failed(at(2)));
        assert!(!breaker.lets_ask(at(3)));
        assert!(breaker.lets_ask(at(4)));
        assert!(breaker.answered());
        assert!(breaker.lets_ask(at(4)) && breaker.lets_ask(at(4)));
        assert!(!breaker.answered());
    }

    #[test]
    fn a_trial_that_never_ends_is_replaced() {
        let breaker = CircuitBreaker::default();
        breaker.failed(at(0));
        assert!(breaker.lets_ask(at(2)));
        assert!(breaker.lets_ask(at(4)));
    }

    #[test]
    fn a_clock_that_steps_back_does_not_keep_the_circuit_open() {
        let breaker = CircuitBreaker::default();
        breaker.failed(at(10_000));
        assert!(breaker.lets_ask(at(0)));
    }
}
