//! The priorities of requests: the highest is served first and shed last.

/// The number of priorities.
pub(crate) const LEVELS: usize = 4;

/// The priority of a request. Within a key, requests of a higher priority join a call first. When
/// the most requests are pending, those of the lowest priority are shed first. Within a priority,
/// the oldest is served first and the newest is shed first.
///
/// The least value is the highest priority.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// Must not be shed while a request of a lower priority is pending.
    Urgent,
    /// Served before the usual requests.
    High,
    /// The usual priority.
    Normal,
    /// Shed first.
    Low,
}

impl Priority {
    pub(crate) fn level(self) -> usize {
        match self {
            Self::Urgent => 0,
            Self::High => 1,
            Self::Normal => 2,
            Self::Low => 3,
        }
    }
}
