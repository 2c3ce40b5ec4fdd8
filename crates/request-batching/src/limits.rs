//! The bounds of a batcher.

use std::time::Duration;

/// The bounds of a batcher, which hold for the whole process. A number below 1 counts as 1.
#[derive(Debug, Clone)]
pub struct Limits {
    /// The most requests in one call.
    pub batch_max: usize,
    /// The most pending requests, of all keys together.
    pub pending_max: usize,
    /// The most pending requests of one user for one key. Without it one user who sends a thousand
    /// requests at once would displace a thousand others.
    pub pending_per_user_max: usize,
    /// The queue time-out: the longest time that a request waits for its call to begin.
    pub queue_timeout: Duration,
    /// The most calls in flight for one key. Use 1 if calls of a key would only wait for each
    /// other's locks.
    pub calls_per_key_max: usize,
    /// The most calls in flight, of all keys together: the number of connections for them.
    pub calls_max: usize,
    /// The most requests in flight, of all keys together.
    pub in_flight: InFlight,
}

/// The in-flight limit: the most requests that may be in calls at the same time. It counts requests
/// rather than calls, because the cost of a call to the store is about that of its requests.
#[derive(Debug, Clone)]
pub enum InFlight {
    /// A constant limit.
    Fixed(usize),
    /// As many requests as the store answers without delay.
    Adaptive(Adaptive),
}

/// A limit that follows the latency of calls (additive increase, multiplicative decrease).
///
/// A call is slow if it takes longer than twice the shortest round trip and longer than
/// `latency_min`. A distant store has a long shortest round trip, so it gets many requests. A busy
/// store answers more slowly than it could, so it gets fewer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Adaptive {
    /// The lowest limit. If it is below `Limits::batch_max`, a slow store gets smaller batches. The
    /// latency of a busy store is at least the time that it takes for this many requests of every
    /// process.
    pub min: usize,
    /// The highest limit.
    pub max: usize,
    /// The limit at the start.
    pub initial: usize,
    /// A call that takes less is never slow. Processes whose round trips are all below half of it
    /// share a store equally: they agree on which calls are slow, even if they have measured
    /// different round trips.
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
    /// Returns the same bounds, with 1 in place of 0.
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
