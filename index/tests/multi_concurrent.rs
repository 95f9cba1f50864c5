//! Multi indexes under concurrent readers: one version at a time, whole commits, and writers that never wait.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use manicule_index::{Busy, MultiIndex, Registry, RegistryOptions, WhenHeld};

/// How many snapshots the test of whole commits reads at least; `MULTI_READS` says otherwise (10^7 in a long run).
fn read_count() -> u64 {
    std::env::var("MULTI_READS").ok().and_then(|reads| reads.parse().ok()).unwrap_or(20_000)
}

/// Reads every index under one snapshot until told to stop.
fn read_all(registry: &Registry, indexes: &[MultiIndex<u64, u64>], stop: &AtomicBool, reads: &AtomicU64) {
    let mut last = 0;
    while !stop.load(Ordering::Relaxed) {
        let borrowed = registry.load();
        let first: Vec<u64> = indexes.iter().filter_map(|index| borrowed.on(index).get_one(&1).copied()).collect();
        let owned = registry.snapshot();
        let second: Vec<u64> = indexes.iter().filter_map(|index| owned.on(index).get_one(&1).copied()).collect();
        assert_eq!(first, [first[0]; 8]);
        assert_eq!(second, [second[0]; 8]);
        assert!(last <= first[0] && first[0] <= second[0]);
        last = second[0];
        reads.fetch_add(2, Ordering::Relaxed);
    }
}

#[test]
fn commit_over_eight_indexes_is_seen_whole_or_not_at_all() {
    let registry = Registry::new();
    let indexes: Vec<MultiIndex<u64, u64>> = (0..8).map(|_| registry.create_hash_from([(1, 0)])).collect();
    let (stop, reads) = (AtomicBool::new(false), AtomicU64::new(0));
    thread::scope(|scope| {
        let readers = [(); 2].map(|()| scope.spawn(|| read_all(&registry, &indexes, &stop, &reads)));
        for value in 1.. {
            let mut batch = registry.begin();
            indexes.iter().for_each(|index| {
                batch.on(index).replace(1, [value]);
            });
            batch.commit();
            let are_enough = value >= 2_000 && reads.load(Ordering::Relaxed) >= read_count();
            // A reader that has found a fault reads no more.
            if are_enough || readers.iter().any(|reader| reader.is_finished()) {
                break;
            }
        }
        stop.store(true, Ordering::Relaxed);
    });
}

/// Inserts five hundred values under one key and publishes now and then.
fn write_some(index: &MultiIndex<u64, u64>, key: u64) {
    for value in 0..500 {
        index.insert(key, value);
        if value % 7 == 0 {
            index.publish();
        }
    }
}

#[test]
fn writers_take_turns_and_lose_nothing() {
    let index = MultiIndex::<u64, u64>::new_hash();
    thread::scope(|scope| {
        for writer in 0..3 {
            let index = &index;
            scope.spawn(move || write_some(index, writer));
        }
    });
    index.publish();
    assert_eq!((index.len_keys(), index.len_values()), (3, 1500));
    assert_eq!(index.pending(), 0);
}

#[test]
fn held_snapshots_never_change_and_never_stop_the_writer() {
    let index = MultiIndex::<u64, u64>::new_ordered();
    let mut held = Vec::new();
    for value in 0..50 {
        index.insert(value % 5, value);
        assert_eq!(index.publish().waited, Duration::ZERO);
        held.push(index.registry().snapshot());
    }
    for (at, snapshot) in held.iter().enumerate() {
        assert_eq!(snapshot.on(&index).len_values(), at + 1);
    }
    let snapshot = held.swap_remove(10);
    let sum = thread::spawn(move || snapshot.on(&index).iter().flat_map(|(_, list)| list.iter()).sum::<u64>());
    assert_eq!(sum.join().expect("the reader does not panic"), (0..=10).sum());
}

#[test]
fn policies_bound_the_number_of_copies() {
    let options = RegistryOptions::default().copies_max(2);
    for when_held in [WhenHeld::Busy, WhenHeld::Wait(Duration::from_millis(5))] {
        let registry = Registry::with_options(options.when_held(when_held));
        let index = registry.create_hash::<u64, u64>();
        index.insert(1, 1);
        index.publish();
        let held = [index.snapshot(), {
            index.insert(1, 2);
            index.publish();
            index.snapshot()
        }];
        let mut batch = registry.begin();
        assert_eq!(batch.try_on(&index).err(), Some(Busy));
        drop(held);
        assert_eq!(batch.try_on(&index).map(|mut editor| editor.insert(1, 3)), Ok(3));
        batch.commit();
        assert_eq!(index.count(&1), 3);
    }
}

#[test]
fn try_publish_refuses_while_readers_hold_the_other_copies() {
    let registry = Registry::with_options(RegistryOptions::default().copies_max(2));
    let index = registry.create_hash::<u64, u64>();
    index.insert(1, 1);
    index.publish();
    let held = index.snapshot();
    index.insert(1, 2);
    index.publish();
    index.insert(1, 3);
    assert_eq!(index.try_publish().err(), Some(Busy));
    assert_eq!(index.pending(), 1);
    drop(held);
}

#[test]
fn wait_for_returns_when_the_sequence_is_published() {
    let index = MultiIndex::<u64, u64>::new_hash();
    let mut batch = index.registry().begin();
    batch.on(&index).insert(1, 1);
    let sequence = batch.next_sequence();
    assert!(!index.registry().wait_for_timeout(sequence, Duration::from_millis(1)));
    thread::scope(|scope| {
        let waiting = scope.spawn(|| {
            index.wait_for(sequence);
            index.count(&1)
        });
        assert_eq!(batch.commit(), sequence);
        assert_eq!(waiting.join().expect("the reader does not panic"), 1);
    });
}

#[test]
fn a_wait_may_have_no_end() {
    let options = RegistryOptions::default().copies_max(2).when_held(WhenHeld::Wait(Duration::MAX));
    let registry = Registry::with_options(options);
    let index = registry.create_hash::<u64, u64>();
    assert!(registry.wait_for_timeout(registry.sequence(), Duration::MAX));
    index.insert(1, 1);
    index.publish();
    let held = index.snapshot();
    index.insert(1, 2);
    index.publish();
    thread::scope(|scope| {
        let sequence = registry.begin().next_sequence();
        let writing = scope.spawn(|| registry.begin().try_on(&index).map(|mut editor| editor.insert(1, 3)));
        let waiting = scope.spawn({
            let registry = &registry;
            move || registry.wait_for_timeout(sequence, Duration::MAX)
        });
        thread::yield_now();
        drop(held);
        assert_eq!(writing.join().expect("a wait does not panic"), Ok(3));
        index.insert(1, 4);
        index.publish();
        assert!(waiting.join().expect("a wait does not panic"));
    });
}

#[test]
#[should_panic(expected = "the savepoint is one of this batch")]
fn a_savepoint_of_another_registry_is_refused() {
    let registries = [Registry::new(), Registry::new()];
    let [mut one, mut other] = registries.each_ref().map(Registry::begin);
    let savepoint = one.savepoint();
    other.savepoint();
    other.rollback_to(&savepoint);
}

#[test]
fn removed_index_stays_in_older_snapshots() {
    let registry = Registry::new();
    let (kept, gone) = (registry.create_hash_from([(1u64, 1u64)]), registry.create_hash_from([(2u64, 2u64)]));
    let before = registry.snapshot();
    assert!(registry.remove(&gone));
    assert!(!registry.remove(&gone));
    let other = registry.create_hash_from([(3u64, 3u64)]);
    let after = registry.snapshot();
    assert_eq!(before.on(&gone).count(&2), 1);
    assert!(after.try_on(&gone).is_none() && before.try_on(&other).is_none());
    assert_eq!((after.on(&kept).count(&1), after.on(&other).count(&3)), (1, 1));
}

#[test]
fn removed_index_is_freed_with_the_last_snapshot_of_it_whether_anything_is_written_or_not() {
    let (registry, value) = (Registry::new(), Arc::new(()));
    let index = registry.create_hash_from([(1_u64, Arc::clone(&value))]);
    registry.remove(&index);
    assert_eq!(Arc::strong_count(&value), 1, "nobody had loaded it");
    let index = registry.create_ordered_from([(1_u64, Arc::clone(&value))]);
    let held = registry.load();
    registry.remove(&index);
    assert_eq!(held.on(&index).count(&1), 1);
    drop(held);
    registry.begin().commit();
    assert_eq!(Arc::strong_count(&value), 1, "who writes nothing frees it too");
}

#[test]
fn updates_of_one_key_leave_no_growing_operations() {
    let index = MultiIndex::<u64, u64>::new_hash();
    index.insert(1, 0);
    index.publish();
    let held = index.snapshot();
    for value in 1..20_000 {
        index.remove(&1, &(value - 1));
        index.insert(1, value);
    }
    assert_eq!(index.pending(), 2);
    for value in 0..20_000 {
        index.replace(2, [value]);
    }
    assert_eq!(index.pending(), 3);
    index.publish();
    assert_eq!(held.view().get_one(&1), Some(&0));
    assert_eq!(index.get_one(&1), Some(19_999));
}

#[test]
fn meta_travels_with_the_publication_and_rolls_back() {
    let registry = Registry::new();
    let index = registry.create_hash::<u64, u64>();
    let mut batch = registry.begin();
    batch.set_meta("first");
    batch.commit();
    let before = registry.snapshot();
    let mut batch = registry.begin();
    batch.set_meta("second");
    batch.rollback();
    index.insert(1, 1);
    index.publish();
    assert_eq!(index.meta::<&str>().as_deref(), Some(&"first"));
    assert_eq!(before.meta::<&str>(), Some(&"first"));
    assert_eq!(before.meta::<u64>(), None);
}

#[test]
fn batch_moves_between_threads_and_rolls_back_when_dropped() {
    let registry = Registry::new();
    let index = registry.create_hash::<u64, u64>();
    let mut batch = registry.begin();
    batch.on(&index).insert(1, 1);
    assert!(registry.try_begin().is_none());
    thread::spawn(move || drop(batch)).join().expect("the batch rolls back");
    assert_eq!(registry.begin().commit(), registry.sequence());
    assert_eq!(index.count(&1), 0);
    // A thread may lose the processor once, but not each time.
    let is_free_at_once = |_| {
        let start = Instant::now();
        assert!(registry.try_begin().is_some());
        start.elapsed() < Duration::from_secs(1)
    };
    assert!((0..5).any(is_free_at_once));
}

#[test]
fn reader_sees_each_publication_and_holds_the_last_one_it_saw() {
    let registry = Registry::with_options(RegistryOptions::default().copies_max(2).when_held(WhenHeld::Busy));
    let index: MultiIndex<u64, u64> = registry.create_hash();
    let mut reader = index.reader();
    for value in 1..100 {
        index.insert(1, value);
        assert_eq!(reader.view().count(&1), value as usize - 1, "what is pending is not seen");
        index.publish();
        assert_eq!(reader.view().count(&1), value as usize);
    }
    let can_write_twice = || {
        (0..2).all(|value| {
            let mut batch = registry.begin();
            let written = batch.try_on(&index).map(|mut editor| editor.insert(2, value)).is_ok();
            batch.commit();
            written
        })
    };
    assert!(!can_write_twice(), "the reader holds the copy that is to be written next");
    reader.release();
    assert!(can_write_twice());
    assert_eq!(reader.view().count(&2), 3);
}

#[test]
fn readers_beside_a_writer_never_go_back() {
    let index = MultiIndex::<u64, u64>::new_ordered();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..2 {
            let mut reader = index.reader();
            let done = &done;
            scope.spawn(move || {
                let mut last = 0;
                while !done.load(Ordering::Acquire) {
                    let view = reader.view();
                    let (one, two) = (view.count(&1), view.count(&2));
                    assert!(one == two && last <= one);
                    last = one;
                }
                assert_eq!(reader.view().count(&1), 2_000);
            });
        }
        for value in 0..2_000 {
            let mut batch = index.registry().begin();
            batch.on(&index).insert(1, value);
            batch.on(&index).insert(2, value);
            batch.commit();
        }
        done.store(true, Ordering::Release);
    });
}

#[test]
fn a_thread_may_hold_any_number_of_loads_of_different_versions() {
    let index = MultiIndex::<u64, u64>::new_hash();
    let registry = index.registry();
    let mut held = Vec::new();
    for value in 0..200 {
        held.push((registry.load(), value));
        index.insert(1, value);
        index.publish();
    }
    // Let go of in an order that leaves holes, while the writer goes on.
    while !held.is_empty() {
        let at = held.len() * 5 / 8;
        held.swap_remove(at);
        index.insert(2, 0);
        index.publish();
        for (snapshot, values) in &held {
            assert_eq!(snapshot.on(&index).count(&1) as u64, *values);
            assert!(!snapshot.on(&index).contains(&2));
        }
    }
    assert_eq!((index.count(&1), index.count(&2)), (200, 200));
}

#[test]
fn a_load_may_end_on_another_thread() {
    let index = MultiIndex::<u64, u64>::new_hash();
    index.insert(1, 10);
    index.publish();
    let registry = index.registry();
    for value in 0..100 {
        let loaded = registry.load();
        thread::scope(|scope| {
            let there = scope.spawn(|| {
                let loaded = loaded;
                loaded.on(&index).count(&1)
            });
            index.insert(1, value);
            index.publish();
            index.insert(1, value);
            index.publish();
            assert_eq!(there.join().expect("the reader does not panic") as u64, 1 + 2 * value);
        });
    }
}

#[test]
fn a_version_that_many_threads_held_is_freed_in_the_end() {
    let (index, value) = (MultiIndex::<u64, Arc<()>>::new_hash(), Arc::new(()));
    index.insert(1, Arc::clone(&value));
    index.publish();
    thread::scope(|scope| {
        for _ in 0..40 {
            scope.spawn(|| {
                for _ in 0..50 {
                    let loaded = index.registry().load();
                    let seen = loaded.on(&index).count(&1);
                    assert_eq!(loaded.into_snapshot().on(&index).count(&1), seen);
                }
            });
        }
        for round in 0..200 {
            index.replace(1, [Arc::clone(&value)]);
            if round % 3 == 0 {
                index.remove_key(&1);
            }
            index.publish();
        }
    });
    index.clear();
    index.publish();
    index.insert(2, Arc::new(()));
    index.publish();
    assert!(Arc::strong_count(&value) <= 1 + 2, "at most a copy that lags behind has it");
    drop(index);
    assert_eq!(Arc::strong_count(&value), 1);
}

#[test]
fn readers_come_and_go_beside_a_publication_while_their_thread_holds_a_version() {
    let index = MultiIndex::<u64, u64>::new_hash();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let held = index.registry().load();
            let first = held.on(&index).len_values();
            while !done.load(Ordering::Relaxed) {
                let (mut reader, snapshot) = (index.reader(), index.snapshot());
                let mut other = reader.clone();
                assert!(reader.view().len_values() >= snapshot.view().len_values());
                drop(reader);
                assert!(other.view().len_values() >= snapshot.view().len_values());
            }
            assert_eq!(held.on(&index).len_values(), first);
        });
        for value in 0..2000 {
            index.insert(value % 7, value);
            assert_eq!(index.publish().waited, Duration::ZERO);
        }
        done.store(true, Ordering::Relaxed);
    });
}
