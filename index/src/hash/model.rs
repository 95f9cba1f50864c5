//! The group protocol under loom: every weak execution of small programs, up to a number of preemptions.
//!
//! The epoch is left out: a model leaks what it retires (see [`Guard`]). Its part is covered by the shuttle tests and
//! the sanitizers.

use std::hash::{BuildHasher, Hasher};

use loom::sync::Arc;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;

use super::cell::spread;
use super::{HashIndex, WordHashIndex};
use crate::word::WordKey;
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

/// Gives a key the hash that it is, so that a program says which group and tag a key has.
#[derive(Clone, Copy, Default)]
struct Own(u64);

impl BuildHasher for Own {
    type Hasher = Self;
    fn build_hasher(&self) -> Self {
        *self
    }
}

impl Hasher for Own {
    fn write(&mut self, _bytes: &[u8]) {}
    fn write_u64(&mut self, key: u64) {
        self.0 = key;
    }
    fn finish(&self) -> u64 {
        // Hashes are spread by a product: this is the number whose product is the key.
        let inverse = (0..6).fold(1_u64, |inverse, _| inverse.wrapping_mul(2_u64.wrapping_sub(spread(inverse))));
        self.0.wrapping_mul(inverse)
    }
}

/// Explores `program`, with two preemptions unless `LOOM_MAX_PREEMPTIONS` says otherwise.
fn explore(program: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = builder.preemption_bound.or(Some(2));
    let runs = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counted = std::sync::Arc::clone(&runs);
    builder.check(move || {
        counted.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        program();
    });
    assert!(runs.load(std::sync::atomic::Ordering::Relaxed) > 10, "the threads of a model get in each other's way");
}

/// Runs both at once. Neither on the model's first thread: loom finds next to no interleavings with that one's loads.
fn race<I: Send + Sync + 'static>(
    index: I,
    left: impl FnOnce(&I, &Guard) + Send + 'static,
    right: impl FnOnce(&I, &Guard) + Send + 'static,
) -> Arc<I> {
    let index = Arc::new(index);
    let (for_left, for_right) = (Arc::clone(&index), Arc::clone(&index));
    let left = thread::spawn(move || left(&for_left, &pin()));
    let right = thread::spawn(move || right(&for_right, &pin()));
    left.join().unwrap();
    right.join().unwrap();
    index
}

/// An index of `entries` that all have one hash.
fn index_of<K: WordKey>(entries: &[(K, u64)]) -> WordHashIndex<K, u64, Same> {
    let index = WordHashIndex::with_hasher(Same);
    entries.iter().for_each(|(key, value)| assert_eq!(index.insert(*key, *value, &pin()), None));
    index
}

/// Who finds an entry also sees what was written before it was inserted, or replaced.
#[test]
fn loom_hash_publish() {
    explore(|| {
        let data = Arc::new(AtomicUsize::new(0));
        let seen = Arc::clone(&data);
        race(
            index_of::<u64>(&[]),
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
    let answers: [(u64, fn(Option<u64>) -> bool); 3] = [
        (1, |found| matches!(found, None | Some(10))),
        (2, |found| matches!(found, None | Some(20))),
        (5, |found| found == Some(50)),
    ];
    for (key, is_right) in answers {
        explore(move || {
            race(
                index_of(&[(1_u64, 10), (5, 50)]),
                |index, guard| {
                    assert_eq!(index.remove(&1, guard), Some(10));
                    assert_eq!(index.insert(2, 20, guard), None);
                },
                move |index, guard| assert!(is_right(index.get(&key, guard))),
            );
        });
    }
}

/// Keys of two words do not tear either.
#[test]
fn loom_hash_reuse_two_words() {
    explore(|| {
        race(
            index_of(&[((1_u64, 1_u64), 10)]),
            |index, guard| {
                index.remove(&(1, 1), guard);
                index.insert((2, 2), 20, guard);
            },
            |index, guard| {
                assert_eq!(index.get(&(1, 2), guard), None);
                assert!(matches!(index.get(&(2, 2), guard), None | Some(20)));
            },
        );
    });
}

/// A key whose value is replaced is never missed and never goes back.
#[test]
fn loom_hash_replace() {
    explore(|| {
        race(
            index_of(&[(1_u64, 1)]),
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
            index_of(&[(1_u64, 1)]),
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
            index_of(&[(1_u64, 1), (2, 2)]),
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
        race(index_of::<u64>(&[]), move |index, guard| count(&other, index.try_insert(1, 1, guard).is_ok()), {
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
        let index = HashIndex::<u64, AtomicUsize, Same>::with_hasher(Same);
        index.insert(1, AtomicUsize::new(10), &pin());
        race(
            index,
            |index, guard| {
                let value = AtomicUsize::new(0);
                value.store(20, Ordering::Relaxed);
                index.remove(&1, guard);
                index.insert(2, value, guard);
            },
            |index, guard| {
                let read = |key| index.get(&key, guard).map(|value| value.load(Ordering::Relaxed));
                assert!(matches!(read(1), None | Some(10)));
                assert!(matches!(read(2), None | Some(20)));
            },
        );
    });
}

/// An entry is complete when it is found, whichever part of a group it goes to: the first eight slots, the others, a block that is
/// appended, or one that is there. A lookup reads only cells with its tag; an iteration reads all.
#[test]
fn loom_hash_publish_in_each_part_of_a_group() {
    let key = |number: u64| number << 24;
    for others in [0, 8, 16, 17] {
        for iterate in [false, true] {
            explore(move || {
                let index = HashIndex::<u64, u64, Own>::with_hasher(Own(0));
                (1..=others).for_each(|number| _ = index.insert(key(number), number, &pin()));
                race(
                    index,
                    move |index, guard| _ = index.insert(key(99), 99, guard),
                    move |index, guard| {
                        if iterate {
                            let numbers = index.iter(guard).map(|(_, number)| *number).filter(|number| *number != 99);
                            assert_eq!(numbers.sum::<u64>(), (1..=others).sum());
                        } else {
                            assert!(matches!(index.get(&key(99), guard), None | Some(99)));
                        }
                    },
                );
            });
        }
    }
}

/// An iteration never gives one key with the value of another that had the slot before.
#[test]
fn loom_hash_reuse_beside_an_iteration() {
    explore(|| {
        race(
            index_of(&[(1_u64, 10)]),
            |index, guard| {
                assert_eq!(index.remove(&1, guard), Some(10));
                assert_eq!(index.insert(2, 20, guard), None);
            },
            |index, guard| assert!(index.iter(guard).all(|(key, value)| value == 10 * key)),
        );
    });
}

/// Two groups become one. Who looks there for a key of the first, whose tag is that of a key of the second, reads no cell before it is
/// filled.
#[test]
fn loom_hash_shrink_beside_a_reader() {
    let (first, second) = (7 << 24, 1 << 62 | 7 << 24);
    for (key, found) in [(first + 1, None), (second, Some(&2))] {
        explore(move || {
            let index = HashIndex::<u64, u64, Own>::with_capacity_and_hasher(30, Own(0));
            assert_eq!(index.stats().slots, 64);
            index.insert(first, 1, &pin());
            index.insert(second, 2, &pin());
            let index = race(
                index,
                |index, guard| index.shrink_to_fit(guard),
                move |index, guard| assert_eq!(index.get(&key, guard), found),
            );
            assert_eq!(index.stats().slots, 32);
        });
    }
}
