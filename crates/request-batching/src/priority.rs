//! What is served first, and shed last.

/// The number of priorities.
pub(crate) const LEVELS: usize = 4;

/// How important a request is. Within a key, requests of a higher priority join a call first; where
/// no more may be pending, those of a lower priority are shed first. Within a priority, the oldest
/// is served first.
///
/// The least value is the most important one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// What must not be shed while anything else is pending.
    Urgent,
    /// Before what is usual.
    High,
    /// What is usual.
    Normal,
    /// What is shed first.
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
