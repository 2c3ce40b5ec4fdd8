//! Which users a queue had served before its store lost it.

use std::time::Duration;

use jiff::Timestamp;

use super::Arrival;
use crate::model::later;

/// What is recorded of a queue outside its store: every user who arrived up to `arrival` was admitted or
/// had gone at the instant `at`.
///
/// The database keeps a series of them, one for each slot of 10 s in which the arrival moved, as far
/// back as an active place can last and one older entry. An arrival may move back: users re-enter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServedEntry {
    /// When that was true, by the clock of the queue's store.
    pub at: Timestamp,
    /// The arrival.
    pub arrival: Arrival,
    /// How long an active place could last then
    /// ([`Deadlines::longest_active_life`](super::Deadlines::longest_active_life)).
    pub life: Duration,
}

impl ServedEntry {
    /// How long a slot is. One entry is kept of each.
    pub const SLOT: Duration = Duration::from_secs(10);

    /// The number of the slot of this entry.
    #[must_use]
    pub fn slot(&self) -> i64 {
        Self::slot_of(self.at)
    }

    /// Entries of later slots than this one contradict this entry: they are from before a step back of
    /// the clock, and are removed when it is recorded. Calls that overtake each other do not count.
    #[must_use]
    pub fn last_slot(&self) -> i64 {
        self.slot() + 1
    }

    /// Of the entries up to this slot only the last one counts any more, where `newest` is the newest
    /// slot of a series and `life` the longest life in it. Those before are removed.
    #[must_use]
    pub fn settled_slot(newest: i64, life: Duration) -> i64 {
        let slots = life.as_micros().div_ceil(Self::SLOT.as_micros());
        let slots = i64::try_from(slots).unwrap_or(i64::MAX);
        newest.saturating_sub(slots).saturating_sub(1)
    }

    /// The arrival up to which users do not re-enter after a loss: the places of all of them had ended.
    /// `series` is what was recorded of the queue, the newest first. None where everybody re-enters.
    ///
    /// It counts back from the newest entry, not from the loss: while nothing is recorded, nobody is
    /// known to be served. An active place lasts at most the longest life of the series. A later entry
    /// with an earlier arrival says that users between the two waited again.
    #[must_use]
    pub fn before_loss(series: &[Self]) -> Option<Arrival> {
        let newest = series.first()?.at;
        let life = series.iter().map(|entry| entry.life).max()?;
        let settled = |entry: &Self| later(entry.at, life) <= newest;
        let last = series.iter().position(settled)?;
        let later = series.iter().take(last + 1);
        later.map(|entry| entry.arrival).min()
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
            arrival: Arrival::from_micros(arrival),
            life: Duration::from_secs(life_s),
        }
    }

    #[test]
    fn users_whose_places_had_surely_ended_do_not_re_enter() {
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
            let settled = ServedEntry::settled_slot(50, life);
            let end = at((settled + 1) * 10);
            assert!(later(end, life) <= at(500), "{life_s}");
            assert!(
                later(end, life) > at(480),
                "{life_s}: no longer than needed"
            );
        }
    }
}
