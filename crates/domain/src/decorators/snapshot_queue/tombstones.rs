//! Arrivals whose places ended, so that older answers of the store about them are not cached.

use std::collections::{HashMap, VecDeque, hash_map::Entry};

use jiff::{SignedDuration, Timestamp};

use super::{cache_limit::is_sparse, shard::Version};
use crate::model::queue::Arrival;

/// The arrivals that ended through this instance or in a snapshot of the line, each with the
/// version at which it ended.
///
/// An answer of the store may be slow: its user may have left since, in a snapshot or through this
/// instance. Such an answer is not cached. It is recognised by its version, which was read before
/// the call to the store and is older than that of the tombstone.
///
/// Tombstones are bounded in number and, by the caller, in age. When one is removed, the floor
/// rises to its version, and answers from below the floor are not cached at all.
#[derive(Debug, Default)]
pub(super) struct Tombstones {
    versions: HashMap<Arrival, Version>,
    /// Each arrival once, the oldest version first, with the version that it had when it was
    /// queued.
    queued: VecDeque<(Version, Arrival)>,
    floor: Version,
}

impl Tombstones {
    /// The maximum number of tombstones. Each takes about 50 bytes.
    pub(super) const MOST: usize = 4_096;

    /// Records that `arrival` ended at `version`.
    pub(super) fn add(&mut self, arrival: Arrival, version: Version) {
        match self.versions.entry(arrival) {
            Entry::Occupied(mut before) => {
                let newest = version.max(*before.get());
                before.insert(newest);
            }
            Entry::Vacant(free) => {
                free.insert(version);
                self.queued.push_back((version, arrival));
            }
        }
        while self.versions.len() > Self::MOST
            && let Some(&(oldest, _)) = self.queued.front()
        {
            self.raise_floor(oldest);
        }
    }

    /// True if the answer about `arrival` to a call that began at `asked` must not be cached.
    pub(super) fn forbid(&self, arrival: Arrival, asked: Version) -> bool {
        asked < self.floor
            || self
                .versions
                .get(&arrival)
                .is_some_and(|&ended| asked < ended)
    }

    /// Forbids all answers to calls that began before `floor`, and removes the tombstones that
    /// forbid no more than that.
    pub(super) fn raise_floor(&mut self, floor: Version) {
        self.floor = self.floor.max(floor);
        while let Some((queued, arrival)) = self.queued.pop_front() {
            if queued > self.floor {
                self.queued.push_front((queued, arrival));
                break;
            }
            match self.versions.entry(arrival) {
                Entry::Occupied(again) if *again.get() > self.floor => {
                    self.queued.push_back((*again.get(), arrival));
                }
                Entry::Occupied(over) => {
                    over.remove();
                }
                Entry::Vacant(_) => {}
            }
        }
        self.shrink();
    }

    fn shrink(&mut self) {
        if is_sparse(self.versions.len(), self.versions.capacity()) {
            self.versions.shrink_to(self.versions.len() * 2);
        }
        if is_sparse(self.queued.len(), self.queued.capacity()) {
            self.queued.shrink_to(self.queued.len() * 2);
        }
    }

    /// The number of tombstones that fit without another allocation.
    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.versions.capacity().max(self.queued.capacity())
    }
}

/// When versions were issued, by this instance's clock.
#[derive(Debug, Default)]
pub(super) struct VersionAges(VecDeque<(Timestamp, Version)>);

impl VersionAges {
    /// How long tombstones are kept. Answers to calls that took longer are not cached.
    pub(super) const KEPT: SignedDuration = SignedDuration::from_secs(10);

    /// The shortest time between two recorded versions.
    const STEP: SignedDuration = SignedDuration::from_secs(1);

    /// Records that `version` is issued at `now`. Returns the newest recorded version that was
    /// issued at least [`VersionAges::KEPT`] ago. None if there is none that was not returned
    /// before.
    pub(super) fn note(&mut self, now: Timestamp, version: Version) -> Option<Version> {
        let newest = self.0.back().map(|&(at, _)| at);
        if newest.is_some_and(|newest| newest > now) {
            // The clock stepped back. The versions recorded before it did are older than `version`,
            // so they are old enough when `version` is.
            self.0.clear();
        }
        if newest.is_none_or(|newest| newest > now || now.duration_since(newest) >= Self::STEP) {
            self.0.push_back((now, version));
        }
        let mut old = None;
        while let Some(&(at, version)) = self.0.front()
            && now.duration_since(at) >= Self::KEPT
        {
            old = Some(version);
            self.0.pop_front();
        }
        old
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrival(micros: usize) -> Arrival {
        Arrival::from_micros(i64::try_from(micros).unwrap())
    }

    #[test]
    fn only_older_answers_about_the_same_arrival_are_forbidden() {
        let mut tombstones = Tombstones::default();
        tombstones.add(arrival(1), Version(5));
        assert!(tombstones.forbid(arrival(1), Version(4)));
        assert!(!tombstones.forbid(arrival(1), Version(5)));
        assert!(!tombstones.forbid(arrival(2), Version(0)));
    }

    #[test]
    fn the_newest_end_of_an_arrival_counts_and_outlives_a_floor_between() {
        let mut tombstones = Tombstones::default();
        tombstones.add(arrival(1), Version(5));
        tombstones.add(arrival(1), Version(9));
        tombstones.add(arrival(1), Version(7));
        tombstones.raise_floor(Version(6));
        assert!(tombstones.forbid(arrival(1), Version(8)));
        assert!(!tombstones.forbid(arrival(1), Version(9)));
    }

    #[test]
    fn below_the_floor_every_answer_is_forbidden_and_it_never_falls() {
        let mut tombstones = Tombstones::default();
        tombstones.raise_floor(Version(6));
        tombstones.raise_floor(Version(3));
        assert!(tombstones.forbid(arrival(1), Version(5)));
        assert!(!tombstones.forbid(arrival(1), Version(6)));
    }

    #[test]
    fn beyond_the_maximum_the_version_of_the_oldest_becomes_the_floor() {
        let mut tombstones = Tombstones::default();
        for number in 1..=Tombstones::MOST {
            tombstones.add(arrival(number), Version(number as u64));
        }
        assert!(!tombstones.forbid(arrival(0), Version(0)));
        let next = Tombstones::MOST + 1;
        tombstones.add(arrival(next), Version(next as u64));
        assert_eq!(tombstones.versions.len(), Tombstones::MOST);
        assert!(tombstones.forbid(arrival(0), Version(0)));
        assert!(!tombstones.forbid(arrival(0), Version(1)));
        assert!(tombstones.forbid(arrival(2), Version(1)));
    }

    #[test]
    fn an_arrival_that_ends_repeatedly_takes_one_entry() {
        let mut tombstones = Tombstones::default();
        for version in 1..=10_000 {
            tombstones.add(arrival(1), Version(version));
        }
        assert_eq!(tombstones.queued.len(), 1);
        assert!(!tombstones.forbid(arrival(2), Version(0)));
    }

    #[test]
    fn removed_tombstones_free_their_memory() {
        let mut tombstones = Tombstones::default();
        for number in 1..=4_000 {
            tombstones.add(arrival(number), Version(number as u64));
        }
        assert!(tombstones.capacity() >= 4_000);
        tombstones.raise_floor(Version(3_990));
        assert_eq!(
            (tombstones.versions.len(), tombstones.queued.len()),
            (10, 10)
        );
        assert!(tombstones.capacity() < 200, "{}", tombstones.capacity());
    }

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millisecond(millis).unwrap()
    }

    #[test]
    fn versions_are_old_ten_seconds_after_they_were_issued() {
        let mut ages = VersionAges::default();
        let old_versions: Vec<_> = (0..30)
            .map(|number| ages.note(at(500 * number), Version(number.unsigned_abs())))
            .collect();
        assert_eq!(old_versions[..20], [None; 20]);
        assert_eq!(
            old_versions[20..24],
            [Some(Version(0)), None, Some(Version(2)), None]
        );
        assert!(ages.0.len() <= 11);
    }

    #[test]
    fn a_clock_that_stepped_back_makes_no_version_old_too_early() {
        let mut ages = VersionAges::default();
        assert_eq!(ages.note(at(60_000), Version(1)), None);
        assert_eq!(ages.note(at(0), Version(2)), None);
        assert_eq!(ages.note(at(9_999), Version(3)), None);
        assert_eq!(ages.note(at(10_000), Version(4)), Some(Version(2)));
    }
}
