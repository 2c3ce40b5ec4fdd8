//! A place that snapshots of its line keep up to date, without heartbeats, for an event stream.

use std::time::Duration;

use jiff::Timestamp;

use super::{HeartbeatPauses, LineSnapshot, Ordinal, Place, Standing};

/// A place that listeners follow.
///
/// Snapshots of the line update it. A peek at the store supplies what they do not show: whether the
/// place still exists, what became of it after admission has passed it, and until when it is
/// active.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FollowedPlace {
    place: Place,
    as_of: Timestamp,
    /// As of when the store last returned this place.
    confirmed_at: Timestamp,
    /// True if a snapshot does not show the position: admission has passed the place, or users
    /// re-enter ahead of it.
    is_beyond_snapshots: bool,
}

/// The next step of the caller after a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum PeekAdvice {
    /// Peek at the store now: the turn may have come, or the place may be gone.
    PeekNow,
    /// Peek at the store, as is due from time to time.
    Peek,
    /// Nothing: the snapshot shows the place.
    Known,
    /// The store has lost the queue since. Only the client can re-enter, with its token.
    Lost,
}

impl FollowedPlace {
    /// The time between two peeks at a place that only the store knows, because its turn may come
    /// at any instant.
    const SOON: Duration = Duration::from_secs(1);

    /// The time between two peeks at an active place, which may end early or be extended, and at a
    /// waiting place while users re-enter ahead of it.
    const OFTEN: Duration = Duration::from_secs(5);

    /// Follows `place`, which the store returned as of `as_of`.
    #[must_use]
    pub fn new(place: Place, as_of: Timestamp) -> Self {
        Self {
            place,
            as_of,
            confirmed_at: as_of,
            is_beyond_snapshots: false,
        }
    }

    /// The place as last known.
    #[must_use]
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// As of when the place is known, by the store's clock.
    #[must_use]
    pub fn as_of(&self) -> Timestamp {
        self.as_of
    }

    /// As of when the store last returned this place.
    #[must_use]
    pub fn confirmed_at(&self) -> Timestamp {
        self.confirmed_at
    }

    /// Applies the snapshot `line` as of `as_of`. `may_have_left` is true if the user may have left
    /// the line since the previous snapshot, as far as this instance knows.
    pub fn see(
        &mut self,
        line: &LineSnapshot,
        as_of: Timestamp,
        may_have_left: bool,
    ) -> PeekAdvice {
        if line.generation != self.place.ticket.generation {
            return PeekAdvice::Lost;
        }
        self.place.queue = line.queue;
        // The store may have returned the place after the snapshot was taken. Positions take that
        // into account.
        self.as_of = self.as_of.max(as_of);
        // In either direction: a clock that stepped back must not delay the next peek.
        let since = as_of.duration_since(self.confirmed_at).unsigned_abs();
        let ask_after = |pause| {
            if since >= pause {
                PeekAdvice::Peek
            } else {
                PeekAdvice::Known
            }
        };
        let advice = match &mut self.place.standing {
            Standing::Active { until, .. } if as_of >= *until => PeekAdvice::PeekNow,
            Standing::Active { .. } => ask_after(Self::OFTEN),
            Standing::Waiting { .. } if line.has_admitted(self.place.ticket.arrival) => {
                let was_beyond = std::mem::replace(&mut self.is_beyond_snapshots, true);
                if was_beyond && since < Self::SOON {
                    PeekAdvice::Known
                } else {
                    PeekAdvice::PeekNow
                }
            }
            Standing::Waiting {
                position,
                behind,
                admitted,
            } => {
                self.is_beyond_snapshots = line.reentry_until.is_some();
                let ordinal = Ordinal::of(*position, *admitted);
                *admitted = line.admitted.max(*admitted);
                *position = ordinal.position(*admitted).unwrap_or(1);
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
        if may_have_left {
            PeekAdvice::PeekNow
        } else {
            advice
        }
    }

    /// Applies the place that a peek at the store returned as of `as_of`.
    pub fn confirm(&mut self, mut place: Place, as_of: Timestamp) {
        if let (
            Standing::Waiting {
                position: known,
                admitted: known_admitted,
                ..
            },
            Standing::Waiting {
                position, admitted, ..
            },
        ) = (&self.place.standing, &mut place.standing)
            && !self.is_beyond_snapshots
            && place.ticket.generation == self.place.ticket.generation
        {
            // The smaller of two ordinals of one generation counts.
            let ordinal =
                Ordinal::of(*position, *admitted).min(Ordinal::of(*known, *known_admitted));
            *admitted = (*admitted).max(*known_admitted);
            *position = ordinal.position(*admitted).unwrap_or(1);
        }
        self.place = place;
        self.as_of = self.as_of.max(as_of);
        self.confirmed_at = as_of;
    }
}

#[cfg(test)]
mod tests;
