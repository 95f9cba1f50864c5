//! Keys and values whose `Eq`, `Hash`, `Clone` or order panic or lie: wrong answers at worst, and the index goes on.

use std::cell::Cell;
use std::cmp::Ordering;
use std::hash::{Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};

use manicule_index::{Arrangement, Hashed, IndexKey, Lookup, MultiIndex, Ordered};

thread_local! {
    /// Calls of a hostile type's code until one panics; 0 = never.
    static FUSE: Cell<u32> = const { Cell::new(0) };
    static LIES: Cell<bool> = const { Cell::new(false) };
    static SEED: Cell<u64> = const { Cell::new(1) };
}

fn burn() {
    FUSE.set(match FUSE.get() {
        1 => {
            FUSE.set(0);
            panic!("the fuse has burnt down");
        }
        left => left.saturating_sub(1),
    });
}

fn random() -> u64 {
    let seed = SEED.get().wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    SEED.set(seed);
    seed >> 33
}

fn lies() -> bool {
    LIES.get() && random().is_multiple_of(4)
}

#[derive(Debug)]
struct Hostile(u64);

impl Clone for Hostile {
    fn clone(&self) -> Self {
        burn();
        Self(self.0)
    }
}

impl PartialEq for Hostile {
    fn eq(&self, other: &Self) -> bool {
        burn();
        (self.0 == other.0) != lies()
    }
}

impl Eq for Hostile {}

impl Hash for Hostile {
    fn hash<H: Hasher>(&self, state: &mut H) {
        burn();
        (if lies() { random() } else { self.0 }).hash(state);
    }
}

impl PartialOrd for Hostile {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Hostile {
    fn cmp(&self, other: &Self) -> Ordering {
        burn();
        if lies() { other.0.cmp(&self.0) } else { self.0.cmp(&other.0) }
    }
}

impl IndexKey for Hostile {
    const EXACT: bool = false;

    fn word(&self, _skip: usize) -> u64 {
        burn();
        if lies() { random() } else { self.0 / 4 }
    }
}

type Index<D> = MultiIndex<Hostile, Hostile, D>;

fn contents<D: Arrangement<Hostile>>(index: &Index<D>) -> Vec<(u64, Vec<u64>)> {
    let batch = index.registry().begin();
    let list_of = |list: &manicule_index::PostingList<Hostile>| {
        let mut values: Vec<u64> = list.iter().map(|value| value.0).collect();
        values.sort_unstable();
        values
    };
    let mut entries: Vec<_> = batch.view(index).iter().map(|(key, list)| (key.0, list_of(list))).collect();
    entries.sort_unstable();
    entries
}

fn operate<D: Lookup<Hostile, Hostile>>(index: &Index<D>, choice: u64) {
    let (key, value) = (Hostile(random() % 40), Hostile(random() % 60));
    match choice {
        0..=3 => drop(index.insert(key, value)),
        4..=5 => drop(index.insert_distinct(key, value)),
        6..=8 => drop(index.remove(&key, &value)),
        9 => drop(index.remove_key(&key)),
        10 => drop(index.replace(key, (0..random() % 50).map(Hostile))),
        11 => drop(index.publish()),
        12 => {
            let mut batch = index.registry().begin();
            batch.on(index).insert(key, value);
        }
        _ => index.read(|view| {
            view.get(&key);
        }),
    }
}

/// Every operation with a panic at its n-th call of user code, for growing n: it has happened or it has not.
fn check_panics<D: Lookup<Hostile, Hostile>>(index: &Index<D>) {
    // Some of the lists are long.
    for key in 0..4 {
        index.replace(Hostile(key), (0..1300).map(Hostile));
    }
    for round in 0..1_200u64 {
        let before = contents(index);
        let choice = random() % 12;
        let burnt = catch_unwind(AssertUnwindSafe(|| {
            FUSE.set((round % 23) as u32 + 1);
            operate(index, choice);
        }));
        FUSE.set(0);
        if burnt.is_err() {
            assert!(contents(index) == before, "operation {choice} of round {round} panicked, and left a change");
        }
    }
    index.publish();
    let published = contents(index);
    index.insert(Hostile(1000), Hostile(1));
    index.publish();
    index.remove_key(&Hostile(1000));
    index.publish();
    assert_eq!(contents(index), published, "both copies are the same");
}

/// Many entries at once with a panic at the n-th call of user code, for growing n: all of them are there, or none.
fn check_panics_of_many<D: Lookup<Hostile, Hostile>>(index: &Index<D>) {
    index.extend((0..50).map(|key| (Hostile(key), Hostile(1))));
    index.publish();
    let mut panics = 0;
    for fuse in (0..).map(|round| 1 << round) {
        let before = contents(index);
        let burnt = catch_unwind(AssertUnwindSafe(|| {
            FUSE.set(fuse);
            index.extend((0..1500).map(|step| (Hostile(step * 7919 % 700), Hostile(step))));
        }));
        FUSE.set(0);
        if burnt.is_ok() {
            break;
        }
        panics += 1;
        assert_eq!(contents(index), before, "a panic at call {fuse}");
    }
    assert!(panics > 5, "{panics}");
    let pending = contents(index);
    assert_eq!(pending.iter().map(|(_, values)| values.len()).sum::<usize>(), 1550);
    index.publish();
    index.insert(Hostile(1000), Hostile(1));
    index.publish();
    index.remove_key(&Hostile(1000));
    index.publish();
    assert_eq!(contents(index), pending, "both copies are the same");
}

/// What a predicate refuses is removed with a panic at the n-th call of user code, for growing n: some of it, from both copies.
fn check_panics_of_retain<D: Lookup<u64, u64>>(index: &MultiIndex<u64, Hostile, D>) {
    let contents = || {
        index.publish();
        index.read(|view| view.iter().map(|(_, list)| list.len()).sum::<usize>())
    };
    let mut panics = 0;
    for calls in 1.. {
        (0..30).for_each(|value| _ = index.insert(value % 3, Hostile(value)));
        contents();
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            FUSE.set(calls);
            index.retain(|_, value| value.0 % 2 == 0)
        }));
        FUSE.set(0);
        let left = contents();
        for other_copy in 0..3 {
            index.insert(1000, Hostile(0));
            assert_eq!(contents(), left + 1, "a panic at call {calls}, copy {other_copy}");
            index.remove_key(&1000);
        }
        index.clear();
        if outcome.is_ok() {
            break;
        }
        panics += 1;
    }
    assert!(panics > 20, "{panics}");
}

#[test]
fn values_that_panic_where_some_are_removed_leave_both_copies_of_a_hash_index_the_same() {
    check_panics_of_retain::<Hashed>(&MultiIndex::new_hash());
}

#[test]
fn values_that_panic_where_some_are_removed_leave_both_copies_of_an_ordered_index_the_same() {
    check_panics_of_retain::<Ordered>(&MultiIndex::new_ordered());
}

fn check_lies<D: Lookup<Hostile, Hostile>>(index: &Index<D>) {
    LIES.set(true);
    for _ in 0..2_500 {
        operate(index, random() % 14);
    }
    LIES.set(false);
    index.clear();
    index.insert(Hostile(1), Hostile(2));
    index.publish();
    assert_eq!(index.count(&Hostile(1)), 1);
}

/// One value so often that its occurrences are counted apart, with a panic at the n-th call of user code of the insertion that does
/// so and of removals, for growing n: a list is as long as what is in it.
#[test]
fn values_that_panic_where_repeats_are_counted_leave_no_wrong_count() {
    let index = MultiIndex::<u64, Hostile>::new_hash();
    let lens = || {
        let batch = index.registry().begin();
        let view = batch.view(&index);
        let list = view.get(&1).expect("the key has values");
        (list.len(), list.iter().len(), list.slices().map(<[_]>::len).sum())
    };
    let mut panics = 0;
    let mut check = |calls: u32, operation: &dyn Fn() -> bool, change: isize| {
        let before = lens().0;
        FUSE.set(calls);
        let outcome = catch_unwind(AssertUnwindSafe(operation));
        FUSE.set(0);
        panics += u32::from(outcome.is_err());
        let after = if matches!(outcome, Ok(true)) { before.saturating_add_signed(change) } else { before };
        assert_eq!(lens(), (after, after, after), "after a panic at call {calls}");
        outcome.is_ok()
    };
    index.insert(1, Hostile(0));
    (0..4096).for_each(|_| _ = index.insert(1, Hostile(7)));
    let insert = || index.insert(1, Hostile(7)) > 0;
    assert!((1..).step_by(997).any(|calls| check(calls, &insert, 1)), "it ends with an insertion");
    for value in [7, 7, 7, 0] {
        let remove = || index.remove(&1, &Hostile(value));
        assert!((1..).any(|calls| check(calls, &remove, -1)), "it ends with a removal");
    }
    assert!(panics > 10, "{panics}");
}

/// Values that lie while their occurrences are counted apart: what is found need not be found again to be taken away.
#[test]
fn values_that_lie_where_repeats_are_counted_leave_no_wrong_count() {
    let index = MultiIndex::<u64, Hostile>::new_hash();
    let others = (0..120).map(|value| value % 40);
    others.chain((0..4200).map(|_| 50)).for_each(|value| _ = index.insert(1, Hostile(value)));
    for step in 0..6000 {
        LIES.set(true);
        index.remove(&1, &Hostile(step % 51));
        LIES.set(false);
        let batch = index.registry().begin();
        let lens = batch.get(&index, &1).map_or((0, 0), |list| (list.len(), list.slices().map(<[_]>::len).sum()));
        assert_eq!(lens.0, lens.1, "after step {step}");
    }
}

#[test]
fn panicking_keys_leave_a_hash_index_as_it_was() {
    check_panics::<Hashed>(&MultiIndex::new_hash());
}

#[test]
fn panicking_keys_leave_an_ordered_index_as_it_was() {
    check_panics::<Ordered>(&MultiIndex::new_ordered());
}

#[test]
fn keys_that_panic_among_many_leave_a_hash_index_as_it_was() {
    check_panics_of_many::<Hashed>(&MultiIndex::new_hash());
}

#[test]
fn keys_that_panic_among_many_leave_an_ordered_index_as_it_was() {
    check_panics_of_many::<Ordered>(&MultiIndex::new_ordered());
}

#[test]
fn lying_keys_leave_a_hash_index_usable() {
    check_lies::<Hashed>(&MultiIndex::new_hash());
}

#[test]
fn lying_keys_leave_an_ordered_index_usable() {
    check_lies::<Ordered>(&MultiIndex::new_ordered());
}
