//! Arrivals that a store may have given out and then lost with its last writes.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Arrival;
use crate::model::later;

/// A range of arrivals that a store may have given out and then lost without losing the queue: by a
/// failover to a replica that lacked the last writes, a crash before they reached the disk, or a
/// restored backup. A ticket with such an arrival was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// The last arrival that the store knew.
    pub after: Arrival,
    /// The last arrival of the gap.
    pub until: Arrival,
    /// When the loss was found, in microseconds since 1970.
    #[serde(with = "jiff::fmt::serde::timestamp::microsecond::required")]
    pub found_at: Timestamp,
    /// True if the store has certainly lost writes: another server answers, or a lost ticket was
    /// shown. False after a silence in which a copy may have replaced the store.
    pub confirmed: bool,
}

impl Gap {
    /// How far a gap reaches beyond the instant at which its loss is found, and beyond the last
    /// known arrival: the clock of the previous server may have been ahead by that much, and so may
    /// the arrivals after a previous loss.
    pub const MARGIN: Duration = Duration::from_secs(5);

    fn has(&self, arrival: Arrival) -> bool {
        self.after < arrival && arrival <= self.until
    }
}

/// The gaps of a queue, the oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Gaps(Vec<Gap>);

impl Gaps {
    /// The largest number of gaps that is kept. Beyond it the oldest unconfirmed gap is dropped, or
    /// the oldest if all are confirmed. Gaps are not merged instead: a longer gap would include
    /// arrivals that were not lost.
    pub const MAX: usize = 8;

    /// The gaps as a store kept them.
    #[must_use]
    pub fn kept(gaps: Vec<Gap>) -> Self {
        Self(gaps)
    }

    /// The gaps, for a store to keep.
    #[must_use]
    pub fn as_slice(&self) -> &[Gap] {
        &self.0
    }

    /// Shifts the instants at which losses were found, so that a stop of the store does not count.
    pub fn shift(&mut self, shifted: impl Fn(Timestamp) -> Timestamp) {
        for gap in &mut self.0 {
            gap.found_at = shifted(gap.found_at);
        }
    }

    /// Opens the gap of a loss that is certain at `now`. `last` is the last arrival that the store
    /// knows, `shown` the arrival of a lost ticket, if one was shown. Returns the arrival after
    /// which new ones come.
    pub fn open(&mut self, last: Arrival, shown: Option<Arrival>, now: Timestamp) -> Arrival {
        let latest = last.max(Arrival::from_micros(now.as_microsecond()));
        let latest = latest.max(shown.unwrap_or(last));
        let until = latest.later(Gap::MARGIN);
        self.push(Gap {
            after: last,
            until,
            found_at: now,
            confirmed: true,
        });
        until
    }

    /// Opens the gap of a silence that ends at `now`: arrivals in it were given out by another
    /// server, if at all. Arrivals from `now` on are not in it, so the gap has no effect unless a
    /// lost ticket is shown.
    pub fn open_after_silence(&mut self, last: Arrival, now: Timestamp) {
        let until = Arrival::before(now);
        if last < until {
            self.push(Gap {
                after: last,
                until,
                found_at: now,
                confirmed: false,
            });
        }
    }

    /// Confirms the gap of a lost ticket with this arrival that was shown at `now`. Returns false
    /// if there is no such gap.
    pub fn confirm(&mut self, arrival: Arrival, now: Timestamp, waiting_ttl: Duration) -> bool {
        let mut gaps = self.0.iter_mut();
        let gap = gaps.find(|gap| gap.has(arrival) && gap.is_open(now, waiting_ttl));
        gap.is_some_and(|gap| {
            gap.confirmed = true;
            true
        })
    }

    /// Returns true if a ticket with this arrival was lost and re-enters at `now`: for
    /// `waiting_ttl` after the loss was found.
    #[must_use]
    pub fn have(&self, arrival: Arrival, now: Timestamp, waiting_ttl: Duration) -> bool {
        let mut gaps = self.0.iter();
        gaps.any(|gap| gap.has(arrival) && gap.is_open(now, waiting_ttl))
    }

    /// Removes an arrival that is given out now, and those before it, from the gap that it is in.
    /// That happens after the clock has stepped back behind the end of a silence.
    pub fn give_out(&mut self, arrival: Arrival) {
        for gap in &mut self.0 {
            if gap.has(arrival) {
                gap.after = arrival;
            }
        }
    }

    /// When the last gap was found. None if there is none.
    #[must_use]
    pub fn last_found(&self) -> Option<Timestamp> {
        self.0.last().map(|gap| gap.found_at)
    }

    /// Until when tickets of some confirmed gap re-enter. None if none do at `now`.
    #[must_use]
    pub fn open_until(&self, now: Timestamp, waiting_ttl: Duration) -> Option<Timestamp> {
        let confirmed = self.0.iter().filter(|gap| gap.confirmed);
        let open = confirmed.filter(|gap| gap.is_open(now, waiting_ttl));
        open.map(|gap| later(gap.found_at, waiting_ttl)).max()
    }

    /// The last arrival before the first confirmed gap whose tickets re-enter. None if none do at
    /// `now`.
    #[must_use]
    pub fn open_after(&self, now: Timestamp, waiting_ttl: Duration) -> Option<Arrival> {
        let confirmed = self.0.iter().filter(|gap| gap.confirmed);
        let open = confirmed.filter(|gap| gap.is_open(now, waiting_ttl));
        open.map(|gap| gap.after).min()
    }

    /// Drops gaps whose tickets do not re-enter at `now`, so that they stay closed if the clock
    /// steps back.
    pub fn forget(&mut self, now: Timestamp, waiting_ttl: Duration) {
        self.0.retain(|gap| gap.is_open(now, waiting_ttl));
    }

    fn push(&mut self, gap: Gap) {
        match self.0.last_mut() {
            // A second loss with no join since the first, or a clock that stepped back.
            Some(before) if gap.after <= before.until && before.confirmed == gap.confirmed => {
                before.until = before.until.max(gap.until);
                before.found_at = gap.found_at;
            }
            _ => self.0.push(gap),
        }
        if self.0.len() > Self::MAX {
            let unconfirmed = self.0.iter().position(|gap| !gap.confirmed);
            self.0.remove(unconfirmed.unwrap_or(0));
        }
    }
}

impl Gap {
    fn is_open(&self, now: Timestamp, waiting_ttl: Duration) -> bool {
        now < later(self.found_at, waiting_ttl)
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
    fn tickets_of_a_gap_reenter_for_the_waiting_time_to_live() {
        let mut gaps = Gaps::default();
        assert_eq!(gaps.open(arrival(90), None, at(100)), arrival(105));
        for (second, now, reenters) in [
            (90, 100, false),
            (91, 100, true),
            (105, 100, true),
            (106, 100, false),
            (91, 399, true),
            (91, 400, false),
        ] {
            let found = gaps.have(arrival(second), at(now), TTL);
            assert_eq!(found, reenters, "{second} {now}");
        }
        assert_eq!(gaps.open_until(at(399), TTL), Some(at(400)));
        assert_eq!(gaps.open_until(at(400), TTL), None);
        gaps.forget(at(400), TTL);
        assert_eq!(gaps, Gaps::default());
    }

    #[test]
    fn new_arrivals_come_after_a_gap_also_where_the_clock_was_far_ahead() {
        let mut gaps = Gaps::default();
        assert_eq!(gaps.open(arrival(500), None, at(100)), arrival(505));
        let shown = Some(arrival(700));
        assert_eq!(gaps.open(arrival(505), shown, at(100)), arrival(705));
    }

    #[test]
    fn a_silence_is_no_loss_until_a_lost_ticket_is_shown() {
        let mut gaps = Gaps::default();
        gaps.open_after_silence(arrival(10), at(100));
        assert!(gaps.have(arrival(99), at(100), TTL));
        assert!(
            !gaps.have(arrival(100), at(100), TTL),
            "it is given out now"
        );
        assert_eq!(gaps.open_until(at(100), TTL), None);
        assert!(!gaps.confirm(arrival(100), at(200), TTL));
        assert!(gaps.confirm(arrival(50), at(200), TTL));
        assert_eq!(gaps.open_until(at(200), TTL), Some(at(400)));
    }

    #[test]
    fn a_silence_that_ends_no_later_than_the_last_arrival_opens_no_gap() {
        let mut gaps = Gaps::default();
        gaps.open_after_silence(arrival(100), at(100));
        gaps.open_after_silence(arrival(200), at(100));
        assert_eq!(gaps, Gaps::default());
    }

    #[test]
    fn overlapping_gaps_are_one() {
        let mut gaps = Gaps::default();
        gaps.open(arrival(90), None, at(100));
        // A second failover happens before any user has joined after the first.
        gaps.open(arrival(105), None, at(101));
        assert_eq!(gaps.as_slice().len(), 1);
        for second in [91, 106, 110] {
            assert!(gaps.have(arrival(second), at(101), TTL), "{second}");
        }
    }

    #[test]
    fn beyond_the_maximum_the_oldest_unconfirmed_gap_is_dropped_or_the_oldest() {
        let long = Duration::from_hours(24);
        let mut gaps = Gaps::default();
        for number in 0..7 {
            gaps.open(arrival(100 * number + 50), None, at(100 * number + 51));
        }
        gaps.open_after_silence(arrival(760), at(850));
        gaps.open(arrival(860), None, at(861));
        assert_eq!(gaps.as_slice().len(), Gaps::MAX);
        assert!(gaps.have(arrival(51), at(900), long));
        assert!(!gaps.have(arrival(800), at(900), long));
        gaps.open(arrival(950), None, at(951));
        assert_eq!(gaps.as_slice().len(), Gaps::MAX);
        assert!(!gaps.have(arrival(51), at(960), long));
        assert!(gaps.have(arrival(151), at(960), long));
    }
}
