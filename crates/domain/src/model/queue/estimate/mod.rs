//! The estimate of a user's wait, from the policy, the observed admissions and the departures
//! ahead.

mod admissions;
mod hazards;
#[cfg(test)]
mod properties;
mod sample;
#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;
mod trend;
mod windows;

use std::{sync::OnceLock, time::Duration};

use jiff::Timestamp;

use self::{
    admissions::{Admissions, WindowAdmissions},
    hazards::Hazards,
    sample::DepartureSample,
    trend::DepartureTrend,
    windows::Running,
};
use super::{AdmissionWindow, Arrival, EffectiveState, Pace, QueueView, Throughput};

/// The movement of a line as one instance has observed it, and the waits that follow from it.
///
/// The wait of a user follows from three things:
///
/// - The policy: the rest of the running window, then whole windows.
/// - The observed admissions, if they are fewer than the policy allows because active places limit
///   them too.
/// - The users *ahead* who leave, which can be observed only in the positions that users are shown.
///
/// Time in which no user waited, or no user was to be admitted, does not count.
#[derive(Debug, Default)]
pub struct WaitEstimate {
    /// The throughput of the policy, as last recorded.
    throughput: Option<Throughput>,
    last: Option<LineTick>,
    /// Number of users who stopped standing aside, summed from tick to tick.
    aside_ended: u64,
    /// Admissions by tick, for when windows do not limit them.
    admissions: Admissions,
    /// Admissions by whole window.
    windows: WindowAdmissions,
    trend: DepartureTrend,
    /// Not allocated until a user waits.
    sample: OnceLock<Box<DepartureSample>>,
    hazards: Hazards,
}

/// The state of a line after an attempt to admit users from it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LineTick {
    /// The instant of the attempt, by the store's clock.
    pub as_of: Timestamp,
    /// The effective state then.
    pub state: EffectiveState,
    /// Number of waiting users.
    pub waiting: u64,
    /// Number of waiting users who stand aside and take no turn.
    pub aside: u64,
    /// Number of users admitted from the line since the store has this queue.
    pub admitted: u64,
    /// Number of users who went out of the line since the store has this queue, by admission or
    /// otherwise.
    pub departed: u64,
    /// True if the attempt stopped early, so that room may be left although users wait.
    pub more: bool,
    /// True if the policy has a capacity too.
    pub has_capacity: bool,
    /// The throughput of the policy in force, if it has one.
    pub throughput: Option<Throughput>,
    /// The admission window as of then. None if none was started, or without a throughput.
    pub window: Option<AdmissionWindow>,
}

/// A position in the line as a user was shown it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShownPosition {
    /// The instant of the position, by the store's clock.
    pub as_of: Timestamp,
    /// The position, from 1, the head of the line.
    pub position: u64,
    /// Number of users admitted from the line until then.
    pub admitted: u64,
}

impl WaitEstimate {
    /// Applies a throughput before a tick reports the one that is in force.
    pub fn set_throughput(&mut self, throughput: Option<Throughput>) {
        if self.throughput != throughput {
            self.throughput = throughput;
            self.forget_admissions();
        }
    }

    /// The policy's throughput, and the admission window as of the last tick.
    #[must_use]
    pub fn pace(&self) -> (Option<Throughput>, Option<AdmissionWindow>) {
        (self.throughput, self.last.and_then(|last| last.window))
    }

    /// Forgets the rate of admissions, because the rules have changed.
    pub fn forget_admissions(&mut self) {
        self.admissions.clear();
        self.windows.clear();
    }

    /// Records the state of the line after an attempt to admit users.
    pub fn note(&mut self, tick: &LineTick) {
        let before = self.last.replace(*tick);
        if before.is_some_and(|before| {
            tick.admitted < before.admitted
                || tick.departed < before.departed
                || tick.as_of < before.as_of
        }) {
            // The store lost its counts, or its clock stepped back.
            *self = Self {
                last: self.last,
                ..Self::default()
            };
        }
        if before.is_some_and(|before| before.state != tick.state) {
            self.forget_admissions();
        }
        // Users who stand aside and give up shorten no other user's wait.
        self.aside_ended += before.map_or(0, |before| before.aside.saturating_sub(tick.aside));
        self.set_throughput(tick.throughput);
        let interval = tick.throughput.map(|throughput| throughput.interval);
        self.trend.note(
            tick.as_of,
            tick.departed
                .saturating_sub(tick.admitted)
                .saturating_sub(self.aside_ended),
            tick.waiting,
            interval,
        );
        if tick.waiting == 0 {
            self.sample.take();
        }
        let persistence = self.trend.persistence();
        self.hazards = self
            .sample
            .get_mut()
            .map_or_else(Hazards::default, |sample| {
                sample.hazards(tick.as_of, interval, persistence)
            });
        if tick.waiting == 0 || tick.state != EffectiveState::Open {
            self.forget_admissions();
        } else {
            self.admissions.note(tick.as_of, tick.admitted);
            if let Some(window) = tick.window {
                self.windows.note(&window, tick.admitted);
            }
        }
    }

    /// Records that the user of `arrival` was shown this position, with `pause` until the next
    /// poll.
    ///
    /// Only for the few users of a sample is the position compared with the previous one, so that
    /// this costs next to nothing for the others.
    pub fn sample(&self, arrival: Arrival, shown: &ShownPosition, pause: Duration) {
        let sample = self.sample.get_or_init(Box::default);
        let interval = self.throughput.map(|throughput| throughput.interval);
        sample.note(arrival, shown, pause, interval);
    }

    /// Returns the position among the users who take turns. A shown position counts the users who
    /// stand aside too, all of whom are ahead.
    #[must_use]
    pub fn among_present(&self, shown: &ShownPosition) -> ShownPosition {
        let aside = self.last.map_or(0, |last| last.aside);
        ShownPosition {
            position: shown.position.saturating_sub(aside).max(1),
            ..*shown
        }
    }

    /// Returns how long the user at this position will wait in a queue whose public state is
    /// `queue`. None if the state admits no user, or if the rate of admissions is unknown.
    #[must_use]
    pub fn wait(&self, shown: &ShownPosition, queue: &QueueView) -> Option<Duration> {
        let last = self.last.as_ref();
        let now = last.map_or(shown.as_of, |last| last.as_of.max(shown.as_of));
        // If the tick is newer than the position, the users whom it admitted are no longer ahead.
        let (passed, since) = match last {
            Some(last) if last.as_of > shown.as_of => {
                (last.admitted.saturating_sub(shown.admitted), 0)
            }
            Some(last) => (0, shown.admitted.saturating_sub(last.admitted)),
            None => (0, 0),
        };
        let position = shown.position.saturating_sub(passed).max(1);
        let opened = now.max(queue.opens_at.unwrap_or(now));
        let until_open = now.duration_until(opened).unsigned_abs();
        let moving = match queue.effective(opened) {
            EffectiveState::Bypass => Pace::LONGEST.duration(),
            EffectiveState::Open => self.moving(position, opened, since)?,
            EffectiveState::Closed
            | EffectiveState::Ended
            | EffectiveState::Recovering
            | EffectiveState::Paused
            | EffectiveState::SoldOut => return None,
        };
        until_open.checked_add(moving)
    }

    /// Returns how long the user at `position` waits from `now` on while the line moves. `since`
    /// users were admitted after the last tick.
    fn moving(&self, position: u64, now: Timestamp, since: u64) -> Option<Duration> {
        let Some(throughput) = self.throughput else {
            let speed = self.admissions.speed()?;
            return self.at_speed(position, speed);
        };
        let stepwise = self.stepwise(position, throughput, now, since)?;
        // If active places limit admission too, the slower of the two decides.
        let capacity_limits = self.last.is_some_and(|last| last.leaves_room());
        let speed = if capacity_limits {
            Some(self.admissions.speed()?)
        } else {
            self.windows.speed_below(throughput)
        };
        match speed {
            None => Some(stepwise),
            Some(speed) => Some(stepwise.max(self.at_speed(position, speed)?)),
        }
    }

    /// The wait if the throughput is the only limit.
    fn stepwise(
        &self,
        position: u64,
        throughput: Throughput,
        now: Timestamp,
        since: u64,
    ) -> Option<Duration> {
        let running = Running::at(self.last.as_ref(), throughput, now, since);
        let Some(beyond) = position.checked_sub(running.room).filter(|&left| left > 0) else {
            return Some(Pace::of(Some(throughput)).duration());
        };
        let interval = throughput.interval.as_secs_f64();
        let ahead = self.hazards.after(real(beyond), running.rest.as_secs_f64());
        // A window admits at its start, so only users beyond the limit of the first one wait for
        // further ones.
        let speed = throughput.speed();
        let whole = self.hazards.seconds(ahead, speed)
            - self.hazards.seconds(throughput.admit.into(), speed);
        // A rounding error must not add a window.
        let further = (whole / interval - 1e-6).ceil().max(0.0);
        let further = Duration::try_from_secs_f64(further * interval).ok()?;
        running.rest.checked_add(further)
    }

    /// The wait if `speed` users per second are admitted, evenly.
    fn at_speed(&self, position: u64, speed: f64) -> Option<Duration> {
        let seconds = self.hazards.seconds(real(position), speed);
        Duration::try_from_secs_f64(seconds).ok()
    }
}

impl LineTick {
    /// Returns true if users wait although the window has room, because the capacity is used up.
    fn leaves_room(&self) -> bool {
        let room = match (self.throughput, self.window) {
            (Some(throughput), Some(window)) => window.room(throughput),
            _ => 0,
        };
        let is_open = self.state == EffectiveState::Open;
        is_open && self.has_capacity && self.waiting > 0 && !self.more && room > 0
    }
}

impl Throughput {
    /// The largest number of users that it admits per second.
    #[must_use]
    pub fn speed(&self) -> f64 {
        f64::from(self.admit) / self.interval.as_secs_f64()
    }
}

/// A count as a real number.
#[expect(
    clippy::cast_precision_loss,
    reason = "an estimate is not exact to one user in 2^52"
)]
fn real(count: u64) -> f64 {
    count as f64
}

/// Seconds from `from` to `to`. 0 if the clock stepped back.
fn seconds_between(from: Timestamp, to: Timestamp) -> f64 {
    from.duration_until(to).as_secs_f64().max(0.0)
}
