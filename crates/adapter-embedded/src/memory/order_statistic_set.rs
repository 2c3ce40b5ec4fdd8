//! An ordered set that returns the number of keys before a given one.

/// Maximum number of keys in a leaf, and of children of a branch. Small enough to shift in well
/// under a microsecond, large enough for 1,000,000 keys to lie four levels deep.
const WIDTH: usize = 64;

/// An ordered set of distinct keys: a B-tree whose branches store the number of keys below each
/// child.
///
/// Every operation costs the logarithm of its size. Keys that are added in ascending order fill its
/// leaves completely, and an empty set owns no memory.
#[derive(Debug)]
pub(super) struct OrderStatisticSet<K> {
    len: usize,
    root: Node<K>,
}

#[derive(Debug)]
enum Node<K> {
    Leaf(Vec<K>),
    Branch(Vec<Child<K>>),
}

#[derive(Debug)]
struct Child<K> {
    /// No key of this child is greater, and every key of the next child is greater. It may have
    /// been removed as a key.
    last: K,
    len: usize,
    node: Node<K>,
}

impl<K> Default for OrderStatisticSet<K> {
    fn default() -> Self {
        Self {
            len: 0,
            root: Node::Leaf(Vec::new()),
        }
    }
}

impl<K: Ord + Clone> OrderStatisticSet<K> {
    /// Returns the number of keys.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Returns the least key.
    pub(super) fn first(&self) -> Option<&K> {
        let mut node = &self.root;
        loop {
            match node {
                Node::Leaf(keys) => return keys.first(),
                Node::Branch(children) => node = &children.first()?.node,
            }
        }
    }

    /// Returns the key at this rank, from 0. None if the set is too small.
    pub(super) fn get(&self, mut rank: usize) -> Option<&K> {
        let mut node = &self.root;
        loop {
            match node {
                Node::Leaf(keys) => return keys.get(rank),
                Node::Branch(children) => {
                    let mut children = children.iter();
                    node = loop {
                        let child = children.next()?;
                        if rank < child.len {
                            break &child.node;
                        }
                        rank -= child.len;
                    };
                }
            }
        }
    }

    /// Returns the number of keys that satisfy `holds`, which must hold for all keys up to some
    /// point and for none after it.
    pub(super) fn count_while(&self, holds: impl Fn(&K) -> bool) -> usize {
        let mut node = &self.root;
        let mut before = 0;
        loop {
            match node {
                Node::Leaf(keys) => return before + keys.partition_point(&holds),
                Node::Branch(children) => {
                    let at = children.partition_point(|child| holds(&child.last));
                    before += children
                        .iter()
                        .take(at)
                        .map(|child| child.len)
                        .sum::<usize>();
                    match children.get(at) {
                        Some(child) => node = &child.node,
                        None => return before,
                    }
                }
            }
        }
    }

    /// Adds `key`. Returns false if it was there already.
    pub(super) fn insert(&mut self, key: K) -> bool {
        let (added, split_off) = self.root.insert(key);
        if let Some(right) = split_off.and_then(Child::of) {
            let left = std::mem::replace(&mut self.root, Node::Leaf(Vec::new()));
            self.root = Node::Branch(Child::of(left).into_iter().chain([right]).collect());
        }
        self.len += usize::from(added);
        added
    }

    /// Removes `key` and returns the one that was in the set.
    pub(super) fn take(&mut self, key: &K) -> Option<K> {
        let taken = self.root.take(key)?;
        self.len -= 1;
        self.lower_root();
        Some(taken)
    }

    /// Changes every key. The change must keep them distinct and in order.
    pub(super) fn change_in_order(&mut self, mut change: impl FnMut(&mut K)) {
        self.root.change(&mut change);
    }

    /// Drops root levels with a single child.
    fn lower_root(&mut self) {
        while let Node::Branch(children) = &mut self.root {
            match children.len() {
                0 => self.root = Node::Leaf(Vec::new()),
                1 => {
                    if let Some(only) = children.pop() {
                        self.root = only.node;
                    }
                }
                _ => break,
            }
        }
    }
}

impl<K: Ord + Clone> Node<K> {
    /// Adds `key`. Returns whether it was new, and the right part of this node if it had to be
    /// split.
    fn insert(&mut self, key: K) -> (bool, Option<Self>) {
        match self {
            Self::Leaf(keys) => {
                let Err(at) = keys.binary_search(&key) else {
                    return (false, None);
                };
                (true, insert_splitting(keys, at, key).map(Self::Leaf))
            }
            Self::Branch(children) => {
                let at = children
                    .partition_point(|child| child.last < key)
                    .min(children.len().saturating_sub(1));
                let Some(child) = children.get_mut(at) else {
                    return (false, None);
                };
                let (added, split_off) = child.insert(key);
                let too_wide = split_off
                    .and_then(|right| insert_splitting(children, at + 1, right))
                    .map(Self::Branch);
                (added, too_wide)
            }
        }
    }

    fn take(&mut self, key: &K) -> Option<K> {
        match self {
            Self::Leaf(keys) => {
                let at = keys.binary_search(key).ok()?;
                Some(keys.remove(at))
            }
            Self::Branch(children) => {
                let at = children.partition_point(|child| child.last < *key);
                let child = children.get_mut(at)?;
                let taken = child.node.take(key)?;
                child.len -= 1;
                if child.len == 0 {
                    children.remove(at);
                } else if child.node.width() < WIDTH / 2 {
                    merge_with_next(children, at);
                    merge_with_next(children, at.saturating_sub(1));
                }
                Some(taken)
            }
        }
    }

    fn width(&self) -> usize {
        match self {
            Self::Leaf(keys) => keys.len(),
            Self::Branch(children) => children.len(),
        }
    }
}

impl<K: Ord + Clone> Child<K> {
    /// Makes a child of this node. None if it is empty.
    fn of(node: Node<K>) -> Option<Self> {
        let (last, len) = match &node {
            Node::Leaf(keys) => (keys.last()?.clone(), keys.len()),
            Node::Branch(children) => (
                children.last()?.last.clone(),
                children.iter().map(|child| child.len).sum(),
            ),
        };
        Some(Self { last, len, node })
    }

    /// Adds `key`. Returns whether it was new, and the part that this child had to split off.
    fn insert(&mut self, key: K) -> (bool, Option<Self>) {
        if self.last < key {
            self.last = key.clone();
        }
        let (added, split_off) = self.node.insert(key);
        self.len += usize::from(added);
        let right = split_off.and_then(Self::of);
        if let Some(right) = &right {
            self.len -= right.len;
            if let Some(last) = self.node.last() {
                self.last = last.clone();
            }
        }
        (added, right)
    }
}

impl<K> Node<K> {
    fn change(&mut self, change: &mut impl FnMut(&mut K)) {
        match self {
            Self::Leaf(keys) => keys.iter_mut().for_each(change),
            Self::Branch(children) => {
                for child in children {
                    change(&mut child.last);
                    child.node.change(change);
                }
            }
        }
    }

    fn last(&self) -> Option<&K> {
        match self {
            Self::Leaf(keys) => keys.last(),
            Self::Branch(children) => children.last().map(|child| &child.last),
        }
    }
}

/// Inserts `item` at `at`. If that makes the list too wide, returns its right part: half of it, or
/// at its very end the new item alone, so that ascending keys leave full nodes behind.
fn insert_splitting<T>(items: &mut Vec<T>, at: usize, item: T) -> Option<Vec<T>> {
    if items.len() < WIDTH {
        items.insert(at, item);
        return None;
    }
    if at >= items.len() {
        return Some(vec![item]);
    }
    let mut right = items.split_off(WIDTH / 2);
    match at.checked_sub(items.len()) {
        Some(at) => right.insert(at, item),
        None => items.insert(at, item),
    }
    Some(right)
}

/// Merges the child at `at` with the next, if they are small enough together that the next key does
/// not split them again.
fn merge_with_next<K>(children: &mut Vec<Child<K>>, at: usize) {
    let Some([left, right]) = children.get_mut(at..at + 2) else {
        return;
    };
    match (&mut left.node, &mut right.node) {
        (Node::Leaf(left), Node::Leaf(right)) if left.len() + right.len() <= WIDTH / 2 => {
            left.append(right);
        }
        (Node::Branch(left), Node::Branch(right)) if left.len() + right.len() <= WIDTH / 2 => {
            left.append(right);
        }
        _ => return,
    }
    left.len += right.len;
    // `remove` returns the emptied right child, whose bound the left one takes over.
    let right = children.remove(at + 1);
    if let Some(left) = children.get_mut(at) {
        left.last = right.last;
    }
}

#[cfg(test)]
mod tests;
