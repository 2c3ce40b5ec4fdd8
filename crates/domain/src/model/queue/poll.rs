//! When a waiting client should look up its place again.

use std::time::Duration;

use super::Ticket;

/// The shortest and the longest pause between two look-ups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PollRange {
    /// The pause for the head of the line.
    pub shortest: Duration,
    /// The pause for those far back.
    pub longest: Duration,
}

impl Default for PollRange {
    fn default() -> Self {
        Self {
            shortest: Duration::from_secs(1),
            longest: Duration::from_secs(15),
        }
    }
}

impl PollRange {
    /// How long the client with this place should pause.
    ///
    /// A tenth of the estimated wait, within the range, so that nobody's turn passes unnoticed;
    /// without an estimate it grows with the position. Up to a fifth is taken off, differently for
    /// each place and position, so that those who joined together do not ask together.
    #[must_use]
    pub fn pause(&self, ticket: &Ticket, position: u64, wait: Option<Duration>) -> Duration {
        let by_distance = wait.map_or_else(
            || Duration::from_millis(position.saturating_mul(10)),
            |wait| wait / 10,
        );
        let pause = by_distance.clamp(self.shortest, self.longest);
        let pause = pause.mul_f64(1.0 - 0.2 * spread(ticket, position));
        pause.max(self.shortest)
    }
}

/// A number from 0 to 1 that looks random but is always the same for the same place and position.
fn spread(ticket: &Ticket, position: u64) -> f64 {
    // The finalizer of SplitMix64: every bit of the input stirs every bit of the output.
    let mut bits = ticket.arrival.micros().cast_unsigned() ^ position.rotate_left(32);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    f64::from((bits >> 40) as u32) / f64::from(1_u32 << 24)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::model::{
        ConcertId, UserId,
        queue::{Arrival, Generation},
    };

    fn ticket(arrival: i64) -> Ticket {
        Ticket {
            concert: ConcertId(Uuid::nil()),
            user: UserId::try_from("alice").unwrap(),
            arrival: Arrival::from_micros(arrival),
            generation: Generation(1),
        }
    }

    #[test]
    fn pauses_stay_in_range_and_grow_with_the_distance() {
        let range = PollRange::default();
        let pause = |seconds| range.pause(&ticket(1), 1, Some(Duration::from_secs(seconds)));
        assert_eq!(pause(1), Duration::from_secs(1));
        assert!(pause(60) > Duration::from_secs(4) && pause(60) <= Duration::from_secs(6));
        assert!(pause(10_000) > Duration::from_secs(11) && pause(10_000) <= range.longest);
    }

    #[test]
    fn neighbours_do_not_ask_together() {
        let range = PollRange::default();
        let pauses: std::collections::HashSet<_> = (0..100)
            .map(|arrival| range.pause(&ticket(arrival), 5_000, None))
            .collect();
        assert!(pauses.len() > 90);
    }
}
