//! How many requests may be in flight, by the latency of calls.
//!
//! The limit is multiplied by 0.7 after a slow call, or by less after a very slow one, and grows
//! where it held requests back and calls are not slow. It changes at most once a round trip: a call
//! that began before the last change says nothing about the new limit.
//!
//! What counts as slow follows the shortest round trip. In a busy time each round trip contains a
//! backlog of the store, so a plain minimum of the last seconds would rise with the load that the
//! limit itself allows, and the limit with it, without end. Therefore:
//!
//! - the shortest round trip rises only where the limit has been at its minimum for the whole
//!   window, when it is hardly this process that makes calls slow, and not beyond a bound;
//! - where no call was about as short for the whole window, the limit falls for one round trip (a
//!   *probe*), so a process that started on a busy store learns how short round trips can be.

use std::time::Duration;

use tokio::time::Instant;

use crate::{Adaptive, InFlight};

/// For how long a round trip counts as the shortest.
const WINDOW: Duration = Duration::from_secs(10);

/// How far the shortest round trip may rise. Processes that keep each other at their minima take
/// the backlog of the others for distance; this is where that ends.
const RAISED_MAX: Duration = Duration::from_millis(125);

/// When the first probe is due.
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

/// What a call says about the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It answered.
    Answered,
    /// It did not answer in time.
    TimedOut,
    /// The call failed in another way: nothing.
    Unknown,
}

/// The limit, after all that was observed.
#[derive(Debug)]
pub(crate) enum Limiter {
    Fixed(usize),
    Adaptive(Aimd),
}

impl Limiter {
    /// Grows by at most `growth_max` a round trip.
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

    /// True if the limit changed.
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
    /// True once a probe was made. The first round trip may contain a backlog that others made.
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
    /// Since when the limit has been at its minimum, beside probes.
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

    /// What is left of a limit under which a call took so long. A store that suddenly needs a
    /// hundred times as long has taken in a backlog of seconds by then; steps of 0.7, one a round
    /// trip, would keep it there for minutes.
    fn lowered(&self, limit: usize, took: Duration) -> usize {
        let in_time = scaled(limit, self.slow_after(), took);
        in_time.clamp(limit / 10, limit * 7 / 10).max(self.min)
    }

    /// What a call takes at most that is not slow; `MAX` while no round trip is known.
    fn slow_after(&self) -> Duration {
        self.shortest.map_or(Duration::MAX, |shortest| {
            shortest.took.saturating_mul(2).max(self.latency_min)
        })
    }

    /// How much the limit grows after a call that was not slow: fast where the store has no
    /// backlog; otherwise by the same for every process. Together with cuts in proportion that
    /// leads processes which share a store to equal shares.
    fn step(&self, took: Duration) -> usize {
        let way = self.shortest.map_or(took, |shortest| about(shortest.took));
        if took <= way.max(self.slow_after() / 2) {
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

    /// The limit for a probe, if one is due. It lets the store finish its backlog without running
    /// dry: half of what it serves in the shortest round trip. Only the first probe goes down to
    /// the minimum.
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

/// `limit` × `by` / `of`.
fn scaled(limit: usize, by: Duration, of: Duration) -> usize {
    let scaled = by.as_micros().saturating_mul(limit as u128) / of.as_micros().max(1);
    usize::try_from(scaled).unwrap_or(usize::MAX)
}

/// The longest round trip that is about as short as this one.
fn about(shortest: Duration) -> Duration {
    shortest.saturating_mul(5) / 4 + Duration::from_millis(1)
}

/// The shortest of the last 5 to 10 seconds.
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
