//! The ordered directory against a `BTreeMap`.

use std::collections::BTreeMap;
use std::ops::{Bound, RangeBounds};

use proptest::prelude::*;

use super::*;

fn insert<K: Stored + IndexKey>(tree: &mut OrderedDirectory<K, u64>, key: K, value: u64) -> Option<u64> {
    match tree.seek(&key) {
        Seek::Found(spot) => Some(std::mem::replace(tree.value_mut(&spot), value)),
        Seek::Vacant(spot) => {
            tree.insert(spot, key, value);
            None
        }
    }
}

fn remove<K: Stored + IndexKey>(tree: &mut OrderedDirectory<K, u64>, key: &K) -> Option<u64> {
    match tree.seek(key) {
        Seek::Found(spot) => Some(tree.remove(spot).1),
        Seek::Vacant(_) => None,
    }
}

/// Every word is that of its key, after bytes that all keys of the node share.
fn check_words<K: IndexKey, T>(tree: &OrderedDirectory<K, T>) {
    let mut nodes = vec![(tree.height, tree.root)];
    while let Some((level, node)) = nodes.pop() {
        if level == 0 {
            tree.leaves[node].check_words();
        } else {
            let inner = &tree.inners[node];
            inner.check_words();
            nodes.extend(inner.children[..inner.len()].iter().map(|child| (level - 1, *child)));
        }
    }
}

/// Every operation, and both directions of the scans, against the model.
fn check<K: Stored + IndexKey + fmt::Debug>(ops: Vec<(u8, K)>, bounds: (Bound<K>, Bound<K>)) {
    let mut tree = OrderedDirectory::default();
    let mut model = BTreeMap::new();
    for (at, (op, key)) in ops.into_iter().enumerate() {
        if op == 0 {
            assert_eq!(remove(&mut tree, &key), model.remove(&key));
        } else {
            assert_eq!(insert(&mut tree, key.clone(), at as u64), model.insert(key.clone(), at as u64));
        }
        assert_eq!(tree.get(&key).map(|(_, value)| value), model.get(&key));
        assert_eq!(tree.len(), model.len());
    }
    check_words(&tree);
    for tree in [tree.duplicate(), tree] {
        assert!(tree.iter().eq(model.iter()), "{:?} {:?}", tree.iter().collect::<Vec<_>>(), model);
        assert!(tree.iter().rev().eq(model.iter().rev()));
        let expected: Vec<_> = model.iter().filter(|(key, _)| RangeBounds::contains(&bounds, *key)).collect();
        let range = tree.range(&bounds);
        assert_eq!(range.clone().collect::<Vec<_>>(), expected);
        assert_eq!(range.clone().rev().collect::<Vec<_>>(), expected.iter().rev().copied().collect::<Vec<_>>());
        let mut inward = range;
        let (mut left, mut right) = (Vec::new(), Vec::new());
        while let Some(entry) = inward.next() {
            left.push(entry);
            right.extend(inward.next_back());
        }
        left.extend(right.into_iter().rev());
        assert_eq!(left, expected);
        if expected.len() < 8 {
            assert_eq!(tree.estimate(&bounds), expected.len());
        }
    }
}

fn bound<K: fmt::Debug + Clone + 'static>(
    key: impl Strategy<Value = K> + Clone + 'static,
) -> impl Strategy<Value = Bound<K>> {
    prop_oneof![key.clone().prop_map(Bound::Included), key.prop_map(Bound::Excluded), Just(Bound::Unbounded),]
}

/// Whichever leaf a hint names, the search ends where it ends without one.
fn check_hints<K: Stored + IndexKey + fmt::Debug>(ops: Vec<(u8, K)>) {
    let mut tree = OrderedDirectory::default();
    for (op, key) in &ops {
        if *op == 0 {
            remove(&mut tree, key)
        } else {
            insert(&mut tree, key.clone(), 0)
        };
    }
    let place = |seek| match seek {
        Seek::Found(Spot { leaf, slot }) => (true, leaf, slot),
        Seek::Vacant(Spot { leaf, slot }) => (false, leaf, slot),
    };
    let spots = (0..=tree.leaves.len() as u32).map(|leaf| Spot { leaf, slot: 1 });
    let hints: Vec<Hint> = spots.map(|spot| OrderedDirectory::<K, u64>::hint_of_vacant(&spot)).collect();
    for (_, key) in &ops {
        let expected = place(tree.seek(key));
        for hint in hints.iter().chain([&Hint::UNKNOWN]) {
            assert!(tree.spot_at(*hint).is_none());
            assert_eq!(place(tree.seek_near(key, *hint)), expected, "{key:?} {hint:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn hints_mislead_no_search_for_numbers(ops in prop::collection::vec((0..3u8, 0..300u64), 0..300)) {
        check_hints(ops);
    }

    #[test]
    fn hints_mislead_no_search_for_texts(ops in prop::collection::vec((0..3u8, "(prefix-){0,2}[ab]{0,4}"), 0..200)) {
        check_hints(ops);
    }

    #[test]
    fn tree_of_numbers_agrees_with_a_btree_map(
        ops in prop::collection::vec((0..3u8, 0..300u64), 0..700),
        start in bound(0..300u64),
        end in bound(0..300u64),
    ) {
        check(ops, (start, end));
    }

    #[test]
    fn tree_of_texts_with_equal_words_agrees_with_a_btree_map(
        ops in prop::collection::vec((0..3u8, "(prefix-){0,2}[ab]{0,4}"), 0..500),
        start in bound("(prefix-){0,2}[ab]{0,4}"),
        end in bound("(prefix-){0,2}[ab]{0,4}"),
    ) {
        check(ops, (start, end));
    }

    #[test]
    fn tree_of_texts_with_long_prefixes_agrees_with_a_btree_map(
        ops in prop::collection::vec((0..3u8, "(https://example\\.org/)?(user|users)?0{0,9}[0-9]{0,3}"), 0..700),
        start in bound("(https://example\\.org/)?users?0{0,3}"),
        end in bound("(https://example\\.org/)?users?0{0,3}"),
    ) {
        check(ops, (start, end));
    }

    #[test]
    fn mostly_removed_tree_agrees_with_a_btree_map(
        keys in prop::collection::vec((0..10u8, 0..400u64), 0..900),
        start in bound(0..400u64),
    ) {
        let grown = (0..400).map(|key| (1, key));
        let ops = grown.chain(keys.into_iter().map(|(op, key)| (op / 9, key))).collect();
        check(ops, (start, Bound::Unbounded));
    }
}

#[test]
fn words_of_keys_with_a_long_common_prefix_differ() {
    let key = |number: u64| format!("https://example.org/users/{number:08}");
    let scattered: Vec<String> = (0..5_000).map(|number| key(number * 2_654_435_761 % 5_003)).collect();
    let mut ascending = scattered.clone();
    ascending.sort();
    for keys in [scattered, ascending] {
        let mut tree = OrderedDirectory::default();
        for key in keys {
            insert(&mut tree, key, 0);
        }
        check_words(&tree);
        for node in 0..tree.leaves.len() as u32 {
            assert!(tree.leaves[node].has_distinct_words(), "leaf {node}");
        }
    }
}

#[test]
fn ascending_keys_fill_the_leaves() {
    let mut tree = OrderedDirectory::default();
    for key in 0..10_000u64 {
        insert(&mut tree, key, key);
    }
    assert!(tree.leaves.len() <= 10_000 / ORDER + 1);
}

#[test]
fn estimate_of_a_wide_range_is_near() {
    let tree = OrderedDirectory::build(100_000, (0..100_000u64).map(|key| (key, key)));
    for (start, end) in [(0, 100_000), (10, 90_000), (50_000, 51_000)] {
        let (estimate, exact) = (tree.estimate(&(start..end)) as f64, (end - start) as f64);
        assert!((estimate / exact - 1.0).abs() < 0.2, "{estimate} {exact}");
    }
}

#[test]
fn tree_shrinks_to_nothing() {
    let mut tree = OrderedDirectory::build(5_000, (0..5_000u64).map(|key| (key, key)));
    for key in (0..5_000).rev() {
        assert_eq!(remove(&mut tree, &key), Some(key));
    }
    assert_eq!((tree.len(), tree.height), (0, 0));
    assert!(tree.iter().next().is_none());
}
