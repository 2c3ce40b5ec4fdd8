//! Whether users leave the line now as they did before.

use std::{collections::VecDeque, time::Duration};

use jiff::Timestamp;

use super::{departures::Departures, real, seconds_between};

/// How many users left the whole line, and whether it goes on.
///
/// The totals do not tell who left ahead of whom, but they are exact and never late. Shown positions
/// tell, but only when their users ask again. So the positions measure, and the totals tell when what
/// was measured is over: after users left in one moment, no more leave.
#[derive(Debug, Default)]
pub(super) struct Leavers {
    last: Option<(Timestamp, u64)>,
    /// Decayed sums, as the measurement by positions has them.
    users: f64,
    seconds: f64,
    /// Totals of the last window.
    recent: VecDeque<(Timestamp, u64)>,
}

impl Leavers {
    /// The shortest time that counts as the last window.
    const SHORTEST: Duration = Duration::from_secs(2);
    /// How many totals of the last window are kept, about.
    const MARKS: u32 = 4;

    /// Records that `left` users in all had left the line by `now`, other than by admission.
    pub(super) fn note(&mut self, now: Timestamp, left: u64, interval: Option<Duration>) {
        let (before, left_before) = self.last.replace((now, left)).unwrap_or((now, left));
        let seconds = seconds_between(before, now);
        let decay = Departures::decay(seconds, interval);
        self.users = self.users * decay + real(left.saturating_sub(left_before));
        self.seconds = self.seconds * decay + seconds;

        let span = interval.unwrap_or_default().max(Self::SHORTEST);
        let spacing = (span / Self::MARKS).as_secs_f64();
        let due = |&(at, _): &(Timestamp, u64)| seconds_between(at, now) >= spacing;
        if self.recent.back().is_none_or(due) {
            self.recent.push_back((now, left));
        }
        while let Some(&(second, _)) = self.recent.get(1)
            && seconds_between(second, now) >= span.as_secs_f64()
        {
            self.recent.pop_front();
        }
    }

    /// Which share of the departures that were measured goes on: 1 where users leave as before, 0 where
    /// nobody leaves any more.
    ///
    /// Where few leave, chance makes them fewer in one window and more in the next. So a count within
    /// the usual range of chance counts as no decrease.
    pub(super) fn persistence(&self) -> f64 {
        let (Some(&(from, before)), Some((to, left))) = (self.recent.front(), self.last) else {
            return 1.0;
        };
        let seconds = seconds_between(from, to);
        let expected = self.users / self.seconds * seconds;
        if !expected.is_finite() || expected <= 0.0 {
            return 1.0;
        }
        let seen = real(left.saturating_sub(before));
        ((seen.sqrt() + 1.0).powi(2) / expected).min(1.0)
    }
}
