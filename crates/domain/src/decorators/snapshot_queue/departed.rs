//! Collects the ended places of a line for its follower.

use crate::model::queue::{Arrival, Departures};

/// The arrivals of places that ended since the last [`Departed::take`]: of users who left, as
/// snapshots show, and of places that ended through this instance. Nothing is kept before the first
/// call.
#[derive(Debug, Default)]
pub(super) struct Departed(Option<Departures>);

impl Departed {
    /// The maximum number of kept arrivals. If there are more, any user may have left.
    pub(super) const MAX: usize = 10_000;

    /// Adds ended places.
    pub(super) fn add(&mut self, arrivals: &[Arrival]) {
        let Some(Departures::These(kept)) = &mut self.0 else {
            return;
        };
        if kept.len() + arrivals.len() > Self::MAX {
            self.0 = Some(Departures::Unknown);
        } else {
            kept.extend_from_slice(arrivals);
        }
    }

    /// Records that a snapshot missed departures.
    pub(super) fn miss(&mut self) {
        if self.0.is_some() {
            self.0 = Some(Departures::Unknown);
        }
    }

    /// Returns the places that ended since the last call.
    pub(super) fn take(&mut self) -> Departures {
        let none = Departures::These(Vec::new());
        self.0.replace(none).unwrap_or(Departures::Unknown)
    }

    /// Keeps nothing until the next [`Departed::take`].
    pub(super) fn stop(&mut self) {
        self.0 = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrivals(count: usize) -> Vec<Arrival> {
        let count = i64::try_from(count).unwrap();
        (0..count).map(Arrival::from_micros).collect()
    }

    #[test]
    fn departures_are_returned_once_and_kept_only_for_a_follower() {
        let mut departed = Departed::default();
        departed.add(&arrivals(2));
        assert_eq!(departed.take(), Departures::Unknown, "no follower before");
        departed.add(&arrivals(2));
        departed.add(&arrivals(1));
        assert_eq!(
            departed.take(),
            Departures::These([arrivals(2), arrivals(1)].concat())
        );
        assert_eq!(departed.take(), Departures::These(Vec::new()));
        departed.stop();
        departed.add(&arrivals(2));
        assert_eq!(departed.take(), Departures::Unknown);
    }

    #[test]
    fn too_many_or_missed_departures_are_unknown() {
        let mut departed = Departed::default();
        departed.take();
        departed.add(&arrivals(Departed::MAX));
        departed.add(&arrivals(1));
        assert_eq!(departed.take(), Departures::Unknown);
        departed.miss();
        departed.add(&arrivals(1));
        assert_eq!(departed.take(), Departures::Unknown);
        assert_eq!(departed.take(), Departures::These(Vec::new()));
    }
}
