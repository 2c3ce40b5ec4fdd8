//! The trend of departures: whether users still leave the line as they did before.

use std::{collections::VecDeque, time::Duration};

use jiff::Timestamp;

use super::{real, sample::DepartureSample, seconds_between};

/// The number of users who left the whole line, and whether users go on to leave.
///
/// The totals do not show who left ahead of whom, but they are exact and never late. Shown
/// positions do, but only when their users poll again. So the positions measure the departures, and
/// the totals show when the measurement no longer applies: after a mass departure no user leaves
/// any more.
#[derive(Debug, Default)]
pub(super) struct DepartureTrend {
    last: Option<Totals>,
    /// Decayed sums of users who left and of exposure, with the decay of the measurement by
    /// positions.
    users: f64,
    exposure: f64,
    /// Totals of the last window.
    recent: VecDeque<Totals>,
}

#[derive(Debug, Clone, Copy)]
struct Totals {
    at: Timestamp,
    /// Number of users who had left.
    left: u64,
    /// Sum over the waiting users of the seconds in which they might have left.
    exposure: f64,
}

impl DepartureTrend {
    /// The shortest time that counts as the last window.
    const SHORTEST: Duration = Duration::from_secs(2);
    /// The approximate number of totals of the last window that are kept.
    const MARKS: u32 = 4;

    /// Records that `left` users in total had left the line by `now`, other than by admission, and
    /// that `waiting` users wait.
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
        // The users who left had waited until then.
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

    /// Returns the share of the measured departures that goes on: 1 if users leave as before, about
    /// 0 if no user leaves any more.
    ///
    /// If few users leave, their number varies from window to window by chance. So a count within
    /// the usual range of chance does not count as a decrease.
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

    /// Returns the persistence in a line of 10,000 users. In each of 30 s `before` of them leave,
    /// then `after` in each of 5 s.
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
