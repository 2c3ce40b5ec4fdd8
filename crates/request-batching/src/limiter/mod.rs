//! The in-flight limit, which follows the latency of calls.
//!
//! The limit is multiplied by 0.7 after a slow call, and by less after a very slow one. It grows if
//! it held requests back and calls are not slow. It changes at most once per round trip, because
//! a call that began before the last change was not affected by the new limit.
//!
//! The threshold for a slow call follows the shortest round trip. While the store is busy, each
//! round trip contains a backlog of the store. A plain minimum of the last seconds would rise with
//! the load that the limit itself allows, and the limit with it, without end. Therefore:
//!
//! - The shortest round trip rises only if the limit has been at its minimum for the whole window,
//!   because then this process is hardly the cause of slow calls. It does not rise beyond a bound.
//! - If no call was about as short for the whole window, the limit falls for one round trip (a
//!   *probe*). So a process that started on a busy store measures how short round trips can be.

use std::time::Duration;

use tokio::time::Instant;

use crate::{Adaptive, InFlight};

/// The window in which a round trip counts as the shortest.
const WINDOW: Duration = Duration::from_secs(10);

/// The bound up to which the shortest round trip may rise. Processes that keep each other at their
/// minima mistake the backlog of the others for distance. This bounds the mistake.
const RAISED_MAX: Duration = Duration::from_millis(125);

/// The time from the first response to the first probe.
const FIRST_PROBE: Duration = Duration::from_secs(1);

/// A call that ended.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Observation {
    pub(crate) began: Instant,
    pub(crate) ended: Instant,
    pub(crate) outcome: Outcome,
    /// True if the limit has held requests back since it changed.
    pub(crate) limited: bool,
}

/// The outcome of a call, as evidence about the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The store answered.
    Answered,
    /// The store did not answer in time.
    TimedOut,
    /// The call failed in another way, which is no evidence about the store.
    Unknown,
}

/// The in-flight limit after all observed calls.
#[derive(Debug)]
pub(crate) enum Limiter {
    Fixed(usize),
    Adaptive(Aimd),
}

impl Limiter {
    /// Creates a limiter. Its limit grows by at most `growth_max` per round trip.
    pub(crate) fn new(in_flight: &InFlight, growth_max: usize) -> Self {
        match *in_flight {
            InFlight::Fixed(limit) => Self::Fixed(limit.max(1)),
            InFlight::Adaptive(settings) => Self::Adaptive(Aimd::new(settings, growth_max)),
        }
    }

    pub(crate) fn limit(&self) -> usize {
        match self {
            Self::Fixed(limit) => *limit,
            Self::Adaptive(aimd) => aimd.limit,
        }
    }

    /// Takes an ended call into account. Returns true if the limit changed.
    pub(crate) fn observe(&mut self, seen: Observation) -> bool {
        let before = self.limit();
        if let Self::Adaptive(aimd) = self {
            aimd.observe(seen);
        }
        self.limit() != before
    }
}

/// The shortest round trip that counts.
#[derive(Debug, Clone, Copy)]
struct Shortest {
    took: Duration,
    /// True once a probe was made. The first round trip may contain a backlog of other processes.
    is_probed: bool,
    next_probe: Instant,
}

/// Additive increase, multiplicative decrease.
#[derive(Debug)]
pub(crate) struct Aimd {
    min: usize,
    max: usize,
    growth_max: usize,
    latency_min: Duration,
    limit: usize,
    changed: Option<Instant>,
    shortest: Option<Shortest>,
    recent: Recent,
    /// Since when the limit has been at its minimum. Probes do not count.
    at_min: Option<Instant>,
    /// The limit to return to after a probe.
    probe: Option<usize>,
}

impl Aimd {
    fn new(settings: Adaptive, growth_max: usize) -> Self {
        let min = settings.min.max(1);
        let max = settings.max.max(min);
        Self {
            min,
            max,
            growth_max: growth_max.max(1),
            latency_min: settings.latency_min,
            limit: settings.initial.clamp(min, max),
            changed: None,
            shortest: None,
            recent: Recent::default(),
            at_min: None,
            probe: None,
        }
    }

    fn observe(&mut self, seen: Observation) {
        let took = seen.ended.saturating_duration_since(seen.began);
        match seen.outcome {
            Outcome::Unknown => return,
            Outcome::TimedOut => {}
            Outcome::Answered => self.measure(took, seen.ended),
        }
        if self.changed.is_some_and(|changed| seen.began < changed) {
            return;
        }
        let probed = self.probe.take();
        if seen.outcome == Outcome::TimedOut || (probed.is_none() && took > self.slow_after()) {
            let limit = self.lowered(probed.unwrap_or(self.limit), took);
            self.set(limit, seen.ended);
        } else if let Some(limit) = probed {
            self.set(limit, seen.ended);
        } else if let Some(limit) = self.probe(took, seen.ended) {
            self.probe = Some(self.limit);
            self.set(limit, seen.ended);
        } else if seen.limited {
            let limit = self.limit + self.step(took);
            self.set(limit.min(self.max), seen.ended);
        }
        if self.limit > self.min {
            self.at_min = None;
        } else if self.probe.is_none() {
            self.at_min.get_or_insert(seen.ended);
        }
    }

    fn set(&mut self, limit: usize, now: Instant) {
        if limit != self.limit {
            self.limit = limit;
            self.changed = Some(now);
        }
    }

    /// Returns the limit that follows `limit` after a slow call that took `took`. A store that
    /// suddenly needs a hundred times as long has accepted a backlog of seconds by then. Steps of
    /// 0.7, one per round trip, would keep the backlog there for minutes.
    fn lowered(&self, limit: usize, took: Duration) -> usize {
        let in_time = scaled(limit, self.slow_after(), took);
        in_time.clamp(limit / 10, limit * 7 / 10).max(self.min)
    }

    /// Returns the longest time of a call that is not slow. `Duration::MAX` while no round trip is
    /// known.
    fn slow_after(&self) -> Duration {
        self.shortest.map_or(Duration::MAX, |shortest| {
            shortest.took.saturating_mul(2).max(self.latency_min)
        })
    }

    /// Returns the growth of the limit after a call that was not slow. It is fast if the store has
    /// no backlog. Otherwise it is the same for every process. Together with proportional cuts,
    /// this leads processes that share a store to equal shares.
    fn step(&self, took: Duration) -> usize {
        let round_trip = self.shortest.map_or(took, |shortest| about(shortest.took));
        if took <= round_trip.max(self.slow_after() / 2) {
            (self.limit / 2).clamp(1, self.growth_max)
        } else {
            (self.growth_max / 10).max(1)
        }
    }

    /// Takes a round trip into account.
    fn measure(&mut self, took: Duration, now: Instant) {
        let recent = self.recent.shortest(took, now);
        let is_long_at_min = self
            .at_min
            .is_some_and(|since| now.saturating_duration_since(since) >= WINDOW);
        let slow_after = self.slow_after();
        let shortest = self.shortest.get_or_insert(Shortest {
            took,
            is_probed: false,
            next_probe: now + FIRST_PROBE,
        });
        if is_long_at_min && recent > slow_after {
            shortest.took = recent.min(RAISED_MAX).max(shortest.took);
            shortest.next_probe = now + WINDOW;
        }
        if took <= about(shortest.took) && shortest.is_probed {
            shortest.next_probe = now + WINDOW;
        }
        shortest.took = shortest.took.min(took);
    }

    /// Returns the limit for a probe. None if no probe is due. The limit lets the store finish its
    /// backlog without becoming idle: it is half of the requests that the store serves in the
    /// shortest round trip. Only the first probe goes down to the minimum.
    fn probe(&mut self, took: Duration, now: Instant) -> Option<usize> {
        let shortest = self.shortest.as_mut()?;
        if self.limit == self.min || now < shortest.next_probe {
            return None;
        }
        let half = if shortest.is_probed {
            scaled(self.limit, shortest.took / 2, took)
        } else {
            self.min
        };
        shortest.is_probed = true;
        shortest.next_probe = now + WINDOW;
        Some(half.clamp(self.min, self.limit))
    }
}

/// Returns `limit` × `by` / `of`.
fn scaled(limit: usize, by: Duration, of: Duration) -> usize {
    let scaled = by.as_micros().saturating_mul(limit as u128) / of.as_micros().max(1);
    usize::try_from(scaled).unwrap_or(usize::MAX)
}

/// Returns the longest round trip that counts as about as short as `shortest`.
fn about(shortest: Duration) -> Duration {
    shortest.saturating_mul(5) / 4 + Duration::from_millis(1)
}

/// The shortest round trip of the last 5 to 10 s.
#[derive(Debug, Default)]
struct Recent {
    since: Option<Instant>,
    before: Option<Duration>,
    now: Option<Duration>,
}

impl Recent {
    fn shortest(&mut self, took: Duration, now: Instant) -> Duration {
        let half = WINDOW / 2;
        let age = self.since.map(|since| now.saturating_duration_since(since));
        match age {
            Some(age) if age < half => {}
            Some(age) if age < WINDOW => {
                self.since = Some(now);
                self.before = self.now.take();
            }
            _ => {
                *self = Self {
                    since: Some(now),
                    ..Self::default()
                };
            }
        }
        let current = self.now.map_or(took, |current| current.min(took));
        self.now = Some(current);
        self.before.map_or(current, |before| before.min(current))
    }
}

#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;
