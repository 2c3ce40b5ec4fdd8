//! Arrivals that a store has given out and lost, without losing the queue.

use std::time::Duration;

use jiff::Timestamp;

use super::Arrival;
use crate::model::later;

/// A stretch of arrivals that were perhaps given out before the store lost its last writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gap {
    /// The last arrival that the store still knows. None where it knows none.
    pub after: Option<Arrival>,
    /// The last arrival of the gap.
    pub until: Arrival,
    /// When the loss was found.
    pub found_at: Timestamp,
}

impl Gap {
    /// How far beyond the instant at which the loss is found a gap reaches: the clock of the server before may
    /// have been ahead by so much.
    pub const MARGIN: Duration = Duration::from_secs(5);

    fn has(&self, arrival: Arrival) -> bool {
        self.after < Some(arrival) && arrival <= self.until
    }
}

/// The gaps of a queue, from the oldest.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Gaps(Vec<Gap>);

impl Gaps {
    /// How many are kept at most.
    pub const MAX: usize = 8;

    /// The gaps that a store has kept.
    #[must_use]
    pub fn kept(gaps: Vec<Gap>) -> Self {
        Self(gaps)
    }

    /// The gaps, for a store to keep.
    #[must_use]
    pub fn as_slice(&self) -> &[Gap] {
        &self.0
    }

    /// Opens the gap of a loss that is found at `now`, where `last` is the last arrival that the store knows.
    /// Returns the arrival after which new ones come.
    ///
    /// A gap that overlaps the one before is one with it. Where there are too many, the two oldest become one:
    /// that lets nobody in who could not be in either, but users who arrived between them.
    pub fn open(&mut self, last: Option<Arrival>, now: Timestamp) -> Arrival {
        let until = Arrival::from_micros(later(now, Gap::MARGIN).as_microsecond()).max(
            // The clock has stepped back by more than the margin.
            last.unwrap_or(Arrival::from_micros(i64::MIN)),
        );
        let gap = Gap {
            after: last,
            until,
            found_at: now,
        };
        match self.0.last_mut() {
            Some(before) if last <= Some(before.until) => {
                before.until = before.until.max(until);
                before.found_at = before.found_at.max(now);
            }
            _ => self.0.push(gap),
        }
        if let [oldest, next, ..] = self.0.as_slice()
            && self.0.len() > Self::MAX
        {
            let merged = Gap {
                after: oldest.after,
                ..*next
            };
            self.0.splice(..2, [merged]);
        }
        until
    }

    /// True where a ticket with this arrival may have been lost, at `now`.
    #[must_use]
    pub fn have(&self, arrival: Arrival, now: Timestamp, waiting_ttl: Duration) -> bool {
        let open = self.open_at(now, waiting_ttl);
        open.into_iter().any(|gap| gap.has(arrival))
    }

    /// Until when tickets of some gap are honoured: `waiting_ttl` after the newest loss was found. None where
    /// none are at `now`.
    #[must_use]
    pub fn honoured_until(&self, now: Timestamp, waiting_ttl: Duration) -> Option<Timestamp> {
        let open = self.open_at(now, waiting_ttl).into_iter();
        open.map(|gap| later(gap.found_at, waiting_ttl)).max()
    }

    /// Forgets gaps whose tickets are honoured no longer at `now`.
    pub fn forget(&mut self, now: Timestamp, waiting_ttl: Duration) {
        self.0 = self.open_at(now, waiting_ttl);
    }

    fn open_at(&self, now: Timestamp, waiting_ttl: Duration) -> Vec<Gap> {
        let mut open = self.0.clone();
        open.retain(|gap| now < later(gap.found_at, waiting_ttl));
        open
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TTL: Duration = Duration::from_mins(5);

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn arrival(second: i64) -> Arrival {
        Arrival::from_micros(second * 1_000_000)
    }

    #[test]
    fn tickets_of_a_gap_are_honoured_for_the_waiting_time_to_live() {
        let mut gaps = Gaps::default();
        assert_eq!(gaps.open(Some(arrival(90)), at(100)), arrival(105));
        for (second, now, honoured) in [
            (90, 100, false),
            (91, 100, true),
            (105, 100, true),
            (106, 100, false),
            (91, 399, true),
            (91, 400, false),
        ] {
            let found = gaps.have(arrival(second), at(now), TTL);
            assert_eq!(found, honoured, "{second} {now}");
        }
        assert_eq!(gaps.honoured_until(at(399), TTL), Some(at(400)));
        assert_eq!(gaps.honoured_until(at(400), TTL), None);
        gaps.forget(at(400), TTL);
        assert_eq!(gaps, Gaps::default());
    }

    #[test]
    fn a_store_that_knows_no_arrival_may_have_lost_any() {
        let mut gaps = Gaps::default();
        gaps.open(None, at(100));
        assert!(gaps.have(arrival(1), at(100), TTL));
        assert!(!gaps.have(arrival(106), at(100), TTL));
    }

    #[test]
    fn new_arrivals_come_after_a_gap_also_where_the_clock_was_far_ahead() {
        let mut gaps = Gaps::default();
        assert_eq!(gaps.open(Some(arrival(500)), at(100)), arrival(500));
    }

    #[test]
    fn overlapping_gaps_are_one() {
        let mut gaps = Gaps::default();
        gaps.open(Some(arrival(90)), at(100));
        // A second failover, before anybody has joined after the first.
        gaps.open(Some(arrival(105)), at(101));
        assert_eq!(gaps.as_slice().len(), 1);
        assert!(gaps.have(arrival(106), at(101), TTL));
    }

    #[test]
    fn of_too_many_gaps_the_oldest_are_joined() {
        let mut gaps = Gaps::default();
        for number in 0..20 {
            gaps.open(Some(arrival(100 * number + 50)), at(100 * number + 51));
        }
        assert_eq!(gaps.as_slice().len(), Gaps::MAX);
        let long = Duration::from_hours(24);
        assert!(gaps.have(arrival(51), at(2_000), long));
        assert!(gaps.have(arrival(1_951), at(2_000), long));
        assert!(!gaps.have(arrival(1_949), at(2_000), long));
    }
}
