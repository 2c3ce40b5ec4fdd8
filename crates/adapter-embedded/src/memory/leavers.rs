//! Who has left a line of late.

use std::collections::VecDeque;

use frontrow_domain::model::queue::{Arrival, Generation, Left, LineMark};

/// The arrivals of the last who left a line by their own will.
#[derive(Debug, Default)]
pub(super) struct Leavers {
    /// How many have left in all.
    total: u64,
    /// The last of them.
    last: VecDeque<Arrival>,
}

impl Leavers {
    /// Notes that who arrived at `arrival` has left.
    pub(super) fn note(&mut self, arrival: Arrival) {
        if self.last.len() == Left::REMEMBERED {
            self.last.pop_front();
        }
        self.last.push_back(arrival);
        self.total += 1;
    }

    /// Where the record stands in this life of the store.
    pub(super) fn mark(&self, generation: Generation) -> LineMark {
        LineMark {
            generation,
            number: self.total,
        }
    }

    /// Who has left since `mark`, in this life of the store.
    pub(super) fn since(&self, mark: Option<LineMark>, generation: Generation) -> Left {
        mark.filter(|mark| mark.generation == generation)
            .and_then(|mark| usize::try_from(self.total.checked_sub(mark.number)?).ok())
            .and_then(|count| self.last.len().checked_sub(count))
            .map_or(Left::Anybody, |known| {
                Left::These(self.last.iter().skip(known).copied().collect())
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Generation = Generation(2);

    fn since(leavers: &Leavers, number: u64) -> Left {
        let generation = NOW;
        leavers.since(Some(LineMark { generation, number }), NOW)
    }

    #[test]
    fn it_remembers_so_many_and_admits_to_have_forgotten_the_others() {
        let mut leavers = Leavers::default();
        let first = Arrival::from_micros(1);
        leavers.note(first);
        assert_eq!(since(&leavers, 0), Left::These(vec![first]));
        let most = i64::try_from(Left::REMEMBERED).unwrap();
        for micros in 2..=most + 1 {
            leavers.note(Arrival::from_micros(micros));
        }
        assert_eq!(since(&leavers, 0), Left::Anybody);
        let Left::These(known) = since(&leavers, 1) else {
            panic!("the last are remembered");
        };
        assert_eq!(known.len(), Left::REMEMBERED);
        assert_eq!(leavers.last.len(), Left::REMEMBERED);
        let end = leavers.mark(NOW);
        assert_eq!(leavers.since(Some(end), NOW), Left::These(Vec::new()));
    }

    #[test]
    fn what_it_cannot_know_may_be_anybody() {
        let leavers = Leavers::default();
        assert_eq!(leavers.since(None, NOW), Left::Anybody);
        assert_eq!(since(&leavers, 1), Left::Anybody);
        assert_eq!(
            leavers.since(Some(leavers.mark(NOW)), Generation(1)),
            Left::Anybody
        );
    }
}
