//! The record of which users a queue has served, so that they do not re-enter after a loss.

use std::time::Duration;

use jiff::Timestamp;

use super::Arrival;
use crate::model::later;

/// The users whom a queue has served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Served {
    /// The arrival up to which every user was admitted or has gone.
    pub up_to: Arrival,
    /// The start of the uninterrupted service of the queue.
    pub serving_since: Timestamp,
}

/// A record outside the queue's store: which users the queue had served at the instant `at`.
///
/// The database keeps a series of entries: one for each slot of 10 s in which the arrival moved, as
/// far back as an active place can last, and one older entry. The arrival may move back, when users
/// re-enter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServedEntry {
    /// The instant of the entry, by the clock of the queue's store.
    pub at: Timestamp,
    /// The users who had been served.
    pub served: Served,
    /// The longest life of an active place at that instant
    /// ([`Deadlines::longest_active_life`](super::Deadlines::longest_active_life)).
    pub life: Duration,
}

impl ServedEntry {
    /// The length of a slot. One entry is kept per slot.
    pub const SLOT: Duration = Duration::from_secs(10);

    /// The number of the slot of this entry.
    #[must_use]
    pub fn slot(&self) -> i64 {
        Self::slot_of(self.at)
    }

    /// Entries of slots later than this one contradict this entry: they are from before a step back
    /// of the clock, and are removed when this entry is recorded. One slot is tolerated, because
    /// calls may overtake each other.
    #[must_use]
    pub fn last_slot(&self) -> i64 {
        self.slot() + 1
    }

    /// Only the last of the entries up to this slot still counts after this entry was recorded, and
    /// those before it are removed. `newest` is the newest slot of the series and `life` the
    /// longest life in it.
    ///
    /// For one life after a break of service older entries may count. However many breaks there
    /// are, at most four lives are kept.
    #[must_use]
    pub fn settled_slot(&self, newest: i64, life: Duration) -> i64 {
        let is_unbroken = later(self.served.serving_since, life) <= self.at;
        let kept = life.saturating_mul(if is_unbroken { 1 } else { 4 });
        let slots = kept.as_micros().div_ceil(Self::SLOT.as_micros());
        let slots = i64::try_from(slots).unwrap_or(i64::MAX);
        newest.saturating_sub(slots).saturating_sub(1)
    }

    /// Returns the arrival up to which users do not re-enter after a loss, because all their places
    /// had ended. `series` has the entries of the queue, the newest first. None if all users
    /// re-enter.
    ///
    /// It counts back from the newest entry, not from the loss: while nothing is recorded, no user
    /// is known to be served. An active place lasts at most the longest life of the series, and
    /// time without service does not count. A later entry with an earlier arrival means that users
    /// between the two waited again.
    #[must_use]
    pub fn before_loss(series: &[Self]) -> Option<Arrival> {
        let life = series.iter().map(|entry| entry.life).max()?;
        let mut arrival = series.first()?.served.up_to;
        let mut in_service = Duration::ZERO;
        for (newer, older) in series.iter().zip(series.iter().skip(1)) {
            let since = older.at.max(newer.served.serving_since);
            let span = Duration::try_from(newer.at.duration_since(since));
            in_service += span.unwrap_or_default();
            arrival = arrival.min(older.served.up_to);
            if in_service >= life {
                return Some(arrival);
            }
        }
        None
    }

    fn slot_of(at: Timestamp) -> i64 {
        let slot = i64::try_from(Self::SLOT.as_micros()).unwrap_or(i64::MAX);
        at.as_microsecond().div_euclid(slot)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn entry(second: i64, arrival: i64, life_s: u64) -> ServedEntry {
        ServedEntry {
            at: at(second),
            served: Served {
                up_to: Arrival::from_micros(arrival),
                serving_since: at(-1_000_000),
            },
            life: Duration::from_secs(life_s),
        }
    }

    #[test]
    fn users_whose_places_have_certainly_ended_do_not_re_enter() {
        for (case, series, expected) in [
            ("nothing was recorded", vec![], None),
            ("one entry", vec![(500, 50, 100)], None),
            (
                "too short a series",
                vec![(500, 50, 100), (401, 40, 100)],
                None,
            ),
            (
                "an entry of that age",
                vec![(500, 50, 100), (400, 40, 100)],
                Some(40),
            ),
            (
                "the last of that age",
                vec![(500, 50, 100), (390, 40, 100), (300, 30, 100)],
                Some(40),
            ),
            (
                "places of a longer life may still be active",
                vec![(500, 50, 100), (390, 40, 100), (300, 30, 200)],
                Some(30),
            ),
            (
                "users re-entered, and waited again",
                vec![(500, 50, 100), (410, 20, 100), (390, 40, 100)],
                Some(20),
            ),
            (
                "users re-entered before that",
                vec![(500, 50, 100), (390, 40, 100), (380, 20, 100)],
                Some(40),
            ),
        ] {
            let series: Vec<_> = series
                .into_iter()
                .map(|(second, arrival, life)| entry(second, arrival, life))
                .collect();
            let found = ServedEntry::before_loss(&series).map(Arrival::micros);
            assert_eq!(found, expected, "{case}");
        }
    }

    /// The third value of each entry is the end of the last break of service, in seconds.
    #[test]
    fn time_without_service_does_not_count() {
        for (case, series, expected) in [
            ("a break", vec![(500, 50, 450), (390, 40, 0)], None),
            (
                "its end is a life ago",
                vec![(550, 50, 450), (390, 40, 0)],
                Some(40),
            ),
            (
                "users of a life before it",
                vec![(500, 50, 450), (390, 40, 0), (341, 30, 0), (340, 20, 0)],
                Some(20),
            ),
            (
                "two breaks",
                vec![
                    (500, 50, 450),
                    (449, 45, 420),
                    (400, 40, 0),
                    (380, 30, 0),
                    (379, 20, 0),
                ],
                Some(20),
            ),
        ] {
            let mut series: Vec<_> = series
                .into_iter()
                .map(|(second, arrival, since)| {
                    let mut entry = entry(second, arrival, 100);
                    entry.served.serving_since = at(since);
                    entry
                })
                .collect();
            let found = ServedEntry::before_loss(&series).map(Arrival::micros);
            assert_eq!(found, expected, "{case}");
            series.truncate(1);
            assert_eq!(ServedEntry::before_loss(&series), None);
        }
    }

    #[test]
    fn after_a_break_of_service_more_entries_are_kept() {
        let mut entry = entry(500, 1, 100);
        let life = entry.life;
        for (since, settled) in [(0, 39), (400, 39), (401, 9), (500, 9)] {
            entry.served.serving_since = at(since);
            assert_eq!(entry.settled_slot(50, life), settled, "{since}");
        }
    }

    #[test]
    fn a_slot_is_ten_seconds() {
        for (second, slot) in [(-1, -1), (0, 0), (9, 0), (10, 1), (25, 2)] {
            assert_eq!(entry(second, 1, 1).slot(), slot, "{second}");
        }
    }

    #[test]
    fn entries_up_to_the_settled_slot_are_older_than_a_life() {
        for life_s in [1, 9, 10, 11, 95, 100] {
            let life = Duration::from_secs(life_s);
            let settled = entry(500, 1, 1).settled_slot(50, life);
            let end = at((settled + 1) * 10);
            assert!(later(end, life) <= at(500), "{life_s}");
            assert!(
                later(end, life) > at(480),
                "{life_s}: no longer than needed"
            );
        }
    }
}
