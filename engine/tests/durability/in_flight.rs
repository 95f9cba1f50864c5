//! Commits between the commit lock and the disk: nobody reads them, and everybody is checked against them.

use std::ops::{ControlFlow, Range};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use manicule_engine::store::{GroupWrite, MemoryStore, RecordKey, RowStore};
use manicule_engine::{Database, Durability, Error, OpenOptions, Result, RowId, Start, TransactionOptions};

use super::support::{contents, create_items, insert_items, item};

/// A store whose writes wait while the test holds the gate.
#[derive(Debug)]
struct GatedStore {
    store: MemoryStore,
    gate: Arc<Mutex<()>>,
}

impl RowStore for GatedStore {
    fn apply(&self, group: &GroupWrite, durability: Durability) -> Result<()> {
        let _open = self.gate.lock().unwrap();
        self.store.apply(group, durability)
    }

    fn sync(&self) -> Result<()> {
        let _open = self.gate.lock().unwrap();
        self.store.sync()
    }

    fn scan(&self, keys: Range<RecordKey>, visit: &mut dyn FnMut(RecordKey, &[u8]) -> ControlFlow<()>) -> Result<()> {
        self.store.scan(keys, visit)
    }

    fn close(&self) -> Result<()> {
        self.store.close()
    }
}

#[test]
fn commit_in_flight_is_not_read_and_conflicts() {
    let gate = Arc::new(Mutex::new(()));
    let store = GatedStore { store: MemoryStore::default(), gate: Arc::clone(&gate) };
    let database = Database::open_store(Box::new(store), &OpenOptions::default()).unwrap();
    let table = create_items(&database).unwrap();
    insert_items(&database, table, 0..10).unwrap();
    let before = contents(&database);
    let versions = database.version_count();
    let update = |row_id: u64, id: i64| {
        let mut transaction = database.begin();
        transaction.update(table, RowId(row_id), item(id, 50)).unwrap();
        transaction
    };
    let is_open = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let closed = gate.lock().unwrap();
        let first = scope.spawn(|| update(0, 100).commit());
        while database.version_count() == versions {
            std::thread::yield_now();
        }
        assert_eq!(contents(&database), before, "nobody reads what is not on disk");
        assert!(database.durable_timestamp() <= database.snapshot().timestamp());
        let later = [update(0, 101), update(1, 100), update(2, 102)];
        let [same_row, same_key, other_row] = later.map(|transaction| {
            scope.spawn(|| {
                let committed = transaction.commit();
                assert!(is_open.load(Ordering::SeqCst), "it hears of it when it can begin again after what it met");
                committed
            })
        });
        while database.version_count() < versions + 2 {
            std::thread::yield_now();
        }
        assert!(!first.is_finished() && !other_row.is_finished(), "a commit waits for the disk");
        assert_eq!(contents(&database), before);
        // Who is refused has the time to hear of it too early.
        (0..200).for_each(|_| std::thread::yield_now());
        is_open.store(true, Ordering::SeqCst);
        drop(closed);
        first.join().unwrap().unwrap();
        other_row.join().unwrap().unwrap();
        let refused = same_row.join().unwrap();
        assert!(matches!(refused, Err(Error::Conflict { .. })), "{refused:?}");
        let refused = same_key.join().unwrap();
        assert!(matches!(refused, Err(Error::UniqueViolation { .. })), "{refused:?}");
    });
    // Whoever was refused begins again after what refused it.
    update(0, 101).commit().unwrap();
    let mut expected = before["item"].clone();
    expected.insert(RowId(0), format!("{:?}", item(101, 50)));
    expected.insert(RowId(2), format!("{:?}", item(102, 50)));
    assert_eq!(contents(&database)["item"], expected);
}

#[test]
fn change_of_the_schema_waits_for_commits_in_flight() {
    let gate = Arc::new(Mutex::new(()));
    let memory = MemoryStore::default();
    let store = GatedStore { store: memory.clone(), gate: Arc::clone(&gate) };
    let database = Database::open_store(Box::new(store), &OpenOptions::default()).unwrap();
    let table = create_items(&database).unwrap();
    insert_items(&database, table, 0..10).unwrap();
    let versions = database.version_count();
    std::thread::scope(|scope| {
        let closed = gate.lock().unwrap();
        let commit = scope.spawn(|| insert_items(&database, table, [10]));
        while database.version_count() == versions {
            std::thread::yield_now();
        }
        let change = scope.spawn(|| database.drop_column(table, 1).err().map(|error| error.to_string()));
        let other = scope.spawn(|| database.rename_table(table, "thing"));
        drop(closed);
        commit.join().unwrap().unwrap();
        assert!(change.join().unwrap().is_some_and(|error| error.contains("item_owner")), "an index has the column");
        other.join().unwrap().unwrap();
    });
    memory.lose_unsynced();
    let reopened = Database::open_store(Box::new(memory), &OpenOptions::default()).unwrap();
    assert_eq!(contents(&reopened)["thing"].len(), 11);
    assert_eq!(contents(&reopened), contents(&database));
}

#[test]
fn writer_begins_after_commits_in_flight_and_meets_no_conflict() {
    let gate = Arc::new(Mutex::new(()));
    let store = GatedStore { store: MemoryStore::default(), gate: Arc::clone(&gate) };
    let database = Database::open_store(Box::new(store), &OpenOptions::default()).unwrap();
    let table = create_items(&database).unwrap();
    insert_items(&database, table, 0..10).unwrap();
    let versions = database.version_count();
    let update = |start, id: i64| {
        let mut transaction = database.begin_with(TransactionOptions { start, ..TransactionOptions::default() })?;
        transaction.update(table, RowId(0), item(id, 50))?;
        transaction.commit()
    };
    let (is_begun, is_open) = (AtomicBool::new(false), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let closed = gate.lock().unwrap();
        let first = scope.spawn(|| update(Start::Deferred, 100));
        while database.version_count() == versions {
            std::thread::yield_now();
        }
        let writer = scope.spawn(|| {
            is_begun.store(true, Ordering::SeqCst);
            let written = update(Start::Immediate, 101);
            assert!(is_open.load(Ordering::SeqCst), "it waits for the disk");
            written
        });
        // Then it has the time to begin too early.
        while !is_begun.load(Ordering::SeqCst) {
            std::thread::yield_now();
        }
        (0..200).for_each(|_| std::thread::yield_now());
        is_open.store(true, Ordering::SeqCst);
        drop(closed);
        first.join().unwrap().unwrap();
        writer.join().unwrap().unwrap();
    });
    assert_eq!(contents(&database)["item"][&RowId(0)], format!("{:?}", item(101, 50)));
}

#[test]
fn close_waits_for_commits_in_flight() {
    let gate = Arc::new(Mutex::new(()));
    let memory = MemoryStore::default();
    let store = GatedStore { store: memory.clone(), gate: Arc::clone(&gate) };
    let database = Database::open_store(Box::new(store), &OpenOptions::default()).unwrap();
    let table = create_items(&database).unwrap();
    let is_begun = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let closed = gate.lock().unwrap();
        let commit = scope.spawn(|| insert_items(&database, table, [10]));
        while database.version_count() == 0 {
            std::thread::yield_now();
        }
        let close = scope.spawn(|| {
            is_begun.store(true, Ordering::SeqCst);
            database.close()
        });
        while !is_begun.load(Ordering::SeqCst) {
            std::thread::yield_now();
        }
        (0..200).for_each(|_| std::thread::yield_now());
        assert!(!close.is_finished());
        drop(closed);
        commit.join().unwrap().unwrap();
        close.join().unwrap().unwrap();
    });
    memory.lose_unsynced();
    let reopened = Database::open_store(Box::new(memory), &OpenOptions::default()).unwrap();
    assert_eq!((contents(&reopened)["item"].len(), contents(&reopened)), (1, contents(&database)));
}
