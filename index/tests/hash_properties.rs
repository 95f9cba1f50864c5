//! Any sequence of operations gives what a `HashMap` gives, with good hashes and with ones that all collide.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher};

use manicule_index::{Change, HashIndex, WordHashIndex, pin};
use proptest::collection::vec;
use proptest::prelude::*;

/// Keeps so few bits of the key that groups overflow into chains; 64 keeps all.
#[derive(Clone, Debug)]
struct Bits(u32);

impl BuildHasher for Bits {
    type Hasher = BitsHasher;
    fn build_hasher(&self) -> BitsHasher {
        BitsHasher { bits: self.0, hash: 0 }
    }
}

struct BitsHasher {
    bits: u32,
    hash: u64,
}

impl Hasher for BitsHasher {
    fn write(&mut self, _bytes: &[u8]) {
        unreachable!("keys are single words")
    }
    fn write_u64(&mut self, word: u64) {
        self.hash = word & u64::MAX.checked_shr(64 - self.bits).unwrap_or(0);
    }
    fn finish(&self) -> u64 {
        self.hash
    }
}

#[derive(Clone, Debug)]
enum Step {
    Insert(u64, u64),
    TryInsert(u64, u64),
    GetOrInsert(u64, u64),
    Upsert(u64, u64),
    Update(u64, u64),
    Compute(u64, Change<u64>),
    Exchange(u64, u64, u64),
    Remove(u64),
    RemoveIf(u64, u64),
    Retain(u64),
    Reserve(usize),
    ShrinkToFit,
    Clear,
    InsertMany(u64, u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let (key, value) = (0..60_u64, 0..4_u64);
    let change = prop_oneof![Just(Change::Keep), Just(Change::Remove), (0..4_u64).prop_map(Change::Put)];
    let pair = (key.clone(), value.clone());
    let step = prop_oneof![
        8 => pair.clone().prop_map(|(key, value)| Step::Insert(key, value)),
        4 => pair.clone().prop_map(|(key, value)| Step::TryInsert(key, value)),
        2 => pair.clone().prop_map(|(key, value)| Step::GetOrInsert(key, value)),
        2 => pair.clone().prop_map(|(key, value)| Step::Upsert(key, value)),
        2 => pair.clone().prop_map(|(key, value)| Step::Update(key, value)),
        4 => (key.clone(), change).prop_map(|(key, change)| Step::Compute(key, change)),
        2 => (pair.clone(), value.clone()).prop_map(|((key, current), new)| Step::Exchange(key, current, new)),
        8 => key.prop_map(Step::Remove),
        2 => pair.clone().prop_map(|(key, value)| Step::RemoveIf(key, value)),
        1 => value.prop_map(Step::Retain),
        1 => (0..500_usize).prop_map(Step::Reserve),
        1 => Just(Step::ShrinkToFit),
        1 => Just(Step::Clear),
        2 => (0..400_u64, 1..200_u64).prop_map(|(from, count)| Step::InsertMany(from, count)),
    ];
    vec(step, 0..60)
}

/// Does one step to the boxed index and the model, and compares the answers.
fn step_boxed(index: &HashIndex<u64, u64, Bits>, model: &mut HashMap<u64, u64>, step: &Step) {
    let guard = &pin();
    match *step {
        Step::Insert(key, value) => assert_eq!(index.insert(key, value, guard).copied(), model.insert(key, value)),
        Step::TryInsert(key, value) => match index.try_insert(key, value, guard) {
            Ok(inserted) => assert_eq!((*inserted, model.insert(key, value)), (value, None)),
            Err(occupied) => assert_eq!((model.get(&key), occupied.value), (Some(occupied.current), value)),
        },
        Step::GetOrInsert(key, value) => {
            assert_eq!(index.get_or_insert_with(key, || value, guard), model.entry(key).or_insert(value));
        }
        Step::Upsert(key, value) => {
            let changed = index.upsert(key, |before| before.map_or(value, |before| before + 1), guard);
            assert_eq!(changed.before, model.get(&key));
            assert_eq!(changed.after, Some(&*model.entry(key).and_modify(|before| *before += 1).or_insert(value)));
        }
        Step::Update(key, value) => {
            let changed = index.update(&key, |_| value, guard);
            assert_eq!(changed.before, model.get(&key));
            assert_eq!(changed.after.copied(), model.get_mut(&key).map(|before| *before = value).map(|()| value));
        }
        Step::Compute(key, change) => {
            let changed = index.compute(key, |_| change, guard);
            assert_eq!(changed.before, model.get(&key));
            assert_eq!(changed.after.copied(), change_model(model, key, change));
        }
        Step::Exchange(key, current, new) => {
            let expected = if model.get(&key) == Some(&current) {
                model.insert(key, new).ok_or(None)
            } else {
                Err(model.get(&key).copied())
            };
            let answer = index.compare_exchange(key, &current, new, guard).copied();
            assert_eq!(answer.map_err(|error| error.current.copied()), expected);
        }
        Step::Remove(key) => assert_eq!(index.remove(&key, guard).map(|(_, value)| *value), model.remove(&key)),
        Step::RemoveIf(key, value) => {
            let removed = index.remove_if(&key, |_, found| *found == value, guard).is_some();
            assert_eq!(removed, model.get(&key) == Some(&value) && model.remove(&key).is_some());
        }
        Step::Retain(value) => {
            index.retain(|_, found| *found != value, guard);
            model.retain(|_, found| *found != value);
        }
        Step::Reserve(additional) => index.reserve(additional, guard),
        Step::ShrinkToFit => index.shrink_to_fit(guard),
        Step::Clear => {
            index.clear(guard);
            model.clear();
        }
        Step::InsertMany(from, count) => {
            let mut shared = index;
            shared.extend((from..from + count).map(|key| (key, key)));
            model.extend((from..from + count).map(|key| (key, key)));
        }
    }
}

fn change_model(model: &mut HashMap<u64, u64>, key: u64, change: Change<u64>) -> Option<u64> {
    match change {
        Change::Keep => {}
        Change::Put(value) => _ = model.insert(key, value),
        Change::Remove => _ = model.remove(&key),
    }
    model.get(&key).copied()
}

/// The same for the index of words.
fn step_words(index: &WordHashIndex<u64, u64, Bits>, model: &mut HashMap<u64, u64>, step: &Step) {
    let guard = &pin();
    match *step {
        Step::Insert(key, value) => assert_eq!(index.insert(key, value, guard), model.insert(key, value)),
        Step::TryInsert(key, value) => match index.try_insert(key, value, guard) {
            Ok(()) => assert_eq!(model.insert(key, value), None),
            Err(current) => assert_eq!(model.get(&key), Some(&current)),
        },
        Step::GetOrInsert(key, value) => {
            assert_eq!(index.get_or_insert_with(key, || value, guard), *model.entry(key).or_insert(value));
        }
        Step::Upsert(key, value) => {
            let changed = index.upsert(key, |before| before.map_or(value, |before| before + 1), guard);
            assert_eq!(changed.before.as_ref(), model.get(&key));
            assert_eq!(changed.after, Some(*model.entry(key).and_modify(|before| *before += 1).or_insert(value)));
        }
        Step::Update(key, value) => {
            let changed = index.update(&key, |_| value, guard);
            assert_eq!(changed.before.as_ref(), model.get(&key));
            assert_eq!(changed.after, model.get_mut(&key).map(|before| *before = value).map(|()| value));
        }
        Step::Compute(key, change) => {
            let changed = index.compute(key, |_| change, guard);
            assert_eq!(changed.before.as_ref(), model.get(&key));
            assert_eq!(changed.after, change_model(model, key, change));
        }
        Step::Exchange(key, current, new) => {
            let expected = if model.get(&key) == Some(&current) {
                model.insert(key, new).ok_or(None)
            } else {
                Err(model.get(&key).copied())
            };
            assert_eq!(index.compare_exchange(&key, current, new, guard), expected);
        }
        Step::Remove(key) => assert_eq!(index.remove(&key, guard), model.remove(&key)),
        Step::RemoveIf(key, value) => {
            let removed = index.remove_if(&key, |found| found == value, guard).is_some();
            assert_eq!(removed, model.get(&key) == Some(&value) && model.remove(&key).is_some());
        }
        Step::Retain(value) => {
            index.retain(|_, found| found != value, guard);
            model.retain(|_, found| *found != value);
        }
        Step::Reserve(additional) => index.reserve(additional, guard),
        Step::ShrinkToFit => index.shrink_to_fit(guard),
        Step::Clear => {
            index.clear(guard);
            model.clear();
        }
        Step::InsertMany(from, count) => {
            let mut shared = index;
            shared.extend((from..from + count).map(|key| (key, key)));
            model.extend((from..from + count).map(|key| (key, key)));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn boxed_index_agrees_with_a_hash_map(steps in steps(), bits in prop_oneof![Just(0), Just(3), Just(64)]) {
        let (index, mut model) = (HashIndex::with_hasher(Bits(bits)), HashMap::new());
        for step in &steps {
            step_boxed(&index, &mut model, step);
            assert_eq!(index.len(), model.len());
        }
        let guard = pin();
        let keys: Vec<&u64> = model.keys().collect();
        let mut values = vec![None; keys.len()];
        index.get_many(&keys, &mut values, &guard);
        assert!(keys.iter().zip(&values).all(|(key, value)| model.get(key) == *value));
        assert_eq!(index.iter(&guard).map(|(key, value)| (*key, *value)).collect::<HashMap<_, _>>(), model);
        assert_eq!(index.iter(&guard).count(), model.len());
        assert_eq!(&index.clone(), &index);
        assert_eq!(index.into_iter().collect::<HashMap<_, _>>(), model);
    }

    #[test]
    fn index_of_words_agrees_with_a_hash_map(steps in steps(), bits in prop_oneof![Just(0), Just(3), Just(64)]) {
        let (index, mut model) = (WordHashIndex::with_hasher(Bits(bits)), HashMap::new());
        for step in &steps {
            step_words(&index, &mut model, step);
            assert_eq!(index.len(), model.len());
        }
        let guard = pin();
        let keys: Vec<u64> = (0..600).collect();
        let mut values = vec![None; keys.len()];
        index.get_many(&keys, &mut values, &guard);
        assert!(keys.iter().zip(&values).all(|(key, value)| model.get(key).copied() == *value));
        assert_eq!(index.iter(&guard).collect::<HashMap<_, _>>(), model);
        assert_eq!(index.iter(&guard).count(), model.len());
        assert_eq!(&index.clone(), &index);
        assert_eq!(index.into_iter().collect::<HashMap<_, _>>(), model);
    }
}
