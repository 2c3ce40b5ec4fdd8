//! The statistics of a batcher.

/// The pending requests and those in flight, at one instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stats {
    /// Requests that wait for their call to begin.
    pub pending: usize,
    /// Requests in calls that have begun.
    pub in_flight: usize,
    /// The most requests that may be in flight now.
    pub in_flight_limit: usize,
    /// Calls that have begun.
    pub calls: usize,
    /// Keys that have a request or a call.
    pub keys: usize,
    /// Requests that were refused since the batcher was created.
    pub shed: ShedCounts,
}

/// Requests that were refused, by [`Overload`](crate::Overload).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ShedCounts {
    /// Refused with `Total`.
    pub total: u64,
    /// Refused with `PerUser`.
    pub per_user: u64,
    /// Refused with `TimedOut`.
    pub timed_out: u64,
    /// Refused with `Shed`.
    pub displaced: u64,
    /// Refused with `Closed`.
    pub closed: u64,
}
