//! Clocks that run together and step apart.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use frontrow_domain::ports::Clock;
use jiff::Timestamp;

/// The time that really passes, in microseconds.
#[derive(Debug, Default)]
pub(super) struct Time(AtomicI64);

impl Time {
    /// Returns the time that has passed.
    pub(super) fn passed(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Lets `micros` pass.
    pub(super) fn pass(&self, micros: i64) {
        self.0.fetch_add(micros, Ordering::Relaxed);
    }
}

/// A clock that is right except for the steps it has made. Each reading takes a microsecond, so
/// that no two calls are made at the same instant.
#[derive(Debug)]
pub struct SteppingClock {
    time: Arc<Time>,
    stepped: AtomicI64,
}

impl SteppingClock {
    const START: i64 = 1_770_000_000_000_000;

    pub(super) fn new(time: &Arc<Time>) -> Self {
        Self {
            time: Arc::clone(time),
            stepped: AtomicI64::new(0),
        }
    }

    /// Returns the time, which takes no time itself.
    pub(super) fn peek(&self) -> Timestamp {
        let micros = Self::START + self.time.passed() + self.stepped.load(Ordering::Relaxed);
        Timestamp::from_microsecond(micros).expect("an instant of this century")
    }

    pub(super) fn step(&self, micros: i64) {
        self.stepped.fetch_add(micros, Ordering::Relaxed);
    }
}

impl Clock for SteppingClock {
    fn now(&self) -> Timestamp {
        self.time.pass(1);
        self.peek()
    }
}
