//! Promise 4: fixed, consecutive windows.

use std::time::Duration;

use frontrow_domain::model::queue::{AdmissionWindow, Throughput};
use jiff::Timestamp;

use super::{ModelQueue, queue::Situation};

/// A window, and the number of users it has admitted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window {
    pub(crate) start: Timestamp,
    pub(crate) length: Duration,
    pub(crate) admitted: u32,
}

impl Window {
    /// Moves on to the window that runs now.
    fn run_until(&mut self, now: Timestamp) {
        // A clock that stepped back restarts the window with its count kept.
        self.start = self.start.min(now);
        while now >= self.start + self.length {
            self.start += self.length;
            self.admitted = 0;
        }
    }
}

impl ModelQueue {
    /// Returns how many more users may become active now.
    pub(crate) fn room(&mut self, now: Timestamp) -> u32 {
        match self.situation(now) {
            Situation::Bypass => u32::MAX,
            Situation::Open => self.room_in_window(now).min(self.room_in_capacity(now)),
            _ => 0,
        }
    }

    /// Attempts to admit a user who joins, which starts the first window.
    pub(crate) fn try_room(&mut self, now: Timestamp) {
        if !self.has_line(now) {
            self.room(now);
        }
    }

    fn room_in_window(&mut self, now: Timestamp) -> u32 {
        let Some(throughput) = self.rules().throughput else {
            return u32::MAX;
        };
        let window = self.window_at(now, throughput);
        throughput.admit.saturating_sub(window.admitted)
    }

    fn window_at(&mut self, now: Timestamp, throughput: Throughput) -> Window {
        let window = self.window.get_or_insert(Window {
            start: now,
            length: throughput.interval,
            admitted: 0,
        });
        window.run_until(now);
        *window
    }

    /// Applies a policy that takes effect now. The running window keeps its start and count, and
    /// takes the new length.
    pub(crate) fn change_window(&mut self, now: Timestamp) {
        let throughput = self.rules().throughput;
        if let (Some(window), Some(throughput)) = (self.window.as_mut(), throughput) {
            window.run_until(now);
            window.length = throughput.interval;
            window.run_until(now);
        }
    }

    /// Returns the window as a report shows it.
    pub(crate) fn shown_window(&self) -> Option<AdmissionWindow> {
        let window = self.window.filter(|_| self.rules().throughput.is_some())?;
        Some(AdmissionWindow {
            start: window.start,
            interval: window.length,
            admitted: window.admitted,
        })
    }

    /// Returns the room by capacity. An expired place that makes room for another is gone for good.
    fn room_in_capacity(&mut self, now: Timestamp) -> u32 {
        let Some(capacity) = self.rules().capacity else {
            return u32::MAX;
        };
        let expired = self.active.iter();
        let expired = expired.filter(|place| !self.is_active(place, now));
        for user in expired.map(|place| place.user.clone()).collect::<Vec<_>>() {
            self.end_place_of(&user);
            self.replaced_active += 1;
        }
        let active = u32::try_from(self.active_count(now)).unwrap_or(u32::MAX);
        capacity.max_active.saturating_sub(active)
    }

    /// Counts a user who became active. Only the limits of *open* count them.
    pub(crate) fn count_admission(&mut self, now: Timestamp) {
        let counts = self.situation(now) == Situation::Open && self.rules().throughput.is_some();
        if let Some(window) = self.window.as_mut().filter(|_| counts) {
            window.admitted += 1;
        }
    }
}
