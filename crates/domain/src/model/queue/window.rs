//! The admission windows of a throughput policy: fixed, consecutive, and kept in the queue's state.

use std::time::Duration;

use jiff::Timestamp;

use super::Throughput;
use crate::model::later;

/// The window that is running, and how many it has let in.
///
/// Windows follow each other without a gap, whether or not anybody is admitted in them, so an idle
/// queue saves nothing up. A changed interval takes effect when the running window ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AdmissionWindow {
    /// When it started.
    pub start: Timestamp,
    /// How long it is.
    pub interval: Duration,
    /// How many people it has let in.
    pub admitted: u32,
}

impl AdmissionWindow {
    /// The first window of a queue.
    #[must_use]
    pub fn first(now: Timestamp, throughput: Throughput) -> Self {
        Self {
            start: now,
            interval: throughput.interval,
            admitted: 0,
        }
    }

    /// The window that runs at `now`.
    ///
    /// A clock that stepped back restarts the window at `now` and keeps its count, so that stepping
    /// clocks never let more people in.
    #[must_use]
    pub fn at(self, now: Timestamp, throughput: Throughput) -> Self {
        if now < self.start {
            return Self { start: now, ..self };
        }
        let end = later(self.start, self.interval);
        if now < end {
            return self;
        }
        let past = now.as_microsecond() - end.as_microsecond();
        let interval = i64::try_from(throughput.interval.as_micros())
            .unwrap_or(i64::MAX)
            .max(1);
        let start = end.as_microsecond() + past / interval * interval;
        Self {
            start: Timestamp::from_microsecond(start).unwrap_or(now),
            interval: throughput.interval,
            admitted: 0,
        }
    }

    /// How many more people this window may let in.
    #[must_use]
    pub fn room(&self, throughput: Throughput) -> u32 {
        throughput.admit.saturating_sub(self.admitted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millisecond(millis).unwrap()
    }

    fn per(admit: u32, millis: u64) -> Throughput {
        Throughput {
            admit,
            interval: Duration::from_millis(millis),
        }
    }

    fn window(start: i64, millis: u64, admitted: u32) -> AdmissionWindow {
        AdmissionWindow {
            start: at(start),
            interval: Duration::from_millis(millis),
            admitted,
        }
    }

    #[test]
    fn windows_are_consecutive_and_save_nothing_up() {
        let policy = per(5, 3_000);
        assert_eq!(
            window(0, 3_000, 4).at(at(2_999), policy),
            window(0, 3_000, 4)
        );
        assert_eq!(
            window(0, 3_000, 4).at(at(3_000), policy),
            window(3_000, 3_000, 0)
        );
        let idle = window(0, 3_000, 0).at(at(100_000), policy);
        assert_eq!(idle, window(99_000, 3_000, 0));
        assert_eq!(idle.room(policy), 5);
    }

    #[test]
    fn a_changed_interval_waits_for_the_end_of_the_window() {
        let shorter = per(5, 1_000);
        assert_eq!(
            window(0, 3_000, 5).at(at(2_500), shorter),
            window(0, 3_000, 5)
        );
        assert_eq!(
            window(0, 3_000, 5).at(at(5_500), shorter),
            window(5_000, 1_000, 0)
        );
    }

    #[test]
    fn a_clock_that_steps_back_keeps_the_count() {
        let policy = per(5, 3_000);
        let back = window(9_000, 3_000, 5).at(at(1_000), policy);
        assert_eq!(back, window(1_000, 3_000, 5));
        assert_eq!(back.room(policy), 0);
    }

    #[test]
    fn a_lowered_limit_leaves_no_room_and_does_not_wrap() {
        assert_eq!(window(0, 3_000, 5).room(per(2, 3_000)), 0);
    }
}
