//! The set compared with a sorted list.

use proptest::prelude::*;

use super::*;

/// Asserts that the set gives the same answers as a sorted list.
fn assert_same(ranked: &OrderStatisticSet<u32>, naive: &[u32]) {
    assert_eq!(ranked.len(), naive.len());
    assert_eq!(ranked.first(), naive.first());
    for probe in (0..1_000).step_by(37) {
        let rank = naive.iter().filter(|&&key| key < probe).count();
        assert_eq!(ranked.count_while(|&key| key < probe), rank);
    }
    assert_sound(&ranked.root, None);
}

/// Asserts counts, order and bounds of a subtree, whose keys must all be greater than `above`.
fn assert_sound(node: &Node<u32>, above: Option<u32>) -> usize {
    match node {
        Node::Leaf(keys) => {
            assert!(keys.len() <= WIDTH && keys.is_sorted());
            assert!(keys.first().copied() > above || keys.is_empty());
            keys.len()
        }
        Node::Branch(children) => {
            assert!((1..=WIDTH).contains(&children.len()));
            let mut above = above;
            let mut len = 0;
            for child in children {
                assert_eq!(assert_sound(&child.node, above), child.len);
                assert!(child.node.last().unwrap() <= &child.last);
                above = Some(child.last);
                len += child.len;
            }
            len
        }
    }
}

proptest! {
    #[test]
    fn ranks_are_those_of_a_sorted_list(
        changes in prop::collection::vec((any::<bool>(), 0_u32..1_000), 0..3_000)
    ) {
        let mut ranked = OrderStatisticSet::default();
        let mut naive: Vec<u32> = Vec::new();
        for (add, key) in changes {
            match (add, naive.binary_search(&key)) {
                (true, found) => {
                    prop_assert_eq!(ranked.insert(key), found.is_err());
                    if let Err(at) = found {
                        naive.insert(at, key);
                    }
                }
                (false, found) => {
                    prop_assert_eq!(ranked.take(&key), found.ok().map(|at| naive.remove(at)));
                }
            }
        }
        assert_same(&ranked, &naive);
    }
}

#[test]
fn keys_are_added_at_the_tail_and_taken_from_the_head() {
    let mut ranked = OrderStatisticSet::default();
    let mut naive = Vec::new();
    for key in 0..20_000 {
        assert!(ranked.insert(key));
        naive.push(key);
    }
    assert_same(&ranked, &naive);
    for key in 0..19_000 {
        assert_eq!(ranked.first(), Some(&key));
        assert_eq!(ranked.take(&key), Some(key));
    }
    assert_same(&ranked, &naive[19_000..]);
    for key in 19_000..20_000 {
        assert_eq!(ranked.take(&key), Some(key));
    }
    assert_same(&ranked, &[]);
}

#[test]
fn sparse_nodes_are_merged() {
    let mut ranked = OrderStatisticSet::default();
    for key in 0..100_000_u32 {
        ranked.insert(key);
    }
    for key in (0..100_000).filter(|key| key % 500 != 0) {
        ranked.take(&key);
    }
    assert_eq!(ranked.len(), 200);
    let Node::Branch(children) = &ranked.root else {
        panic!("200 keys do not fit into one leaf");
    };
    assert!(children.len() < 20);
}
