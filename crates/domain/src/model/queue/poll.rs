//! When a waiting client should look up its place again.

use std::time::Duration;

use super::Ticket;

/// The shortest and the longest pause between two look-ups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PollRange {
    /// The pause for the head of the line.
    pub shortest: Duration,
    /// The pause for users far back.
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
    /// Returns the pause until the client's next look-up.
    ///
    /// The pause is a tenth of the estimated wait, within the range, so that no turn passes
    /// unnoticed. Without an estimate it grows by 10 ms per position. Up to a fifth is subtracted,
    /// or added at the lower end of the range, differently for each place and position, so that
    /// users who joined together do not poll together.
    #[must_use]
    pub fn pause(&self, ticket: &Ticket, position: u64, wait: Option<Duration>) -> Duration {
        let by_distance = wait.map_or_else(
            || Duration::from_millis(position.saturating_mul(10)),
            |wait| wait / 10,
        );
        let pause = by_distance.min(self.longest);
        let from = pause.mul_f64(0.8).max(self.shortest);
        let to = pause.max(self.shortest.mul_f64(1.2)).min(self.longest);
        from + to.saturating_sub(from).mul_f64(spread(ticket, position))
    }
}

/// A number from 0 to 1 that looks random but is always the same for the same place and position.
fn spread(ticket: &Ticket, position: u64) -> f64 {
    let bits = mixed(ticket.arrival.micros().cast_unsigned() ^ position.rotate_left(32));
    f64::from((bits >> 40) as u32) / f64::from(1_u32 << 24)
}

/// The finalizer of `SplitMix64`: every bit of the input affects every bit of the output.
pub(super) fn mixed(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

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
        for (wait, from, to) in [
            (0, 1_000, 1_200),
            (1, 1_000, 1_200),
            (11, 1_000, 1_200),
            (15, 1_200, 1_500),
            (60, 4_800, 6_000),
            (150, 12_000, 15_000),
            (10_000, 12_000, 15_000),
        ] {
            let pauses = pauses(&range, 1, Some(Duration::from_secs(wait)));
            let (from, to) = (Duration::from_millis(from), Duration::from_millis(to));
            assert!(
                pauses.iter().all(|pause| (from..=to).contains(pause)),
                "{wait}"
            );
        }
    }

    #[test]
    fn no_pause_is_beyond_a_narrow_range() {
        let second = Duration::from_secs(1);
        for longest in [second, Duration::from_millis(1_100)] {
            let range = PollRange {
                shortest: second,
                longest,
            };
            for wait in [None, Some(Duration::ZERO), Some(Duration::MAX)] {
                let pauses = pauses(&range, 1, wait);
                assert!(
                    pauses
                        .iter()
                        .all(|pause| (second..=longest).contains(pause))
                );
            }
        }
    }

    #[test]
    fn neighbours_do_not_poll_together() {
        let range = PollRange::default();
        for (position, wait) in [
            (1, None),
            (1, Some(Duration::from_secs(2))),
            (5_000, None),
            (5_000, Some(Duration::from_mins(10))),
        ] {
            let different: HashSet<_> = pauses(&range, position, wait).into_iter().collect();
            assert!(different.len() > 90, "{position} {wait:?}");
        }
    }

    /// The pauses of 100 users at the same position.
    fn pauses(range: &PollRange, position: u64, wait: Option<Duration>) -> Vec<Duration> {
        (0..100)
            .map(|arrival| range.pause(&ticket(arrival), position, wait))
            .collect()
    }
}
