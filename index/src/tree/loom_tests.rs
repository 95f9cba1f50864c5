//! Small models under weak memory orders: publication, freeze, split and merge of leaves.
//!
//! `RUSTFLAGS="--cfg loom" cargo test -p manicule-index --release --lib loom_`
//!
//! The collector is not part of the models: it only ever delays.

use loom::sync::Arc;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;

use super::WordTreeIndex;
use super::node::Leaf;
use super::plan::Bottom;
use super::store::Words;
use crate::guard::pin;

type Tree = WordTreeIndex<u64, u64, 4>;

/// Explores `model` with at most two preemptions, or as many as `LOOM_MAX_PREEMPTIONS` says.
fn explore(model: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = builder.preemption_bound.or(Some(2));
    builder.max_branches = 20_000;
    builder.check(model);
}

/// A tree of these keys, each its own value.
fn tree(keys: impl IntoIterator<Item = u64>) -> Arc<Tree> {
    let tree = Arc::new(Tree::new_model());
    keys.into_iter().for_each(|key| assert_eq!(tree.insert(key, key, &pin()), None));
    tree
}

impl Tree {
    fn new_model() -> Self {
        Self::with_order()
    }

    fn keys(&self) -> Vec<u64> {
        self.iter(&pin())
            .map(|(key, value)| {
                assert!(value == key || value == key + 100);
                key
            })
            .collect()
    }

    fn keys_rev(&self) -> Vec<u64> {
        self.range_rev::<u64, _>(.., &pin()).map(|(key, _)| key).collect()
    }
}

#[test]
fn an_insertion_is_seen_whole_or_not_at_all() {
    explore(|| {
        let tree = tree([10]);
        let writer = {
            let tree = tree.clone();
            thread::spawn(move || assert_eq!(tree.insert(20, 20, &pin()), None))
        };
        assert_eq!(tree.get(&10, &pin()), Some(10));
        assert!(matches!(tree.get(&20, &pin()), None | Some(20)));
        assert!(matches!(tree.keys()[..], [10] | [10, 20]));
        writer.join().unwrap();
        assert_eq!(tree.keys(), [10, 20]);
    });
}

#[test]
fn two_insertions_into_one_leaf_both_last() {
    explore(|| {
        let tree = tree([10]);
        let writer = {
            let tree = tree.clone();
            thread::spawn(move || assert_eq!(tree.insert(20, 20, &pin()), None))
        };
        assert_eq!(tree.insert(5, 5, &pin()), None);
        writer.join().unwrap();
        assert_eq!(tree.keys(), [5, 10, 20]);
    });
}

#[test]
fn one_of_two_insertions_of_a_key_is_the_first() {
    explore(|| {
        let tree = tree([10, 20]);
        let writer = {
            let tree = tree.clone();
            thread::spawn(move || tree.try_insert(15, 15, &pin()).is_ok())
        };
        let mine = tree.try_insert(15, 115, &pin()).is_ok();
        let others = writer.join().unwrap();
        assert!(mine != others);
        assert_eq!(tree.get(&15, &pin()), Some(if mine { 115 } else { 15 }));
    });
}

#[test]
fn readers_miss_nothing_while_a_leaf_splits() {
    explore(|| {
        let tree = tree([10, 20, 30]);
        let writer = {
            let tree = tree.clone();
            thread::spawn(move || assert_eq!(tree.insert(15, 15, &pin()), None))
        };
        assert_eq!(tree.get(&20, &pin()), Some(20));
        assert!(matches!(tree.keys()[..], [10, 20, 30] | [10, 15, 20, 30]));
        writer.join().unwrap();
        assert_eq!(tree.keys_rev(), [30, 20, 15, 10]);
    });
}

#[test]
fn backward_scans_miss_nothing_while_a_leaf_splits() {
    explore(|| {
        let tree = tree([10, 20, 30]);
        let writer = {
            let tree = tree.clone();
            thread::spawn(move || assert_eq!(tree.insert(25, 25, &pin()), None))
        };
        assert!(matches!(tree.keys_rev()[..], [30, 20, 10] | [30, 25, 20, 10]));
        writer.join().unwrap();
    });
}

#[test]
fn an_update_survives_a_split_of_its_leaf() {
    explore(|| {
        let tree = tree([10, 20, 30]);
        let writer = {
            let tree = tree.clone();
            thread::spawn(move || assert_eq!(tree.insert(15, 15, &pin()), None))
        };
        assert_eq!(tree.insert(20, 120, &pin()), Some(20));
        writer.join().unwrap();
        assert_eq!(tree.get(&20, &pin()), Some(120));
        assert_eq!(tree.keys(), [10, 15, 20, 30]);
    });
}

#[test]
fn two_splits_of_one_leaf_keep_both_entries() {
    explore(|| {
        let tree = tree([10, 20, 30]);
        let writer = {
            let tree = tree.clone();
            thread::spawn(move || assert_eq!(tree.insert(15, 15, &pin()), None))
        };
        assert_eq!(tree.insert(25, 25, &pin()), None);
        writer.join().unwrap();
        assert_eq!(tree.keys(), [10, 15, 20, 25, 30]);
    });
}

#[test]
fn an_append_beside_a_removal_keeps_the_rest() {
    explore(|| {
        let tree = tree([10, 20, 30]);
        let writer = {
            let tree = tree.clone();
            thread::spawn(move || assert_eq!(tree.insert(40, 40, &pin()), None))
        };
        assert_eq!(tree.remove(&20, &pin()), Some(20));
        assert_eq!(tree.get(&30, &pin()), Some(30));
        writer.join().unwrap();
        assert_eq!(tree.keys(), [10, 30, 40]);
    });
}

#[test]
fn an_appended_group_is_seen_whole_or_not_at_all() {
    explore(|| {
        let tree = tree([10, 20]);
        let writer = {
            let tree = tree.clone();
            thread::spawn(move || tree.append_sorted((3..8).map(|key| (10 * key, 10 * key)), &pin()))
        };
        let last = tree.get(&70, &pin());
        assert!(last.is_none() || tree.get(&30, &pin()) == Some(30));
        assert!(matches!(tree.keys()[..], [10, 20] | [10, 20, 30, 40, 50, 60, 70]));
        writer.join().unwrap();
        assert_eq!(tree.keys_rev(), [70, 60, 50, 40, 30, 20, 10]);
    });
}

#[test]
fn an_insertion_beside_an_append_is_not_lost() {
    explore(|| {
        let tree = tree([10, 20, 30]);
        let writer = {
            let tree = tree.clone();
            thread::spawn(move || tree.append_sorted((4..8).map(|key| (10 * key, 10 * key)), &pin()))
        };
        assert_eq!(tree.insert(45, 45, &pin()), None);
        writer.join().unwrap();
        assert_eq!(tree.keys(), [10, 20, 30, 40, 45, 50, 60, 70]);
    });
}

#[test]
fn readers_miss_nothing_while_leaves_merge() {
    explore(|| {
        let tree = tree([10, 20, 30, 15]);
        assert_eq!(tree.remove(&15, &pin()), Some(15));
        let writer = {
            let tree = tree.clone();
            thread::spawn(move || assert_eq!(tree.remove(&20, &pin()), Some(20)))
        };
        assert_eq!(tree.get(&30, &pin()), Some(30));
        assert!(matches!(tree.keys()[..], [10, 20, 30] | [10, 30]));
        writer.join().unwrap();
        assert_eq!(tree.keys(), [10, 30]);
    });
}

#[test]
fn an_insertion_beside_a_merge_is_not_lost() {
    explore(|| {
        let tree = tree([10, 20, 30, 15]);
        assert_eq!(tree.remove(&15, &pin()), Some(15));
        let writer = {
            let tree = tree.clone();
            thread::spawn(move || assert_eq!(tree.remove(&20, &pin()), Some(20)))
        };
        assert_eq!(tree.insert(12, 12, &pin()), None);
        writer.join().unwrap();
        assert_eq!(tree.keys(), [10, 12, 30]);
    });
}

#[test]
fn nothing_is_lost_while_nodes_move() {
    explore(|| {
        let tree = tree([10, 20, 30, 15, 16]);
        let writer = {
            let tree = tree.clone();
            // Moves both leaves and the node above them.
            thread::spawn(move || assert_eq!(tree.remove(&16, &pin()), Some(16)))
        };
        assert_eq!(tree.insert(25, 25, &pin()), None);
        assert!(matches!(tree.keys()[..], [10, 15, 20, 25, 30] | [10, 15, 16, 20, 25, 30]));
        writer.join().unwrap();
        assert_eq!(tree.keys_rev(), [30, 25, 20, 15, 10]);
    });
}

#[test]
fn the_first_two_insertions_plant_one_tree() {
    explore(|| {
        let tree = tree([]);
        let writer = {
            let tree = tree.clone();
            thread::spawn(move || assert_eq!(tree.insert(1, 1, &pin()), None))
        };
        assert_eq!(tree.insert(2, 2, &pin()), None);
        writer.join().unwrap();
        assert_eq!((tree.keys(), tree.len()), (vec![1, 2], 2));
    });
}

/// Runs both at once, with a number that they share. Neither on the model's first thread: loom finds next to no interleavings with
/// that one's loads.
fn race(
    tree: Arc<Tree>,
    left: impl FnOnce(&Tree, &AtomicUsize) + Send + 'static,
    right: impl FnOnce(&Tree, &AtomicUsize) + Send + 'static,
) {
    let shared = Arc::new((tree, AtomicUsize::new(0)));
    let for_left = shared.clone();
    let left = thread::spawn(move || left(&for_left.0, &for_left.1));
    let right = thread::spawn(move || right(&shared.0, &shared.1));
    left.join().unwrap();
    right.join().unwrap();
}

#[test]
fn who_finds_an_entry_sees_what_came_before_it() {
    for key in [10, 20] {
        explore(move || {
            race(
                tree([10]),
                move |tree, data| {
                    data.store(110, Ordering::Relaxed);
                    tree.insert(key, 110, &pin());
                },
                move |tree, data| {
                    if tree.get(&key, &pin()) == Some(110) {
                        assert_eq!(data.load(Ordering::Relaxed), 110);
                    }
                },
            );
        });
    }
}

/// So a key can be a lock: whoever can insert it has it.
#[test]
fn who_inserts_after_a_removal_sees_what_came_before_it() {
    explore(|| {
        race(
            tree([10]),
            |tree, data| {
                data.store(1, Ordering::Relaxed);
                assert_eq!(tree.remove(&10, &pin()), Some(10));
            },
            |tree, data| {
                if tree.try_insert(10, 110, &pin()).is_ok() {
                    assert_eq!(data.load(Ordering::Relaxed), 1);
                }
            },
        );
    });
}

#[test]
fn a_leaf_that_is_rewritten_beside_a_split_of_its_neighbour_is_not_lost() {
    explore(|| {
        // The second leaf is full; the first has one entry, and no slot that was never used.
        let tree = tree([10, 20, 30, 40, 50, 60]);
        tree.insert(10, 110, &pin());
        tree.remove(&20, &pin());
        tree.insert(10, 10, &pin());
        tree.remove(&30, &pin());
        let writer = {
            let tree = tree.clone();
            thread::spawn(move || assert_eq!(tree.insert(15, 15, &pin()), None))
        };
        assert_eq!(tree.insert(70, 70, &pin()), None);
        writer.join().unwrap();
        assert_eq!(tree.keys(), [10, 15, 40, 50, 60, 70]);
    });
}

#[test]
fn a_leaf_that_was_frozen_in_vain_is_as_before() {
    type Leaves = [Leaf<Words<u64, u64>>; 2];
    /// The change of the second leaf is what makes freezing both fail.
    fn write(leaves: &Leaves) {
        leaves.iter().for_each(|leaf| _ = leaf.insert(leaf.settled(), 0, 10, 10));
    }
    fn freeze(leaves: &Leaves) {
        let frozen = leaves.each_ref().map(|leaf| Some((leaf, leaf.settled())));
        Bottom { expected: [None, None], frozen, merged: None }.freeze();
    }
    fn read([leaf, _]: &Leaves) {
        assert!((0..leaf.snapshot().len()).all(|slot| (leaf.word(slot), leaf.slot(slot)) == (10, 10)));
    }
    explore(|| {
        let leaves = Arc::new([Leaf::empty(), Leaf::empty()]);
        let threads = [write, freeze, read].map(|act: fn(&Leaves)| {
            let leaves = leaves.clone();
            thread::spawn(move || act(&leaves))
        });
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
}
