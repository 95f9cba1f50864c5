//! The shapes of the indexes: every entry is counted, once, and the totals are those of the statistics.

use std::hash::{BuildHasherDefault, Hasher};

use manicule_index::{HashIndex, Registry, TreeIndex, TreeShape, WordHashIndex, WordTreeIndex, pin};

/// Entries of the leaves; the children of each level must be the nodes of the one below.
fn check_tree(shape: &TreeShape) -> usize {
    let filled = |level: usize| shape.levels[level].filled.iter().map(|filled| usize::from(*filled)).sum::<usize>();
    for level in 1..shape.levels.len() {
        assert_eq!(filled(level), shape.levels[level - 1].filled.len(), "children of level {level}");
    }
    for level in &shape.levels {
        assert!(level.filled.iter().all(|filled| usize::from(*filled) <= level.node_capacity));
    }
    assert_eq!(shape.levels.last().map(|root| root.filled.len()), Some(1));
    filled(0)
}

#[test]
fn a_tree_s_nodes_are_its_statistics() {
    let guard = pin();
    let words = WordTreeIndex::<u64, u64>::new();
    let boxed = TreeIndex::<String, u64>::new();
    assert_eq!(words.shape(&guard).levels, []);
    for key in 0..5000_u64 {
        words.insert(key.wrapping_mul(0x9e37_79b9_7f4a_7c15), key, &guard);
        boxed.insert(key.to_string(), key, &guard);
    }
    for key in 100..900 {
        boxed.remove(&key.to_string(), &guard);
    }
    for (shape, stats) in [(words.shape(&guard), words.stats(&guard)), (boxed.shape(&guard), boxed.stats(&guard))] {
        assert_eq!(check_tree(&shape), stats.entries);
        assert_eq!(shape.levels.len(), stats.levels.len());
        for (level, stats) in shape.levels.iter().zip(&stats.levels) {
            let filled: usize = level.filled.iter().map(|filled| usize::from(*filled)).sum();
            let capacity = level.node_capacity * level.filled.len();
            assert_eq!((level.filled.len(), filled, capacity), (stats.nodes, stats.filled, stats.capacity));
        }
    }
    assert_eq!(check_tree(&words.shape(&guard)), 5000);
    assert_eq!(check_tree(&boxed.shape(&guard)), 4200);
}

#[test]
fn an_ordered_multi_index_s_leaves_hold_its_keys() {
    let registry = Registry::new();
    let index = registry.create_ordered_from((0..3000_u64).map(|row_id| (row_id / 3, row_id)));
    assert_eq!(check_tree(&registry.snapshot().on(&index).shape()), 1000);
    let empty = registry.create_ordered::<u64, u64>();
    assert_eq!(check_tree(&registry.snapshot().on(&empty).shape()), 0);
}

/// Gives every key the same hash.
#[derive(Default)]
struct Constant;

impl Hasher for Constant {
    fn finish(&self) -> u64 {
        7
    }
    fn write(&mut self, _: &[u8]) {}
}

#[test]
fn a_hash_s_groups_hold_every_entry() {
    let guard = pin();
    let words = WordHashIndex::<u64, u64>::new();
    let boxed = HashIndex::<String, u64>::new();
    // At many sizes, so that some are seen in the middle of a resize.
    for key in 0..3000_u64 {
        words.insert(key, key, &guard);
        boxed.insert(key.to_string(), key, &guard);
        if key % 97 == 0 {
            for (shape, stats) in [(words.shape(), words.stats()), (boxed.shape(), boxed.stats())] {
                let entries = shape.groups_by_entries.iter().enumerate().map(|(entries, groups)| entries * groups);
                assert_eq!(entries.sum::<usize>(), stats.entries);
                assert_eq!(shape.entries_by_blocks.iter().sum::<usize>(), stats.entries);
            }
        }
    }
}

#[test]
fn entries_behind_blocks_are_counted_there() {
    let guard = pin();
    let index = WordHashIndex::<u64, u64, _>::with_hasher(BuildHasherDefault::<Constant>::default());
    for key in 0..40 {
        index.insert(key, key, &guard);
    }
    let shape = index.shape();
    assert_eq!(shape.entries_by_blocks, [16, 8, 8, 8]);
    assert_eq!(shape.groups_by_entries[40], 1);
    assert_eq!(shape.groups_by_entries.iter().sum::<usize>() * 16, index.stats().slots);
}
