//! A place that is followed by snapshots of its line, without heartbeats.

use std::time::Duration;

use jiff::Timestamp;

use super::{HeartbeatPauses, LineSnapshot, Place, Standing, Turn};

/// A place that listeners follow.
///
/// Snapshots of the line move it on. What they cannot tell, the store is asked with a peek: whether
/// the place still exists, what became of it once admission has passed it, and until when it is
/// active.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Followed {
    place: Place,
    as_of: Timestamp,
    /// When the store last told of this place.
    confirmed_at: Timestamp,
    /// True where a snapshot says nothing of the position: admission has passed the place, or users
    /// re-enter ahead of it.
    is_beyond_snapshots: bool,
}

/// What is to be done after a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sight {
    /// The store is to be asked now: the turn may have come, or the place may have ended.
    AskNow,
    /// The store is to be asked, as it is from time to time.
    Ask,
    /// Nothing.
    Known,
    /// The store has lost the queue since. Only the client can bring the place back, with its
    /// token.
    Lost,
}

impl Followed {
    /// How often the store is asked about a place that only it can tell of, because its turn may
    /// come at any instant.
    const SOON: Duration = Duration::from_secs(1);

    /// How often the store is asked about an active place, which may end early or be extended, and
    /// about waiting places while users re-enter ahead of them.
    const OFTEN: Duration = Duration::from_secs(5);

    /// Follows `place`, of which the store told at `as_of`.
    #[must_use]
    pub fn new(place: Place, as_of: Timestamp) -> Self {
        Self {
            place,
            as_of,
            confirmed_at: as_of,
            is_beyond_snapshots: false,
        }
    }

    /// The place as it is known.
    #[must_use]
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// As of when, by the store's clock.
    #[must_use]
    pub fn as_of(&self) -> Timestamp {
        self.as_of
    }

    /// When the store last told of this place.
    #[must_use]
    pub fn confirmed_at(&self) -> Timestamp {
        self.confirmed_at
    }

    /// Takes over what `line` shows as of `as_of`. `may_have_left` is true where the user left the
    /// line since the snapshot before, as far as this instance knows.
    pub fn see(&mut self, line: &LineSnapshot, as_of: Timestamp, may_have_left: bool) -> Sight {
        if line.generation != self.place.ticket.generation {
            return Sight::Lost;
        }
        self.place.queue = line.queue;
        // The store may have told of the place after the snapshot. Positions take that into
        // account.
        self.as_of = self.as_of.max(as_of);
        // In either direction: a clock that stepped back must not put it off.
        let since = as_of.duration_since(self.confirmed_at).unsigned_abs();
        let ask_after = |pause| {
            if since >= pause {
                Sight::Ask
            } else {
                Sight::Known
            }
        };
        let sight = match &mut self.place.standing {
            Standing::Active { until, .. } if as_of >= *until => Sight::AskNow,
            Standing::Active { .. } => ask_after(Self::OFTEN),
            Standing::Waiting { .. } if line.has_admitted(self.place.ticket.arrival) => {
                let was_beyond = std::mem::replace(&mut self.is_beyond_snapshots, true);
                if was_beyond && since < Self::SOON {
                    Sight::Known
                } else {
                    Sight::AskNow
                }
            }
            Standing::Waiting {
                position,
                behind,
                admitted,
            } => {
                self.is_beyond_snapshots = line.reentry_until.is_some();
                let turn = Turn::of(*position, *admitted);
                *admitted = line.admitted.max(*admitted);
                *position = turn.position(*admitted).unwrap_or(1);
                *behind = line.waiting.saturating_sub(*position);
                let pauses =
                    HeartbeatPauses::of(line.waiting_ttl, line.absence, line.near_positions);
                let pause = pauses.at(*position);
                ask_after(if self.is_beyond_snapshots {
                    pause.min(Self::OFTEN)
                } else {
                    pause
                })
            }
        };
        if may_have_left { Sight::AskNow } else { sight }
    }

    /// Takes over the place as the store told it at `as_of`, asked with a peek.
    pub fn confirm(&mut self, mut told: Place, as_of: Timestamp) {
        if let (
            Standing::Waiting {
                position: known,
                admitted: known_admitted,
                ..
            },
            Standing::Waiting {
                position, admitted, ..
            },
        ) = (&self.place.standing, &mut told.standing)
            && !self.is_beyond_snapshots
            && told.ticket.generation == self.place.ticket.generation
        {
            // Of two ordinals of one generation the smaller one counts.
            let turn = Turn::of(*position, *admitted).min(Turn::of(*known, *known_admitted));
            *admitted = (*admitted).max(*known_admitted);
            *position = turn.position(*admitted).unwrap_or(1);
        }
        self.place = told;
        self.as_of = self.as_of.max(as_of);
        self.confirmed_at = as_of;
    }
}

#[cfg(test)]
mod tests;
