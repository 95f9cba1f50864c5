//! Commits, snapshots and drops under the shuttle scheduler.
//!
//! The writer's turn (mutex and condition variables) and the root (its pointer and hazards) are scheduled step by step. The
//! counts of `Arc` are not: each clone and drop is one step. The root's memory orders are loom's to explore.

use shuttle::thread;

use super::*;

const ROUNDS: usize = 300;

#[test]
fn shuttle_multi_commits_are_seen_whole() {
    shuttle::check_random(
        || {
            let registry = Registry::new();
            let (left, right) = (registry.create_hash::<u64, u64>(), registry.create_ordered::<u64, u64>());
            let writers: Vec<_> = (0..2)
                .map(|writer| {
                    let (registry, left, right) = (registry.clone(), left.clone(), right.clone());
                    thread::spawn(move || {
                        for value in 0..3 {
                            let mut batch = registry.begin();
                            thread::yield_now();
                            batch.on(&left).insert(writer, value);
                            batch.on(&right).insert(writer, value);
                            thread::yield_now();
                            if value != 1 {
                                batch.commit();
                            }
                        }
                    })
                })
                .collect();
            let mut held = Vec::new();
            for _ in 0..4 {
                let snapshot = registry.snapshot();
                thread::yield_now();
                let seen = snapshot.on(&left).len_values();
                assert_eq!(seen, snapshot.on(&right).len_values());
                held.push((snapshot, seen));
                thread::yield_now();
            }
            writers.into_iter().for_each(|writer| writer.join().expect("the writer does not panic"));
            for (snapshot, seen) in held {
                assert_eq!(snapshot.on(&left).len_values(), seen, "a held snapshot never changes");
            }
            assert_eq!((left.len_values(), right.len_values()), (4, 4));
        },
        ROUNDS,
    );
}

#[test]
fn shuttle_multi_waiters_wake_when_their_sequence_is_published() {
    shuttle::check_random(
        || {
            let index = MultiIndex::<u64, u64>::new_hash();
            let target = index.registry().begin().next_sequence();
            let waiting = {
                let index = index.clone();
                thread::spawn(move || {
                    index.wait_for(target);
                    assert_eq!(index.count(&1), 1);
                })
            };
            index.insert(1, 1);
            index.publish();
            waiting.join().expect("the reader does not panic");
        },
        ROUNDS,
    );
}

#[test]
fn shuttle_multi_single_writes_and_batches_take_turns() {
    shuttle::check_random(
        || {
            let index = MultiIndex::<u64, u64>::new_hash();
            let single: Vec<_> = (2..4)
                .map(|key| {
                    let index = index.clone();
                    thread::spawn(move || {
                        for value in 0..3 {
                            index.insert(key, value);
                            index.publish();
                        }
                    })
                })
                .collect();
            let batches = {
                let index = index.clone();
                thread::spawn(move || {
                    for value in 0..3 {
                        // The turn may be somebody else's; then it is waited for.
                        let begun = index.registry().try_begin();
                        let mut batch = begun.unwrap_or_else(|| index.registry().begin());
                        thread::yield_now();
                        batch.on(&index).insert(1, value);
                        let pending = batch.pending();
                        thread::yield_now();
                        assert_eq!(batch.pending(), pending, "nobody writes within a batch");
                        batch.commit();
                    }
                })
            };
            single.into_iter().for_each(|writer| writer.join().expect("the writer does not panic"));
            batches.join().expect("the writer does not panic");
            assert_eq!((1..4).map(|key| index.count(&key)).collect::<Vec<_>>(), [3; 3]);
            assert_eq!(index.pending(), 0);
        },
        ROUNDS,
    );
}

#[test]
fn shuttle_multi_reclaims_copies_that_readers_drop_at_any_time() {
    shuttle::check_random(
        || {
            let index = MultiIndex::<u64, u64>::new_hash();
            let reader = {
                let index = index.clone();
                thread::spawn(move || {
                    for _ in 0..3 {
                        let borrowed = index.registry().load();
                        let seen = borrowed.on(&index).count(&1);
                        thread::yield_now();
                        assert_eq!(borrowed.on(&index).count(&1), seen);
                        let owned = index.snapshot();
                        drop(borrowed);
                        thread::yield_now();
                        assert!(owned.view().count(&1) >= seen);
                    }
                })
            };
            for value in 0..5 {
                index.insert(1, value);
                thread::yield_now();
                index.publish();
                thread::yield_now();
            }
            reader.join().expect("the reader does not panic");
            assert_eq!(index.count(&1), 5);
        },
        ROUNDS,
    );
}
