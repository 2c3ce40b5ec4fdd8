//! How many requests may be in flight, by the latency of calls.
//!
//! The limit is multiplied by 0.7 after a slow call, and grows where it held requests back and calls are not
//! slow. It changes at most once a round trip: a call that began before the last change says
//! nothing about the new limit.
//!
//! What counts as slow follows the shortest round trip. In a busy time each round trip contains a queue at the
//! store, so a plain minimum of the last seconds would rise with the load that the limit itself allows, and the
//! limit with it, without end. Therefore:
//!
//! - the shortest round trip rises only where the limit has been at its minimum for the whole window, when
//!   it is not this process that makes calls slow;
//! - where no call was as short for the whole window, the limit falls to its minimum for one round trip (a
//!   *probe*), so a process that started on a busy store learns how short round trips can be.

use std::time::Duration;

use tokio::time::Instant;

use crate::{Adaptive, InFlight};

/// For how long a round trip counts as the shortest.
const WINDOW: Duration = Duration::from_secs(10);

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

/// Additive increase, multiplicative decrease.
#[derive(Debug)]
pub(crate) struct Aimd {
    min: usize,
    max: usize,
    growth_max: usize,
    allowance: Duration,
    limit: usize,
    changed: Option<Instant>,
    /// The shortest round trip, and when one was last about as short.
    shortest: Option<(Duration, Instant)>,
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
            allowance: settings.allowance,
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
            let limit = probed.unwrap_or(self.limit);
            self.set((limit * 7 / 10).max(self.min), seen.ended);
        } else if let Some(limit) = probed {
            self.confirm(seen.ended);
            self.set(limit, seen.ended);
        } else if self.needs_probe(seen.ended) {
            self.probe = Some(self.limit);
            self.set(self.min, seen.ended);
        } else if seen.limited {
            let step = (self.limit / 2).clamp(1, self.growth_max);
            self.set((self.limit + step).min(self.max), seen.ended);
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

    /// What a call takes at most that is not slow; `MAX` while no round trip is known.
    fn slow_after(&self) -> Duration {
        self.shortest.map_or(Duration::MAX, |(shortest, _)| {
            shortest.saturating_mul(2).saturating_add(self.allowance)
        })
    }

    /// Takes a round trip into account.
    fn measure(&mut self, took: Duration, now: Instant) {
        let recent = self.recent.shortest(took, now);
        let was_long_at_min = self
            .at_min
            .is_some_and(|since| now.saturating_duration_since(since) >= WINDOW);
        self.shortest = match self.shortest {
            _ if was_long_at_min => Some((recent, now)),
            Some((shortest, _)) if took <= about(shortest) => Some((shortest.min(took), now)),
            Some(known) => Some(known),
            None => Some((took, now)),
        };
    }

    /// Lets the shortest round trip count for another window.
    fn confirm(&mut self, now: Instant) {
        if let Some((_, confirmed)) = &mut self.shortest {
            *confirmed = now;
        }
    }

    fn needs_probe(&self, now: Instant) -> bool {
        self.limit > self.min
            && self
                .shortest
                .is_some_and(|(_, confirmed)| now.saturating_duration_since(confirmed) >= WINDOW)
    }
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
