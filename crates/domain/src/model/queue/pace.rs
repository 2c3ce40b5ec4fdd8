//! How often a queue is ticked.

use std::time::Duration;

use jiff::Timestamp;

use super::{AdmissionWindow, Throughput};

/// The time between two ticks of a queue that has places.
///
/// It is a third of the admission window, but at most 1 s, so that a tick that comes late, or whose
/// instance dies, is followed by another one in the same window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pace(Duration);

impl Pace {
    /// The longest pace, and the pace of a queue without throughput.
    pub const LONGEST: Self = Self(Duration::from_secs(1));
    /// The time between two ticks of a queue without places.
    pub const RESTING: Duration = Duration::from_secs(30);
    /// The longest back-off. It is well below
    /// [`Deadlines::OUTAGE_AFTER`](super::Deadlines::OUTAGE_AFTER), so that a queue that works
    /// again is in service at once.
    pub const LONGEST_BACK_OFF: Duration = Duration::from_millis(2_500);
    /// The back-off after the first failure.
    const FIRST_BACK_OFF: Duration = Duration::from_millis(500);

    /// The pace of a queue with this throughput.
    #[must_use]
    pub fn of(throughput: Option<Throughput>) -> Self {
        throughput.map_or(Self::LONGEST, |throughput| {
            Self::in_windows_of(throughput.interval)
        })
    }

    /// The pace of a queue whose admission windows are `interval` long. It is rounded up to whole
    /// µs. If it were rounded down, the third tick of a window would come just before the next
    /// window starts.
    #[must_use]
    pub fn in_windows_of(interval: Duration) -> Self {
        let third = interval.as_micros().div_ceil(3).max(1);
        Self(micros(third)).min(Self::LONGEST)
    }

    /// The time between two ticks.
    #[must_use]
    pub fn duration(self) -> Duration {
        self.0
    }

    /// Returns the time from `now`, by the store's clock, to the next due tick.
    ///
    /// Ticks are due at whole multiples of the pace after the start of `window`, at the start of
    /// each following window, and at `opens_at`, so that no user waits longer than the policy says.
    #[must_use]
    pub fn until_next(
        self,
        window: Option<AdmissionWindow>,
        opens_at: Option<Timestamp>,
        now: Timestamp,
    ) -> Duration {
        let aligned = window.map_or(self.0, |window| {
            let window = window.at(now);
            let since_start = between(window.start, now);
            let to_multiple = self.0.saturating_sub(remainder(since_start, self.0));
            to_multiple.min(between(now, window.end()))
        });
        match opens_at {
            Some(opens_at) if opens_at > now => aligned.min(between(now, opens_at)),
            _ => aligned,
        }
    }

    /// Returns the back-off: the time from the start of a failed tick to the next one. It doubles
    /// with every consecutive failure, up to [`Pace::LONGEST_BACK_OFF`].
    #[must_use]
    pub fn back_off(failures: u32) -> Duration {
        let doubled = Self::FIRST_BACK_OFF.saturating_mul(1 << failures.saturating_sub(1).min(10));
        doubled.min(Self::LONGEST_BACK_OFF)
    }
}

fn between(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(from.duration_until(to)).unwrap_or_default()
}

fn remainder(span: Duration, pace: Duration) -> Duration {
    micros(span.as_micros().checked_rem(pace.as_micros()).unwrap_or(0))
}

fn micros(micros: u128) -> Duration {
    Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::queue::Deadlines;

    fn at(micros: i64) -> Timestamp {
        Timestamp::from_microsecond(micros).unwrap()
    }

    fn every(micros: u64) -> Throughput {
        Throughput {
            admit: 5,
            interval: Duration::from_micros(micros),
        }
    }

    #[test]
    fn a_pace_is_a_third_of_the_window_and_at_most_a_second() {
        for (interval, pace) in [
            (None, 1_000_000),
            (Some(100_000), 33_334),
            (Some(300_000), 100_000),
            (Some(2_000_000), 666_667),
            (Some(3_000_000), 1_000_000),
            (Some(3_600_000_000), 1_000_000),
        ] {
            let found = Pace::of(interval.map(every)).duration();
            assert_eq!(found, Duration::from_micros(pace), "{interval:?}");
        }
    }

    /// Each row: the start and length of a window, the present time, and the time of the next due
    /// tick, all in µs.
    #[test]
    fn ticks_fall_on_multiples_of_the_pace_and_on_each_start_of_a_window() {
        for (case, start, length, now, due) in [
            ("at the start", 0, 3_000_000, 0, 1_000_000),
            ("a little later", 0, 3_000_000, 4_000, 1_000_000),
            ("just before a multiple", 0, 3_000_000, 999_999, 1_000_000),
            ("at a multiple", 0, 3_000_000, 1_000_000, 2_000_000),
            ("in the last third", 0, 3_000_000, 2_004_000, 3_000_000),
            ("in a later window", 500, 3_000_000, 9_100_000, 10_000_500),
            ("a third that is not whole", 0, 100_000, 66_668, 100_000),
            (
                "no multiple of the pace",
                0,
                3_500_000,
                3_100_000,
                3_500_000,
            ),
            ("a long window", 0, 60_000_000, 59_700_000, 60_000_000),
            ("a clock that stepped back", 900, 3_000_000, 100, 1_000_100),
        ] {
            let throughput = every(length);
            let window = AdmissionWindow {
                start: at(start),
                interval: throughput.interval,
                admitted: 5,
            };
            let until = Pace::of(Some(throughput)).until_next(Some(window), None, at(now));
            let expected = Duration::from_micros(u64::try_from(due - now).unwrap());
            assert_eq!(until, expected, "{case}");
        }
    }

    #[test]
    fn without_a_window_ticks_follow_each_other_at_the_pace() {
        let until = Pace::of(Some(every(300_000))).until_next(None, None, at(77));
        assert_eq!(until, Duration::from_millis(100));
    }

    #[test]
    fn a_tick_is_due_when_the_queue_opens() {
        for (opens_at, until) in [
            (None, 1_000),
            (Some(400), 400),
            (Some(0), 1_000),
            (Some(9_000), 1_000),
        ] {
            let opens_at = opens_at.map(|millis| at(millis * 1_000));
            let found = Pace::LONGEST.until_next(None, opens_at, at(0));
            assert_eq!(found, Duration::from_millis(until), "{opens_at:?}");
        }
    }

    #[test]
    fn a_back_off_grows_up_to_a_bound_below_an_outage() {
        let found = [1, 2, 3, 4, 99, u32::MAX].map(|failures| Pace::back_off(failures).as_millis());
        assert_eq!(found, [500, 1_000, 2_000, 2_500, 2_500, 2_500]);
        assert!(Pace::LONGEST_BACK_OFF < Deadlines::OUTAGE_AFTER);
    }
}
