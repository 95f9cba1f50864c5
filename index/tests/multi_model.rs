//! Multi indexes against a model: a vector of versions, each a plain map.

use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use manicule_index::{
    Arrangement, Batch, Hashed, IndexSnapshot, Lookup, MultiIndex, MultiView, Ordered, Registry, Savepoint,
};
use proptest::prelude::*;

type Version = BTreeMap<u64, Vec<u64>>;

#[derive(Clone, Debug)]
enum Op {
    Insert(u64, u64),
    InsertDistinct(u64, u64),
    Remove(u64, u64),
    RemoveKey(u64),
    Replace(u64, Vec<u64>),
    Clear,
    Retain(u64),
    /// So many entries under so many keys, in no order: at once or one by one.
    Many(Manner, u64, u64),
    Savepoint,
    RollbackToSavepoint,
    Rollback,
    Commit,
    /// Holds the present version from now on; at most a few are held, the oldest goes first.
    Hold,
}

#[derive(Clone, Copy, Debug)]
enum Manner {
    AtOnce,
    OneByOne,
}

fn op() -> impl Strategy<Value = Op> {
    let (key, value) = (0..6u64, 0..40u64);
    prop_oneof![
        12 => (key.clone(), value.clone()).prop_map(|(key, value)| Op::Insert(key, value)),
        4 => (key.clone(), value.clone()).prop_map(|(key, value)| Op::InsertDistinct(key, value)),
        6 => (key.clone(), value.clone()).prop_map(|(key, value)| Op::Remove(key, value)),
        1 => key.clone().prop_map(Op::RemoveKey),
        1 => (key, prop::collection::vec(value, 0..50)).prop_map(|(key, values)| Op::Replace(key, values)),
        1 => Just(Op::Clear),
        1 => (2..5u64).prop_map(Op::Retain),
        // Few, and so many that they are merged, or not kept in the log.
        1 => (prop::sample::select(vec![7, 1100]), prop::sample::select(vec![1, 4, 900]))
            .prop_map(|(len, keys)| Op::Many(Manner::AtOnce, len, keys)),
        1 => prop::sample::select(vec![1, 4, 900]).prop_map(|keys| Op::Many(Manner::OneByOne, 1100, keys)),
        1 => Just(Op::Savepoint),
        1 => Just(Op::RollbackToSavepoint),
        1 => Just(Op::Rollback),
        5 => Just(Op::Commit),
        3 => Just(Op::Hold),
    ]
}

fn versions_equal<D: Arrangement<u64>>(view: MultiView<'_, u64, u64, D>, model: &Version) {
    let mut listed: Version = view.iter().map(|(key, list)| (*key, list.iter().copied().collect())).collect();
    listed.values_mut().for_each(|values| values.sort_unstable());
    let mut expected = model.clone();
    expected.values_mut().for_each(|values| values.sort_unstable());
    assert_eq!(listed, expected);
    assert_eq!(view.len_keys(), model.len());
    assert_eq!(view.len_values(), model.values().map(Vec::len).sum::<usize>());
}

fn apply<D: Lookup<u64, u64>>(batch: &mut Batch, index: &MultiIndex<u64, u64, D>, model: &mut Version, op: &Op) {
    let mut editor = batch.on(index);
    match op {
        Op::Insert(key, value) => {
            let values = model.entry(*key).or_default();
            values.push(*value);
            assert_eq!(editor.insert(*key, *value), values.len());
        }
        Op::InsertDistinct(key, value) => {
            let values = model.entry(*key).or_default();
            let is_absent = !values.contains(value);
            if is_absent {
                values.push(*value);
            }
            assert_eq!(editor.insert_distinct(*key, *value), is_absent);
        }
        Op::Remove(key, value) => {
            let at = model.get(key).and_then(|values| values.iter().position(|other| other == value));
            assert_eq!(editor.remove(key, value), at.is_some());
            if let (Some(at), Some(values)) = (at, model.get_mut(key)) {
                values.swap_remove(at);
            }
        }
        Op::RemoveKey(key) => assert_eq!(editor.remove_key(key), model.remove(key).map_or(0, |values| values.len())),
        Op::Replace(key, values) => {
            let old = model.insert(*key, values.clone()).map_or(0, |values| values.len());
            assert_eq!(editor.replace(*key, values.clone()), old);
        }
        Op::Clear => {
            assert_eq!(editor.clear(), model.values().map(Vec::len).sum::<usize>());
            model.clear();
        }
        Op::Retain(divisor) => {
            let before: usize = model.values().map(Vec::len).sum();
            model.values_mut().for_each(|values| values.retain(|value| value % divisor != 0));
            let after: usize = model.values().map(Vec::len).sum();
            assert_eq!(editor.retain(|_, value| value % divisor != 0), before - after);
        }
        Op::Many(manner, len, keys) => {
            let entries = (0..*len).map(|step| (step * 7919 % keys, step * 31 % 40));
            match manner {
                Manner::AtOnce => editor.extend(entries.clone()),
                Manner::OneByOne => entries.clone().for_each(|(key, value)| _ = editor.insert(key, value)),
            }
            entries.for_each(|(key, value)| model.entry(key).or_default().push(value));
        }
        Op::Savepoint | Op::RollbackToSavepoint | Op::Rollback | Op::Commit | Op::Hold => {}
    }
    model.retain(|_, values| !values.is_empty());
}

fn check<D: Lookup<u64, u64>>(index: &MultiIndex<u64, u64, D>, ops: Vec<Op>) {
    let registry = index.registry();
    let mut committed = Version::new();
    let mut pending = Version::new();
    let mut batch = registry.begin();
    let mut savepoint: Option<(Savepoint, Version)> = None;
    let mut held: Vec<(IndexSnapshot<u64, u64, D>, Version)> = Vec::new();
    for (step, op) in ops.into_iter().enumerate() {
        match &op {
            Op::Savepoint => savepoint = Some((batch.savepoint(), pending.clone())),
            Op::RollbackToSavepoint => {
                if let Some((savepoint, version)) = &savepoint {
                    batch.rollback_to(savepoint);
                    pending.clone_from(version);
                }
            }
            Op::Rollback => {
                savepoint = None;
                batch.rollback();
                batch = registry.begin();
                pending.clone_from(&committed);
            }
            Op::Commit => {
                savepoint = None;
                batch.commit();
                batch = registry.begin();
                committed.clone_from(&pending);
            }
            Op::Hold => {
                held.push((index.snapshot(), committed.clone()));
                if held.len() > 4 {
                    held.remove(0);
                }
            }
            _ => apply(&mut batch, index, &mut pending, &op),
        }
        versions_equal(batch.view(index), &pending);
        index.read(|view| versions_equal(view, &committed));
        if step % 4 == 0 || matches!(op, Op::Commit) {
            held.iter().for_each(|(snapshot, version)| versions_equal(snapshot.view(), version));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn hash_index_agrees_with_a_model_of_versions(ops in prop::collection::vec(op(), 0..250)) {
        check::<Hashed>(&MultiIndex::new_hash(), ops);
    }

    #[test]
    fn ordered_index_agrees_with_a_model_of_versions(ops in prop::collection::vec(op(), 0..250)) {
        check::<Ordered>(&MultiIndex::new_ordered(), ops);
    }
}

fn bulk<K: Clone + Eq + Hash>(keys: &[K]) -> Vec<(K, u64)> {
    keys.iter().cloned().zip(0..).collect()
}

#[test]
fn borrowed_keys_find_owned_ones() {
    let registry = Registry::new();
    let keys: Vec<Box<[u8]>> = [&b"ab"[..], b"abc", b"abcdefghi", b"abcdefghij", b"b", b"ab"].map(Box::from).to_vec();
    let hashed = registry.create_hash_from(bulk(&keys));
    let ordered = registry.create_ordered_from(bulk(&keys));
    let snapshot = registry.snapshot();
    assert_eq!(snapshot.on(&hashed).count(&b"ab"[..]), 2);
    assert_eq!(snapshot.on(&ordered).count(&b"ab"[..]), 2);
    assert_eq!(snapshot.on(&ordered).get_one(&b"abcdefghij"[..]), Some(&3));
    let prefixed = snapshot.on(&ordered).prefix(&b"abc"[..]).count();
    assert_eq!(prefixed, 3);
    let many = snapshot.on(&hashed).get_many([&b"b"[..], b"x"]).map(|list| list.map_or(0, |list| list.len()));
    assert_eq!(many.collect::<Vec<_>>(), [1, 0]);
}

#[test]
fn ranges_of_optional_keys_agree_with_the_order() {
    let registry = Registry::new();
    let index = registry.create_ordered_from((0..100u64).map(|key| (key.checked_sub(1), key)));
    let snapshot = registry.snapshot();
    let view = snapshot.on(&index);
    assert_eq!(view.first().map(|(key, _)| *key), Some(None));
    assert_eq!(view.last().map(|(key, _)| *key), Some(Some(98)));
    assert_eq!(view.range(Some(10)..=Some(19)).count(), 10);
    assert_eq!(view.range_rev(Some(10)..Some(19)).next().map(|(key, _)| *key), Some(Some(18)));
    assert_eq!(view.range(Some(19)..Some(10)).count(), 0);
    assert_eq!(view.count_range_keys(Some(10)..Some(20)), 10);
}

/// A value that counts how many of it there are.
#[derive(Clone, Debug)]
struct Counted {
    value: u64,
    _count: Arc<()>,
}

impl PartialEq for Counted {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl Eq for Counted {}

impl Hash for Counted {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.value.hash(state);
    }
}

#[test]
fn large_commit_leaves_two_copies_and_no_third() {
    let count = Arc::new(());
    let index = MultiIndex::<u64, Counted>::new_hash();
    // Most of the index, much of it, and a little of it.
    for (round, keys) in [5000, 5000, 1000, 100].into_iter().enumerate() {
        let before = index.len_values();
        for key in 0..keys {
            index.insert(key, Counted { value: round as u64, _count: Arc::clone(&count) });
        }
        index.publish();
        assert_eq!(index.len_values(), before + keys as usize);
        assert_eq!(Arc::strong_count(&count) - 1, 2 * index.len_values(), "round {round}");
    }
}

#[test]
fn a_key_with_one_value_takes_few_bytes_in_both_copies() {
    assert!(MultiIndex::<u64, u64>::new_hash().memory_usage() < 1024);
    let (hashed, ordered) = (MultiIndex::<u64, u64>::new_hash(), MultiIndex::<u64, u64>::new_ordered());
    hashed.extend((0..50_000).map(|key| (key, key)));
    ordered.extend((0..50_000).map(|key| (key, key)));
    hashed.publish();
    ordered.publish();
    let bytes = [hashed.memory_usage(), ordered.memory_usage()].map(|bytes| bytes / 50_000);
    assert!(bytes.iter().all(|bytes| *bytes <= 120), "{bytes:?} bytes a key");
}
