//! The whole indexes under shuttle: random schedules of threads that change, read and resize.

use std::collections::HashMap;

use shuttle::sync::{Arc, Mutex};
use shuttle::{check_pct, check_random, thread};

use super::history::{Call, Operation, call_for, is_linearizable, record};
use super::{HashIndex, WordHashIndex};
use crate::pin;

/// Schedules for each test; `SHUTTLE_ITERATIONS` says otherwise.
fn iterations() -> usize {
    std::env::var("SHUTTLE_ITERATIONS").ok().and_then(|count| count.parse().ok()).unwrap_or(1000)
}

/// Explores `program` by chance and by few, well-placed preemptions.
fn explore(program: impl Fn() + Send + Sync + Copy + 'static) {
    check_random(program, iterations());
    check_pct(program, iterations(), 3);
}

/// Three threads with different calls on two keys, one that resizes: every history has an explanation.
#[test]
fn shuttle_hash_histories_are_linearizable_beside_a_resize() {
    explore(|| {
        let index = Arc::new(WordHashIndex::new());
        let history = Arc::new(Mutex::new(HashMap::<u64, Vec<Operation>>::new()));
        let mut threads: Vec<_> = (0..3_u64)
            .map(|thread| {
                let (index, history) = (Arc::clone(&index), Arc::clone(&history));
                thread::spawn(move || {
                    for n in 0..4 {
                        let key = n % 2;
                        let operation = record(&index, key, call_for(thread * 3 + n * 5 + 1), &pin());
                        history.lock().unwrap().entry(key).or_default().push(operation);
                    }
                })
            })
            .collect();
        let resized = Arc::clone(&index);
        threads.push(thread::spawn(move || {
            resized.reserve(40, &pin());
            resized.shrink_to_fit(&pin());
        }));
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        let mut history = history.lock().unwrap();
        for (key, operations) in &mut *history {
            operations.push(record(&index, *key, Call::Get, &pin()));
            assert!(is_linearizable(operations), "key {key}: {operations:#?}");
        }
    });
}

/// Entries that stay come out of an iteration exactly once, whatever the table does.
#[test]
fn shuttle_hash_iteration_gives_every_entry_once_beside_a_resize() {
    explore(|| {
        let index: Arc<WordHashIndex<u64, u64>> = Arc::new((0..6).map(|key| (key, key)).collect());
        let resized = Arc::clone(&index);
        let resizer = thread::spawn(move || {
            resized.reserve(100, &pin());
            resized.shrink_to_fit(&pin());
        });
        let changed = Arc::clone(&index);
        let changer = thread::spawn(move || {
            changed.insert(100, 0, &pin());
            changed.insert(3, 30, &pin());
            changed.remove(&100, &pin());
        });
        let mut keys: Vec<_> = index.iter(&pin()).map(|(key, _)| key).filter(|key| *key < 6).collect();
        keys.sort_unstable();
        assert_eq!(keys, [0, 1, 2, 3, 4, 5]);
        resizer.join().unwrap();
        changer.join().unwrap();
    });
}

/// Every value is dropped exactly once, after the last reader, and no reader sees a dropped one.
#[test]
fn shuttle_hash_boxed_values_live_as_long_as_their_readers() {
    explore(|| {
        let index: Arc<HashIndex<u64, Arc<u64>>> = Arc::new(HashIndex::new());
        let value = Arc::new(7);
        let threads: Vec<_> = (0..2_u64)
            .map(|thread| {
                let (index, value) = (Arc::clone(&index), Arc::clone(&value));
                thread::spawn(move || {
                    let guard = pin();
                    index.insert(1, Arc::clone(&value), &guard);
                    index.reserve(40 * usize::try_from(thread).unwrap(), &guard);
                    if let Some(found) = index.get(&1, &guard) {
                        assert_eq!(**found, 7);
                        index.remove(&1, &guard);
                        assert_eq!(**found, 7);
                    }
                })
            })
            .collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert!(index.len() <= 1);
    });
}
