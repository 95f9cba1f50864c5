//! What an index that could not be built, or was dropped, leaves behind. Alone in its process, because it counts the memory of
//! all lists.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError};

use manicule_index::set::{At, IndexDefinition, IndexId, IndexSet, Key, KeyForm, KeyRef, Structure, Visibility};
use manicule_index::{list_memory, pin};

/// One test at a time counts.
static COUNT: Mutex<()> = Mutex::new(());

/// Two rows have one key; whoever asks finds a host that panics.
struct Broken;

impl Visibility<u64, u64> for Broken {
    fn has_key(&self, _row: u64, _at: At<u64>, _index: IndexId, _key: KeyRef<'_>) -> bool {
        panic!("the rows cannot be read")
    }
}

/// What all lists take once nobody reads what was given up.
fn memory_left() -> usize {
    (0..1000).for_each(|_| pin().flush());
    list_memory()
}

#[test]
fn an_index_whose_host_panics_while_it_is_finished_leaves_nothing_behind() {
    let _alone = COUNT.lock().unwrap_or_else(PoisonError::into_inner);
    let set = IndexSet::<u64, u64>::new();
    let definition = IndexDefinition { unique: true, keys: KeyForm::Bytes, structure: Structure::Hash };
    let build = || {
        let builder = set.create_index(definition);
        let repeating = (0..10_000_u64).map(|row| (Key::repeating(&(row / 5).to_be_bytes()[..]), row));
        builder.feed(repeating).expect("these are bytes");
        builder.feed([1, 2].map(|row| (Key::bytes(&b"one"[..]), row))).expect("these are bytes");
        assert!(catch_unwind(AssertUnwindSafe(|| builder.finish(0, &Broken))).is_err());
        memory_left()
    };
    let first = build();
    let most = (0..20).map(|_| build()).max().unwrap_or(0);
    assert!(most <= 2 * first, "{first} bytes grew to {most}");
    assert!(set.indexes().is_empty());
    // The writers' turn was given back.
    drop(set.begin().prepare(&Broken).expect("nothing is in the way"));
}

#[test]
fn an_index_that_is_dropped_leaves_nothing_behind_once_its_last_reader_is_gone() {
    let _alone = COUNT.lock().unwrap_or_else(PoisonError::into_inner);
    let set = IndexSet::<u64, u64>::new();
    let definition = IndexDefinition { unique: false, keys: KeyForm::Words, structure: Structure::Hash };
    for has_reader in [false, true] {
        let builder = set.create_index(definition);
        builder.feed((0..50_000).map(|row| (Key::word(row as i64 / 5), row))).expect("these are words");
        let index = builder.finish(0, &Broken).expect("it is not unique");
        let held = memory_left();
        let snapshot = set.snapshot(0).expect("nothing was vacuumed");
        let reader = has_reader.then(|| snapshot.reader(&Broken));
        assert!(set.drop_index(index));
        if let Some(reader) = reader {
            assert_eq!(reader.distinct_keys(index), Ok(10_000));
            assert!(memory_left() >= held, "the reader has it still");
        }
        set.vacuum(0, &Broken);
        let left = memory_left();
        // Under a sanitizer lists are not counted: it looks for leaks itself.
        assert!(left <= held / 4, "{left} of {held} bytes are left");
    }
}
