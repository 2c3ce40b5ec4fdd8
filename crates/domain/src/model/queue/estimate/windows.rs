//! The running admission window, as far as an instance knows it.

use std::time::Duration;

use jiff::Timestamp;

use super::LineTick;
use crate::model::queue::{AdmissionWindow, Throughput};

/// The rest of the running window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Running {
    /// Number of users that it may still admit.
    pub(super) room: u64,
    /// How long it still runs.
    pub(super) rest: Duration,
}

impl Running {
    /// The window that runs at `now`, after `since` further users were admitted from the line since
    /// the `last` tick. Without a tick it counts as just begun and full.
    pub(super) fn at(
        last: Option<&LineTick>,
        throughput: Throughput,
        now: Timestamp,
        since: u64,
    ) -> Self {
        let limit = u64::from(throughput.admit);
        let Some(last) = last else {
            return Self {
                room: 0,
                rest: throughput.interval,
            };
        };
        // The first window starts with the first attempt to admit a user.
        let Some(then) = last.window else {
            return Self {
                room: limit.saturating_sub(since),
                rest: throughput.interval,
            };
        };
        let running = then.changed(throughput, now);
        let admitted =
            u64::from(running.admitted) + since.saturating_sub(earlier(then, running, limit));
        Self {
            room: limit.saturating_sub(admitted),
            rest: now.duration_until(running.end()).unsigned_abs(),
        }
    }
}

/// Returns how many users the windows from `then` on may have admitted after the tick and before
/// `running` began. Users are admitted as early as possible, so only users beyond that number were
/// admitted in `running`.
fn earlier(then: AdmissionWindow, running: AdmissionWindow, limit: u64) -> u64 {
    if running.start <= then.start {
        return 0;
    }
    let length = running.interval.as_micros().max(1);
    let passed = then.start.duration_until(running.start).unsigned_abs();
    let between = (passed.as_micros() / length).saturating_sub(1);
    let between = u64::try_from(between).unwrap_or(u64::MAX);
    limit
        .saturating_sub(then.admitted.into())
        .saturating_add(limit.saturating_mul(between))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::queue::EffectiveState;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    const THROUGHPUT: Throughput = Throughput {
        admit: 60,
        interval: Duration::from_secs(10),
    };

    fn tick(second: i64, window: Option<(i64, u32)>) -> LineTick {
        LineTick {
            as_of: at(second),
            state: EffectiveState::Open,
            waiting: 100,
            aside: 0,
            admitted: 1_000,
            departed: 1_000,
            more: false,
            has_capacity: false,
            throughput: Some(THROUGHPUT),
            window: window.map(|(start, admitted)| AdmissionWindow {
                start: at(start),
                interval: THROUGHPUT.interval,
                admitted,
            }),
        }
    }

    /// Each row: the window as of a tick at 5 s, the instant, the admissions since the tick, the
    /// room, and the rest in seconds.
    #[test]
    fn the_window_goes_on_from_the_last_tick() {
        for (window, now, since, room, rest) in [
            (Some((0, 60)), 5, 0, 0, 5),
            (Some((0, 40)), 5, 0, 20, 5),
            (Some((0, 40)), 9, 15, 5, 1),
            (Some((0, 40)), 10, 0, 60, 10),
            // 20 had room in the window before, so at least 15 of the 35 are of this one.
            (Some((0, 40)), 12, 35, 45, 8),
            (Some((0, 40)), 22, 20 + 60 + 7, 53, 8),
            (Some((0, 60)), 12, 1_000, 0, 8),
            (None, 5, 0, 60, 10),
            (None, 5, 10, 50, 10),
        ] {
            let running = Running::at(Some(&tick(5, window)), THROUGHPUT, at(now), since);
            let expected = Running {
                room,
                rest: Duration::from_secs(rest),
            };
            assert_eq!(running, expected, "{window:?} {now} {since}");
        }
    }

    #[test]
    fn without_a_tick_the_window_may_be_full() {
        let running = Running::at(None, THROUGHPUT, at(5), 0);
        let expected = Running {
            room: 0,
            rest: Duration::from_secs(10),
        };
        assert_eq!(running, expected);
    }
}
