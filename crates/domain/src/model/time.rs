//! Arithmetic on instants: [`jiff::Timestamp`] in whole microseconds, the finest unit that every
//! store keeps.

use std::time::Duration;

use jiff::Timestamp;

use super::Invalid;

/// Returns `at` plus `by`, or the last representable instant if that would overflow.
#[must_use]
pub fn later(at: Timestamp, by: Duration) -> Timestamp {
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}

/// Truncates `at` to whole microseconds, as every store keeps it.
#[must_use]
pub fn micros(at: Timestamp) -> Timestamp {
    Timestamp::from_microsecond(at.as_microsecond()).unwrap_or(at)
}

/// The latest instant of a plan: 2^53 µs after 1970, in the year 2255. Some stores keep instants as
/// doubles, which have every whole number up to this one.
pub const LATEST_PLAN: Timestamp = Timestamp::constant(9_007_199_254, 740_992_000);

/// Checks an instant that an operator sets. Returns it in whole microseconds, within the range that
/// every store keeps exactly.
///
/// # Errors
/// If it is before 1970 or after [`LATEST_PLAN`].
pub fn planned(at: Timestamp) -> Result<Timestamp, Invalid> {
    if at < Timestamp::UNIX_EPOCH {
        return Err(Invalid::new("not before 1970"));
    }
    let at = micros(at);
    if at > LATEST_PLAN {
        return Err(Invalid::new(format!(
            "not after {LATEST_PLAN}, the latest instant that every store keeps exactly"
        )));
    }
    Ok(at)
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
        assert!(planned(Timestamp::MIN).is_err());
    }

    #[test]
    fn nothing_is_planned_after_what_a_double_keeps() {
        assert_eq!(LATEST_PLAN.as_microsecond(), 1 << 53);
        let nanosecond = Duration::from_nanos(1);
        assert_eq!(planned(LATEST_PLAN + nanosecond), Ok(LATEST_PLAN));
        let microsecond = Duration::from_micros(1);
        for late in [LATEST_PLAN + microsecond, Timestamp::MAX] {
            let why = planned(late).unwrap_err();
            let expected = "not after 2255-06-05T23:47:34.740992Z, the latest instant that every \
                            store keeps exactly";
            assert_eq!(why, Invalid::new(expected));
        }
    }
}
