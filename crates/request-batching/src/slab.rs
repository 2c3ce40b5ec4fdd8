//! A slab: values in one allocation, each in up to `L` doubly linked lists.
//!
//! A list links places of the slab, so taking a value out of its middle costs the same as taking it
//! from an end: no value is moved, no list searched and no memory allocated.

/// The index of a value, until it is removed. A later value may get the same index.
pub(crate) type Place = usize;

/// Values, with the links between them.
pub(crate) struct Slab<T, const L: usize> {
    slots: Vec<Slot<T, L>>,
    free: Vec<Place>,
}

struct Slot<T, const L: usize> {
    value: Option<T>,
    links: [Link; L],
}

#[derive(Clone, Copy, Default)]
struct Link {
    before: Option<Place>,
    after: Option<Place>,
}

/// The ends of a list whose links are in a slab. `chain` says which of the `L` links it uses.
#[derive(Debug, Default)]
pub(crate) struct List {
    first: Option<Place>,
    last: Option<Place>,
    len: usize,
}

impl List {
    pub(crate) fn first(&self) -> Option<Place> {
        self.first
    }

    pub(crate) fn last(&self) -> Option<Place> {
        self.last
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }
}

impl<T, const L: usize> Slab<T, L> {
    /// Creates a slab that holds `capacity` values before it grows.
    pub(crate) fn with_capacity(capacity: usize) -> Self {
        Self {
            slots: Vec::with_capacity(capacity),
            free: Vec::new(),
        }
    }

    /// Adds a value that is in no list.
    pub(crate) fn insert(&mut self, value: T) -> Place {
        let slot = Slot {
            value: Some(value),
            links: [Link::default(); L],
        };
        if let Some(place) = self.free.pop()
            && let Some(free) = self.slots.get_mut(place)
        {
            *free = slot;
            return place;
        }
        self.slots.push(slot);
        self.slots.len() - 1
    }

    /// Removes a value, which must be in no list.
    pub(crate) fn remove(&mut self, place: Place) -> Option<T> {
        let value = self.slots.get_mut(place)?.value.take()?;
        self.free.push(place);
        Some(value)
    }

    pub(crate) fn get(&self, place: Place) -> Option<&T> {
        self.slots.get(place)?.value.as_ref()
    }

    pub(crate) fn get_mut(&mut self, place: Place) -> Option<&mut T> {
        self.slots.get_mut(place)?.value.as_mut()
    }

    /// Appends a value to a list. The value must be in no other list of this `chain`.
    pub(crate) fn push_back(&mut self, list: &mut List, chain: usize, place: Place) {
        let before = list.last.replace(place);
        self.set_link(chain, place, |link| {
            *link = Link {
                before,
                after: None,
            };
        });
        match before {
            Some(before) => self.set_link(chain, before, |link| link.after = Some(place)),
            None => list.first = Some(place),
        }
        list.len += 1;
    }

    /// Removes a value from the list that it is in.
    pub(crate) fn unlink(&mut self, list: &mut List, chain: usize, place: Place) {
        let mut old = Link::default();
        self.set_link(chain, place, |link| old = std::mem::take(link));
        match old.before {
            Some(before) => self.set_link(chain, before, |link| link.after = old.after),
            None => list.first = old.after,
        }
        match old.after {
            Some(after) => self.set_link(chain, after, |link| link.before = old.before),
            None => list.last = old.before,
        }
        list.len -= 1;
    }

    fn set_link(&mut self, chain: usize, place: Place, set: impl FnOnce(&mut Link)) {
        let link = self
            .slots
            .get_mut(place)
            .and_then(|slot| slot.links.get_mut(chain));
        if let Some(link) = link {
            set(link);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use proptest::prelude::*;

    use super::*;

    fn all(slab: &Slab<u32, 2>, list: &List, chain: usize) -> VecDeque<Place> {
        let mut places = VecDeque::new();
        let mut next = list.first();
        while let Some(place) = next {
            places.push_back(place);
            next = slab.slots[place].links[chain].after;
        }
        assert_eq!(list.last(), places.back().copied());
        assert_eq!(list.len(), places.len());
        places
    }

    proptest! {
        /// Each value is in both lists; in the second, in the order of the last touch.
        #[test]
        fn lists_keep_their_order_whatever_leaves_them(
            steps in proptest::collection::vec((0_u8..3, 0_usize..16), 0..200),
        ) {
            let mut slab = Slab::<u32, 2>::with_capacity(4);
            let (mut arrivals, mut touches) = (List::default(), List::default());
            let (mut arrived, mut touched) = (VecDeque::new(), VecDeque::new());
            for (step, at) in steps {
                let chosen = (!arrived.is_empty()).then(|| arrived[at % arrived.len()]);
                match (step, chosen) {
                    (1, Some(place)) => {
                        slab.unlink(&mut arrivals, 0, place);
                        slab.unlink(&mut touches, 1, place);
                        prop_assert!(slab.remove(place).is_some());
                        prop_assert!(slab.get(place).is_none());
                        arrived.retain(|&other| other != place);
                        touched.retain(|&other| other != place);
                    }
                    (2, Some(place)) => {
                        slab.unlink(&mut touches, 1, place);
                        slab.push_back(&mut touches, 1, place);
                        touched.retain(|&other| other != place);
                        touched.push_back(place);
                    }
                    _ => {
                        let place = slab.insert(7);
                        slab.push_back(&mut arrivals, 0, place);
                        slab.push_back(&mut touches, 1, place);
                        arrived.push_back(place);
                        touched.push_back(place);
                    }
                }
                prop_assert_eq!(&all(&slab, &arrivals, 0), &arrived);
                prop_assert_eq!(&all(&slab, &touches, 1), &touched);
            }
        }
    }
}
