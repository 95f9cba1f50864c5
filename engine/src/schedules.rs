//! Whole transactions under the shuttle scheduler: commits beside readers, at every step of a commit that touches what
//! both see.
//!
//! What the index crate and `arc_swap` do inside is theirs to test; here the steps between are explored: the snapshot's
//! pin against vacuum, the installed version against the visible timestamp, the group of a leader against those who wait.

use std::ops::{ControlFlow, Range};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use shuttle::thread;

use crate::ids::Timestamp;
use crate::store::{Durability, GroupWrite, MemoryStore, OpenOptions, RecordKey, RowStore, Visit};
use crate::{
    Column, ColumnType, Covered, Database, Direction, Error, IndexColumn, IndexDefinition, IndexMethod, Isolation,
    KeyRange, Row, RowBuf, RowCount, RowId, Start, TableDefinition, TableId, TransactionOptions, Value, View,
    WithNumber,
};

const ACCOUNTS: u64 = 3;
const BALANCE: i64 = 10;

/// How many schedules are tried.
fn rounds() -> usize {
    std::env::var("SHUTTLE_ITERS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(1000)
}

/// A table `account (id INTEGER PRIMARY KEY, balance INTEGER)` with a multi index on the balance.
fn fill(database: &Database) -> TableId {
    let columns = vec![Column::new("id", ColumnType::Integer), Column::new("balance", ColumnType::Integer)];
    let definition =
        TableDefinition { name: "account".into(), columns, primary_key: vec![0], ..TableDefinition::default() };
    let table = database.create_table(definition).expect("the database is empty");
    let columns = vec![IndexColumn { column: 1, descending: false }];
    let definition = IndexDefinition { name: "balance".into(), columns, unique: false, method: IndexMethod::Tree };
    database.create_index(table, definition).expect("the table has no such index");
    let mut transaction = database.begin();
    for id in 0..ACCOUNTS {
        transaction.insert(table, account(id, BALANCE)).expect("it has the table's form");
    }
    transaction.commit().expect("there is nobody else");
    table
}

fn account(id: u64, balance: i64) -> RowBuf {
    Row::new(&[Value::Integer(id as i64), Value::Integer(balance)])
}

fn balance(row: &Row) -> i64 {
    match row.get(1) {
        Value::Integer(balance) => balance,
        other => panic!("{other} is no integer"),
    }
}

fn transfer(database: &Database, table: TableId, from: u64, isolation: Isolation) -> Result<(), Error> {
    let mut transaction = database.begin_with(TransactionOptions { isolation, start: Start::Deferred })?;
    for (id, amount) in [(from, -1), ((from + 1) % ACCOUNTS, 1)] {
        let row = transaction.view().row(table, RowId(id)).map(|row| account(id, balance(row) + amount));
        transaction.update(table, RowId(id), row.expect("no account is deleted"))?;
    }
    transaction.commit().map(drop)
}

/// Every way to the rows gives all of them, with the same sum.
fn check(view: &View<'_>, table: TableId) {
    let schema = view.catalog().table("account").expect("the table is not dropped").clone();
    let mut sums = [0; 4];
    let mut add = |path: usize, balance: i64| {
        sums[path] += balance;
        ControlFlow::<()>::Continue(())
    };
    let _ = view.scan(table, |_, row| add(0, balance(row)));
    for (path, index) in schema.indexes.iter().enumerate() {
        let _ = view.range(index.id, &KeyRange::all(), Direction::Forward, |_, row| add(path + 1, balance(row)));
        let counted = view.count_range::<()>(index.id, &KeyRange::all(), || ControlFlow::Continue(()));
        assert!(matches!(counted, ControlFlow::Continue(RowCount { rows: ACCOUNTS, .. })));
    }
    let counted = view.count_all::<()>(table, || ControlFlow::Continue(()));
    assert!(matches!(counted, ControlFlow::Continue(RowCount { rows: ACCOUNTS, .. })));
    let covered_balance = |covered: Covered<'_, '_>| match covered {
        Covered::Row(row) => balance(row),
        Covered::Key(key) => balance(&Row::new(&[Value::Null, key.value(0)])),
    };
    let all = (&KeyRange::all(), Direction::Forward, WithNumber::No);
    let visit = |_, covered: Covered<'_, '_>| add(3, covered_balance(covered));
    let _ = view.range_covered(schema.indexes[1].id, all, visit, || ControlFlow::Continue(()));
    assert_eq!(sums, [ACCOUNTS as i64 * BALANCE; 4]);
}

/// Two who transfer and one who reads; a vacuum of everything in between.
fn transfers_beside_a_reader(database: Database) {
    let database = Arc::new(database);
    let table = fill(&database);
    let held = database.snapshot();
    let writers: Vec<_> = (0..2)
        .map(|writer| {
            let database = Arc::clone(&database);
            thread::spawn(move || {
                for step in 0..2 {
                    match transfer(&database, table, (writer + step) % ACCOUNTS, Isolation::Snapshot) {
                        Ok(()) | Err(Error::Conflict { .. }) => {}
                        Err(error) => panic!("{error}"),
                    }
                }
            })
        })
        .collect();
    let vacuum = thread::spawn({
        let database = Arc::clone(&database);
        move || database.vacuum()
    });
    let mut reader = database.reader();
    for _ in 0..3 {
        check(&reader.view(), table);
    }
    check(&held.view(), table);
    writers.into_iter().for_each(|writer| writer.join().expect("the writer does not panic"));
    vacuum.join().expect("the vacuum does not panic");
    check(&held.view(), table);
    check(&reader.view(), table);
    drop(held);
    database.vacuum();
    assert_eq!(database.version_count(), ACCOUNTS, "what nobody needs is gone");
}

#[test]
fn shuttle_commits_in_memory_are_seen_whole() {
    shuttle::check_random(|| transfers_beside_a_reader(Database::in_memory()), rounds());
    shuttle::check_pct(|| transfers_beside_a_reader(Database::in_memory()), rounds(), 3);
}

#[test]
fn shuttle_commits_of_a_group_are_seen_whole_and_everybody_wakes() {
    let with_store = || {
        let store = Box::new(MemoryStore::default());
        transfers_beside_a_reader(Database::open_store(store, &OpenOptions::default()).expect("the store is empty"));
    };
    shuttle::check_random(with_store, rounds());
    shuttle::check_pct(with_store, rounds(), 3);
}

/// A store that is particular: one group at a time, each after the one before, and while it writes others run.
#[derive(Debug, Default)]
struct Particular {
    store: MemoryStore,
    is_writing: AtomicBool,
    last: AtomicU64,
    /// Groups of two commits at least.
    shared: Arc<AtomicU64>,
}

impl RowStore for Particular {
    fn apply(&self, group: &GroupWrite, durability: Durability) -> Result<(), Error> {
        assert!(!self.is_writing.swap(true, Ordering::SeqCst), "two groups at once");
        thread::yield_now();
        if let Some(Timestamp(last)) = group.timestamp() {
            let before = self.last.swap(last, Ordering::SeqCst);
            assert!(before < last || last == 0, "{last} comes after {before}");
            self.shared.fetch_add(u64::from(before + 1 < last), Ordering::SeqCst);
        }
        self.store.apply(group, durability)?;
        thread::yield_now();
        assert!(self.is_writing.swap(false, Ordering::SeqCst));
        Ok(())
    }

    fn sync(&self) -> Result<(), Error> {
        self.store.sync()
    }

    fn scan(&self, keys: Range<RecordKey>, visit: Visit<'_>) -> Result<(), Error> {
        self.store.scan(keys, visit)
    }

    fn close(&self) -> Result<(), Error> {
        self.store.close()
    }
}

/// Three who commit again and again: each finds its commit visible, whoever led its group.
fn commits_that_gather(shared: &Arc<AtomicU64>) {
    let store = Particular { shared: Arc::clone(shared), ..Particular::default() };
    let database = Database::open_store(Box::new(store), &OpenOptions::default()).expect("the store is empty");
    let database = Arc::new(database);
    let table = fill(&database);
    let committers: Vec<_> = (0..ACCOUNTS)
        .map(|id| {
            let database = Arc::clone(&database);
            thread::spawn(move || {
                for step in 1..4 {
                    let mut transaction = database.begin();
                    transaction.update(table, RowId(id), account(id, step)).expect("no account is deleted");
                    transaction.commit().expect("nobody else changes the row");
                    let seen = database.snapshot().view().row(table, RowId(id)).map(balance);
                    assert_eq!(seen, Some(step), "a commit that has returned is visible");
                }
            })
        })
        .collect();
    committers.into_iter().for_each(|committer| committer.join().expect("it does not panic"));
}

#[test]
fn shuttle_groups_reach_the_store_one_after_the_other() {
    let shared = Arc::new(AtomicU64::new(0));
    let (random, pct) = (Arc::clone(&shared), Arc::clone(&shared));
    shuttle::check_random(move || commits_that_gather(&random), rounds());
    shuttle::check_pct(move || commits_that_gather(&pct), rounds(), 3);
    assert!(shared.load(Ordering::SeqCst) > 0, "the schedules do not meet");
}

/// Each of three takes from its account what it has seen on the next one: in a serial order the last one sees what the
/// first one left.
fn write_skew(isolation: Isolation) -> bool {
    let database = Arc::new(Database::in_memory());
    let table = fill(&database);
    let writers: Vec<_> = (0..2)
        .map(|id| {
            let database = Arc::clone(&database);
            thread::spawn(move || {
                let options = TransactionOptions { isolation, start: Start::Deferred };
                let mut transaction = database.begin_with(options).expect("it is not the writer");
                let other = transaction.view().row(table, RowId(1 - id)).map(balance).expect("the row is there");
                transaction.update(table, RowId(id), account(id, other + 1)).expect("the row is there");
                transaction.commit().is_ok()
            })
        })
        .collect();
    let committed: Vec<bool> = writers.into_iter().map(|writer| writer.join().expect("it does not panic")).collect();
    let snapshot = database.snapshot();
    let balances = [0, 1].map(|id| snapshot.view().row(table, RowId(id)).map(balance).expect("the row is there"));
    // Had one come after the other, it would have seen the other's.
    committed == [true, true] && balances == [BALANCE + 1; 2]
}

#[test]
fn shuttle_serializable_transactions_have_no_write_skew() {
    let found = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&found);
    let count = move || {
        counted.fetch_add(usize::from(write_skew(Isolation::Snapshot)), Ordering::Relaxed);
    };
    shuttle::check_random(count, rounds());
    assert!(found.load(Ordering::Relaxed) > 0, "the schedules do not meet");
    shuttle::check_random(|| assert!(!write_skew(Isolation::Serializable)), rounds());
    shuttle::check_pct(|| assert!(!write_skew(Isolation::Serializable)), rounds(), 3);
}

#[test]
fn shuttle_writer_is_not_overtaken() {
    let run = || {
        let database = Arc::new(Database::in_memory());
        let table = fill(&database);
        let threads: Vec<_> = [Start::Immediate, Start::Deferred, Start::Immediate]
            .map(|start| {
                let database = Arc::clone(&database);
                thread::spawn(move || {
                    let options = TransactionOptions { isolation: Isolation::Snapshot, start };
                    let mut transaction = database.begin_with(options).expect("the place is left in time");
                    let before = transaction.view().row(table, RowId(0)).map(balance).expect("the row is there");
                    transaction.update(table, RowId(0), account(0, before + 1)).expect("the row is there");
                    let committed = transaction.commit();
                    assert!(committed.is_ok() || start == Start::Deferred, "{committed:?}");
                    i64::from(committed.is_ok())
                })
            })
            .into();
        let commits: i64 = threads.into_iter().map(|thread| thread.join().expect("it does not panic")).sum();
        let snapshot = database.snapshot();
        assert_eq!(snapshot.view().row(table, RowId(0)).map(balance), Some(BALANCE + commits));
    };
    shuttle::check_random(run, rounds());
    shuttle::check_pct(run, rounds(), 3);
}

fn records(store: &MemoryStore) -> Vec<(RecordKey, Vec<u8>)> {
    let mut records = Vec::new();
    let add = &mut |key, value: &[u8]| {
        records.push((key, value.to_vec()));
        ControlFlow::Continue(())
    };
    store.scan(RecordKey::MIN..RecordKey::MAX, add).expect("memory does not fail");
    records
}

#[test]
fn shuttle_commit_beside_a_close_is_in_the_store_or_leaves_no_trace() {
    let run = || {
        let store = MemoryStore::default();
        let opened = Database::open_store(Box::new(store.clone()), &OpenOptions::default());
        let database = Arc::new(opened.expect("the store is empty"));
        let table = fill(&database);
        let before = records(&store);
        let commit = thread::spawn({
            let database = Arc::clone(&database);
            move || transfer(&database, table, 0, Isolation::Snapshot)
        });
        database.close().expect("the disk does not fail");
        let committed = commit.join().expect("it does not panic");
        assert!(matches!(committed, Ok(()) | Err(Error::Closed)), "{committed:?}");
        let versions = ACCOUNTS + if committed.is_ok() { 2 } else { 0 };
        assert_eq!(database.version_count(), versions, "{committed:?}");
        store.lose_unsynced();
        assert_eq!(records(&store) == before, committed.is_err(), "{committed:?}");
    };
    shuttle::check_random(run, rounds());
    shuttle::check_pct(run, rounds(), 3);
}
