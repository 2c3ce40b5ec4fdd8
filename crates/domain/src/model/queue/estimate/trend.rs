//! Whether users leave the line now as they did before.

use std::{collections::VecDeque, time::Duration};

use jiff::Timestamp;

use super::{real, sample::DepartureSample, seconds_between};

/// How many users left the whole line, and whether that goes on.
///
/// The totals do not tell who left ahead of whom, but they are exact and never late. Shown positions
/// do, but only when their users ask again. So the positions measure, and the totals tell when what
/// was measured is over: after a mass departure, nobody leaves any more.
#[derive(Debug, Default)]
pub(super) struct DepartureTrend {
    last: Option<Totals>,
    /// Decayed sums of users who left and of exposure, as the measurement by positions has them.
    users: f64,
    exposure: f64,
    /// Totals of the last window.
    recent: VecDeque<Totals>,
}

#[derive(Debug, Clone, Copy)]
struct Totals {
    at: Timestamp,
    /// How many users had left.
    left: u64,
    /// Users who waited, times the seconds in which they might have left.
    exposure: f64,
}

impl DepartureTrend {
    /// The shortest time that counts as the last window.
    const SHORTEST: Duration = Duration::from_secs(2);
    /// How many totals of the last window are kept, about.
    const MARKS: u32 = 4;

    /// Records that `left` users in all had left the line by `now`, other than by admission, and how
    /// many wait.
    pub(super) fn note(
        &mut self,
        now: Timestamp,
        left: u64,
        waiting: u64,
        interval: Option<Duration>,
    ) {
        let before = self.last.unwrap_or(Totals {
            at: now,
            left,
            exposure: 0.0,
        });
        let seconds = seconds_between(before.at, now);
        let users = real(left.saturating_sub(before.left));
        // Those who left had waited until then.
        let exposure = (real(waiting) + users) * seconds;
        let totals = Totals {
            at: now,
            left,
            exposure: before.exposure + exposure,
        };
        let decay = DepartureSample::decay(seconds, interval);
        self.users = self.users * decay + users;
        self.exposure = self.exposure * decay + exposure;
        self.last = Some(totals);

        let span = interval.unwrap_or_default().max(Self::SHORTEST);
        let spacing = (span / Self::MARKS).as_secs_f64();
        let due = |mark: &Totals| seconds_between(mark.at, now) >= spacing;
        if self.recent.back().is_none_or(due) {
            self.recent.push_back(totals);
        }
        while let Some(second) = self.recent.get(1)
            && seconds_between(second.at, now) >= span.as_secs_f64()
        {
            self.recent.pop_front();
        }
    }

    /// Which share of the departures that were measured goes on: 1 where users leave as before, about 0
    /// where nobody leaves any more.
    ///
    /// Where few leave, chance makes them fewer in one window and more in the next. So a count within
    /// the usual range of chance counts as no decrease.
    pub(super) fn persistence(&self) -> f64 {
        let (Some(from), Some(to)) = (self.recent.front(), self.last) else {
            return 1.0;
        };
        let expected = self.users / self.exposure * (to.exposure - from.exposure);
        if !expected.is_finite() || expected <= 0.0 {
            return 1.0;
        }
        let seen = real(to.left.saturating_sub(from.left));
        ((seen.sqrt() + 1.0).powi(2) / expected).min(1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Option<Duration> = Some(Duration::from_secs(3));

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    /// 10,000 wait. In each of 30 s, `before` of them leave, then `after` in each of 5 s.
    fn persistence_after(before: u64, after: u64) -> f64 {
        let mut trend = DepartureTrend::default();
        let mut left = 0;
        for second in 1..=35 {
            left += if second <= 30 { before } else { after };
            trend.note(at(second), left, 10_000 - left, WINDOW);
        }
        trend.persistence()
    }

    #[test]
    fn departures_go_on_where_users_still_leave() {
        for (before, after, from, to) in [
            (100, 100, 1.0, 1.0),
            (100, 0, 0.0, 0.01),
            (100, 10, 0.1, 0.25),
            (1, 1, 1.0, 1.0),
            (0, 0, 1.0, 1.0),
            (0, 100, 1.0, 1.0),
        ] {
            let persistence = persistence_after(before, after);
            assert!(
                (from..=to).contains(&persistence),
                "{before} {after}: {persistence}"
            );
        }
    }

    #[test]
    fn a_line_that_shortens_loses_fewer_users_and_goes_on_as_before() {
        let mut trend = DepartureTrend::default();
        let (mut waiting, mut left) = (100_000, 0);
        for second in 1..=60 {
            left += waiting / 50;
            waiting -= waiting / 50 + 500;
            trend.note(at(second), left, waiting, WINDOW);
        }
        assert!(trend.persistence() > 0.95);
    }
}
