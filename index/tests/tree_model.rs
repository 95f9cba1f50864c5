//! Both trees against a `BTreeMap`, whatever the order, the keys and the bounds.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::ops::{Bound, RangeBounds};

use manicule_index::{IndexKey, Opaque, OrderedWord, TreeIndex, WordTreeIndex, pin};
use proptest::collection::vec;
use proptest::prelude::*;

#[derive(Debug, Clone)]
enum Op<K> {
    Insert(K, u32),
    TryInsert(K, u32),
    Append(Vec<K>, u32),
    Remove(K),
    Get(K),
    Range(Bound<K>, Bound<K>),
}

fn ops<K: Ord + Debug + Clone + 'static>(
    keys: impl Strategy<Value = K> + Clone + 'static,
) -> impl Strategy<Value = Vec<Op<K>>> {
    let bound = prop_oneof![
        3 => keys.clone().prop_map(Bound::Included),
        3 => keys.clone().prop_map(Bound::Excluded),
        1 => Just(Bound::Unbounded),
    ];
    // Nearly in order.
    let appended = (vec(keys.clone(), 0..80), vec(keys.clone(), 0..3)).prop_map(|(mut keys, others)| {
        keys.sort();
        keys.extend(others);
        keys
    });
    let op = prop_oneof![
        6 => (keys.clone(), any::<u32>()).prop_map(|(key, value)| Op::Insert(key, value)),
        1 => (keys.clone(), any::<u32>()).prop_map(|(key, value)| Op::TryInsert(key, value)),
        1 => (appended, 0..1000_u32).prop_map(|(keys, value)| Op::Append(keys, value)),
        4 => keys.clone().prop_map(Op::Remove),
        2 => keys.prop_map(Op::Get),
        2 => (bound.clone(), bound).prop_map(|(start, end)| Op::Range(start, end)),
    ];
    vec(op, 0..300)
}

/// Takes entries from both ends in turn, `front` of each three from the front; gives them in order.
fn from_both_ends<T>(mut range: impl DoubleEndedIterator<Item = T>, front: usize) -> Vec<T> {
    let (mut first, mut last) = (Vec::new(), Vec::new());
    for turn in 0.. {
        let is_front = turn % 3 < front;
        let Some(entry) = (if is_front { range.next() } else { range.next_back() }) else { break };
        if is_front { first.push(entry) } else { last.push(entry) }
    }
    assert!(range.next().is_none() && range.next_back().is_none());
    first.extend(last.into_iter().rev());
    first
}

/// What lies inside the bounds; nothing, if they are empty or inverted.
fn inside<K: Ord + Clone>(model: &BTreeMap<K, u32>, start: &Bound<K>, end: &Bound<K>) -> Vec<(K, u32)> {
    let bounds = (start.as_ref(), end.as_ref());
    model.iter().filter(|(key, _)| bounds.contains(key)).map(|(key, &value)| (key.clone(), value)).collect()
}

fn check_boxed<K, const ORDER: usize>(ops: &[Op<K>])
where
    K: IndexKey + Clone + Debug + Send + Sync + 'static,
{
    let index = TreeIndex::<K, u32, ORDER>::with_order();
    let mut model = BTreeMap::new();
    for op in ops {
        let guard = pin();
        match op.clone() {
            Op::Insert(key, value) => {
                assert_eq!(index.insert(key.clone(), value, &guard).copied(), model.insert(key, value));
            }
            Op::TryInsert(key, value) => {
                let expected = model.get(&key).copied();
                assert_eq!(
                    index.try_insert(key.clone(), value, &guard).err().map(|occupied| *occupied.current),
                    expected
                );
                model.entry(key).or_insert(value);
            }
            Op::Append(keys, value) => {
                index.append_sorted(keys.iter().cloned().zip(value..), &guard);
                model.extend(keys.into_iter().zip(value..));
            }
            Op::Remove(key) => {
                let removed = index.remove(&key, &guard).map(|(key, value)| (key.clone(), *value));
                assert_eq!(removed, model.remove_entry(&key));
            }
            Op::Get(key) => assert_eq!(index.get(&key, &guard), model.get(&key)),
            Op::Range(start, end) => {
                let bounds = (start.as_ref(), end.as_ref());
                let mut expected = inside(&model, &start, &end);
                let copy = |(key, value): (&K, &u32)| (key.clone(), *value);
                assert_eq!(index.range::<K, _>(bounds, &guard).map(copy).collect::<Vec<_>>(), expected);
                assert_eq!(index.count_range::<K, _>(bounds, &guard), expected.len());
                for front in 0..3 {
                    let range = index.range::<K, _>(bounds, &guard).map(copy);
                    assert_eq!(from_both_ends(range, front), expected);
                }
                expected.reverse();
                assert_eq!(index.range_rev::<K, _>(bounds, &guard).map(copy).collect::<Vec<_>>(), expected);
            }
        }
        assert_eq!(index.len(), model.len());
    }
    let guard = pin();
    assert!(index.range::<K, _>(.., &guard).eq(&model));
    assert_eq!(index.first(&guard), model.first_key_value());
    assert_eq!(index.last(&guard), model.last_key_value());
    index.clear(&guard);
    assert_eq!((index.len(), index.first(&guard)), (0, None));
}

fn check_words<K, const ORDER: usize>(ops: &[Op<K>])
where
    K: OrderedWord + Debug,
{
    let index = WordTreeIndex::<K, u32, ORDER>::with_order();
    let mut model = BTreeMap::new();
    for op in ops {
        let guard = pin();
        match op.clone() {
            Op::Insert(key, value) => assert_eq!(index.insert(key, value, &guard), model.insert(key, value)),
            Op::TryInsert(key, value) => {
                assert_eq!(index.try_insert(key, value, &guard).err(), model.get(&key).copied());
                model.entry(key).or_insert(value);
            }
            Op::Append(keys, value) => {
                index.append_sorted(keys.iter().copied().zip(value..), &guard);
                model.extend(keys.into_iter().zip(value..));
            }
            Op::Remove(key) => assert_eq!(index.remove(&key, &guard), model.remove(&key)),
            Op::Get(key) => assert_eq!(index.get(&key, &guard), model.get(&key).copied()),
            Op::Range(start, end) => {
                let bounds = (start.as_ref(), end.as_ref());
                let mut expected = inside(&model, &start, &end);
                assert_eq!(index.range::<K, _>(bounds, &guard).collect::<Vec<_>>(), expected);
                for front in 0..3 {
                    assert_eq!(from_both_ends(index.range::<K, _>(bounds, &guard), front), expected);
                }
                let mut range = index.range::<K, _>(bounds, &guard);
                let last = range.next_back();
                let rest: Vec<_> = range.clone().chain(last).collect();
                assert_eq!((rest, range.count() + last.iter().count()), (expected.clone(), expected.len()));
                expected.reverse();
                let range = index.range_rev::<K, _>(bounds, &guard);
                assert_eq!(from_both_ends(range, 1), expected);
                assert_eq!(index.range_rev::<K, _>(bounds, &guard).collect::<Vec<_>>(), expected);
            }
        }
        assert_eq!(index.len(), model.len());
    }
    let guard = pin();
    let keys: Vec<K> = model.keys().copied().collect();
    let mut values = vec![None; keys.len()];
    index.get_many(&keys, &mut values, &guard);
    assert!(values.into_iter().eq(model.values().copied().map(Some)));
    index.clear(&guard);
    assert_eq!((index.len(), index.first(&guard)), (0, None));
}

/// Strings that share long prefixes, end in zeros or alike, or are prefixes of each other.
fn byte_strings() -> impl Strategy<Value = Vec<u8>> + Clone {
    let prefix = prop_oneof![
        Just(b"".to_vec()),
        Just(b"user0000".to_vec()),
        Just(b"user0000000012345678".to_vec()),
        Just(vec![0; 9]),
        Just(vec![0xff; 17]),
    ];
    let ending = prop_oneof![Just(b"".to_vec()), Just(vec![0; 8]), Just(b"@example.org".to_vec())];
    (prefix, vec(prop_oneof![Just(0_u8), Just(1), Just(b'a'), Just(0xff)], 0..5), ending)
        .prop_map(|(prefix, middle, ending)| [prefix, middle, ending].concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn narrow_trees_of_few_keys_agree(ops in ops(0..60_u16)) {
        check_boxed::<u16, 4>(&ops);
        check_words::<u16, 4>(&ops);
    }

    #[test]
    fn trees_of_order_eight_agree(ops in ops(-100..100_i64)) {
        check_boxed::<i64, 8>(&ops);
        check_words::<i64, 8>(&ops);
    }

    #[test]
    fn trees_of_byte_strings_agree(ops in ops(byte_strings())) {
        check_boxed::<Vec<u8>, 4>(&ops);
        check_boxed::<Vec<u8>, 8>(&ops);
    }

    #[test]
    fn trees_of_compound_and_opaque_keys_agree(ops in ops((0..3_u8, "[ab]{0,12}"))) {
        check_boxed::<(u8, String), 5>(&ops);
        let flipped: Vec<_> = ops.iter().cloned().map(|op| map(op, |key| Opaque(std::cmp::Reverse(key)))).collect();
        check_boxed::<_, 6>(&flipped);
        let wide = |(head, tail): (u8, String)| u128::from(head) << 63 | tail.len() as u128;
        let wide: Vec<_> = ops.into_iter().map(|op| map(op, wide)).collect();
        check_boxed::<_, 4>(&wide);
    }
}

fn map<K, L>(op: Op<K>, to: impl Fn(K) -> L) -> Op<L> {
    match op {
        Op::Insert(key, value) => Op::Insert(to(key), value),
        Op::TryInsert(key, value) => Op::TryInsert(to(key), value),
        Op::Append(keys, value) => Op::Append(keys.into_iter().map(to).collect(), value),
        Op::Remove(key) => Op::Remove(to(key)),
        Op::Get(key) => Op::Get(to(key)),
        Op::Range(start, end) => Op::Range(start.map(&to), end.map(&to)),
    }
}

/// Keys of one length that agree in their beginnings and endings, longer by one byte each time: at some length a leaf cannot
/// tell them apart by what it has of them at hand.
#[test]
fn keys_that_differ_in_the_middle_alone_are_told_apart() {
    let guard = pin();
    for between in 0..12_usize {
        let key = |number: u16| {
            let digits = (0..3).map(|at| b'a' + (number >> (2 * at)) as u8 % 4);
            let mut key = b"begins ".to_vec();
            key.extend(digits);
            key.extend(vec![b'.'; between]);
            key.push(b'a' + (number >> 6) as u8);
            key.extend(b" ends so");
            key
        };
        let index = TreeIndex::<Vec<u8>, u16>::new();
        for number in (0..512).step_by(2) {
            assert_eq!(index.insert(key(number), number, &guard), None, "{number}, {between} between");
        }
        for number in 0..512 {
            let stored = Some(number).filter(|number| number % 2 == 0);
            assert_eq!(index.get(&key(number), &guard).copied(), stored, "{number}, {between} between");
            assert_eq!(index.remove(&key(number), &guard).map(|(_, value)| *value), stored);
            assert_eq!(index.insert(key(number), number, &guard), None);
        }
        assert_eq!(index.len(), 512);
    }
}

/// Keys below `count`, a power of two, in a scrambled order.
fn scrambled(count: u64) -> impl Iterator<Item = u64> {
    (0..count).map(move |index| index.wrapping_mul(0x9E37_79B9_7F4A_7C15) % count)
}

#[test]
fn many_entries_come_and_go() {
    let index = WordTreeIndex::<u64, u64>::new();
    let guard = pin();
    for key in scrambled(1 << 15) {
        index.insert(key, key + 1, &guard);
    }
    let all = index.range::<u64, _>(.., &guard);
    assert!(all.eq((0..1 << 15).map(|key| (key, key + 1))));
    let full = index.memory_usage();
    for key in scrambled(1 << 15).filter(|key| key % 15 != 0) {
        assert_eq!(index.remove(&key, &guard), Some(key + 1));
    }
    let left: Vec<u64> = index.range::<u64, _>(.., &guard).map(|(key, _)| key).collect();
    assert!(left.iter().all(|key| key % 15 == 0) && left.len() == index.len());
    assert!(index.memory_usage() < full / 4, "{} of {full} B for {} entries", index.memory_usage(), left.len());
}

#[test]
fn strings_can_be_looked_up_by_slices() {
    let index = TreeIndex::new();
    let guard = pin();
    for number in 0..2000 {
        index.insert(format!("user{number:012}"), number, &guard);
    }
    assert_eq!(index.get("user000000001234", &guard), Some(&1234));
    assert_eq!(index.get("user0000000012345", &guard), None);
    assert_eq!(index.get("", &guard), None);
    let bounds = (Bound::Included("user000000000007"), Bound::Excluded("user000000000010"));
    assert_eq!(index.range::<str, _>(bounds, &guard).map(|(_, &value)| value).collect::<Vec<_>>(), [7, 8, 9]);
    assert_eq!(index.remove("user000000000008", &guard).map(|(key, _)| key.as_str()), Some("user000000000008"));
}

#[test]
fn ranges_from_everywhere_give_as_many_as_are_asked_for() {
    let keys: Vec<u64> = (0..1500).map(|i: u64| i.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40).collect();
    // What is removed leaves leaves and nodes of all lengths behind.
    let stays = |key: u64| !key.is_multiple_of(5) && key >> 16 & 7 != 3;
    let (words, boxed) = (WordTreeIndex::<u64, u64>::new(), TreeIndex::<u64, u64>::new());
    let guard = pin();
    for &key in &keys {
        words.insert(key, !key, &guard);
        boxed.insert(key, !key, &guard);
    }
    words.retain(|key, _| stays(key), &guard);
    boxed.retain(|&key, _| stays(key), &guard);
    let model: BTreeMap<u64, u64> = keys.into_iter().filter(|&key| stays(key)).map(|key| (key, !key)).collect();
    for (turn, &from) in model.keys().enumerate() {
        let expected: Vec<_> = model.range(from..).take(1 + turn % 120).map(|(&key, &value)| (key, value)).collect();
        let (forward, backward) = (|| expected.iter().copied(), || expected.iter().rev().copied());
        let (to, length) = (expected[expected.len() - 1].0, expected.len());
        assert!(words.range(from.., &guard).take(length).eq(forward()));
        assert!(boxed.range(from.., &guard).take(length).map(|(&key, &value)| (key, value)).eq(forward()));
        assert!(words.range(from..=to, &guard).eq(forward()));
        assert!(words.range_rev::<u64, _>(..=to, &guard).take(length).eq(backward()));
        assert!(words.range_rev(from..=to, &guard).eq(backward()));
        let add = |sum: u64, (key, _)| sum.wrapping_mul(31).wrapping_add(key);
        assert_eq!(words.range(from..=to, &guard).fold(0, add), forward().fold(0, add));
        assert_eq!(words.range_rev(from..=to, &guard).fold(0, add), backward().fold(0, add));
        let mut visited = Vec::new();
        words.for_each_leaf(from..=to, |entries| visited.extend_from_slice(entries), &guard);
        assert_eq!(visited, expected);
        assert_eq!(words.count_range(from..=to, &guard), length);
    }
}
