//! The events of an event stream: what a listener gets of a place, and when a change is sent.

use std::{fmt, str::FromStr};

use jiff::Timestamp;

use super::{EffectiveState, Generation, Place, QueueView, Standing, poll::mixed};

/// The kind of event in which a user gets the state of their place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlaceNews {
    /// The place is waiting, and users are admitted.
    Position,
    /// The place is active.
    Turn,
    /// The place is waiting, and no user is admitted for now: also before the opening, and while a
    /// lost queue recovers.
    Paused,
    /// The place is waiting in a closed queue.
    Closed,
    /// The place is waiting, and no seat is left.
    SoldOut,
    /// The place is waiting, and the last performance has started.
    Ended,
}

impl PlaceNews {
    const ALL: [Self; 6] = [
        Self::Position,
        Self::Turn,
        Self::Paused,
        Self::Closed,
        Self::SoldOut,
        Self::Ended,
    ];

    /// The kind of event for a place with this standing in a queue with this view at `as_of`.
    #[must_use]
    pub fn of(standing: &Standing, queue: &QueueView, as_of: Timestamp) -> Self {
        if let Standing::Active { .. } = standing {
            return Self::Turn;
        }
        match queue.effective(as_of) {
            EffectiveState::Closed => Self::Closed,
            EffectiveState::Ended => Self::Ended,
            EffectiveState::Recovering | EffectiveState::Paused => Self::Paused,
            EffectiveState::SoldOut => Self::SoldOut,
            EffectiveState::Bypass | EffectiveState::Open => Self::Position,
        }
    }

    /// The name of the event.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Position => "position",
            Self::Turn => "turn",
            Self::Paused => "paused",
            Self::Closed => "closed",
            Self::SoldOut => "sold_out",
            Self::Ended => "ended",
        }
    }
}

/// The part of a place's state whose changes are sent at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlaceState {
    /// The kind of event.
    pub news: PlaceNews,
    generation: Generation,
    /// The position, or the deadline of an active place in microseconds since 1970.
    number: u64,
    /// A digest of the public state of the queue.
    queue: u32,
}

impl PlaceState {
    /// The state of `place` at `as_of`.
    #[must_use]
    pub fn of(place: &Place, as_of: Timestamp) -> Self {
        Self {
            news: PlaceNews::of(&place.standing, &place.queue, as_of),
            generation: place.ticket.generation,
            number: match place.standing {
                Standing::Waiting { position, .. } => position,
                Standing::Active { until, .. } => until.as_microsecond().cast_unsigned(),
            },
            queue: digest(&place.queue),
        }
    }
}

/// A digest of a view: different views have different digests, except for rare collisions.
fn digest(queue: &QueueView) -> u32 {
    let opens_at = queue.opens_at.map_or(0, Timestamp::as_microsecond);
    let flags = (queue.state as u64) << 16
        | u64::from(queue.sale.number()) << 8
        | u64::from(queue.recovering) << 1
        | u64::from(queue.opens_at.is_some());
    let bits = mixed(opens_at.cast_unsigned()) ^ mixed(flags);
    (bits >> 32) as u32
}

/// The contents of the last event that a listener got. Its text form is the id of the event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventId {
    /// The state of the place.
    pub state: PlaceState,
    /// The estimated wait, in whole seconds.
    pub wait_s: Option<u64>,
}

impl EventId {
    /// A changed estimate alone is not sent unless it differs by more than this, in seconds.
    const WAIT_MARGIN_S: u64 = 5;

    /// Returns true if `now` is to be sent to a listener whose last event was this. A changed
    /// estimate alone is sent only if it differs by more than a fifth and by more than 5 s, because
    /// a client counts down by itself.
    #[must_use]
    pub fn is_outdated_by(&self, now: &Self) -> bool {
        let is_other_wait = match (self.wait_s, now.wait_s) {
            (Some(last), Some(now)) => {
                last.abs_diff(now) > (last.max(now) / 5).max(Self::WAIT_MARGIN_S)
            }
            (last, now) => last.is_some() != now.is_some(),
        };
        self.state != now.state || is_other_wait
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let PlaceState {
            news,
            generation,
            number,
            queue,
        } = self.state;
        write!(f, "{}-{generation}-{number}-{queue:08x}-", news.name())?;
        match self.wait_s {
            Some(seconds) => write!(f, "{seconds}"),
            None => Ok(()),
        }
    }
}

/// A text is not the id of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the id of an event")]
pub struct NoEventId;

impl FromStr for EventId {
    type Err = NoEventId;

    fn from_str(text: &str) -> Result<Self, NoEventId> {
        let parts: Vec<&str> = text.split('-').collect();
        let &[news, generation, number, queue, wait] = parts.as_slice() else {
            return Err(NoEventId);
        };
        let news = PlaceNews::ALL.into_iter().find(|one| one.name() == news);
        let wait_s = match wait {
            "" => None,
            seconds => Some(seconds.parse().map_err(|_| NoEventId)?),
        };
        let hex = u64::from_str_radix(generation, 16);
        Ok(Self {
            state: PlaceState {
                news: news.ok_or(NoEventId)?,
                generation: Generation(hex.map_err(|_| NoEventId)?),
                number: number.parse().map_err(|_| NoEventId)?,
                queue: u32::from_str_radix(queue, 16).map_err(|_| NoEventId)?,
            },
            wait_s,
        })
    }
}

#[cfg(test)]
mod tests;
