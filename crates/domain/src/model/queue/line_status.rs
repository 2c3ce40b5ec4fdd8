//! The public state of a line, and what a client makes of it.

use std::time::Duration;

use jiff::Timestamp;

use super::{AdmissionWindow, Arrival, Generation, LineSnapshot, QueueView, Throughput};

/// The state of a line, the same for everybody, so that a cache can hand it out.
///
/// A [`LineFollower`] computes a position from it, and learns that a turn may have come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineStatus {
    /// When it was true, by the store's clock.
    pub as_of: Timestamp,
    /// The life of the store. Positions of another generation say nothing.
    pub generation: Generation,
    /// What the queue is like.
    pub queue: QueueView,
    /// The arrival up to which admission has come. None before the first admission from the line.
    pub admitted_up_to: Option<Arrival>,
    /// How many users were admitted from the line.
    pub passed: u64,
    /// How many wait.
    pub waiting: u64,
    /// The policy's limit in time. None where it has none.
    pub throughput: Option<Throughput>,
    /// The admission window. None where none was started.
    pub window: Option<AdmissionWindow>,
    /// Until when users re-enter with tokens from before a loss. None where they do not.
    pub reentry_until: Option<Timestamp>,
    /// How long a client that only reads this waits between two heartbeats.
    pub heartbeat_after: HeartbeatPauses,
}

/// How long a client waits between two heartbeats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeartbeatPauses {
    /// Up to the position [`near_positions`](Self::near_positions).
    pub near: Duration,
    /// Behind it.
    pub far: Duration,
    /// The last position whose turn comes soon.
    pub near_positions: u64,
}

impl HeartbeatPauses {
    /// The pauses where a waiting place ends `waiting_ttl` after its last heartbeat, and a user is
    /// absent after `absence`. Behind many users who are absent the turn of a far user may come at
    /// once, so no pause is longer than two thirds of that.
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

    /// How long a client at `position` waits between two heartbeats.
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
    /// The status of a line that was seen at `as_of`, with the limit in time and the window that
    /// the last tick told.
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

/// What a client keeps of its place, to follow the line by its status alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineFollower {
    arrival: Arrival,
    generation: Generation,
    ordinal: u64,
    as_of: Timestamp,
}

/// What a status says to a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineAdvice {
    /// Wait. The position is for display: never less than the truth when the status was made, and
    /// it never grows.
    Wait {
        /// From 1.
        position: u64,
    },
    /// Ask the origin now, then as it says, until the place is active or gone: the turn has come.
    Turn,
    /// The status is of no use. Ask the origin, as it says.
    AskOrigin,
}

impl LineFollower {
    /// An older status is of no use: the cache has lost its origin.
    pub const AGE_MAX: Duration = Duration::from_secs(20);

    /// Follows the line for the place with this arrival and ordinal, as the origin told them at
    /// `as_of`.
    #[must_use]
    pub fn new(arrival: Arrival, generation: Generation, ordinal: u64, as_of: Timestamp) -> Self {
        Self {
            arrival,
            generation,
            ordinal,
            as_of,
        }
    }

    /// Notes what the origin has told since: another generation replaces all, and of two ordinals
    /// of one generation the smaller one counts.
    pub fn note(&mut self, generation: Generation, ordinal: u64, as_of: Timestamp) {
        let smallest = if generation == self.generation {
            ordinal.min(self.ordinal)
        } else {
            ordinal
        };
        (self.generation, self.ordinal) = (generation, smallest);
        self.as_of = self.as_of.max(as_of);
    }

    /// What to do after a status that is `age` old.
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
