//! Index sets whose host is asked of rows, or is not: vacuum, entries that come back, keys with several candidates.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::cell::Cell;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};

use manicule_index::set::{
    At, CandidateIndex, EntryReader, EntryWriter, IndexDefinition, IndexId, IndexSet, IndexTransaction, Key, KeyForm,
    KeyRef, KeySpan, Structure, Visibility,
};
use manicule_index::{Registry, pin};

const TREE: IndexDefinition = IndexDefinition { unique: false, keys: KeyForm::Words, structure: Structure::Tree };
const UNIQUE_TREE: IndexDefinition = IndexDefinition { unique: true, ..TREE };

/// A host takes its next timestamp from the one that it published last.
#[test]
fn nobody_else_is_prepared_before_a_commit_is_published() {
    let (set, host) = (IndexSet::<u64, u64>::new(), Forgetful(Cell::new(0)));
    let prepared = set.begin().prepare(&host).unwrap();
    let (is_begun, is_prepared) = (AtomicBool::new(false), AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            is_begun.store(true, Ordering::SeqCst);
            drop(set.begin().prepare(&Forgetful(Cell::new(0))).unwrap());
            is_prepared.store(true, Ordering::SeqCst);
        });
        while !is_begun.load(Ordering::SeqCst) {
            std::thread::yield_now();
        }
        prepared.commit_then(1, || {
            // It has the time to come too early.
            (0..200).for_each(|_| std::thread::yield_now());
            assert!(!is_prepared.load(Ordering::SeqCst));
        });
    });
}

/// A host that has forgotten all its rows, and panics at some question.
struct Forgetful(Cell<u32>);

impl Visibility<u64, u64> for Forgetful {
    fn has_key(&self, _row: u64, _at: At<u64>, _index: IndexId, _key: KeyRef<'_>) -> bool {
        self.0.set(self.0.get().checked_sub(1).expect("a question too many"));
        false
    }
}

#[test]
fn what_a_vacuum_did_not_remove_because_the_host_panicked_goes_with_the_next() {
    let (set, host) = (IndexSet::<u64, u64>::new(), Forgetful(Cell::new(u32::MAX)));
    let index = set.create_index(TREE).finish(0, &host).unwrap();
    for outcome in [IndexTransaction::insert, IndexTransaction::remove] {
        let mut transaction = set.begin();
        (0..50).for_each(|row| outcome(&mut transaction, index, Key::word(row as i64 % 7), row));
        transaction.prepare(&host).unwrap().commit(1);
    }
    host.0.set(20);
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    assert!(catch_unwind(AssertUnwindSafe(|| set.vacuum(2, &host))).is_err());
    std::panic::set_hook(hook);
    host.0.set(50);
    assert_eq!((set.vacuum(2, &host), host.0.get()), (50, 0));
    assert_eq!(set.snapshot(2).unwrap().reader(&host).distinct_keys(index), Ok(0));
}

/// One commit of one entry to a set whose host is not asked.
fn commit_one(
    set: &IndexSet<u64, u64>,
    outcome: impl Fn(&mut IndexTransaction<u64, u64>, IndexId, Key, u64),
    (index, number): (IndexId, i64),
    timestamp: u64,
) {
    let mut transaction = set.begin();
    outcome(&mut transaction, index, Key::word(number), 1);
    transaction.prepare(&Forgetful(Cell::new(0))).unwrap().commit(timestamp);
}

/// A host may learn of its row after the entry is there, so it is not asked of one that was removed and inserted again.
#[test]
fn an_entry_that_was_inserted_again_stays_until_it_is_removed_again() {
    let (set, host) = (IndexSet::<u64, u64>::new(), Forgetful(Cell::new(0)));
    let index = set.create_index(TREE).finish(0, &host).unwrap();
    let keys = |at| set.snapshot(at).unwrap().reader(&host).distinct_keys(index).unwrap();
    for number in [7, 8] {
        commit_one(&set, IndexTransaction::insert, (index, number), 1);
        commit_one(&set, IndexTransaction::remove, (index, number), 2);
        commit_one(&set, IndexTransaction::insert, (index, number), 3);
    }
    let snapshot = set.snapshot(3).unwrap();
    commit_one(&set, IndexTransaction::remove, (index, 8), 4);
    assert_eq!((set.vacuum(4, &host), keys(4)), (0, 2), "the snapshot reads both");
    drop(snapshot);
    host.0.set(1);
    assert_eq!((set.vacuum(4, &host), keys(4)), (1, 1));
}

#[test]
fn a_host_is_not_asked_of_an_index_that_is_dropped() {
    let (set, host) = (IndexSet::<u64, u64>::new(), Forgetful(Cell::new(0)));
    let index = set.create_index(TREE).finish(0, &host).unwrap();
    commit_one(&set, IndexTransaction::insert, (index, 7), 1);
    commit_one(&set, IndexTransaction::remove, (index, 7), 2);
    assert!(set.drop_index(index));
    assert_eq!(set.vacuum(2, &host), 0);
}

/// A host whose rows have their keys from some row id on.
struct HasFrom(u64);

impl Visibility<u64, u64> for HasFrom {
    fn has_key(&self, row: u64, _at: At<u64>, _index: IndexId, _key: KeyRef<'_>) -> bool {
        row >= self.0
    }
}

#[test]
fn a_vacuum_removes_what_lies_behind_thousands_of_entries_that_are_needed() {
    const ROWS: u64 = 5000;
    let set = IndexSet::<u64, u64>::new();
    let index = set.create_index(TREE).finish(0, &HasFrom(0)).unwrap();
    for outcome in [IndexTransaction::insert, IndexTransaction::remove] {
        let mut transaction = set.begin();
        (0..ROWS).rev().for_each(|row| outcome(&mut transaction, index, Key::word(-(row as i64)), row));
        transaction.prepare(&HasFrom(0)).unwrap().commit(1);
    }
    assert_eq!(set.vacuum(1, &HasFrom(10)), 10);
    assert_eq!(set.snapshot(1).unwrap().reader(&HasFrom(0)).distinct_keys(index), Ok(ROWS - 10));
    assert_eq!(set.vacuum(1, &HasFrom(ROWS)) as u64, ROWS - 10);
}

/// The words of the greatest row id mean that a key has several candidates.
#[test]
fn an_index_is_built_of_the_greatest_row_id_too() {
    let set = IndexSet::<u64, u64>::new();
    let structures = [Structure::HashAndTree, Structure::Tree, Structure::Hash];
    let definitions =
        structures.map(|structure| [true, false].map(|unique| IndexDefinition { unique, structure, ..TREE }));
    for definition in definitions.concat() {
        let builder = set.create_index(definition);
        builder.feed([(1_i64, u64::MAX), (2, 7)].map(|(number, row)| (Key::word(number), row))).unwrap();
        let index = builder.finish(0, &HasFrom(0)).unwrap();
        let snapshot = set.snapshot(0).unwrap();
        let reader = snapshot.reader(&HasFrom(0));
        let rows = [1_i64, 2].map(|number| reader.rows(index, &Key::word(number)).unwrap());
        assert_eq!(rows, [[u64::MAX], [7]], "{definition:?}");
    }
}

#[test]
fn entries_are_counted_where_a_unique_key_has_several_candidates() {
    const KEYS: u64 = 1000;
    let registry = Registry::new();
    let index = CandidateIndex::new(UNIQUE_TREE, &registry);
    let guard = pin();
    let change = |row, change: &dyn Fn(&Key, u64, &mut EntryWriter<'_>)| {
        let mut batch = registry.begin();
        change(&Key::Word(row % KEYS), row, &mut EntryWriter { guard: &guard, batch: &mut batch });
        batch.commit();
    };
    let count = || {
        let (mut asked, published) = (0, registry.lazy_snapshot());
        let go_on = || {
            asked += 1;
            ControlFlow::<()>::Continue(())
        };
        let counted = index.count_range(
            &KeySpan::all(KeyForm::Words),
            EntryReader { guard: &guard, published: &published },
            go_on,
        );
        (counted, asked)
    };
    (0..KEYS + 2).for_each(|row| {
        change(row, &|key, row, writer| {
            index.insert(key, row, writer);
        })
    });
    assert_eq!(count().0, ControlFlow::Continue(KEYS + 2));
    (KEYS..KEYS + 2).for_each(|row| change(row, &|key, row, writer| index.remove(key, row, writer)));
    let (counted, asked) = count();
    assert_eq!(counted, ControlFlow::Continue(KEYS));
    assert!(asked <= KEYS / 2, "asked {asked} times: a leaf at a time again");
}
