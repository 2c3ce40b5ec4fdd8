//! The admission windows of a throughput policy: fixed, consecutive, and kept with the queue.

use std::time::Duration;

use jiff::Timestamp;

use super::Throughput;
use crate::model::later;

/// The running window, and how many users it has admitted.
///
/// Windows follow each other without a gap, whether or not a user is admitted in them, so an idle
/// queue accumulates no credit. A change of the throughput applies at once: see
/// [`AdmissionWindow::changed`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AdmissionWindow {
    /// When it started.
    pub start: Timestamp,
    /// How long it is.
    pub interval: Duration,
    /// How many users it has admitted.
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
    /// A clock that stepped back restarts the window at `now` and keeps its count, so that a
    /// stepping clock never admits more users.
    #[must_use]
    pub fn at(self, now: Timestamp) -> Self {
        if now < self.start {
            return Self { start: now, ..self };
        }
        let interval = i64::try_from(self.interval.as_micros())
            .unwrap_or(i64::MAX)
            .max(1);
        let passed = (now.as_microsecond() - self.start.as_microsecond()) / interval;
        if passed == 0 {
            return self;
        }
        let start = self.start.as_microsecond() + passed * interval;
        Self {
            start: Timestamp::from_microsecond(start).unwrap_or(now),
            admitted: 0,
            ..self
        }
    }

    /// The window that runs at `now` under a throughput that takes effect at `now`.
    ///
    /// The window that runs until then keeps its start and count and takes the new length. If it is
    /// over by that length, windows of the new length follow from its start. So each change adds at
    /// most one new limit, however often a policy changes.
    #[must_use]
    pub fn changed(self, throughput: Throughput, now: Timestamp) -> Self {
        Self {
            interval: throughput.interval,
            ..self.at(now)
        }
        .at(now)
    }

    /// How many more users this window may admit.
    #[must_use]
    pub fn room(&self, throughput: Throughput) -> u32 {
        throughput.admit.saturating_sub(self.admitted)
    }

    /// When the next window starts.
    #[must_use]
    pub fn end(&self) -> Timestamp {
        later(self.start, self.interval)
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
    fn windows_are_consecutive_and_accumulate_no_credit() {
        assert_eq!(window(0, 3_000, 4).at(at(2_999)), window(0, 3_000, 4));
        assert_eq!(window(0, 3_000, 4).at(at(3_000)), window(3_000, 3_000, 0));
        let idle = window(0, 3_000, 0).at(at(100_000));
        assert_eq!(idle, window(99_000, 3_000, 0));
        assert_eq!(idle.room(per(5, 3_000)), 5);
        assert_eq!(idle.end(), at(102_000));
    }

    /// Each row: the window before the change, the instant of the change in ms, the new length in
    /// ms, and the window after the change.
    #[test]
    fn a_change_applies_at_once() {
        for (case, before, now, millis, after) in [
            (
                "shorter, still running",
                window(0, 3_000, 5),
                500,
                1_000,
                window(0, 1_000, 5),
            ),
            (
                "shorter, over by the new length",
                window(0, 3_000, 5),
                2_500,
                1_000,
                window(2_000, 1_000, 0),
            ),
            (
                "shorter, over at its very end",
                window(0, 3_000, 5),
                1_000,
                1_000,
                window(1_000, 1_000, 0),
            ),
            (
                "longer",
                window(0, 1_000, 5),
                900,
                3_000,
                window(0, 3_000, 5),
            ),
            (
                "longer after the old end",
                window(0, 1_000, 5),
                1_500,
                3_000,
                window(1_000, 3_000, 0),
            ),
            (
                "idle, then longer",
                window(0, 1_000, 5),
                100_500,
                60_000,
                window(100_000, 60_000, 0),
            ),
            (
                "idle, then shorter",
                window(0, 60_000, 5),
                100_500,
                1_000,
                window(100_000, 1_000, 0),
            ),
            (
                "the same length",
                window(0, 3_000, 5),
                2_999,
                3_000,
                window(0, 3_000, 5),
            ),
            (
                "a clock that stepped back",
                window(9_000, 3_000, 5),
                1_000,
                1_000,
                window(1_000, 1_000, 5),
            ),
        ] {
            let changed = before.changed(per(5, millis), at(now));
            assert_eq!(changed, after, "{case}");
        }
    }

    #[test]
    fn twenty_changes_in_one_window_add_no_more_than_a_limit_each() {
        let (long, short) = (per(5, 3_600_000), per(5, 1_000));
        let mut running = window(0, 3_600_000, 5);
        let mut admitted = 0;
        for change in 1..=20 {
            let throughput = if change % 2 == 1 { short } else { long };
            running = running.changed(throughput, at(change * 100));
            admitted += running.room(throughput);
            running.admitted = throughput.admit;
        }
        // While it is short, the window is over at 1 s and at 2 s; no change adds more.
        assert_eq!(admitted, 10);
    }

    #[test]
    fn a_clock_that_steps_back_keeps_the_count() {
        let back = window(9_000, 3_000, 5).at(at(1_000));
        assert_eq!(back, window(1_000, 3_000, 5));
        assert_eq!(back.room(per(5, 3_000)), 0);
    }

    #[test]
    fn a_lowered_limit_leaves_no_room_and_does_not_wrap() {
        assert_eq!(window(0, 3_000, 5).room(per(2, 3_000)), 0);
    }
}
