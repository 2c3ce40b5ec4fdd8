//! A slab: values in one allocation, each in up to `L` doubly linked lists.
//!
//! A list links indices of the slab, so taking a value out of its middle costs the same as taking
//! it from an end: no value is moved, no list searched and no memory allocated.

/// The index of a value, until it is removed. A later value may get the same index.
pub(crate) type Index = usize;

/// Values, with the links between them.
pub(crate) struct Slab<T, const L: usize> {
    slots: Vec<Slot<T, L>>,
    free: Vec<Index>,
}

struct Slot<T, const L: usize> {
    value: Option<T>,
    links: [Link; L],
}

#[derive(Clone, Copy, Default)]
struct Link {
    before: Option<Index>,
    after: Option<Index>,
}

/// The ends of a list whose links are in a slab. `chain` is the index of the link that it uses.
#[derive(Debug, Default)]
pub(crate) struct List {
    first: Option<Index>,
    last: Option<Index>,
    len: usize,
}

impl List {
    pub(crate) fn first(&self) -> Option<Index> {
        self.first
    }

    pub(crate) fn last(&self) -> Option<Index> {
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
    pub(crate) fn insert(&mut self, value: T) -> Index {
        let slot = Slot {
            value: Some(value),
            links: [Link::default(); L],
        };
        if let Some(index) = self.free.pop()
            && let Some(free) = self.slots.get_mut(index)
        {
            *free = slot;
            return index;
        }
        self.slots.push(slot);
        self.slots.len() - 1
    }

    /// Removes a value, which must be in no list.
    pub(crate) fn remove(&mut self, index: Index) -> Option<T> {
        let value = self.slots.get_mut(index)?.value.take()?;
        self.free.push(index);
        Some(value)
    }

    pub(crate) fn get(&self, index: Index) -> Option<&T> {
        self.slots.get(index)?.value.as_ref()
    }

    pub(crate) fn get_mut(&mut self, index: Index) -> Option<&mut T> {
        self.slots.get_mut(index)?.value.as_mut()
    }

    /// Appends a value to a list. The value must be in no other list of this `chain`.
    pub(crate) fn push_back(&mut self, list: &mut List, chain: usize, index: Index) {
        let before = list.last.replace(index);
        self.set_link(chain, index, |link| {
            *link = Link {
                before,
                after: None,
            };
        });
        match before {
            Some(before) => self.set_link(chain, before, |link| link.after = Some(index)),
            None => list.first = Some(index),
        }
        list.len += 1;
    }

    /// Removes a value from the list that it is in.
    pub(crate) fn unlink(&mut self, list: &mut List, chain: usize, index: Index) {
        let mut old = Link::default();
        self.set_link(chain, index, |link| old = std::mem::take(link));
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

    fn set_link(&mut self, chain: usize, index: Index, set: impl FnOnce(&mut Link)) {
        let link = self
            .slots
            .get_mut(index)
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

    fn all(slab: &Slab<u32, 2>, list: &List, chain: usize) -> VecDeque<Index> {
        let mut indices = VecDeque::new();
        let mut next = list.first();
        while let Some(index) = next {
            indices.push_back(index);
            next = slab.slots[index].links[chain].after;
        }
        assert_eq!(list.last(), indices.back().copied());
        assert_eq!(list.len(), indices.len());
        indices
    }

    proptest! {
        /// Each value is in both lists. In the second, values are in the order of the last touch.
        #[test]
        fn lists_keep_their_order_when_values_are_removed(
            steps in proptest::collection::vec((0_u8..3, 0_usize..16), 0..200),
        ) {
            let mut slab = Slab::<u32, 2>::with_capacity(4);
            let (mut arrivals, mut touches) = (List::default(), List::default());
            let (mut arrived, mut touched) = (VecDeque::new(), VecDeque::new());
            for (step, at) in steps {
                let chosen = (!arrived.is_empty()).then(|| arrived[at % arrived.len()]);
                match (step, chosen) {
                    (1, Some(index)) => {
                        slab.unlink(&mut arrivals, 0, index);
                        slab.unlink(&mut touches, 1, index);
                        prop_assert!(slab.remove(index).is_some());
                        prop_assert!(slab.get(index).is_none());
                        arrived.retain(|&other| other != index);
                        touched.retain(|&other| other != index);
                    }
                    (2, Some(index)) => {
                        slab.unlink(&mut touches, 1, index);
                        slab.push_back(&mut touches, 1, index);
                        touched.retain(|&other| other != index);
                        touched.push_back(index);
                    }
                    _ => {
                        let index = slab.insert(7);
                        slab.push_back(&mut arrivals, 0, index);
                        slab.push_back(&mut touches, 1, index);
                        arrived.push_back(index);
                        touched.push_back(index);
                    }
                }
                prop_assert_eq!(&all(&slab, &arrivals, 0), &arrived);
                prop_assert_eq!(&all(&slab, &touches, 1), &touched);
            }
        }
    }
}
