//! The group protocol under loom: every weak execution of small programs, up to a number of preemptions.
//!
//! The epoch is left out: a model leaks what it retires (see [`Guard`]). Its part is covered by the shuttle tests and
//! the sanitizers.

use std::hash::{BuildHasher, Hasher};

use loom::sync::Arc;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;

use super::{HashIndex, WordHashIndex};
use crate::{Guard, pin};

/// Gives every key the same hash, so that all meet in one group, with one tag and one preferred slot.
#[derive(Clone, Copy, Default)]
struct Same;

impl BuildHasher for Same {
    type Hasher = Self;
    fn build_hasher(&self) -> Self {
        *self
    }
}

impl Hasher for Same {
    fn write(&mut self, _bytes: &[u8]) {}
    fn finish(&self) -> u64 {
        0
    }
}

type Index = WordHashIndex<u64, u64, Same>;

/// Explores `program`, with two preemptions unless `LOOM_MAX_PREEMPTIONS` says otherwise.
fn explore(program: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = builder.preemption_bound.or(Some(2));
    builder.check(program);
}

/// Runs both at once on one index that holds `entries`; gives the index.
fn race(
    entries: &[(u64, u64)],
    left: impl FnOnce(&Index, &Guard) + Send + 'static,
    right: impl FnOnce(&Index, &Guard) + Send + 'static,
) -> Arc<Index> {
    let index = Arc::new(Index::with_hasher(Same));
    entries.iter().for_each(|(key, value)| assert_eq!(index.insert(*key, *value, &pin()), None));
    let shared = Arc::clone(&index);
    let thread = thread::spawn(move || left(&shared, &pin()));
    right(&index, &pin());
    thread.join().unwrap();
    index
}

/// Who finds an entry also sees what was written before it was inserted, or replaced.
#[test]
fn loom_hash_publish() {
    explore(|| {
        let data = Arc::new(AtomicUsize::new(0));
        let seen = Arc::clone(&data);
        race(
            &[],
            move |index, guard| {
                data.store(1, Ordering::Relaxed);
                index.insert(1, 1, guard);
                data.store(2, Ordering::Relaxed);
                index.insert(1, 2, guard);
            },
            move |index, guard| {
                let found = index.get(&1, guard).unwrap_or(0);
                assert!(seen.load(Ordering::Relaxed) as u64 >= found);
            },
        );
    });
}

/// A slot given to another key never shows one key with the other's value, and a key beside it is never missed.
#[test]
fn loom_hash_reuse() {
    explore(|| {
        race(
            &[(1, 10), (5, 50)],
            |index, guard| {
                assert_eq!(index.remove(&1, guard), Some(10));
                assert_eq!(index.insert(2, 20, guard), None);
            },
            |index, guard| {
                assert!(matches!(index.get(&1, guard), None | Some(10)));
                assert!(matches!(index.get(&2, guard), None | Some(20)));
                assert_eq!(index.get(&5, guard), Some(50));
            },
        );
    });
}

/// Keys of two words do not tear either.
#[test]
fn loom_hash_reuse_two_words() {
    explore(|| {
        let index = Arc::new(WordHashIndex::<(u64, u64), u64, Same>::with_hasher(Same));
        index.insert((1, 1), 10, &pin());
        let shared = Arc::clone(&index);
        let thread = thread::spawn(move || {
            shared.remove(&(1, 1), &pin());
            shared.insert((2, 2), 20, &pin());
        });
        for key in [(1, 2), (2, 1)] {
            assert_eq!(index.get(&key, &pin()), None);
        }
        assert!(matches!(index.get(&(2, 2), &pin()), None | Some(20)));
        thread.join().unwrap();
    });
}

/// A key whose value is replaced is never missed and never goes back.
#[test]
fn loom_hash_replace() {
    explore(|| {
        race(
            &[(1, 1)],
            |index, guard| assert_eq!(index.insert(1, 2, guard), Some(1)),
            |index, guard| {
                let first = index.get(&1, guard).expect("the key is always there");
                let second = index.get(&1, guard).expect("the key is always there");
                assert!(first <= second);
            },
        );
    });
}

/// While the table is replaced, a key is found, in its old place or the new one, and an update in the new table is not
/// undone by the old one.
#[test]
fn loom_hash_moved_beside_a_reader() {
    explore(|| {
        race(
            &[(1, 1)],
            |index, guard| {
                index.reserve(40, guard);
                index.insert(1, 2, guard);
            },
            |index, guard| {
                let first = index.get(&1, guard).expect("the key is always there");
                let second = index.get(&1, guard).expect("the key is always there");
                assert!(first <= second);
            },
        );
    });
}

/// An insertion, a removal and a replacement beside a resize are all there afterwards, once each.
#[test]
fn loom_hash_moved_beside_a_writer() {
    explore(|| {
        let index = race(
            &[(1, 1), (2, 2)],
            |index, guard| index.reserve(40, guard),
            |index, guard| {
                assert_eq!(index.insert(3, 3, guard), None);
                assert_eq!(index.insert(1, 9, guard), Some(1));
                assert_eq!(index.remove(&2, guard), Some(2));
            },
        );
        let mut entries: Vec<_> = index.iter(&pin()).collect();
        entries.sort_unstable();
        assert_eq!(entries, [(1, 9), (3, 3)]);
    });
}

/// Of two insertions of one key, one wins.
#[test]
fn loom_hash_one_winner() {
    explore(|| {
        let wins = Arc::new(AtomicUsize::new(0));
        let other = Arc::clone(&wins);
        let count = |wins: &AtomicUsize, won: bool| _ = wins.fetch_add(usize::from(won), Ordering::Relaxed);
        race(&[], move |index, guard| count(&other, index.try_insert(1, 1, guard).is_ok()), {
            let wins = Arc::clone(&wins);
            move |index, guard| count(&wins, index.try_insert(1, 2, guard).is_ok())
        });
        assert_eq!(wins.load(Ordering::Relaxed), 1);
    });
}

/// A boxed entry is complete when it is found, also in a slot used before.
#[test]
fn loom_hash_boxed_publish() {
    explore(|| {
        let index = Arc::new(HashIndex::<u64, AtomicUsize, Same>::with_hasher(Same));
        index.insert(1, AtomicUsize::new(10), &pin());
        let shared = Arc::clone(&index);
        let thread = thread::spawn(move || {
            let value = AtomicUsize::new(0);
            value.store(20, Ordering::Relaxed);
            shared.remove(&1, &pin());
            shared.insert(2, value, &pin());
        });
        let read = |key| index.get(&key, &pin()).map(|value| value.load(Ordering::Relaxed));
        assert!(matches!(read(1), None | Some(10)));
        assert!(matches!(read(2), None | Some(20)));
        thread.join().unwrap();
    });
}
