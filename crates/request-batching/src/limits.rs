//! The bounds of a batcher.

use std::time::Duration;

/// The bounds of a batcher, which are those of a process. A number below 1 counts as 1.
#[derive(Debug, Clone)]
pub struct Limits {
    /// The most requests in one call.
    pub batch_max: usize,
    /// The most requests that are pending, of all keys together.
    pub pending_max: usize,
    /// The most requests of one user that are pending for one key. Without it one user who asks a
    /// thousand times at once would take the room of a thousand others.
    pub pending_per_user_max: usize,
    /// The longest time that a request waits for its call to begin.
    pub queue_timeout: Duration,
    /// The most calls in flight for one key. 1 where calls of a key would only wait for each
    /// other's locks.
    pub calls_per_key_max: usize,
    /// The most calls in flight, of all keys together: as many as there are connections for them.
    pub calls_max: usize,
    /// The most requests in flight, of all keys together.
    pub in_flight: InFlight,
}

/// The most requests that may be in calls at the same time. It counts requests rather than calls,
/// because a call costs the store about as much as its requests do.
#[derive(Debug, Clone)]
pub enum InFlight {
    /// Always as many.
    Fixed(usize),
    /// As many as the store answers without delay.
    Adaptive(Adaptive),
}

/// A limit that follows the latency of calls (additive increase, multiplicative decrease).
///
/// A call is slow if it takes longer than twice the shortest round trip, and than `latency_min`. A
/// store that is far away has a long shortest round trip, so it gets many requests; one that is
/// busy answers more slowly than it could, so it gets fewer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Adaptive {
    /// The limit never falls below. Where it is below `Limits::batch_max`, a slow store gets
    /// smaller batches. A busy store's latency is at least what it takes for this many requests of
    /// every process.
    pub min: usize,
    /// The limit never rises above.
    pub max: usize,
    /// Where it begins.
    pub initial: usize,
    /// No call that takes less is slow. Processes whose round trips are all below a half of it
    /// share a store equally: they agree on what is slow, whatever round trips each of them has
    /// seen.
    pub latency_min: Duration,
}

impl Default for Adaptive {
    fn default() -> Self {
        Self {
            min: 8,
            max: 10_000,
            initial: 8,
            latency_min: Duration::from_millis(50),
        }
    }
}

impl Limits {
    /// The same bounds, with 1 for each number below it.
    pub(crate) fn at_least_one(mut self) -> Self {
        for number in [
            &mut self.batch_max,
            &mut self.pending_max,
            &mut self.pending_per_user_max,
            &mut self.calls_per_key_max,
            &mut self.calls_max,
        ] {
            *number = (*number).max(1);
        }
        self
    }
}
