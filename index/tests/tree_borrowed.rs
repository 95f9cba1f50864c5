//! Keys whose word says everything, asked for by a borrowed form whose word does not: `[u8]` in the place of `[u8; 3]`.

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::ops::{Bound, RangeBounds};

use manicule_index::{IndexKey, MultiIndex, OrderedWord, TreeIndex, WordTreeIndex, pin};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

/// Three bytes as a key that is a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Code([u8; 3]);

impl IndexKey for Code {
    const EXACT: bool = true;
    fn word(&self, skip: usize) -> u64 {
        self.0.word(skip)
    }
}

impl OrderedWord for Code {
    fn from_key_word(word: u64) -> Self {
        let [first, second, third, ..] = word.to_be_bytes();
        Self([first, second, third])
    }
}

impl Borrow<[u8]> for Code {
    fn borrow(&self) -> &[u8] {
        &self.0
    }
}

fn byte() -> impl Strategy<Value = u8> + Clone {
    prop_oneof![Just(0_u8), Just(1), Just(0xff)]
}

/// Shorter than a key, as long, and longer than its word.
fn asked() -> impl Strategy<Value = Vec<u8>> + Clone {
    prop_oneof![3 => vec(byte(), 0..5), 1 => vec(Just(0), 0..12)]
}

fn bounds() -> impl Strategy<Value = (Bound<Vec<u8>>, Bound<Vec<u8>>)> {
    let bound = prop_oneof![
        3 => asked().prop_map(Bound::Included),
        3 => asked().prop_map(Bound::Excluded),
        1 => Just(Bound::Unbounded),
    ];
    (bound.clone(), bound)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn short_arrays_are_found_by_slices_that_equal_them(
        entries in btree_map([byte(), byte(), byte()], any::<u8>(), 0..27),
        (start, end) in bounds(),
        key in asked(),
    ) {
        let guard = pin();
        let boxed: TreeIndex<[u8; 3], u8, 4> = entries.clone().into_iter().collect();
        let words: WordTreeIndex<Code, u8, 4> = entries.iter().map(|(key, value)| (Code(*key), *value)).collect();
        let multi = MultiIndex::new_ordered();
        multi.extend(entries.iter().map(|(key, value)| (*key, *value)));
        multi.publish();
        let mut model: BTreeMap<Vec<u8>, u8> = entries.iter().map(|(key, value)| (key.to_vec(), *value)).collect();

        let found = model.get(&key).copied();
        prop_assert_eq!(boxed.get(&key[..], &guard).copied(), found);
        prop_assert_eq!(words.get(&key[..], &guard), found);
        prop_assert_eq!(multi.get_one(&key[..]), found);
        let mut many = [None];
        boxed.get_many(&[&key[..]], &mut many, &guard);
        prop_assert_eq!(many[0].copied(), found);

        let as_slices = (start.as_ref().map(Vec::as_slice), end.as_ref().map(Vec::as_slice));
        let mut inside: Vec<u8> =
            model.iter().filter(|(key, _)| as_slices.contains(key.as_slice())).map(|(_, value)| *value).collect();
        let range = boxed.range::<[u8], _>(as_slices, &guard).map(|(_, value)| *value);
        prop_assert_eq!(range.collect::<Vec<_>>(), inside.clone());
        prop_assert_eq!(boxed.count_range::<[u8], _>(as_slices, &guard), inside.len());
        let range = words.range::<[u8], _>(as_slices, &guard).map(|(_, value)| value);
        prop_assert_eq!(range.collect::<Vec<_>>(), inside.clone());
        let range: Vec<u8> =
            multi.read(|view| view.range::<[u8]>(as_slices).filter_map(|(_, list)| list.first().copied()).collect());
        prop_assert_eq!(range, inside.clone());
        inside.reverse();
        let range = boxed.range_rev::<[u8], _>(as_slices, &guard).map(|(_, value)| *value);
        prop_assert_eq!(range.collect::<Vec<_>>(), inside.clone());
        let next = model.range::<[u8], _>((as_slices.0, Bound::Unbounded)).next().map(|(_, value)| *value);
        prop_assert_eq!(boxed.lower_bound(as_slices.0).next().map(|(_, value)| *value), next);
        prop_assert_eq!(words.lower_bound(as_slices.0).next().map(|(_, value)| value), next);
        let prefixed = model.keys().filter(|other| other.starts_with(&key)).count();
        prop_assert_eq!(boxed.prefix(&key[..], &guard).count(), prefixed);

        let removed = boxed.remove(&key[..], &guard).is_some();
        prop_assert_eq!((removed, words.remove(&key[..], &guard).is_some()), (found.is_some(), found.is_some()));
        model.remove(&key);
        model.retain(|key, _| !as_slices.contains(key.as_slice()));
        boxed.remove_range::<[u8], _>(as_slices, &guard);
        words.remove_range::<[u8], _>(as_slices, &guard);
        prop_assert!(boxed.iter(&guard).map(|(_, value)| value).eq(model.values()));
        prop_assert!(words.iter(&guard).map(|(_, value)| value).eq(model.values().copied()));
    }
}
