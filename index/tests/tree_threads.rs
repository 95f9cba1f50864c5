//! Readers and writers of a tree at the same time.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use manicule_index::{TreeIndex, WordTreeIndex, pin};

const KEYS: u64 = 3000;
const ROUNDS: u64 = if cfg!(debug_assertions) { 8 } else { 60 };

/// Multiples of three stay; all others come and go under two writers, in opposite orders.
fn churn(insert: impl Fn(u64) + Sync, remove: impl Fn(u64) + Sync, read: impl Fn() + Sync) {
    let done = AtomicBool::new(false);
    (0..KEYS).filter(|key| key % 3 == 0).for_each(&insert);
    thread::scope(|scope| {
        let reader = scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                read();
            }
        });
        let writers: Vec<_> = [1, 2]
            .map(|rest| {
                let (insert, remove) = (&insert, &remove);
                scope.spawn(move || {
                    for _ in 0..ROUNDS {
                        (0..KEYS).filter(|key| key % 3 == rest).for_each(insert);
                        match rest {
                            1 => (0..KEYS).filter(|key| key % 3 == rest).for_each(remove),
                            _ => (0..KEYS).rev().filter(|key| key % 3 == rest).for_each(remove),
                        }
                    }
                })
            })
            .into();
        let ended = writers.into_iter().all(|writer| writer.join().is_ok());
        done.store(true, Ordering::Relaxed);
        assert!(ended && reader.join().is_ok());
    });
}

/// Every third key is there exactly once, and the order is strict.
fn check_scan(keys: impl Iterator<Item = u64>, forward: bool) {
    let mut last = None;
    let mut stable = 0;
    for key in keys {
        assert!(last.is_none_or(|last| if forward { last < key } else { last > key }), "{last:?} then {key}");
        last = Some(key);
        stable += u64::from(key % 3 == 0);
    }
    assert_eq!(stable, KEYS / 3);
}

/// The same of what both ends of a scan give together.
fn check_both_ends(mut keys: impl DoubleEndedIterator<Item = u64>) {
    let (mut first, mut last) = (Vec::new(), Vec::new());
    while let Some(key) = keys.next() {
        first.push(key);
        last.extend(keys.next_back());
    }
    assert_eq!(keys.next_back(), None);
    check_scan(first.into_iter().chain(last.into_iter().rev()), true);
}

#[test]
fn scans_and_gets_of_words_miss_nothing_that_stays() {
    fn check<const ORDER: usize>() {
        let index = WordTreeIndex::<u64, u64, ORDER>::with_order();
        churn(
            |key| assert_eq!(index.insert(key, key, &pin()), None),
            |key| assert_eq!(index.remove(&key, &pin()), Some(key)),
            || {
                let guard = pin();
                check_scan(index.range::<u64, _>(.., &guard).map(|(key, _)| key), true);
                check_scan(index.range_rev::<u64, _>(.., &guard).map(|(key, _)| key), false);
                check_both_ends(index.range::<u64, _>(.., &guard).map(|(key, _)| key));
                assert!((0..KEYS).step_by(3).all(|key| index.get(&key, &guard) == Some(key)));
            },
        );
        assert_eq!(index.len() as u64, KEYS / 3);
    }
    check::<4>();
    check::<8>();
}

#[test]
fn scans_and_gets_of_strings_miss_nothing_that_stays() {
    let text = |key: u64| format!("a rather long prefix {key:08}");
    let number = |text: &String| text[21..].parse::<u64>().unwrap();
    let index = TreeIndex::<String, u64, 4>::with_order();
    churn(
        |key| assert_eq!(index.insert(text(key), key, &pin()), None),
        |key| assert!(index.remove(text(key).as_str(), &pin()).is_some_and(|(_, &value)| value == key)),
        || {
            let guard = pin();
            check_scan(index.range::<str, _>(.., &guard).map(|(key, _)| number(key)), true);
            check_scan(index.range_rev::<str, _>(.., &guard).map(|(key, _)| number(key)), false);
            assert!((0..KEYS).step_by(3).all(|key| index.get(text(key).as_str(), &guard) == Some(&key)));
        },
    );
    assert_eq!(index.len() as u64, KEYS / 3);
}

#[test]
fn a_key_under_update_is_never_missed_and_never_goes_back() {
    let index = TreeIndex::<u32, u64>::new();
    (0..20).for_each(|key| assert_eq!(index.insert(key, 0, &pin()), None));
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            (1..20_000).for_each(|value| assert_eq!(index.insert(7, value, &pin()), Some(&(value - 1))));
            done.store(true, Ordering::Relaxed);
        });
        let mut last = 0;
        while !done.load(Ordering::Relaxed) {
            let value = *index.get(&7, &pin()).expect("the key is always there");
            assert!(value >= last);
            last = value;
        }
    });
}

#[test]
fn appended_entries_are_seen_in_their_order_once_each() {
    fn check<const ORDER: usize>() {
        let index = WordTreeIndex::<u64, u64, ORDER>::with_order();
        let (count, done) = (2000 * ROUNDS, AtomicBool::new(false));
        thread::scope(|scope| {
            // Even keys; a second writer puts odd ones between them and at the end, where it is in the way.
            scope.spawn(|| {
                index.append_sorted((0..count).map(|key| (2 * key, key)), &pin());
                done.store(true, Ordering::Relaxed);
            });
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    let last = index.last(&pin()).map_or(0, |(key, _)| key);
                    index.insert((last / 2) | 1, 0, &pin());
                    index.insert((last + 1) | 1, 0, &pin());
                }
            });
            while !done.load(Ordering::Relaxed) {
                let guard = pin();
                let forward: Vec<u64> = index.iter(&guard).map(|(key, _)| key).collect();
                assert!(forward.is_sorted_by(|left, right| left < right));
                let last = forward.iter().copied().filter(|key| key % 2 == 0).max().unwrap_or(0);
                assert!(
                    (0..last).step_by(2).all(|key| index.contains_key(&key, &guard)),
                    "one before {last} is missing"
                );
            }
        });
        let guard = pin();
        assert!(index.iter(&guard).map(|(key, _)| key).filter(|key| key % 2 == 0).eq((0..count).map(|key| 2 * key)));
        assert_eq!(index.len(), index.iter(&guard).count());
    }
    check::<4>();
    check::<8>();
}

#[test]
fn one_of_two_racing_writers_wins() {
    let race = |index: &WordTreeIndex<u64, u64>, barrier: &Barrier, thread| {
        let inserted = (0..40).filter(|&key| index.try_insert(key, thread, &pin()).is_ok()).count();
        barrier.wait();
        let removed = (0..40).filter(|key| index.remove(key, &pin()).is_some()).count();
        (inserted, removed)
    };
    for _ in 0..200 {
        let (index, barrier) = (WordTreeIndex::new(), Barrier::new(2));
        let (one, two) = thread::scope(|scope| {
            let other = scope.spawn(|| race(&index, &barrier, 1));
            (race(&index, &barrier, 0), other.join().unwrap())
        });
        assert_eq!((one.0 + two.0, one.1 + two.1, index.len()), (40, 40, 0));
    }
}

#[test]
fn clear_among_writers_loses_no_count() {
    let index = TreeIndex::<u64, Arc<()>, 4>::with_order();
    let token = Arc::new(());
    thread::scope(|scope| {
        for thread in 0..2 {
            let (index, token) = (&index, &token);
            scope.spawn(move || {
                (0..4000).for_each(|key| assert!(index.insert(2 * key + thread, token.clone(), &pin()).is_none()));
            });
        }
        scope.spawn(|| (0..50).for_each(|_| index.clear(&pin())));
    });
    let guard = pin();
    assert_eq!(index.len(), index.range::<u64, _>(.., &guard).count());
    index.clear(&guard);
    assert_eq!(index.len(), 0);
}

/// Counts its instances.
struct Counted(Arc<AtomicUsize>);

impl Counted {
    fn new(live: &Arc<AtomicUsize>) -> Self {
        live.fetch_add(1, Ordering::Relaxed);
        Self(live.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[test]
fn every_value_is_dropped_once() {
    let live = Arc::new(AtomicUsize::new(0));
    let write = |index: &TreeIndex<String, Counted, 4>, round| {
        for key in (0..600).map(|key| format!("{:05}", key * 7 % 600)) {
            let guard = pin();
            index.insert(key.clone(), Counted::new(&live), &guard);
            drop(index.try_insert(key.clone(), Counted::new(&live), &guard));
            if key.ends_with('3') || round > 1 {
                index.remove(&key, &guard);
            }
        }
    };
    for round in 0..4 {
        let index = TreeIndex::with_order();
        thread::scope(|scope| {
            scope.spawn(|| write(&index, round));
            write(&index, round);
        });
        if round == 3 {
            index.clear(&pin());
        }
    }
    // The collector frees in its own time, which some more pins give it; other tests of this process hold guards too.
    let begun = Instant::now();
    while live.load(Ordering::Relaxed) > 0 {
        assert!(begun.elapsed() < Duration::from_secs(100), "{} values are left", live.load(Ordering::Relaxed));
        pin().flush();
        thread::sleep(Duration::from_micros(100));
    }
}
