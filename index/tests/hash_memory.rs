//! Tables that come from the kernel: they count, are found by nobody before they are there, and go back or are kept for the next.
//! A process of its own, because their bytes are counted for the whole process.

use std::time::{Duration, Instant};

use manicule_index::{
    HashIndex, WordHashIndex, WordTreeIndex, pin, retained_memory, set_retained_memory_limit, table_memory,
};

/// Lets the collector run until no table is left.
fn await_no_tables() {
    let began = Instant::now();
    while table_memory() > 0 {
        pin().flush();
        assert!(began.elapsed() < Duration::from_secs(100), "{} bytes are left", table_memory());
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
    retained_memory_is_limited_and_used_again();
}

/// An index that grows step by step to so many entries; whether others were found in it.
fn has_strangers(entries: u64) -> bool {
    let words = WordHashIndex::<u64, u64>::new();
    let mut guard = pin();
    for key in 0..entries {
        words.insert(key, !key, &guard);
        guard.repin();
    }
    words.len() as u64 != entries || words.iter(&guard).any(|(key, value)| key >= entries || value != !key)
}

fn retained_memory_is_limited_and_used_again() {
    const LIMIT: usize = 16 << 20;
    let entries = if cfg!(miri) { 100 } else { 400_000_u64 };
    set_retained_memory_limit(LIMIT);
    for round in 0..4 {
        // Presized, then step by step, both where other tables and nodes have been.
        let presized = WordHashIndex::<u64, u64>::with_capacity(entries as usize);
        assert_eq!(presized.iter(&pin()).count(), 0, "round {round}");
        presized.insert(1, 2, &pin());
        assert_eq!(presized.iter(&pin()).collect::<Vec<_>>(), [(1, 2)]);
        drop(presized);
        await_no_tables();
        assert!(!has_strangers(entries), "round {round}");
        await_no_tables();
        drop(WordTreeIndex::<u64, u64>::from_sorted((0..entries).map(|key| (key, key))));
        pin().flush();
        // A little may be kept whatever the limit.
        assert!(retained_memory() <= LIMIT + (4 << 20), "{} bytes are kept", retained_memory());
    }
    let is_kept = cfg!(all(target_os = "linux", target_pointer_width = "64", not(any(miri, crossbeam_sanitize))));
    assert_eq!(retained_memory() > LIMIT / 4, is_kept, "{} bytes are kept", retained_memory());
    set_retained_memory_limit(0);
    assert!(retained_memory() <= 4 << 20, "{} bytes are kept", retained_memory());
}
