//! The public, cacheable state of a line, and the position that a client computes from it.

use std::time::Duration;

use jiff::Timestamp;

use super::{AdmissionWindow, Arrival, Generation, LineSnapshot, QueueView, Throughput};

/// The state of a line, the same for every user, so that a cache can serve it.
///
/// A [`LineFollower`] computes a position from it, and detects that a turn may have come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineStatus {
    /// The instant of the status, by the store's clock.
    pub as_of: Timestamp,
    /// The generation of the queue. Positions of another generation say nothing.
    pub generation: Generation,
    /// The public state of the queue.
    pub queue: QueueView,
    /// The latest arrival that admission has passed. None before the first admission from the line.
    pub admitted_up_to: Option<Arrival>,
    /// Number of users admitted from the line.
    pub passed: u64,
    /// Number of waiting users.
    pub waiting: u64,
    /// The throughput of the policy. None if it has none.
    pub throughput: Option<Throughput>,
    /// The admission window. None if none was started.
    pub window: Option<AdmissionWindow>,
    /// Until when users re-enter with tokens from before a loss. None if they do not.
    pub reentry_until: Option<Timestamp>,
    /// The time between two heartbeats of a client that otherwise only reads the status.
    pub heartbeat_after: HeartbeatPauses,
}

/// The time between two heartbeats of a client, by position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeartbeatPauses {
    /// The pause up to the position [`near_positions`](Self::near_positions).
    pub near: Duration,
    /// The pause behind that position.
    pub far: Duration,
    /// The last near position.
    pub near_positions: u64,
}

impl HeartbeatPauses {
    /// The pauses for a queue in which a waiting place expires `waiting_ttl` after its last
    /// heartbeat, and a user is absent after `absence`. If many users ahead are absent, the turn of
    /// a far user may come at once. So no pause is longer than two thirds of `absence`.
    #[must_use]
    pub fn of(waiting_ttl: Duration, absence: Option<Duration>, near_positions: u64) -> Self {
        let longest = waiting_ttl / 6;
        let third = absence.map_or(longest, |absence| absence / 3);
        Self {
            near: longest.min(third),
            far: longest.min(third * 2),
            near_positions,
        }
    }

    /// Returns the time between two heartbeats of a client at `position`.
    #[must_use]
    pub fn at(&self, position: u64) -> Duration {
        if position <= self.near_positions {
            self.near
        } else {
            self.far
        }
    }
}

impl LineStatus {
    /// The status of the snapshot `line` as of `as_of`, with the throughput and the window that the
    /// last tick reported.
    #[must_use]
    pub fn of(
        line: &LineSnapshot,
        as_of: Timestamp,
        throughput: Option<Throughput>,
        window: Option<AdmissionWindow>,
    ) -> Self {
        Self {
            as_of,
            generation: line.generation,
            queue: line.queue,
            admitted_up_to: line.admitted_up_to,
            passed: line.admitted,
            waiting: line.waiting,
            throughput,
            window,
            reentry_until: line.reentry_until,
            heartbeat_after: HeartbeatPauses::of(
                line.waiting_ttl,
                line.absence,
                line.near_positions,
            ),
        }
    }
}

/// The data with which a client follows its place by the line status alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineFollower {
    arrival: Arrival,
    generation: Generation,
    ordinal: u64,
    as_of: Timestamp,
}

/// The next step of a client after it has read a status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineAdvice {
    /// Wait. The position is for display: it was never less than the true one when the status was
    /// made, and it never grows.
    Wait {
        /// The position, from 1.
        position: u64,
    },
    /// The turn has come. Ask the origin now, then after the pause in each answer, until the place
    /// is active or gone.
    Turn,
    /// The status is useless. Ask the origin, with the pause in each answer.
    AskOrigin,
}

impl LineFollower {
    /// The greatest useful age of a status. If it is older, the cache cannot reach the *origin*:
    /// the service behind it.
    pub const AGE_MAX: Duration = Duration::from_secs(20);

    /// Follows the line for the place with this arrival and ordinal, which the origin returned as
    /// of `as_of`.
    #[must_use]
    pub fn new(arrival: Arrival, generation: Generation, ordinal: u64, as_of: Timestamp) -> Self {
        Self {
            arrival,
            generation,
            ordinal,
            as_of,
        }
    }

    /// Records a later answer of the origin. Another generation replaces the ordinal. The smaller
    /// of two ordinals of one generation counts.
    pub fn note(&mut self, generation: Generation, ordinal: u64, as_of: Timestamp) {
        let smallest = if generation == self.generation {
            ordinal.min(self.ordinal)
        } else {
            ordinal
        };
        (self.generation, self.ordinal) = (generation, smallest);
        self.as_of = self.as_of.max(as_of);
    }

    /// Returns what to do after a status that is `age` old.
    pub fn read(&mut self, status: &LineStatus, age: Duration) -> LineAdvice {
        let reenter = status
            .reentry_until
            .is_some_and(|until| status.as_of < until);
        if status.generation != self.generation
            || status.queue.recovering
            || reenter
            || age > Self::AGE_MAX
            || status.as_of < self.as_of
        {
            return LineAdvice::AskOrigin;
        }
        self.as_of = status.as_of;
        if Some(self.arrival) <= status.admitted_up_to {
            return LineAdvice::Turn;
        }
        LineAdvice::Wait {
            position: self.ordinal.saturating_sub(status.passed).max(1),
        }
    }
}

#[cfg(test)]
mod tests;
