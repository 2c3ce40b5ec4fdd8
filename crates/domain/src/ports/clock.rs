use jiff::Timestamp;

/// The current time, for everything except queues and the deadlines of holds.
///
/// - Called by: most use cases that need the time, and the wiring of `frontrow-app`.
/// - Implemented by: `SystemClock`.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
pub trait Clock: Send + Sync {
    /// Returns the current time in whole microseconds. It may step in either direction between two
    /// calls.
    fn now(&self) -> Timestamp;
}
