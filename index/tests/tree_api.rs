//! The operations of both trees, one by one.

use std::collections::BTreeMap;
use std::ops::Bound;

use manicule_index::{Change, Changed, TreeIndex, Unexpected, WordTreeIndex, pin};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

#[test]
fn conditional_changes_say_what_was_and_what_is() {
    let index = TreeIndex::<u32, String>::new();
    let guard = pin();
    let text = |text: &str| text.to_string();
    assert_eq!(index.upsert(1, |before| text(before.map_or("new", |_| "old")), &guard).after, Some(&text("new")));
    assert_eq!(index.update(&1, |before| format!("{before}er"), &guard).after, Some(&text("newer")));
    assert_eq!(index.update(&2, |_| text("never"), &guard), Changed { before: None, after: None });
    let kept = index.compute(1, |_| Change::Keep, &guard);
    assert_eq!((kept.before, kept.after), (Some(&text("newer")), Some(&text("newer"))));
    assert_eq!(index.compare_exchange(1, &text("newer"), text("newest"), &guard), Ok(&text("newer")));
    let refused = index.compare_exchange(1, &text("newer"), text("no"), &guard);
    assert_eq!(refused, Err(Unexpected { current: Some(&text("newest")), new: text("no") }));
    assert_eq!(index.compare_exchange(2, &text(""), text("no"), &guard).unwrap_err().current, None);
    let occupied = index.try_insert(1, text("no"), &guard).unwrap_err();
    assert_eq!((occupied.current, occupied.key, occupied.value), (&text("newest"), 1, text("no")));
    assert_eq!(index.get_or_insert_with(1, || unreachable!(), &guard), "newest");
    assert_eq!(index.remove_if(&1, |_, value| value == "no", &guard), None);
    assert_eq!(index.remove_if(&1, |key, _| *key == 1, &guard), Some((&1, &text("newest"))));
    assert_eq!(index.compute(1, |_| Change::Remove, &guard), Changed { before: None, after: None });
    assert_eq!(index.get_or_insert_with(1, || text("again"), &guard), "again");
    assert_eq!(index.compute(1, |_| Change::Remove, &guard).before, Some(&text("again")));
    assert!(index.is_empty() && !index.contains_key(&1, &guard));
}

#[test]
fn conditional_changes_of_words_say_what_was_and_what_is() {
    let index = WordTreeIndex::<i32, u64>::new();
    let guard = pin();
    assert_eq!(index.upsert(1, |before| before.unwrap_or(7), &guard), Changed { before: None, after: Some(7) });
    assert_eq!(index.update(&1, |before| before + 1, &guard), Changed { before: Some(7), after: Some(8) });
    assert_eq!(index.update(&2, |before| before, &guard), Changed { before: None, after: None });
    assert_eq!(index.compare_exchange(&1, 8, 9, &guard), Ok(8));
    assert_eq!(index.compare_exchange(&1, 8, 9, &guard), Err(Some(9)));
    assert_eq!(index.compare_exchange(&2, 8, 9, &guard), Err(None));
    assert_eq!(index.try_insert(1, 1, &guard), Err(9));
    assert_eq!(index.get_or_insert_with(1, || unreachable!(), &guard), 9);
    assert_eq!(index.remove_if(&1, |value| value == 1, &guard), None);
    assert_eq!(index.compute(1, |_| Change::Remove, &guard), Changed { before: Some(9), after: None });
    assert!(index.is_empty() && !index.contains_key(&1, &guard));
}

#[test]
fn a_closure_may_use_the_index() {
    let index = TreeIndex::<u32, u32>::new();
    let guard = pin();
    let changed = index.compute(
        1,
        |before| {
            index.try_insert(1, 5, &guard).ok();
            Change::Put(before.copied().unwrap_or(0) + 1)
        },
        &guard,
    );
    assert_eq!(changed, Changed { before: Some(&5), after: Some(&6) });
}

#[test]
fn a_closure_runs_once_where_nobody_interferes() {
    let guard = pin();
    let (index, words) = (TreeIndex::<u32, u32>::new(), WordTreeIndex::<u32, u32>::new());
    for _ in 0..2 {
        for key in 0..100 {
            let mut value = Some(key);
            index.upsert(key, |_| value.take().expect("asked for once"), &guard);
            let mut value = Some(key);
            words.upsert(key, |_| value.take().expect("asked for once"), &guard);
        }
        assert!(index.iter(&guard).map(|(key, value)| (*key, *value)).eq(words.iter(&guard)));
        assert_eq!((index.len(), words.len()), (100, 100));
        index.clear(&guard);
        words.clear(&guard);
    }
}

#[test]
fn pops_empty_the_index_from_both_ends() {
    let boxed: TreeIndex<u32, u32> = (0..100).map(|key| (key, key)).collect();
    let words: WordTreeIndex<u32, u32> = (0..100).map(|key| (key, key)).collect();
    let guard = pin();
    for key in 0..50 {
        assert_eq!(boxed.pop_first(&guard), Some((&key, &key)));
        assert_eq!(boxed.pop_last(&guard), Some((&(99 - key), &(99 - key))));
        assert_eq!(words.pop_first(&guard), Some((key, key)));
        assert_eq!(words.pop_last(&guard), Some((99 - key, 99 - key)));
    }
    assert_eq!((boxed.pop_first(&guard), boxed.pop_last(&guard), boxed.len()), (None, None, 0));
    assert_eq!((words.pop_first(&guard), words.pop_last(&guard), words.len()), (None, None, 0));
}

#[test]
fn prefixes_select_what_starts_with_them() {
    let names = ["", "a", "ab", "abc", "abd", "b", "é", "ê"];
    let text: TreeIndex<String, usize> = names.iter().enumerate().map(|(n, name)| (name.to_string(), n)).collect();
    let bytes: TreeIndex<Vec<u8>, usize, 4> =
        (0..=255).flat_map(|high| [vec![high], vec![high, 0], vec![high, 0xff]]).map(|key| (key, 0)).collect();
    let guard = pin();
    for prefix in names {
        let expected: Vec<_> = names.iter().filter(|name| name.starts_with(prefix)).copied().collect();
        assert_eq!(text.prefix(prefix, &guard).map(|(name, _)| name.as_str()).collect::<Vec<_>>(), expected);
    }
    assert_eq!(bytes.prefix(&[0xff][..], &guard).count(), 3);
    assert_eq!(bytes.prefix(&[7, 0][..], &guard).count(), 1);
    assert_eq!(bytes.prefix(&[7, 1][..], &guard).count(), 0);
}

#[test]
fn bulk_building_equals_inserting() {
    for count in [0, 1, 6, 7, 8, 49, 50, 56, 57, 400, 5000] {
        let entries = (0..count).map(|key| (format!("key{key:06}"), key));
        let bulk = TreeIndex::<_, _>::from_sorted(entries.clone());
        let single = TreeIndex::new();
        single.append_sorted(entries, &pin());
        assert!(bulk == single && bulk.clone() == bulk && bulk.len() == count);
        let words: WordTreeIndex<usize, usize> = (0..count).rev().chain(0..count).map(|key| (key, key)).collect();
        assert!(words.clone() == words && words.len() == count);
        let guard = pin();
        assert!((0..count).all(|key| bulk.get(format!("key{key:06}").as_str(), &guard) == Some(&key)));
        assert!((0..count).all(|key| words.get(&key, &guard) == Some(key)));
        assert_eq!(words.stats(&guard).entries, count);
    }
    let last_wins = TreeIndex::<u8, u8>::from_sorted([(1, 1), (1, 2), (2, 3), (2, 4)]);
    assert_eq!(format!("{last_wins:?}"), "{1: 2, 2: 4}");
}

#[test]
#[should_panic(expected = "the entries must be sorted by key")]
fn bulk_building_refuses_disorder() {
    drop(TreeIndex::<String, u8>::from_sorted((0..100).rev().map(|key| (format!("{key:03}"), 0))));
}

#[test]
fn ordered_insertions_leave_full_leaves() {
    let count = 5000_u64;
    for (name, keys) in [("up", (0..count).collect::<Vec<_>>()), ("down", (0..count).rev().collect())] {
        let index = WordTreeIndex::<u64, u64>::new();
        let guard = pin();
        keys.iter().for_each(|&key| assert_eq!(index.insert(key, key, &guard), None));
        let stats = index.stats(&guard);
        assert_eq!(stats.levels.len(), index.depth(&guard));
        assert!(stats.levels[0].filled * 100 > stats.levels[0].capacity * 95, "{name}: {stats:?}");
    }
}

#[test]
fn folding_gives_what_asking_gives() {
    let index: WordTreeIndex<u32, u32> = (0..500).map(|key| (key, 2 * key)).collect();
    let guard = pin();
    for (start, end) in [(0, 500), (7, 8), (8, 7), (100, 333), (499, 900)] {
        let bounds = start..end;
        let mut asked = Vec::new();
        let mut range = index.range::<u32, _>(bounds.clone(), &guard);
        for entry in range.by_ref() {
            asked.push(entry);
        }
        assert_eq!(range.next(), None);
        let folded = |mut all: Vec<_>, entry| {
            all.push(entry);
            all
        };
        assert_eq!(index.range::<u32, _>(bounds.clone(), &guard).fold(Vec::new(), folded), asked);
        asked.reverse();
        assert_eq!(index.range_rev::<u32, _>(bounds, &guard).fold(Vec::new(), folded), asked);
    }
}

#[test]
fn split_points_cut_evenly() {
    let index: WordTreeIndex<u64, u64> = (0..10_000).map(|key| (3 * key, key)).collect();
    let boxed: TreeIndex<u64, u64> = (0..10_000).map(|key| (3 * key, key)).collect();
    let guard = pin();
    for parts in 1..20 {
        let points = index.split_points(parts, &guard);
        assert!(boxed.split_points(parts, &guard).into_iter().eq(&points));
        assert_eq!(points.len(), parts - 1);
        let bounds = [vec![0], points, vec![u64::MAX]].concat();
        let sizes: Vec<_> =
            bounds.windows(2).map(|pair| index.count_range::<u64, _>(pair[0]..pair[1], &guard)).collect();
        assert_eq!(sizes.iter().sum::<usize>(), 10_000);
        assert!(sizes.iter().all(|size| size * parts > 5_000 && size * parts < 20_000), "{sizes:?}");
    }
    assert_eq!(WordTreeIndex::<u8, u8>::new().split_points(4, &guard), []);
}

#[test]
fn there_are_not_more_split_points_than_leaves() {
    let (index, guard) = ((0..1000_u64).map(|key| (key, key)).collect::<WordTreeIndex<_, _>>(), pin());
    assert_eq!(index.split_points(0, &guard), []);
    assert_eq!(index.split_points(1, &guard), []);
    let all = index.split_points(usize::MAX, &guard);
    assert!((1000 / 7..1000).contains(&all.len()) && all.is_sorted(), "{}", all.len());
    assert_eq!(index.split_points(1 << 40, &guard), all);
}

#[test]
fn get_many_finds_what_get_finds() {
    let index: TreeIndex<String, u64> = (0..1000).map(|key| (format!("{key}"), key)).collect();
    let guard = pin();
    let keys: Vec<String> = (0..1500).step_by(7).map(|key| format!("{key}")).collect();
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    let mut values = vec![None; keys.len() + 1];
    index.get_many(&keys, &mut values, &guard);
    assert!(keys.iter().zip(&values).all(|(key, value)| index.get(*key, &guard) == *value));
    let empty = TreeIndex::<String, u64>::new();
    empty.get_many(&["a"], &mut values[..1], &guard);
    assert_eq!(values[0], None);
}

#[test]
fn a_checkpoint_keeps_the_place() {
    let index: TreeIndex<String, u32, 4> = (0..500).map(|key| (format!("{key:05}"), key)).collect();
    let mut cursor = index.lower_bound::<str>(Bound::Unbounded);
    for expected in 0..500 {
        assert_eq!(cursor.next().map(|(_, &value)| value), Some(expected));
        if expected % 3 == 0 {
            index.remove(format!("{:05}", expected.saturating_sub(1)).as_str(), &pin());
            cursor.checkpoint();
        }
    }
    assert_eq!(cursor.next(), None);
    cursor.checkpoint();
    assert_eq!(cursor.prev().map(|(_, &value)| value), Some(499));
    index.clear(&pin());
    cursor.checkpoint();
    assert_eq!((cursor.next(), index.lower_bound::<str>(Bound::Unbounded).prev()), (None, None));
}

#[derive(Debug, Clone)]
enum Move {
    Next,
    Prev,
    PeekNext,
    PeekPrev,
    Seek(Bound<i16>),
    SeekUpper(Bound<i16>),
    Checkpoint,
}

fn bounds() -> impl Strategy<Value = Bound<i16>> + Clone {
    prop_oneof![
        3 => (-5..205_i16).prop_map(Bound::Included),
        3 => (-5..205_i16).prop_map(Bound::Excluded),
        1 => Just(Bound::Unbounded),
    ]
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let step = prop_oneof![
        6 => Just(Move::Next),
        6 => Just(Move::Prev),
        1 => Just(Move::PeekNext),
        1 => Just(Move::PeekPrev),
        1 => bounds().prop_map(Move::Seek),
        1 => bounds().prop_map(Move::SeekUpper),
        1 => Just(Move::Checkpoint),
    ];
    vec(step, 0..200)
}

/// The number of keys before the gap that a lower bound means.
fn gap(keys: &[i16], bound: Bound<i16>, unbounded: usize) -> usize {
    match bound {
        Bound::Included(at) => keys.partition_point(|&key| key < at),
        Bound::Excluded(at) => keys.partition_point(|&key| key <= at),
        Bound::Unbounded => unbounded,
    }
}

fn swap(bound: Bound<i16>) -> Bound<i16> {
    match bound {
        Bound::Included(at) => Bound::Excluded(at),
        Bound::Excluded(at) => Bound::Included(at),
        Bound::Unbounded => Bound::Unbounded,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn cursors_walk_like_a_sorted_vector(model in btree_map(0..200_i16, any::<u8>(), 0..150), moves in moves()) {
        let boxed: TreeIndex<i16, u8, 4> = model.clone().into_iter().collect();
        let words: WordTreeIndex<i16, u8, 4> = model.clone().into_iter().collect();
        let keys: Vec<i16> = model.keys().copied().collect();
        let start = Bound::<&i16>::Unbounded;
        let (mut cursor, mut word_cursor) = (boxed.lower_bound(start), words.lower_bound(start));
        let mut at = 0_usize;
        let entry = |at: Option<usize>| at.and_then(|at| keys.get(at)).map(|key| (*key, model[key]));
        let copy = |(key, value): (&i16, &u8)| (*key, *value);
        for step in moves {
            let before = at.checked_sub(1);
            let (expected, got, got_words) = match step {
                Move::Next => (entry(Some(at)), cursor.next().map(copy), word_cursor.next()),
                Move::Prev => (entry(before), cursor.prev().map(copy), word_cursor.prev()),
                Move::PeekNext => (entry(Some(at)), cursor.peek_next().map(copy), word_cursor.peek_next()),
                Move::PeekPrev => (entry(before), cursor.peek_prev().map(copy), word_cursor.peek_prev()),
                Move::Seek(bound) => {
                    at = gap(&keys, bound, 0);
                    cursor.seek(bound.as_ref());
                    word_cursor = words.lower_bound(bound.as_ref());
                    continue;
                }
                Move::SeekUpper(bound) => {
                    at = gap(&keys, swap(bound), keys.len());
                    cursor = boxed.upper_bound(bound.as_ref());
                    word_cursor.seek_upper(bound.as_ref());
                    continue;
                }
                Move::Checkpoint => {
                    cursor.checkpoint();
                    word_cursor.checkpoint();
                    continue;
                }
            };
            prop_assert_eq!((got, got_words), (expected, expected));
            match step {
                Move::Next => at = (at + 1).min(keys.len()),
                Move::Prev => at = at.saturating_sub(1),
                _ => {}
            }
        }
    }

    #[test]
    fn sweeps_take_what_they_should(
        model in btree_map(0..200_i16, any::<u8>(), 0..200),
        ranges in vec((bounds(), bounds()), 1..6),
        rest in 1..5_u8,
    ) {
        let boxed: TreeIndex<i16, u8, 4> = model.clone().into_iter().collect();
        let words: WordTreeIndex<i16, u8> = model.clone().into_iter().collect();
        let mut left: BTreeMap<i16, u8> = model;
        let guard = pin();
        for range in ranges {
            let inside = |key: &i16| std::ops::RangeBounds::contains(&range, key);
            let expected = left.keys().filter(|key| inside(key)).count();
            left.retain(|key, _| !inside(key));
            prop_assert_eq!(boxed.remove_range::<i16, _>(range, &guard), expected);
            prop_assert_eq!(words.remove_range::<i16, _>(range, &guard), expected);
            prop_assert!(boxed.iter(&guard).eq(&left));
        }
        left.retain(|_, value| *value % rest != 0);
        boxed.retain(|_, value| value % rest != 0, &guard);
        words.retain(|_, value| value % rest != 0, &guard);
        prop_assert!(boxed.iter(&guard).eq(&left));
        prop_assert!(words.iter(&guard).eq(left.iter().map(|(key, value)| (*key, *value))));
        let mut leaves = Vec::new();
        boxed.for_each_leaf::<i16, _>(20..=100, |leaf| leaves.extend(leaf.iter().map(|(key, _)| **key)), &guard);
        prop_assert!(leaves.into_iter().eq(left.range(20..=100).map(|(key, _)| *key)));
        prop_assert_eq!((boxed.len(), words.len()), (left.len(), left.len()));
    }
}
