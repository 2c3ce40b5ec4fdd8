//! The departures of a line.

use std::collections::VecDeque;

use frontrow_domain::model::queue::{Arrival, DepartureCursor, Departures, Generation};

/// The latest departures of a line, by arrival.
#[derive(Debug, Default)]
pub(super) struct DepartureLog {
    /// Number of all departures.
    total: u64,
    /// The arrivals of the latest departures.
    last: VecDeque<Arrival>,
}

impl DepartureLog {
    /// Records the departure of the user who arrived at `arrival`.
    pub(super) fn record(&mut self, arrival: Arrival) {
        if self.last.len() == Departures::REMEMBERED {
            self.last.pop_front();
        }
        self.last.push_back(arrival);
        self.total += 1;
    }

    /// Returns the number of all departures, and the arrivals of the latest of them.
    pub(super) fn parts(&self) -> (u64, impl Iterator<Item = Arrival>) {
        (self.total, self.last.iter().copied())
    }

    /// Creates the record from its [`parts`](Self::parts). None if they contradict each other.
    pub(super) fn of_parts(total: u64, last: VecDeque<Arrival>) -> Option<Self> {
        let known = last.len() <= Departures::REMEMBERED && last.len() as u64 <= total;
        known.then_some(Self { total, last })
    }

    /// Returns the cursor at the end of the record in this generation.
    pub(super) fn mark(&self, generation: Generation) -> DepartureCursor {
        DepartureCursor {
            generation,
            number: self.total,
        }
    }

    /// Returns the departures since `mark`, in this generation.
    pub(super) fn since(
        &self,
        mark: Option<DepartureCursor>,
        generation: Generation,
    ) -> Departures {
        mark.filter(|mark| mark.generation == generation)
            .and_then(|mark| usize::try_from(self.total.checked_sub(mark.number)?).ok())
            .and_then(|count| self.last.len().checked_sub(count))
            .map_or(Departures::Unknown, |known| {
                Departures::These(self.last.iter().skip(known).copied().collect())
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Generation = Generation(2);

    fn since(departures: &DepartureLog, number: u64) -> Departures {
        let generation = NOW;
        departures.since(Some(DepartureCursor { generation, number }), NOW)
    }

    #[test]
    fn the_log_keeps_the_latest_departures_and_older_ones_are_unknown() {
        let mut departures = DepartureLog::default();
        let first = Arrival::from_micros(1);
        departures.record(first);
        assert_eq!(since(&departures, 0), Departures::These(vec![first]));
        let most = i64::try_from(Departures::REMEMBERED).unwrap();
        for micros in 2..=most + 1 {
            departures.record(Arrival::from_micros(micros));
        }
        assert_eq!(since(&departures, 0), Departures::Unknown);
        let Departures::These(known) = since(&departures, 1) else {
            panic!("the latest are known");
        };
        assert_eq!(known.len(), Departures::REMEMBERED);
        assert_eq!(departures.last.len(), Departures::REMEMBERED);
        let end = departures.mark(NOW);
        assert_eq!(
            departures.since(Some(end), NOW),
            Departures::These(Vec::new())
        );
    }

    #[test]
    fn departures_since_an_invalid_cursor_are_unknown() {
        let departures = DepartureLog::default();
        assert_eq!(departures.since(None, NOW), Departures::Unknown);
        assert_eq!(since(&departures, 1), Departures::Unknown);
        assert_eq!(
            departures.since(Some(departures.mark(NOW)), Generation(1)),
            Departures::Unknown
        );
    }
}
