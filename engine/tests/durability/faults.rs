//! A store that fails at each of its calls, in each way that a disk fails.

use std::ops::{ControlFlow, Range};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use manicule_engine::store::{FileStore, GroupWrite, MemoryStore, RecordKey, RowStore};
use manicule_engine::{
    Column, Database, Durability, Error, OpenOptions, Result, RowId, TableDefinition, TableId, Value,
};
use tempfile::TempDir;

use super::support::{Contents, contents, create_items, insert_items, integer_column, item, options};

/// How a call fails.
#[derive(Clone, Copy, Debug)]
enum Fault {
    /// Nothing is written.
    Refused,
    /// Everything is written, and not synced.
    Unsynced,
    /// Everything is written and synced, and an error is said all the same.
    Synced,
    /// The store panics after it has written.
    Panic,
}

/// Where the records of a run are.
#[derive(Debug)]
enum Place {
    Memory(MemoryStore),
    Directory(TempDir),
}

impl Place {
    fn open(&self) -> Box<dyn RowStore> {
        match self {
            Self::Memory(store) => Box::new(store.clone()),
            Self::Directory(directory) => Box::new(FileStore::open(directory.path(), &options()).unwrap()),
        }
    }
}

/// Fails at one call of `apply` or `sync`, and counts the calls.
#[derive(Debug)]
struct FaultStore {
    store: Box<dyn RowStore>,
    fault: Option<(usize, Fault)>,
    calls: Arc<AtomicUsize>,
    pause: Duration,
    /// Calls wait while the test holds it.
    gate: Arc<Mutex<()>>,
    /// Whether the store below is closed with it.
    closes: bool,
}

impl FaultStore {
    fn new(place: &Place, fault: Option<(usize, Fault)>) -> Self {
        let closes = matches!(place, Place::Directory(_));
        let (calls, gate) = (Arc::default(), Arc::default());
        Self { store: place.open(), fault, calls, pause: Duration::ZERO, gate, closes }
    }

    fn call(&self, write: impl Fn() -> Result<()>, sync: impl Fn() -> Result<()>) -> Result<()> {
        let call = self.calls.fetch_add(1, Ordering::Relaxed);
        std::thread::sleep(self.pause);
        drop(self.gate.lock().unwrap());
        let fault = self.fault.filter(|(at, _)| *at == call);
        let error = || Error::Io { what: "cannot write".into(), reason: "a fault".into() };
        match fault.map(|(_, fault)| fault) {
            None => write().and_then(|()| sync()),
            Some(Fault::Refused) => Err(error()),
            Some(Fault::Unsynced) => write().and(Err(error())),
            Some(Fault::Synced) => write().and_then(|()| self.store.sync()).and(Err(error())),
            Some(Fault::Panic) => {
                let _ = write();
                panic!("the store panics, as this test wants it to");
            }
        }
    }
}

impl RowStore for FaultStore {
    fn apply(&self, group: &GroupWrite, durability: Durability) -> Result<()> {
        let sync = || if durability == Durability::Sync { self.store.sync() } else { Ok(()) };
        self.call(|| self.store.apply(group, Durability::Buffered), sync)
    }

    fn sync(&self) -> Result<()> {
        self.call(|| Ok(()), || self.store.sync())
    }

    fn scan(&self, keys: Range<RecordKey>, visit: &mut dyn FnMut(RecordKey, &[u8]) -> ControlFlow<()>) -> Result<()> {
        self.store.scan(keys, visit)
    }

    fn close(&self) -> Result<()> {
        // One in memory would sync, which nobody does after a failure.
        if self.closes { self.store.close() } else { Ok(()) }
    }
}

/// One step of the workload: a commit or a change of the schema.
fn step(database: &Database, number: i64) -> Result<()> {
    let table = || database.catalog().tables().next().map(|table| table.id).unwrap_or(TableId(0));
    match number {
        0 => create_items(database).map(drop),
        4 => database.add_column(table(), Column { default: Value::from(4), ..integer_column("four") }),
        6 => database.drop_column(table(), 3),
        7 => {
            let mut transaction = database.begin();
            transaction.delete(table(), RowId(3))?;
            transaction.update(table(), RowId(4), item(4, 7))?;
            transaction.commit().map(drop)
        }
        5 => Ok(()),
        9 => database.drop_table(table()),
        _ => insert_items(database, table(), number * 10..number * 10 + 5),
    }
}

const STEPS: i64 = 10;

/// What there is after each step, when nothing fails.
fn states() -> Vec<Contents> {
    let store = MemoryStore::default();
    let database = Database::open_store(Box::new(store), &OpenOptions::default()).unwrap();
    let mut states = vec![contents(&database)];
    for number in 0..STEPS {
        step(&database, number).unwrap();
        states.push(contents(&database));
    }
    states
}

/// Runs the workload until it fails; gives how many steps were acknowledged, or `None` if the fault never came.
fn run(place: &Place, fault: (usize, Fault), options: &OpenOptions, states: &[Contents]) -> Option<usize> {
    let fault_store = FaultStore::new(place, Some(fault));
    let calls = Arc::clone(&fault_store.calls);
    let Ok(database) = Database::open_store(Box::new(fault_store), options) else { return Some(0) };
    let acknowledged = run_steps(&database, states);
    drop(database);
    let calls = calls.load(Ordering::Relaxed);
    assert!(calls <= fault.0 + 1, "nothing is called after a failure");
    acknowledged
}

fn run_steps(database: &Database, states: &[Contents]) -> Option<usize> {
    for number in 0..STEPS {
        let Err(error) = step(database, number) else { continue };
        assert!(matches!(&error, Error::Poisoned { reason } if reason.contains("fault") || reason.contains("panic")));
        let acknowledged = number as usize;
        let refused = database.drop_table(TableId(0));
        assert!(matches!(refused, Err(Error::Poisoned { .. })), "{refused:?}");
        // The first step is several changes of the schema, and clearing away follows the visible change of a step.
        if acknowledged > 0 {
            let seen = contents(database);
            assert!(seen == states[acknowledged], "reads go on at {acknowledged}: {seen:?}");
        }
        return Some(acknowledged);
    }
    // A fault of clearing away after the last change is told by nobody but `close`.
    database.close().is_err().then_some(STEPS as usize)
}

fn check_faults(fault: Fault, options: &OpenOptions, power: Power) {
    check_faults_at(|| Place::Memory(MemoryStore::default()), fault, options, power);
}

fn check_faults_at(place: impl Fn() -> Place, fault: Fault, options: &OpenOptions, power: Power) {
    let states = states();
    for call in 0.. {
        let place = place();
        let acknowledged = run(&place, (call, fault), options, &states);
        if let (Power::Lost, Place::Memory(store)) = (power, &place) {
            store.lose_unsynced();
        }
        let reopened = Database::open_store(place.open(), options).unwrap();
        let found = contents(&reopened);
        let acknowledged_least = match (options.durability, power) {
            (Durability::Buffered, Power::Lost) => 0,
            _ => acknowledged.unwrap_or(STEPS as usize),
        };
        let possible = &states[acknowledged_least..states.len().min(acknowledged.unwrap_or(STEPS as usize) + 2)];
        let is_first_step = acknowledged == Some(0) && found.values().all(|rows| rows.is_empty());
        assert!(
            is_first_step || possible.contains(&found),
            "{fault:?} at call {call}, {power:?}: {acknowledged:?} acknowledged, found {found:?}"
        );
        drop(reopened);
        check_next_table(&place, options, &found);
        if acknowledged.is_none() {
            assert!(call > 15, "the workload writes often");
            return;
        }
    }
}

/// That a table which is made after a failure has no rows of what failed.
fn check_next_table(place: &Place, options: &OpenOptions, before: &Contents) {
    let columns = vec![integer_column("n")];
    let next = TableDefinition { name: "next".into(), columns, ..TableDefinition::default() };
    let database = Database::open_store(place.open(), options).unwrap();
    database.create_table(next).unwrap();
    database.close().unwrap();
    drop(database);
    let mut found = contents(&Database::open_store(place.open(), options).unwrap());
    assert_eq!(found.remove("next").map(|rows| rows.len()), Some(0));
    assert_eq!(found, *before);
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Power {
    Kept,
    Lost,
}

#[test]
fn failure_of_any_write_stops_commits_and_loses_nothing_acknowledged() {
    for fault in [Fault::Refused, Fault::Unsynced, Fault::Synced] {
        for power in [Power::Kept, Power::Lost] {
            check_faults(fault, &OpenOptions::default(), power);
        }
    }
}

#[test]
fn failure_of_any_write_in_a_directory_loses_nothing_acknowledged() {
    for fault in [Fault::Refused, Fault::Unsynced] {
        let place = || Place::Directory(tempfile::tempdir().unwrap());
        check_faults_at(place, fault, &OpenOptions::default(), Power::Kept);
    }
}

#[test]
fn failure_of_any_write_of_a_buffered_database_keeps_a_prefix() {
    let options = OpenOptions {
        durability: Durability::Buffered,
        sync_interval: Duration::from_secs(3600),
        ..OpenOptions::default()
    };
    for power in [Power::Kept, Power::Lost] {
        check_faults(Fault::Unsynced, &options, power);
    }
}

#[test]
fn panic_of_the_store_stops_commits_and_hangs_nobody() {
    let states = states();
    let place = Place::Memory(MemoryStore::default());
    assert_eq!(run(&place, (6, Fault::Panic), &OpenOptions::default(), &states), Some(3));
}

#[test]
fn commits_at_the_same_time_share_a_sync() {
    const THREADS: i64 = 8;
    const ROUNDS: i64 = 6;
    let store = MemoryStore::default();
    let counting = FaultStore::new(&Place::Memory(store.clone()), None);
    let (calls, gate) = (Arc::clone(&counting.calls), Arc::clone(&counting.gate));
    let database = Database::open_store(Box::new(counting), &OpenOptions::default()).unwrap();
    let table = create_items(&database).unwrap();
    let before = calls.load(Ordering::Relaxed);
    for round in 0..ROUNDS {
        std::thread::scope(|scope| {
            let closed = gate.lock().unwrap();
            for thread in 0..THREADS {
                let database = &database;
                scope.spawn(move || insert_items(database, table, [round * THREADS + thread]).unwrap());
            }
            // The first ones are in the store; the others wait behind them, but for one that may not yet have come so far.
            while database.version_count() < ((round + 1) * THREADS) as u64 {
                std::thread::yield_now();
            }
            drop(closed);
        });
    }
    let syncs = calls.load(Ordering::Relaxed) - before;
    let commits = (THREADS * ROUNDS) as usize;
    println!("{commits} commits with {syncs} syncs");
    assert!(syncs <= commits / 2, "{commits} commits took {syncs} syncs");
    assert_eq!(contents(&database)["item"].len(), commits);
    store.lose_unsynced();
    let reopened = Database::open_store(Box::new(store), &OpenOptions::default()).unwrap();
    assert_eq!(contents(&reopened), contents(&database));
}

/// Threads that wait for one group when it fails all hear of it, and none of them is visible.
#[test]
fn failure_of_a_shared_sync_is_told_to_everybody_who_waits() {
    let store = MemoryStore::default();
    let setup = Database::open_store(Box::new(store.clone()), &OpenOptions::default()).unwrap();
    let table = create_items(&setup).unwrap();
    drop(setup);
    let place = Place::Memory(store.clone());
    let failing =
        FaultStore { pause: Duration::from_millis(5), ..FaultStore::new(&place, Some((10, Fault::Unsynced))) };
    let database = Database::open_store(Box::new(failing), &OpenOptions::default()).unwrap();
    let acknowledged: Vec<i64> = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..8)
            .map(|thread| {
                let database = &database;
                let commits = move || (0..100).map(move |commit| thread * 1000 + commit);
                scope.spawn(move || {
                    commits().take_while(|id| insert_items(database, table, [*id]).is_ok()).collect::<Vec<_>>()
                })
            })
            .collect();
        writers.into_iter().flat_map(|writer| writer.join().unwrap()).collect()
    });
    assert_eq!(contents(&database)["item"].len(), acknowledged.len(), "visible is what was acknowledged");
    store.lose_unsynced();
    let reopened = Database::open_store(Box::new(store), &OpenOptions::default()).unwrap();
    assert_eq!(contents(&reopened), contents(&database));
}

#[test]
fn copy_that_was_interrupted_is_no_empty_database() {
    let original = Database::in_memory();
    let table = create_items(&original).unwrap();
    insert_items(&original, table, 0..5000).unwrap();
    let mut interrupted = 0;
    for call in 0.. {
        let place = Place::Memory(MemoryStore::default());
        let store = FaultStore::new(&place, Some((call, Fault::Unsynced)));
        if original.snapshot().export(&store).is_ok() {
            break;
        }
        interrupted += 1;
        let Place::Memory(store) = place else { continue };
        store.lose_unsynced();
        let mut record_count = 0;
        let mut count = |_, _: &[u8]| {
            record_count += 1;
            ControlFlow::Continue(())
        };
        store.scan(RecordKey::MIN..RecordKey::MAX, &mut count).unwrap();
        let opened = Database::open_store(Box::new(store), &OpenOptions::default());
        // Until there is something, it is a store that nobody has written to.
        assert!(opened.is_err() || (call == 0 && record_count == 0), "call {call}: {opened:?}");
    }
    assert!(interrupted > 2, "{interrupted} calls");
}

#[test]
fn close_after_a_failure_tells_of_it_and_gives_the_files_up() {
    let place = Place::Directory(tempfile::tempdir().unwrap());
    let failing = FaultStore::new(&place, Some((6, Fault::Unsynced)));
    let database = Database::open_store(Box::new(failing), &OpenOptions::default()).unwrap();
    assert_eq!(run_steps(&database, &states()), Some(3));
    let versions = database.version_count();
    assert!(matches!(insert_items(&database, TableId(0), [77]), Err(Error::Poisoned { .. })));
    assert_eq!(database.version_count(), versions, "nothing is installed that nobody will see");
    let closed = database.close();
    assert!(matches!(closed, Err(Error::Poisoned { .. })), "{closed:?}");
    let reopened = Database::open_store(place.open(), &OpenOptions::default()).unwrap();
    assert!(contents(&reopened)["item"].len() >= contents(&database)["item"].len());
    assert!(matches!(insert_items(&database, TableId(0), [-1]), Err(Error::Closed)), "by the old handle");
    database.close().unwrap();
}
