//! What several threads must never see, and what memory does meanwhile.

use std::hash::{BuildHasherDefault, Hasher};
use std::sync::atomic::{AtomicBool, Ordering};

use manicule_index::{HashIndex, WordHashIndex, pin};

/// Reads of the always-present keys; `HASH_READS` says otherwise (10^8 in a long run).
fn reads() -> u64 {
    std::env::var("HASH_READS").ok().and_then(|reads| reads.parse().ok()).unwrap_or(200_000)
}

/// Runs `write` over and over beside `read`.
fn beside(write: impl Fn(u64) + Sync, read: impl FnOnce()) {
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| (0_u64..).take_while(|_| !done.load(Ordering::Relaxed)).for_each(&write));
        read();
        done.store(true, Ordering::Relaxed);
    });
}

#[test]
fn a_key_that_is_always_there_is_never_missed_while_it_is_updated() {
    let index: WordHashIndex<u64, u64> = (0..32).map(|key| (key, 0)).collect();
    beside(
        |n| _ = index.insert(n % 32, n / 32, &pin()),
        || {
            let mut last = [0; 32];
            for n in 0..reads() {
                let key = n % 32;
                let value = index.get(&key, &pin()).expect("the key is always there");
                let last = &mut last[usize::try_from(key).unwrap()];
                assert!(value >= *last, "a value went back");
                *last = value;
            }
        },
    );
}

#[test]
fn a_boxed_key_that_is_always_there_is_never_missed_while_it_is_updated() {
    let index: HashIndex<String, u64> = (0..32).map(|key| (key.to_string(), 0)).collect();
    let keys: Vec<String> = (0..32).map(|key: u64| key.to_string()).collect();
    beside(
        |n| _ = index.insert((n % 32).to_string(), n, &pin()),
        || {
            for n in 0..reads() {
                let key = &keys[usize::try_from(n % 32).unwrap()];
                assert!(index.get(key, &pin()).is_some());
            }
        },
    );
}

#[test]
fn a_key_that_is_always_there_is_never_missed_while_the_table_is_resized() {
    let index: WordHashIndex<u64, u64> = (0..32).map(|key| (key, key)).collect();
    let writer = |n: u64| {
        let guard = pin();
        let key = 1000 + n % 3000;
        if (n / 3000).is_multiple_of(2) {
            index.insert(key, n, &guard)
        } else {
            index.remove(&key, &guard)
        };
    };
    beside(writer, || {
        for n in 0..reads() {
            assert_eq!(index.get(&(n % 32), &pin()), Some(n % 32));
        }
        for _ in 0..50 {
            let mut keys: Vec<u64> = index.keys(&pin()).filter(|key| *key < 32).collect();
            keys.sort_unstable();
            assert!(keys.into_iter().eq(0..32), "an iteration gives every entry that stays once");
        }
    });
}

#[test]
fn counts_by_many_threads_add_up() {
    let (index, boxed) = (WordHashIndex::<u64, u64>::new(), HashIndex::<u64, u64>::new());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for n in 0..5000_u64 {
                    index.upsert(n % 100, |count| count.unwrap_or(0) + 1, &pin());
                    boxed.upsert(n % 100, |count| count.unwrap_or(&0) + 1, &pin());
                }
            });
        }
    });
    let guard = pin();
    assert!(index.values(&guard).all(|count| count == 200));
    assert!(boxed.values(&guard).all(|count| *count == 200));
}

#[test]
fn churn_under_a_guard_held_long_leaves_no_garbage_in_the_table() {
    let index = WordHashIndex::<u64, u64>::with_capacity(1000);
    let before = index.memory_usage();
    let _held = pin();
    for n in 0..100_000 {
        index.insert(n, n, &pin());
        if n >= 500 {
            index.remove(&(n - 500), &pin());
        }
    }
    assert_eq!(index.len(), 500);
    assert!(index.memory_usage() <= before * 5 / 4, "{} bytes grew to {}", before, index.memory_usage());
}

#[test]
fn churn_of_boxed_entries_under_a_guard_held_long_does_not_fill_the_table() {
    let index = HashIndex::<u64, u64>::with_capacity(1000);
    let before = index.stats();
    let _held = pin();
    for n in 0..50_000 {
        index.insert(n, n, &pin());
        if n >= 500 {
            index.remove(&(n - 500), &pin());
        }
    }
    let after = index.stats();
    assert_eq!((after.entries, after.slots), (500, before.slots));
    assert!(after.overflow_blocks <= 4, "{after:?}");
}

#[test]
fn one_of_several_insertions_of_a_key_wins_while_the_table_is_resized() {
    const KEYS: u64 = 5000;
    let (words, boxed) = (WordHashIndex::<u64, u64>::new(), HashIndex::<u64, u64>::new());
    let won = |thread: u64| {
        let insert = |key| {
            let guard = pin();
            let word = words.try_insert(key, thread, &guard).is_ok();
            (u64::from(word), u64::from(boxed.try_insert(key, thread, &guard).is_ok()))
        };
        (0..KEYS).map(insert).fold((0, 0), |sum, won| (sum.0 + won.0, sum.1 + won.1))
    };
    let won = &won;
    let all = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..3).map(|thread| scope.spawn(move || won(thread))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).fold((0, 0), |sum, won| (sum.0 + won.0, sum.1 + won.1))
    });
    assert_eq!((all, words.len(), boxed.len()), ((KEYS, KEYS), 5000, 5000));
}

#[test]
fn memory_stays_within_bounds_while_growing_and_comes_back_after_deletes() {
    let index = WordHashIndex::<u64, u64>::new();
    for n in 0..100_000_u64 {
        index.insert(n, n, &pin());
        if n > 1000 && index.stats().groups_to_move == 0 {
            let bytes = index.memory_usage() as u64;
            assert!(bytes <= 42 * n + 4096, "{bytes} bytes for {n} entries");
        }
    }
    for n in 0..100_000_u64 {
        if n % 16 != 0 {
            index.remove(&n, &pin());
        }
    }
    let fresh: WordHashIndex<u64, u64> = index.iter(&pin()).collect::<Vec<_>>().into_iter().collect();
    assert_eq!(fresh.len(), index.len());
    assert!(index.memory_usage() <= 3 * fresh.memory_usage());
}

/// Gives every key the same hash.
#[derive(Default)]
struct Same;

impl Hasher for Same {
    fn write(&mut self, _bytes: &[u8]) {}
    fn finish(&self) -> u64 {
        0
    }
}

#[test]
fn a_flood_of_equal_hashes_makes_a_list_and_nothing_worse() {
    let words = WordHashIndex::<u64, u64, BuildHasherDefault<Same>>::default();
    let boxed = HashIndex::<u64, u64, BuildHasherDefault<Same>>::default();
    for key in 0..1500 {
        words.insert(key, key, &pin());
        boxed.insert(key, key, &pin());
    }
    let guard = pin();
    assert!((0..1500).all(|key| words.get(&key, &guard) == Some(key) && boxed.get(&key, &guard) == Some(&key)));
    assert!(words.memory_usage() < 1500 * 100, "{:?}", words.stats());
    assert!((0..1500).all(|key| words.remove(&key, &guard) == Some(key) && boxed.remove(&key, &guard).is_some()));
    assert!(words.is_empty() && boxed.is_empty());
}
