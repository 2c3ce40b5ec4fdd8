//! Instants are [`jiff::Timestamp`] in whole microseconds, the finest unit that every store keeps.

use std::time::Duration;

use jiff::Timestamp;

use super::Invalid;

/// `at` plus `by`, or the last representable instant where that would overflow.
#[must_use]
pub fn later(at: Timestamp, by: Duration) -> Timestamp {
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}

/// `at` without what is finer than a microsecond, as every store keeps it.
#[must_use]
pub fn micros(at: Timestamp) -> Timestamp {
    Timestamp::from_microsecond(at.as_microsecond()).unwrap_or(at)
}

/// `at` as an operator may name it: in whole microseconds, and not before 1970, which is no time for
/// a plan and which not every store can keep.
///
/// # Errors
/// When it is before 1970.
pub fn planned(at: Timestamp) -> Result<Timestamp, Invalid> {
    if at < Timestamp::UNIX_EPOCH {
        return Err(Invalid::new("not before 1970"));
    }
    Ok(micros(at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_planned_before_1970() {
        let nanosecond = Duration::from_nanos(1);
        assert_eq!(
            planned(Timestamp::UNIX_EPOCH + nanosecond),
            Ok(Timestamp::UNIX_EPOCH)
        );
        assert!(planned(Timestamp::UNIX_EPOCH - nanosecond).is_err());
        assert!(planned(Timestamp::MAX).is_ok() && planned(Timestamp::MIN).is_err());
    }
}
