//! CREATE INDEX beside writers: the index has what the full scan has, and no commit waits for the build.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use manicule_engine::{
    Column, ColumnType, Database, Direction, Error, IndexColumn, IndexDefinition, IndexId, IndexMethod, Isolation,
    KeyRange, Row, RowBuf, RowId, Start, TableDefinition, TableId, Transaction, TransactionOptions, Value,
};

/// How many rows there are; `ONLINE_INDEX_ROWS` says another number.
fn row_count() -> i64 {
    std::env::var("ONLINE_INDEX_ROWS").ok().and_then(|rows| rows.parse().ok()).unwrap_or(30_000)
}

/// A table of `(id, group, label)` with so many rows.
fn database(rows: i64) -> (Database, TableId) {
    let database = Database::in_memory();
    let columns = vec![
        Column::new("id", ColumnType::Integer),
        Column::new("grouping", ColumnType::Integer),
        Column::new("label", ColumnType::Text),
    ];
    let table =
        database.create_table(TableDefinition { name: "item".into(), columns, ..TableDefinition::default() }).unwrap();
    let mut transaction = database.begin();
    for id in 0..rows {
        transaction.insert(table, row(id, id)).unwrap();
    }
    transaction.commit().unwrap();
    (database, table)
}

fn row(id: i64, salt: i64) -> RowBuf {
    let group = if salt % 11 == 0 { Value::Null } else { Value::Integer(salt % 997) };
    Row::new(&[Value::Integer(id), group, Value::from(format!("label {}", salt % 5003))])
}

fn index_on(column: usize, unique: bool) -> IndexDefinition {
    IndexDefinition {
        name: format!("item_{column}_{unique}"),
        columns: vec![IndexColumn { column, descending: false }],
        unique,
        method: IndexMethod::HashAndTree,
    }
}

/// The newest rows by the key of one column, from the full scan, and in order of key from the index: they have to agree.
fn assert_agrees_with_scan(database: &Database, table: TableId, (index, column): (IndexId, usize)) {
    let snapshot = database.snapshot();
    let view = snapshot.view();
    let mut scanned: BTreeMap<Value<'static>, Vec<RowId>> = BTreeMap::new();
    let _: ControlFlow<()> = view.scan(table, |row_id, row| {
        scanned.entry(row.get(column).into_owned()).or_default().push(row_id);
        ControlFlow::Continue(())
    });
    let mut ranged: BTreeMap<Value<'static>, Vec<RowId>> = BTreeMap::new();
    let _: ControlFlow<()> = view.range(index, &KeyRange::all(), Direction::Forward, |row_id, row| {
        ranged.entry(row.get(column).into_owned()).or_default().push(row_id);
        ControlFlow::Continue(())
    });
    ranged.values_mut().for_each(|row_ids| row_ids.sort_unstable());
    assert!(scanned == ranged, "the index on column {column} has other rows than the scan");
    for (key, row_ids) in scanned.iter().step_by(scanned.len().div_ceil(500)) {
        let mut found = Vec::new();
        let _: ControlFlow<()> = view.lookup(index, std::slice::from_ref(key), |row_id, _| {
            found.push(row_id);
            ControlFlow::Continue(())
        });
        found.sort_unstable();
        assert_eq!(found, *row_ids, "{key:?}");
    }
}

/// What all writers count together.
struct Counters {
    next_id: AtomicU64,
    commits: AtomicU64,
}

/// How many commits have to be made beside one build.
const COMMITS: u64 = 40;

/// A handle whose builds wait, once they have begun, until so many commits were made beside them, and are cancelled if none
/// are; and where it says how many there were before.
fn waiting_for_commits(database: &Database, counters: &Arc<Counters>) -> (Database, Arc<OnceLock<u64>>) {
    let (counters, before) = (Arc::clone(counters), Arc::new(OnceLock::new()));
    let asked = Arc::clone(&before);
    let handle = database.waiting_until(move || {
        let before = *asked.get_or_init(|| counters.commits.load(Ordering::SeqCst));
        let began = Instant::now();
        while counters.commits.load(Ordering::SeqCst) < before + COMMITS {
            if began.elapsed() > Duration::from_secs(100) {
                return true;
            }
            std::thread::yield_now();
        }
        false
    });
    (handle, before)
}

/// What a writer did while it was let.
#[derive(Debug, Default)]
struct Written {
    commits: u64,
    longest: Duration,
}

/// Updates, deletes and inserts single rows until it is told to stop, each by a commit of its own.
fn write_until(stop: &AtomicBool, database: &Database, table: TableId, seed: u64, counters: &Counters) -> Written {
    let mut written = Written::default();
    let (mut state, rows) = (seed, row_count() as u64);
    // Relaxed: only that the writer stops some time.
    while !stop.load(Ordering::Relaxed) {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let row_id = RowId((state >> 33) % rows);
        let salt = (state >> 20) as i64 & 0xffff;
        let began = Instant::now();
        let mut transaction = database.begin();
        let id = transaction.view().row(table, row_id).map(|row| row.get(0).into_owned());
        let result = match (id, salt % 4) {
            (Some(_), 0) => transaction.delete(table, row_id).map(drop),
            (Some(Value::Integer(id)), 1 | 2) => transaction.update(table, row_id, row(id, salt)).map(drop),
            // Relaxed: only that each number is drawn once matters.
            _ => {
                transaction.insert(table, row(counters.next_id.fetch_add(1, Ordering::Relaxed) as i64, salt)).map(drop)
            }
        };
        result.unwrap();
        match transaction.commit() {
            Ok(_) | Err(Error::Conflict { .. }) => {}
            Err(error) => panic!("a writer was refused: {error}"),
        }
        written.longest = written.longest.max(began.elapsed());
        written.commits += 1;
        counters.commits.fetch_add(1, Ordering::SeqCst);
    }
    written
}

#[test]
fn writers_go_on_while_indexes_are_built() {
    let (database, table) = database(row_count());
    let counters = Counters { next_id: AtomicU64::new(row_count() as u64), commits: AtomicU64::new(0) };
    let counters = Arc::new(counters);
    let mut built = Vec::new();
    for (column, unique) in [(1, false), (2, false), (0, true)] {
        let stop = AtomicBool::new(false);
        let (waiting, before) = waiting_for_commits(&database, &counters);
        let (index, elapsed, written) = std::thread::scope(|scope| {
            let writers: Vec<_> = (1..=2)
                .map(|seed| {
                    let (stop, database, counters) = (&stop, &database, &*counters);
                    scope.spawn(move || write_until(stop, database, table, seed, counters))
                })
                .collect();
            let began = Instant::now();
            let index = waiting.create_index(table, index_on(column, unique));
            let elapsed = began.elapsed();
            stop.store(true, Ordering::Relaxed);
            let written: Vec<Written> = writers.into_iter().map(|writer| writer.join().unwrap()).collect();
            (index.expect("commits go on"), elapsed, written)
        });
        println!("column {column}: built in {elapsed:?} beside {written:?}");
        built.push((index, column));
        assert!(before.get().is_some(), "the build has let the writers on, and gone on itself");
    }
    built.iter().for_each(|index| assert_agrees_with_scan(&database, table, *index));
}

#[test]
fn a_unique_build_that_fails_leaves_the_table_as_it_was() {
    let (database, table) = database(3000);
    let before = database.memory_usage().indexes.len();
    let failed = database.create_index(table, index_on(1, true)).unwrap_err();
    assert!(matches!(failed, Error::UniqueViolation { ref index, .. } if index == "item_1_true"), "{failed}");
    assert_eq!(database.memory_usage().indexes.len(), before);
    let mut transaction = database.begin();
    transaction.insert(table, row(3000, 1)).unwrap();
    transaction.commit().unwrap();
    let index = database.create_index(table, IndexDefinition { unique: false, ..index_on(1, true) }).unwrap();
    assert_agrees_with_scan(&database, table, (index, 1));
}

#[test]
fn a_duplicate_that_comes_during_a_unique_build_fails_the_build_and_no_writer() {
    let (database, table) = database(row_count() / 4);
    std::thread::scope(|scope| {
        let building = scope.spawn(|| database.create_index(table, index_on(0, true)));
        // Either the build sees the duplicate, or the writer finds the index: never both, never neither.
        let mut transaction = database.begin();
        transaction.insert(table, row(7, 7)).unwrap();
        let committed = transaction.commit();
        let built = building.join().unwrap();
        assert_ne!(committed.is_ok(), built.is_ok(), "{committed:?} {built:?}");
    });
}

#[test]
fn a_snapshot_from_before_reads_on_and_a_new_one_finds_old_versions() {
    let (database, table) = database(1000);
    let old = database.snapshot();
    let mut transaction = database.begin();
    for id in 0..1000 {
        transaction.update(table, RowId(id), row(id as i64, id as i64 + 1)).unwrap();
    }
    transaction.commit().unwrap();
    let index = database.create_index(table, index_on(1, false)).unwrap();
    assert!(old.view().catalog().index("item_1_false").is_none());
    assert_agrees_with_scan(&database, table, (index, 1));
    drop(old);
    database.vacuum();
    assert_agrees_with_scan(&database, table, (index, 1));
}

/// Makes an index, and does something else when the build has begun.
fn create_index_beside(
    database: &Database,
    table: TableId,
    definition: IndexDefinition,
    meanwhile: impl FnOnce(&Database) + Send + 'static,
) -> Result<IndexId, Error> {
    let meanwhile = Mutex::new(Some((database.clone(), meanwhile)));
    let step = move || {
        let taken = meanwhile.lock().unwrap().take();
        taken.into_iter().for_each(|(database, meanwhile)| meanwhile(&database));
        false
    };
    database.waiting_until(step).create_index(table, definition)
}

#[test]
fn a_change_of_the_table_during_a_build_is_an_error_and_leaves_nothing() {
    type Change = fn(&Database, TableId);
    let add_column: Change =
        |database, table| database.add_column(table, Column::new("more", ColumnType::Integer)).unwrap();
    let drop_table: Change = |database, table| database.drop_table(table).unwrap();
    let take_name: Change = |database, table| {
        database.create_index(table, index_on(1, false)).unwrap();
    };
    let outcomes = [add_column, drop_table, take_name].map(|change| {
        let (database, table) = database(1000);
        let failed = create_index_beside(&database, table, index_on(1, false), move |database| change(database, table));
        let error = failed.unwrap_err();
        if database.catalog().table("item").is_some() && database.catalog().index("item_1_false").is_none() {
            let index = database.create_index(table, index_on(1, false)).unwrap();
            assert_agrees_with_scan(&database, table, (index, 1));
        }
        (error, database.memory_usage().indexes.len())
    });
    assert!(matches!(outcomes[0], (Error::Conflict { .. }, 1)), "{outcomes:?}");
    assert!(matches!(outcomes[1], (Error::NotFound { .. }, 0)), "{outcomes:?}");
    assert!(matches!(outcomes[2], (Error::AlreadyExists { .. }, 1)), "{outcomes:?}");
}

#[test]
fn uniqueness_is_judged_by_the_rows_at_the_end_of_a_build() {
    for (first, then, is_refused) in [(7, 100, false), (100, 7, true)] {
        let (database, table) = database(10);
        let set_id = move |database: &Database, row_id: u64, id: i64| {
            database.run(|transaction| transaction.update(table, RowId(row_id), row(id, 3))).unwrap();
        };
        set_id(&database, 2, 7);
        set_id(&database, 3, first);
        // It keeps the older versions, and so the older entries.
        let _snapshot = database.snapshot();
        set_id(&database, 2, 2);
        match create_index_beside(&database, table, index_on(0, true), move |database| set_id(database, 3, then)) {
            Ok(index) => {
                assert!(!is_refused, "{then} is there twice");
                assert_agrees_with_scan(&database, table, (index, 0));
            }
            Err(Error::UniqueViolation { key, .. }) => assert!(is_refused && key[..] == [Value::Integer(7)], "{key:?}"),
            Err(error) => panic!("{error}"),
        }
    }
}

const WRITER: TransactionOptions = TransactionOptions { isolation: Isolation::Snapshot, start: Start::Immediate };

/// A writer of seconds comes after the rows were read and ends some time later: what was built is not thrown away.
#[test]
fn a_build_waits_for_a_writer_however_long_it_takes() {
    let (database, table) = database(1000);
    let writer: Mutex<Option<(Transaction, Instant)>> = Mutex::new(None);
    let (began, has_ended) = (AtomicBool::new(false), Arc::new(AtomicBool::new(false)));
    let (handle, ended) = (database.clone(), Arc::clone(&has_ended));
    // It is asked between the parts of the walk first, and while the build waits after that.
    let step = move || {
        let mut writer = writer.lock().unwrap();
        if !began.swap(true, Ordering::SeqCst) {
            let mut transaction = handle.begin_with(WRITER).unwrap();
            // More than is replayed at a time.
            for id in 1000..4000 {
                transaction.insert(table, row(id, id)).unwrap();
            }
            *writer = Some((transaction, Instant::now()));
        }
        // Longer than anybody else waits.
        if let Some((transaction, _)) = writer.take_if(|(_, since)| since.elapsed() > Duration::from_millis(5500)) {
            transaction.commit().unwrap();
            ended.store(true, Ordering::SeqCst);
        }
        false
    };
    let index = database.waiting_until(step).create_index(table, index_on(1, false)).unwrap();
    assert!(has_ended.load(Ordering::SeqCst), "the writer was waited for");
    assert_eq!(database.snapshot().view().row_count(table), 4000);
    assert_agrees_with_scan(&database, table, (index, 1));
}

#[test]
fn a_build_is_cancelled_at_any_moment_and_leaves_nothing() {
    let (database, table) = database(row_count() / 4);
    let schema = database.catalog().tables().next().unwrap().clone();
    let asked_max = (0..)
        .find(|limit| {
            let asked = AtomicU64::new(0);
            // A writer in the way, so that the end has to be waited for too.
            let writer = Mutex::new(None);
            let (handle, limit) = (database.clone(), *limit);
            let is_cancelled = move || {
                writer.lock().unwrap().get_or_insert_with(|| handle.begin_with(WRITER).unwrap());
                let asked = asked.fetch_add(1, Ordering::SeqCst);
                if asked > 20 {
                    *writer.lock().unwrap() = Some(handle.begin());
                }
                asked >= limit
            };
            let built = database.waiting_until(is_cancelled).create_index(table, index_on(1, false));
            assert!(matches!(built, Ok(_) | Err(Error::Cancelled)), "{built:?}");
            assert_eq!(built.is_ok(), database.catalog().index("item_1_false").is_some());
            assert_eq!(built.is_ok(), !database.memory_usage().indexes.is_empty());
            built.is_ok()
        })
        .unwrap();
    assert!(asked_max > 5, "asked {asked_max} times");
    assert_eq!(schema.indexes.len(), 0);
    let index = database.catalog().index("item_1_false").unwrap().1.id;
    let mut transaction = database.begin();
    transaction.insert(table, row(90_000, 5)).unwrap();
    transaction.commit().unwrap();
    assert_agrees_with_scan(&database, table, (index, 1));
}
