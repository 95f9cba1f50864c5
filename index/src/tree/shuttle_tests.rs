//! Schedules of whole operations: splits, merges, sweeps and cursors.
//!
//! `cargo test -p manicule-index --release --features shuttle --lib shuttle_tree`; `SHUTTLE_ITERS` schedules each.

use std::sync::Arc;

use shuttle::thread;

use super::{TreeIndex, WordTreeIndex};
use crate::guard::pin;
use crate::outcome::Change;

type Tree = WordTreeIndex<u64, u64, 4>;

fn explore(model: impl Fn() + Send + Sync + Copy + 'static) {
    let schedules = std::env::var("SHUTTLE_ITERS").ok().and_then(|text| text.parse().ok()).unwrap_or(2000);
    shuttle::check_random(model, schedules);
    shuttle::check_pct(model, schedules, 3);
}

fn tree(keys: impl IntoIterator<Item = u64>) -> Arc<Tree> {
    let tree = Arc::new(Tree::with_order());
    keys.into_iter().for_each(|key| assert_eq!(tree.insert(key, key, &pin()), None));
    tree
}

/// The even keys below `end` are there once each, in order, both ways.
fn check_scans(tree: &Tree, end: u64) {
    let guard = pin();
    let forward: Vec<u64> = tree.iter(&guard).map(|(key, _)| key).collect();
    assert!(forward.is_sorted_by(|left, right| left < right), "{forward:?}");
    assert!(forward.iter().copied().filter(|key| key % 2 == 0).eq((0..end).step_by(2)), "{forward:?}");
    let backward: Vec<u64> = tree.range_rev::<u64, _>(.., &guard).map(|(key, _)| key).collect();
    assert!(backward.is_sorted_by(|left, right| left > right), "{backward:?}");
    assert!(backward.iter().rev().copied().filter(|key| key % 2 == 0).eq((0..end).step_by(2)), "{backward:?}");
}

/// Both ends of a scan meet, and give the even keys below `end` once each.
fn check_both_ends(tree: &Tree, end: u64) {
    let guard = pin();
    let mut range = tree.range::<u64, _>(.., &guard).map(|(key, _)| key);
    let (mut first, mut last) = (Vec::new(), Vec::new());
    while let Some(key) = range.next() {
        first.push(key);
        last.extend(range.next_back());
    }
    first.extend(last.into_iter().rev());
    assert!(first.is_sorted_by(|left, right| left < right), "{first:?}");
    assert!(first.iter().copied().filter(|key| key % 2 == 0).eq((0..end).step_by(2)), "{first:?}");
}

/// A cursor that turns round on its way meets the even keys all the same.
fn check_cursor(tree: &Tree, end: u64) {
    let mut cursor = tree.lower_bound::<u64>(std::ops::Bound::Unbounded);
    let mut even = 0;
    while let Some((key, _)) = cursor.next() {
        assert!(key % 2 == 1 || key == even, "{key} for {even}");
        if key % 2 == 0 {
            even += 2;
        }
        if key == end / 2 {
            assert_eq!(cursor.prev(), Some((key, key)));
            cursor.checkpoint();
            assert_eq!(cursor.next(), Some((key, key)));
        }
    }
    assert_eq!(even, end);
}

#[test]
fn shuttle_tree_splits_beside_scans() {
    explore(|| {
        let tree = tree((0..10).step_by(2));
        let writers = [[1, 3], [7, 5]].map(|keys| {
            let tree = tree.clone();
            thread::spawn(move || keys.into_iter().for_each(|key| assert_eq!(tree.insert(key, key, &pin()), None)))
        });
        check_scans(&tree, 10);
        check_both_ends(&tree, 10);
        check_cursor(&tree, 10);
        writers.into_iter().for_each(|writer| writer.join().unwrap());
        assert!(tree.iter(&pin()).map(|(key, _)| key).eq([0, 1, 2, 3, 4, 5, 6, 7, 8]));
        assert_eq!(tree.len(), 9);
    });
}

#[test]
fn shuttle_tree_appends_beside_scans_and_insertions() {
    explore(|| {
        let tree = tree((0..6).step_by(2));
        let appender = {
            let tree = tree.clone();
            thread::spawn(move || {
                tree.append_sorted([6, 8, 11, 13, 15, 17, 19, 21, 23, 25].map(|key| (key, key)), &pin())
            })
        };
        let writer = {
            let tree = tree.clone();
            thread::spawn(move || {
                [31, 7, 1].into_iter().for_each(|key| assert_eq!(tree.insert(key, key, &pin()), None))
            })
        };
        let keys: Vec<u64> = tree.iter(&pin()).map(|(key, _)| key).collect();
        assert!(keys.is_sorted_by(|left, right| left < right), "{keys:?}");
        assert!(keys.iter().filter(|&key| key % 2 == 0).is_sorted() && keys.starts_with(&[0]), "{keys:?}");
        appender.join().unwrap();
        writer.join().unwrap();
        let all = [0, 1, 2, 4, 6, 7, 8, 11, 13, 15, 17, 19, 21, 23, 25, 31];
        assert!(tree.iter(&pin()).map(|(key, _)| key).eq(all));
        assert_eq!(tree.len(), all.len());
    });
}

#[test]
fn shuttle_tree_merges_beside_scans() {
    explore(|| {
        let tree = tree(0..12);
        let writers = [[1, 3, 5], [11, 9, 7]].map(|keys| {
            let tree = tree.clone();
            thread::spawn(move || keys.into_iter().for_each(|key| assert_eq!(tree.remove(&key, &pin()), Some(key))))
        });
        check_scans(&tree, 12);
        check_both_ends(&tree, 12);
        check_cursor(&tree, 12);
        writers.into_iter().for_each(|writer| writer.join().unwrap());
        check_scans(&tree, 12);
        assert_eq!(tree.len(), 6);
    });
}

#[test]
fn shuttle_tree_sweeps_beside_cursors_and_insertions() {
    explore(|| {
        let tree = tree((0..8).step_by(2).chain([20, 21, 22, 23, 24, 25]));
        let sweeper = {
            let tree = tree.clone();
            thread::spawn(move || assert!((6..=7).contains(&tree.remove_range::<u64, _>(20.., &pin()))))
        };
        let writer = {
            let tree = tree.clone();
            thread::spawn(move || {
                assert_eq!(tree.insert(3, 3, &pin()), None);
                assert_eq!(tree.insert(27, 27, &pin()), None);
            })
        };
        let guard = pin();
        assert!(tree.range::<u64, _>(..8, &guard).filter(|(key, _)| key % 2 == 0).map(|(key, _)| key).eq([0, 2, 4, 6]));
        let above: Vec<u64> = tree.range_rev::<u64, _>(10.., &guard).map(|(key, _)| key).collect();
        assert!(above.is_sorted_by(|left, right| left > right), "{above:?}");
        sweeper.join().unwrap();
        writer.join().unwrap();
        assert!((0..8).step_by(2).all(|key| tree.get(&key, &guard) == Some(key)));
        assert!(tree.range::<u64, _>(20..27, &guard).next().is_none());
        assert_eq!(tree.len(), tree.iter(&guard).count());
    });
}

#[test]
fn shuttle_tree_clear_beside_insertions_keeps_count() {
    explore(|| {
        let tree = tree(0..9);
        let writer = {
            let tree = tree.clone();
            thread::spawn(move || {
                for key in 9..13 {
                    assert_eq!(tree.insert(key, key, &pin()), None);
                }
            })
        };
        tree.clear(&pin());
        writer.join().unwrap();
        let guard = pin();
        assert!(tree.iter(&guard).all(|(key, _)| key >= 9));
        assert_eq!(tree.len(), tree.iter(&guard).count());
    });
}

#[test]
fn shuttle_tree_counters_lose_no_step() {
    explore(|| {
        let tree = Arc::new(TreeIndex::<u64, u64, 4>::with_order());
        let writers = [0, 1, 2].map(|thread| {
            let tree = tree.clone();
            thread::spawn(move || {
                for key in [7, thread, 7] {
                    tree.compute(key, |before| Change::Put(before.map_or(1, |before| before + 1)), &pin());
                }
            })
        });
        writers.into_iter().for_each(|writer| writer.join().unwrap());
        let guard = pin();
        assert_eq!(tree.get(&7, &guard), Some(&6));
        assert_eq!(tree.len(), 4);
    });
}

#[test]
fn shuttle_tree_racing_removals_have_one_winner() {
    explore(|| {
        let tree = tree(0..7);
        let removals = [0, 1].map(|_| {
            let tree = tree.clone();
            thread::spawn(move || (0..7).filter(|key| tree.remove(key, &pin()).is_some()).count())
        });
        assert_eq!(removals.into_iter().map(|removal| removal.join().unwrap()).sum::<usize>(), 7);
        assert_eq!((tree.len(), tree.iter(&pin()).count()), (0, 0));
    });
}
