use jiff::Timestamp;

/// What time it is, for everything that is not inside a queue or the end of a hold.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
pub trait Clock: Send + Sync {
    /// Now, in whole microseconds. May step in either direction between two calls.
    fn now(&self) -> Timestamp;
}
