//! What a serializable transaction's reads guard, and what being the writer means, one behaviour a test.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::convert::Infallible;
use std::ops::{Bound, ControlFlow};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use manicule_engine::{
    Column, ColumnType, Covered, Database, Direction, Error, IndexColumn, IndexDefinition, IndexId, IndexMethod,
    Isolation, KeyRange, Row, RowBuf, RowCount, RowId, Start, TableDefinition, TableId, Transaction,
    TransactionOptions, Value, WithNumber,
};

const SERIALIZABLE: TransactionOptions =
    TransactionOptions { isolation: Isolation::Serializable, start: Start::Deferred };
const WRITER: TransactionOptions = TransactionOptions { isolation: Isolation::Snapshot, start: Start::Immediate };

/// A table `t (id INTEGER PRIMARY KEY, size INTEGER, name TEXT)` with multi indexes on `size` and `name`, and a table
/// `other` for transactions that have to change something.
struct World {
    database: Database,
    table: TableId,
    other: TableId,
    by_id: IndexId,
    by_size: IndexId,
    by_name: IndexId,
}

/// Rows 0, 10, 20 … 90; their sizes are a tenth of that, the last two have none; their names are their ids.
fn world() -> World {
    let database = Database::in_memory();
    let columns = || {
        vec![
            Column::new("id", ColumnType::Integer),
            Column::new("size", ColumnType::Integer),
            Column::new("name", ColumnType::Text),
        ]
    };
    let define = |name: &str| TableDefinition {
        name: name.into(),
        columns: columns(),
        primary_key: vec![0],
        ..TableDefinition::default()
    };
    let table = database.create_table(define("t")).unwrap();
    let other = database.create_table(define("other")).unwrap();
    let by_id = database.catalog().table("t").unwrap().indexes[0].id;
    let index = |name: &str, column| {
        let columns = vec![IndexColumn { column, descending: false }];
        let definition = IndexDefinition { name: name.into(), columns, unique: false, method: IndexMethod::Tree };
        database.create_index(table, definition).unwrap()
    };
    let (by_size, by_name) = (index("t_size", 1), index("t_name", 2));
    database
        .run(|transaction| {
            (0..10).try_for_each(|n| transaction.insert(table, row(n * 10, (n < 8).then_some(n))).map(drop))
        })
        .unwrap();
    World { database, table, other, by_id, by_size, by_name }
}

fn row(id: i64, size: Option<i64>) -> RowBuf {
    Row::new(&[Value::from(id), Value::from(size), Value::from(id.to_string())])
}

impl World {
    fn get(&self, transaction: &Transaction, index: IndexId, key: Value<'_>) {
        let _: ControlFlow<()> = transaction.view().lookup(index, &[key], |_, _| ControlFlow::Continue(()));
    }

    /// Reads a range, no more than `limit` rows of it.
    fn range(&self, transaction: &Transaction, index: IndexId, bounds: [Bound<i64>; 2], walk: (Direction, usize)) {
        let [lower, upper] = bounds.map(|bound| bound.map(Value::Integer));
        let mut left = walk.1;
        let range = KeyRange { lower, upper, ..KeyRange::all() };
        let _ = transaction.view().range(index, &range, walk.0, |_, _| {
            left -= 1;
            if left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
    }

    /// Whether a serializable transaction that read, and changed another table, fails when `change` was committed
    /// before it.
    fn conflicts(
        &self,
        read: impl FnOnce(&Self, &Transaction),
        change: impl Fn(&Self, &mut Transaction) -> Result<(), Error>,
    ) -> bool {
        let mut reader = self.database.begin_with(SERIALIZABLE).unwrap();
        read(self, &reader);
        self.database.run(|transaction| change(self, transaction)).unwrap();
        reader.insert(self.other, row(1, None)).unwrap();
        match reader.commit() {
            Ok(_) => {
                let undo = |transaction: &mut Transaction| transaction.delete(self.other, self.only_other(transaction));
                self.database.run(undo).unwrap();
                false
            }
            Err(error) => {
                assert!(matches!(&error, Error::Conflict { table } if table == "t"), "{error}");
                true
            }
        }
    }

    fn only_other(&self, transaction: &Transaction) -> RowId {
        match transaction.view().scan(self.other, |row_id, _| ControlFlow::Break(row_id)) {
            ControlFlow::Break(row_id) => row_id,
            ControlFlow::Continue(()) => panic!("there is a row"),
        }
    }
}

/// What others may change.
fn insert(id: i64, size: Option<i64>) -> impl Fn(&World, &mut Transaction) -> Result<(), Error> {
    move |world, transaction| transaction.insert(world.table, row(id, size)).map(drop)
}

fn resize(row_id: u64, size: Option<i64>) -> impl Fn(&World, &mut Transaction) -> Result<(), Error> {
    move |world, transaction| transaction.update(world.table, RowId(row_id), row(row_id as i64 * 10, size))
}

fn delete(row_id: u64) -> impl Fn(&World, &mut Transaction) -> Result<(), Error> {
    move |world, transaction| transaction.delete(world.table, RowId(row_id))
}

#[test]
fn scan_guards_the_whole_table() {
    let scan = |world: &World, transaction: &Transaction| {
        let _: ControlFlow<()> = transaction.view().scan(world.table, |_, _| ControlFlow::Continue(()));
    };
    assert!(world().conflicts(scan, insert(5, None)));
    assert!(world().conflicts(scan, resize(3, None)));
    assert!(world().conflicts(scan, delete(3)));
    assert!(!world().conflicts(scan, |world, other| other.insert(world.other, row(7, None)).map(drop)));
}

#[test]
fn lookup_by_a_unique_key_guards_that_key_alone() {
    let get = |id: i64| move |world: &World, t: &Transaction| world.get(t, world.by_id, Value::Integer(id));
    assert!(world().conflicts(get(30), resize(3, Some(100))), "the row itself");
    assert!(world().conflicts(get(30), delete(3)));
    assert!(world().conflicts(get(31), insert(31, None)), "a row that was not there");
    assert!(!world().conflicts(get(30), resize(4, Some(100))));
    assert!(!world().conflicts(get(31), insert(32, None)));
}

#[test]
fn lookup_by_a_key_with_many_rows_guards_all_of_them() {
    let get = |key: Option<i64>| move |world: &World, t: &Transaction| world.get(t, world.by_size, Value::from(key));
    assert!(world().conflicts(get(Some(3)), insert(5, Some(3))), "a row comes to the key");
    assert!(world().conflicts(get(Some(3)), resize(4, Some(3))), "a row moves to the key");
    assert!(world().conflicts(get(Some(3)), resize(3, Some(4))), "a row moves away");
    assert!(world().conflicts(get(None), resize(8, Some(4))), "NULL is a key too");
    assert!(!world().conflicts(get(Some(3)), resize(4, Some(5))));
    assert!(!world().conflicts(get(None), insert(5, Some(3))));
    let name = |name: &'static str| move |world: &World, t: &Transaction| world.get(t, world.by_name, name.into());
    assert!(world().conflicts(name("5"), insert(5, None)), "a key of bytes");
    assert!(!world().conflicts(name("6"), insert(5, None)));
}

#[test]
fn range_guards_its_keys_and_the_gaps_between_them() {
    let bounds = [Bound::Included(20), Bound::Excluded(50)];
    let range = move |world: &World, t: &Transaction| {
        world.range(t, world.by_id, bounds, (Direction::Forward, usize::MAX));
    };
    assert!(world().conflicts(range, insert(25, None)));
    assert!(world().conflicts(range, delete(2)));
    assert!(world().conflicts(range, |world, t| t.update(world.table, RowId(9), row(21, None))), "one moves in");
    assert!(world().conflicts(range, |world, t| t.update(world.table, RowId(2), row(91, None))), "one moves out");
    assert!(!world().conflicts(range, delete(5)));
    assert!(!world().conflicts(range, resize(5, None)));
    assert!(!world().conflicts(range, insert(19, None)));
}

#[test]
fn range_that_was_left_early_guards_only_what_it_passed() {
    let all = [Bound::Unbounded, Bound::Unbounded];
    let first = move |world: &World, t: &Transaction| world.range(t, world.by_id, all, (Direction::Forward, 2));
    assert!(world().conflicts(first, insert(5, None)));
    assert!(world().conflicts(first, delete(1)));
    assert!(!world().conflicts(first, insert(11, None)));
    let last = move |world: &World, t: &Transaction| world.range(t, world.by_id, all, (Direction::Backward, 1));
    assert!(world().conflicts(last, insert(91, None)));
    assert!(!world().conflicts(last, insert(89, None)));
    let nulls = move |world: &World, t: &Transaction| world.range(t, world.by_size, all, (Direction::Forward, 1));
    assert!(world().conflicts(nulls, insert(5, None)));
    assert!(!world().conflicts(nulls, insert(5, Some(-5))), "only NULLs were passed");
    let names = move |world: &World, t: &Transaction| world.range(t, world.by_name, all, (Direction::Forward, 2));
    assert!(world().conflicts(names, delete(1)), "0, 10, 20 is the order of the names too");
    assert!(!world().conflicts(names, insert(11, None)), "a key of bytes beyond the last one");
    let names = move |world: &World, t: &Transaction| world.range(t, world.by_name, all, (Direction::Backward, 1));
    assert!(world().conflicts(names, insert(91, None)));
    assert!(!world().conflicts(names, insert(89, None)));
}

#[test]
fn row_read_by_its_id_is_guarded() {
    let get =
        |world: &World, transaction: &Transaction| assert!(transaction.view().row(world.table, RowId(3)).is_some());
    assert!(world().conflicts(get, resize(3, None)));
    assert!(!world().conflicts(get, resize(4, None)));
}

#[test]
fn changes_that_come_and_go_do_not_matter() {
    let world = world();
    let mut reader = world.database.begin_with(SERIALIZABLE).unwrap();
    world.get(&reader, world.by_size, Value::Integer(50));
    reader.insert(world.other, row(1, None)).unwrap();
    for size in [Some(50), Some(3)] {
        world.database.run(|transaction| resize(3, size)(&world, transaction)).unwrap();
    }
    reader.commit().unwrap();
}

#[test]
fn thousands_of_reads_become_one_of_the_whole_table() {
    let many = |world: &World, transaction: &Transaction| {
        for id in 0..70_000 {
            world.get(transaction, world.by_id, Value::Integer(1000 + id));
        }
    };
    assert!(world().conflicts(many, insert(5, None)));
    assert!(!world().conflicts(many, |world, other| other.insert(world.other, row(7, None)).map(drop)));
}

#[test]
fn changed_schema_of_a_table_that_was_read_is_a_conflict_and_a_new_index_is_none() {
    let get = |world: &World, transaction: &Transaction| world.get(transaction, world.by_size, Value::Integer(3));
    let run = |change: &dyn Fn(&World)| {
        let world = world();
        let mut reader = world.database.begin_with(SERIALIZABLE).unwrap();
        get(&world, &reader);
        change(&world);
        reader.insert(world.other, row(1, None)).unwrap();
        reader.commit().is_err_and(|error| error.is_retryable())
    };
    assert!(!run(&|_| {}));
    assert!(run(&|world| world.database.add_column(world.table, Column::new("c", ColumnType::Real)).unwrap()));
    assert!(run(&|world| world.database.drop_table(world.table).unwrap()));
    let dropped_and_written = |world: &World| {
        world.database.drop_index(world.by_size).unwrap();
        world.database.run(|transaction| insert(5, Some(3))(world, transaction)).unwrap();
    };
    assert!(run(&dropped_and_written));
    let range_of_a_dropped_index = || {
        let world = world();
        let mut reader = world.database.begin_with(SERIALIZABLE).unwrap();
        let all = [Bound::Unbounded, Bound::Unbounded];
        world.range(&reader, world.by_size, all, (Direction::Forward, usize::MAX));
        dropped_and_written(&world);
        reader.insert(world.other, row(1, None)).unwrap();
        reader.commit().is_err_and(|error| error.is_retryable())
    };
    assert!(range_of_a_dropped_index());
    let new_index = |world: &World| {
        let columns = vec![IndexColumn { column: 1, descending: true }];
        let definition = IndexDefinition { name: "new".into(), columns, unique: false, method: IndexMethod::Tree };
        world.database.create_index(world.table, definition).unwrap();
        world.database.run(|transaction| insert(5, Some(4))(world, transaction)).unwrap();
    };
    assert!(!run(&new_index));
}

#[test]
fn transaction_that_only_reads_never_fails_and_a_snapshot_transaction_guards_no_reads() {
    let world = world();
    let reader = world.database.begin_with(SERIALIZABLE).unwrap();
    let mut skewed = world.database.begin();
    for transaction in [&reader, &skewed] {
        let _: ControlFlow<()> = transaction.view().scan(world.table, |_, _| ControlFlow::Continue(()));
    }
    world.database.run(|transaction| resize(3, None)(&world, transaction)).unwrap();
    reader.commit().unwrap();
    skewed.insert(world.other, row(1, None)).unwrap();
    skewed.commit().unwrap();
}

/// In a serial order the second of two inserts of one key would have met the first one at its statement.
#[test]
fn serializable_insert_of_a_key_that_another_one_inserted_is_a_conflict_and_then_a_duplicate() {
    let world = world();
    let attempt = |options| {
        let mut transaction = world.database.begin_with(options).unwrap();
        let savepoint = transaction.savepoint();
        transaction.insert(world.table, row(55, None)).unwrap();
        transaction.check_unique(savepoint).map(|()| transaction)
    };
    let (first, second) = (attempt(SERIALIZABLE).unwrap(), attempt(SERIALIZABLE).unwrap());
    first.commit().unwrap();
    assert!(matches!(second.commit(), Err(Error::Conflict { .. })));
    assert!(matches!(attempt(SERIALIZABLE), Err(Error::UniqueViolation { .. })));
}

#[test]
fn writer_is_not_overtaken_and_others_commit_after_it() {
    let world = world();
    let mut early = world.database.begin();
    early.update(world.table, RowId(1), row(10, Some(1))).unwrap();
    let mut writer = world.database.begin_with(WRITER).unwrap();
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let [same_row, other_row] = [0, 3].map(|row_id| {
            let (world, is_over) = (&world, &is_over);
            scope.spawn(move || {
                let mut transaction = world.database.begin();
                resize(row_id, Some(77))(world, &mut transaction).unwrap();
                let result = transaction.commit();
                assert!(is_over.load(Ordering::SeqCst), "it waits for the writer");
                result
            })
        });
        writer.update(world.table, RowId(0), row(0, Some(5))).unwrap();
        std::thread::yield_now();
        is_over.store(true, Ordering::SeqCst);
        let left = Instant::now();
        writer.commit().unwrap();
        // Whether its snapshot is older than the writer's commit is up to the threads.
        let _ = same_row.join().unwrap();
        other_row.join().unwrap().unwrap();
        // By themselves they would look after five seconds.
        assert!(left.elapsed() < Duration::from_secs(4), "they are woken");
    });
    early.commit().unwrap();
    let snapshot = world.database.snapshot();
    assert_eq!(snapshot.view().row(world.table, RowId(3)).unwrap().get(1), Value::Integer(77));
}

#[test]
fn writer_that_ends_in_whatever_way_leaves_its_place() {
    let world = world();
    drop(world.database.begin_with(WRITER).unwrap());
    world.database.begin_with(WRITER).unwrap().rollback();
    world.database.begin_with(WRITER).unwrap().commit().unwrap();
    let mut duplicate = world.database.begin_with(WRITER).unwrap();
    duplicate.insert(world.table, row(0, None)).unwrap();
    assert!(matches!(duplicate.commit(), Err(Error::UniqueViolation { .. })));
    let panicked = std::thread::scope(|scope| {
        let write = || {
            let _writer = world.database.begin_with(WRITER);
            panic!("the writer's thread ends, as this test wants it to");
        };
        scope.spawn(write).join().is_err()
    });
    assert!(panicked);
    world.database.run(|transaction| insert(5, None)(&world, transaction)).unwrap();
}

#[test]
fn waiting_for_the_writer_ends_with_an_error_and_no_hang() {
    let world = world();
    let writer = world.database.begin_with(WRITER).unwrap();
    let mut transaction = world.database.begin();
    insert(5, None)(&world, &mut transaction).unwrap();
    let (commit, schema) = std::thread::scope(|scope| {
        let schema = scope.spawn(|| world.database.drop_table(world.other));
        (transaction.commit(), schema.join().unwrap())
    });
    assert!(matches!(commit, Err(Error::Busy)) && matches!(schema, Err(Error::Busy)), "{commit:?} {schema:?}");
    writer.commit().unwrap();
    world.database.drop_table(world.other).unwrap();
}

#[test]
fn run_loses_no_update_of_a_hot_row() {
    const THREADS: i64 = 4;
    const ROUNDS: i64 = 250;
    for isolation in [Isolation::Snapshot, Isolation::Serializable] {
        let world = world();
        let mut runs = 0;
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..THREADS)
                .map(|_| {
                    let world = &world;
                    scope.spawn(move || (0..ROUNDS).map(|_| increment(world, isolation)).sum::<i64>())
                })
                .collect();
            runs = threads.into_iter().map(|thread| thread.join().unwrap()).sum();
        });
        let snapshot = world.database.snapshot();
        let view = snapshot.view();
        assert_eq!(view.row(world.table, RowId(0)).unwrap().get(1), Value::Integer(THREADS * ROUNDS));
        println!("{isolation:?}: {runs} runs for {} commits", THREADS * ROUNDS);
    }
}

#[test]
fn run_is_overtaken_some_times_and_then_is_the_writer() {
    let world = world();
    let mut starts = Vec::new();
    let done: Result<(), Error> = world.database.run(|transaction| {
        starts.push(transaction.start());
        if transaction.start() == Start::Deferred {
            let mut other = world.database.begin();
            resize(0, Some(1))(&world, &mut other)?;
            other.commit()?;
        }
        resize(0, Some(2))(&world, transaction)
    });
    done.unwrap();
    let (last, before) = starts.split_last().unwrap();
    assert!(*last == Start::Immediate && before.len() == 5, "{starts:?}");
}

/// Adds one to the size of the first row; gives how often it was run.
fn increment(world: &World, isolation: Isolation) -> i64 {
    let mut runs = 0;
    let options = TransactionOptions { isolation, start: Start::Deferred };
    let done: Result<(), Error> = world.database.run_with(options, |transaction| {
        runs += 1;
        let size = match transaction.view().row(world.table, RowId(0)).unwrap().get(1) {
            Value::Integer(size) => size,
            other => panic!("{other} is no integer"),
        };
        resize(0, Some(size + 1))(world, transaction)
    });
    done.unwrap();
    runs
}

#[test]
fn run_passes_errors_of_its_body_on_and_leaves_nothing_behind() {
    #[derive(Debug)]
    enum Stop {
        Own,
        Engine(Error),
    }
    impl From<Error> for Stop {
        fn from(error: Error) -> Self {
            Self::Engine(error)
        }
    }
    let world = world();
    let mut runs = 0;
    let own: Result<(), Stop> = world.database.run(|transaction| {
        runs += 1;
        insert(5, None)(&world, transaction)?;
        Err(Stop::Own)
    });
    assert!(matches!(own, Err(Stop::Own)) && runs == 1);
    let duplicate: Result<(), Stop> = world.database.run(|transaction| Ok(insert(0, None)(&world, transaction)?));
    assert!(matches!(duplicate, Err(Stop::Engine(Error::UniqueViolation { .. }))), "{duplicate:?}");
    assert_eq!(world.database.snapshot().view().row_count(world.table), 10);
}

#[test]
fn answers_from_an_index_alone_guard_what_they_asked() {
    let count = |size: i64| {
        move |world: &World, t: &Transaction| {
            assert_eq!(
                counted(t.view().count(world.by_size, &[Value::Integer(size)], || ControlFlow::Continue(()))).rows_read,
                0
            );
        }
    };
    assert!(world().conflicts(count(5), resize(3, Some(5))), "one more");
    assert!(world().conflicts(count(5), delete(5)), "one less");
    assert!(world().conflicts(count(77), insert(5, Some(77))), "a first one");
    assert!(!world().conflicts(count(5), resize(3, Some(6))), "another key");
    let sizes = |lower: i64, upper: i64| {
        let (lower, upper) = (Bound::Included(Value::Integer(lower)), Bound::Excluded(Value::Integer(upper)));
        KeyRange { lower, upper, ..KeyRange::all() }
    };
    let count = |world: &World, t: &Transaction| {
        assert_eq!(counted(t.view().count_range(world.by_size, &sizes(2, 5), || ControlFlow::Continue(()))).rows, 3);
    };
    assert!(world().conflicts(count, resize(7, Some(4))), "one comes in");
    assert!(world().conflicts(count, resize(3, Some(7))), "one goes out");
    assert!(!world().conflicts(count, resize(7, Some(5))), "outside");
    let first = |world: &World, t: &Transaction| {
        let (view, range) = (t.view(), (&sizes(2, 5), Direction::Forward, WithNumber::No));
        let stop = |row_id, _: Covered<'_, '_>| ControlFlow::Break(row_id);
        let flow = view.range_covered(world.by_size, range, stop, || ControlFlow::Continue(()));
        assert_eq!(flow, ControlFlow::Break(RowId(2)));
    };
    assert!(world().conflicts(first, resize(7, Some(2))), "as low as the first");
    assert!(!world().conflicts(first, resize(7, Some(3))), "behind the first");
}

/// What was counted without an end before the end.
fn counted(flow: ControlFlow<Infallible, RowCount>) -> RowCount {
    match flow {
        ControlFlow::Continue(counted) => counted,
        ControlFlow::Break(never) => match never {},
    }
}
