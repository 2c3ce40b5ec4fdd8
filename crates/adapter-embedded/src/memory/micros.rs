//! Instants in half the size.

use jiff::Timestamp;

/// An instant as microseconds since 1970. A [`Timestamp`] takes twice the memory, which matters
/// with several instants for each of a million users.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Micros(i64);

impl Micros {
    /// Returns the instant, for arithmetic.
    pub(super) fn at(self) -> Timestamp {
        Timestamp::from_microsecond(self.0).unwrap_or(Timestamp::MAX)
    }

    /// Returns the microseconds since 1970.
    pub(super) fn number(self) -> i64 {
        self.0
    }

    /// Returns the instant `by` microseconds later.
    pub(super) fn shifted(self, by: i64) -> Self {
        Self(self.0.saturating_add(by))
    }
}

impl From<i64> for Micros {
    fn from(number: i64) -> Self {
        Self(number)
    }
}

impl From<Timestamp> for Micros {
    fn from(at: Timestamp) -> Self {
        Self(at.as_microsecond())
    }
}
