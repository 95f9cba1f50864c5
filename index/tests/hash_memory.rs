//! Tables that come from the kernel: they count, are found by nobody before they are there, and go back. A process of its own,
//! because their bytes are counted for the whole process.

use std::time::{Duration, Instant};

use manicule_index::{HashIndex, WordHashIndex, pin, table_memory};

/// Lets the collector run until no table is left.
fn await_no_tables() {
    let began = Instant::now();
    while table_memory() > 0 {
        pin().flush();
        assert!(began.elapsed() < Duration::from_secs(30), "{} bytes are left", table_memory());
    }
}

/// One test, so that nobody else's tables count.
#[test]
fn large_tables_count_hold_all_entries_and_go_back() {
    let entries = if cfg!(miri) { 100 } else { 130_000_u64 };
    let words = WordHashIndex::<u64, u64>::new();
    let mut guard = pin();
    for key in 0..entries {
        assert_eq!(words.insert(key, key, &guard), None);
        if key % 64 == 0 {
            guard.repin();
            // While a table is prepared, and while entries move to it.
            assert_eq!(words.get(&(key / 2), &guard), Some(key / 2));
            assert!(words.memory_usage() >= table_memory().min(words.stats().memory_bytes));
        }
    }
    assert_eq!(words.len() as u64, entries);
    assert!((0..entries).all(|key| words.get(&key, &guard) == Some(key)));
    if cfg!(all(target_os = "linux", target_pointer_width = "64", not(any(miri, crossbeam_sanitize)))) {
        assert!(table_memory() as u64 > entries * 16, "the table of many entries comes from the kernel");
    }
    (0..entries).for_each(|key| assert_eq!(words.remove(&key, &guard), Some(key)));
    words.shrink_to_fit(&guard);
    drop(guard);
    await_no_tables();

    // A resize on request does the whole preparation; one that is dropped in the middle of it leaves nothing behind.
    words.reserve(entries as usize, &pin());
    assert!(words.capacity() as u64 >= entries);
    drop(words);
    let boxed = HashIndex::new();
    let guard = pin();
    let mut step = 0_u64;
    let capacity = boxed.capacity();
    while boxed.capacity() == capacity || (table_memory() == 0 && step < entries) {
        boxed.insert(step, step.to_string(), &guard);
        step += 1;
    }
    assert!((0..step).all(|key| boxed.get(&key, &guard).is_some_and(|value| *value == key.to_string())));
    drop(boxed);
    drop(guard);
    await_no_tables();
}
