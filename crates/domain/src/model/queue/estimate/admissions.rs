//! The observed rate of admissions while users waited.

use std::{collections::VecDeque, time::Duration};

use jiff::Timestamp;

use super::{real, seconds_between};
use crate::model::queue::{AdmissionWindow, Throughput};

/// A running total at an instant.
type Mark = (Timestamp, u64);

/// Admissions by tick, since the line was last empty: for a line that only its capacity limits.
#[derive(Debug, Default)]
pub(super) struct Admissions {
    /// At most one per second, and only if the total has grown.
    marks: VecDeque<Mark>,
    latest: Option<Mark>,
}

impl Admissions {
    /// How far back admissions count.
    const MEMORY: Duration = Duration::from_mins(1);
    /// The number of admissions from which a rate is computed. Fewer may be chance.
    const ENOUGH: u64 = 10;
    /// The shortest time between two marks.
    const SPACING: Duration = Duration::from_secs(1);

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Records that `admitted` users in total had been admitted by `now`, and that some wait.
    pub(super) fn note(&mut self, now: Timestamp, admitted: u64) {
        self.latest = Some((now, admitted));
        let is_news = self.marks.back().is_none_or(|&(at, before)| {
            admitted > before && seconds_between(at, now) >= Self::SPACING.as_secs_f64()
        });
        if is_news {
            self.marks.push_back((now, admitted));
        }
        // The kept marks always span enough admissions, even if those are rare.
        while let Some(&(second, before)) = self.marks.get(1)
            && admitted.saturating_sub(before) >= Self::ENOUGH
            && seconds_between(second, now) >= Self::MEMORY.as_secs_f64()
        {
            self.marks.pop_front();
        }
    }

    /// Returns users per second. None before enough users were admitted.
    pub(super) fn speed(&self) -> Option<f64> {
        let &(from, before) = self.marks.front()?;
        let (to, admitted) = self.latest?;
        let seconds = seconds_between(from, to);
        let users = admitted.saturating_sub(before);
        (users >= Self::ENOUGH && seconds > 0.0).then(|| real(users) / seconds)
    }
}

/// Admissions by whole window, through which users waited.
#[derive(Debug, Default)]
pub(super) struct WindowAdmissions {
    /// The start of the window in which the last tick was.
    current: Option<Timestamp>,
    /// Starts of windows, with the number of users admitted by then.
    marks: VecDeque<Mark>,
}

impl WindowAdmissions {
    /// The number of windows that count together.
    const MEMORY: usize = 3;
    /// Shorter windows are counted together until this time is over.
    const SPACING: Duration = Duration::from_secs(1);
    /// Windows that admitted less than this share of the throughput were limited by something else.
    const FULL: f64 = 0.99;

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Records that `admitted` users in total had been admitted in and before this window, and that
    /// some wait.
    pub(super) fn note(&mut self, window: &AdmissionWindow, admitted: u64) {
        let started_before = self.current.replace(window.start);
        if started_before.is_none_or(|before| before == window.start) {
            return;
        }
        let too_close = self.marks.back().is_some_and(|&(at, _)| {
            seconds_between(at, window.start) < Self::SPACING.as_secs_f64()
        });
        if !too_close {
            let before = admitted.saturating_sub(window.admitted.into());
            self.marks.push_back((window.start, before));
            if self.marks.len() > Self::MEMORY + 1 {
                self.marks.pop_front();
            }
        }
    }

    /// Returns users per second if they are fewer than `throughput` allows. None if they are not,
    /// before a whole window was observed, or if no user was admitted at all.
    pub(super) fn speed_below(&self, throughput: Throughput) -> Option<f64> {
        let &(from, before) = self.marks.front()?;
        let &(to, admitted) = self.marks.back()?;
        let users = admitted.saturating_sub(before);
        let seconds = seconds_between(from, to);
        let speed = real(users) / seconds.max(f64::MIN_POSITIVE);
        (users > 0 && seconds > 0.0 && speed < throughput.speed() * Self::FULL).then_some(speed)
    }
}
