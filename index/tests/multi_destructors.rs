//! Keys and values whose destructors panic: what was written has been written, or has not, and in both copies.

use std::cell::Cell;
use std::cmp::Ordering;
use std::collections::{BTreeMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};

use manicule_index::{Hashed, IndexKey, Lookup, MultiIndex, Ordered};

thread_local! {
    /// Drops of a reluctant value until one panics; 0 = never.
    static DROPS: Cell<u32> = const { Cell::new(0) };
    static SEED: Cell<u64> = const { Cell::new(1) };
}

fn random() -> u64 {
    let seed = SEED.get().wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    SEED.set(seed);
    seed >> 33
}

/// A value whose destructor may panic.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Reluctant(u64);

impl Drop for Reluctant {
    fn drop(&mut self) {
        let left = DROPS.get();
        DROPS.set(left.saturating_sub(1));
        assert!(left != 1, "reluctant");
    }
}

impl PartialOrd for Reluctant {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Reluctant {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.cmp(&other.0)
    }
}

impl IndexKey for Reluctant {
    const EXACT: bool = false;

    fn word(&self, _skip: usize) -> u64 {
        self.0 / 4
    }
}

/// A publication in which the n-th destructor panics, while several copies wait for what it changes.
fn check_destructors<D: Lookup<u64, u64>>(index: &MultiIndex<u64, Reluctant, D>) {
    let mut model: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
    let mut held = VecDeque::new();
    for round in 0..400_u64 {
        held.push_back(index.snapshot());
        let key = round % 7;
        if round % 11 == 0 {
            index.clear();
            model.clear();
        }
        if round % 29 == 0 {
            // So many that they are merged.
            index.extend((0..1500).map(|step| (step % 7, Reluctant(step))));
            (0..1500).for_each(|step| model.entry(step % 7).or_default().push(step));
        }
        index.replace(key, (0..=round % 3).map(|value| Reluctant(value * 1000 + round)));
        model.insert(key, (0..=round % 3).map(|value| value * 1000 + round).collect::<Vec<_>>());
        DROPS.set((round % 13) as u32);
        let _ = catch_unwind(AssertUnwindSafe(|| index.publish()));
        DROPS.set(0);
        held.drain(..held.len().saturating_sub((round % 4) as usize));
        index.publish();
        let listed = index.read(|view| {
            view.iter().map(|(key, list)| (*key, list.iter().map(|value| value.0).collect())).collect::<Vec<_>>()
        });
        let mut listed: BTreeMap<u64, Vec<u64>> = listed.into_iter().collect();
        listed.values_mut().chain(model.values_mut()).for_each(|values| values.sort_unstable());
        assert_eq!(listed, model, "after {round} rounds");
    }
}

#[test]
#[cfg_attr(crossbeam_sanitize, ignore = "a panic leaks what lies in one table with the value; run it alone")]
fn destructors_that_panic_while_a_hash_index_is_published_lose_no_write() {
    check_destructors::<Hashed>(&MultiIndex::new_hash());
}

#[test]
#[cfg_attr(crossbeam_sanitize, ignore = "a panic leaks what lies in one table with the value; run it alone")]
fn destructors_that_panic_while_an_ordered_index_is_published_lose_no_write() {
    check_destructors::<Ordered>(&MultiIndex::new_ordered());
}

type Contents = BTreeMap<u64, Vec<u64>>;

/// What the index has with what is pending.
fn pending_contents<D: Lookup<Reluctant, Reluctant>>(index: &MultiIndex<Reluctant, Reluctant, D>) -> Contents {
    let batch = index.registry().begin();
    let view = batch.view(index);
    let mut contents = Contents::new();
    for (key, list) in view {
        contents.insert(key.0, list.iter().map(|value| value.0).collect());
        assert_eq!(list.len(), contents[&key.0].len());
    }
    assert_eq!((view.len_keys(), view.len_values()), (contents.len(), contents.values().map(Vec::len).sum()));
    contents.values_mut().for_each(|values| values.sort_unstable());
    contents
}

/// One operation, in a model and as what does it to an index.
fn change(contents: &mut Contents, choice: u64, key: u64, value: u64) {
    let values = contents.entry(key).or_default();
    match choice {
        0..=3 => values.push(value),
        4 if values.contains(&value) => {}
        4 => values.push(value),
        5 => values.retain(|other| *other != value),
        6 => values.clear(),
        _ => *values = (0..value).collect(),
    }
    values.sort_unstable();
    contents.retain(|_, values| !values.is_empty());
}

/// Does one operation, of which the n-th destructor panics.
fn operate_reluctantly<D>(
    index: &MultiIndex<Reluctant, Reluctant, D>,
    choice: u64,
    (key, value): (u64, u64),
    drops: u32,
) where
    D: Lookup<Reluctant, Reluctant>,
{
    let values: Vec<_> = (0..value).map(Reluctant).collect();
    let (key, value) = (Reluctant(key), Reluctant(value));
    DROPS.set(drops);
    match choice {
        0..=3 => drop(index.insert(key, value)),
        4 => drop(index.insert_distinct(key, value)),
        5 => drop(index.retain(|other, one| *other != key || *one != value)),
        6 => drop(index.remove_key(&key)),
        _ => drop(index.replace(key, values)),
    }
}

/// Every operation with a destructor that panics in it: it has happened or it has not, and in both copies.
fn check_operations<D: Lookup<Reluctant, Reluctant>>(index: &MultiIndex<Reluctant, Reluctant, D>) {
    let mut panics = 0;
    for round in 0..1500_u64 {
        let (choice, key, value) = (random() % 8, random() % 60, random() % 120);
        let before = pending_contents(index);
        let mut after = before.clone();
        change(&mut after, choice, key, value);
        let operation = || operate_reluctantly(index, choice, (key, value), (round % 9) as u32);
        let outcome = catch_unwind(AssertUnwindSafe(operation));
        DROPS.set(0);
        panics += u32::from(outcome.is_err());
        let now = pending_contents(index);
        assert!(now == after || (outcome.is_err() && now == before), "operation {choice}");
        if round % 5 == 0 {
            index.publish();
        }
    }
    assert!(panics > 100, "{panics}");
}

#[test]
#[cfg_attr(crossbeam_sanitize, ignore = "a panic leaks what lies in one table with the value; run it alone")]
fn destructors_that_panic_in_an_operation_leave_a_hash_index_whole() {
    check_operations::<Hashed>(&MultiIndex::new_hash());
}

#[test]
#[cfg_attr(crossbeam_sanitize, ignore = "a panic leaks what lies in one table with the value; run it alone")]
fn destructors_that_panic_in_an_operation_leave_an_ordered_index_whole() {
    check_operations::<Ordered>(&MultiIndex::new_ordered());
}

#[test]
#[cfg_attr(crossbeam_sanitize, ignore = "a panic leaks what lies in one table with the value; run it alone")]
fn index_is_gone_although_a_destructor_panics_while_it_is_removed() {
    let index = MultiIndex::<u64, Reluctant>::new_hash();
    for value in 0..3 {
        // The second copy, which is freed first, has values too.
        index.insert(value, Reluctant(value));
        index.publish();
    }
    DROPS.set(1);
    let removed = catch_unwind(AssertUnwindSafe(|| index.registry().remove(&index)));
    DROPS.set(0);
    assert!(removed.is_err());
    assert!(index.registry().snapshot().try_on(&index).is_none(), "no version has it");
    assert!(!index.registry().remove(&index));
}
