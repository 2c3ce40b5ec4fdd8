//! Checks of instants that are more likely typing errors than plans.

use jiff::Timestamp;

use super::Invalid;

/// Returns why a performance should not start at `starts_at`. None if it may.
#[must_use]
pub fn past_start(now: Timestamp, starts_at: Timestamp) -> Option<Invalid> {
    (starts_at <= now).then(|| {
        Invalid::new("in the past; send allow_past: true for a performance that has already begun")
    })
}

/// Returns why a queue should not open at `opens_at` if the performances of its concert start at
/// `starts`. None if it may, or if there is no performance yet.
#[must_use]
pub fn late_opening(
    opens_at: Option<Timestamp>,
    starts: impl IntoIterator<Item = Timestamp>,
) -> Option<Invalid> {
    let (opens_at, last) = opens_at.zip(starts.into_iter().max())?;
    (opens_at > last).then(|| {
        Invalid::new(format!(
            "the queue opens at {opens_at}, after the last performance has started at {last}; send \
             allow_past: true if that is meant"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_performance_starts_in_the_future() {
        for (starts_at, wrong) in [(9, true), (10, true), (11, false)] {
            assert_eq!(past_start(at(10), at(starts_at)).is_some(), wrong);
        }
    }

    #[test]
    fn a_queue_opens_before_the_last_start() {
        let wrong = |opens_at: Option<i64>, starts: &[i64]| {
            let starts = starts.iter().copied().map(at);
            late_opening(opens_at.map(at), starts).is_some()
        };
        assert!(!wrong(None, &[5]));
        assert!(!wrong(Some(9), &[]));
        assert!(!wrong(Some(9), &[9]));
        assert!(!wrong(Some(9), &[20, 5]));
        assert!(wrong(Some(9), &[8, 5]));
    }
}
