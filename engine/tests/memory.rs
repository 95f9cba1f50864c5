//! What the database holds in memory: a limit that is an error and no end of the process, and long snapshots that keep no
//! more than they see. `LONG_SNAPSHOT_UPDATES` sets how many updates a snapshot is held through.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::ops::ControlFlow;

use manicule_engine::store::MemoryStore;
use manicule_engine::{
    Column, ColumnType, Database, Error, IndexColumn, IndexDefinition, IndexMethod, OpenOptions, Row, RowBuf, RowId,
    TableDefinition, TableId, Value,
};

/// A table `item (id INTEGER PRIMARY KEY, size INTEGER, note TEXT)` with a multi index on the size.
fn items() -> (Database, TableId) {
    let database = Database::in_memory();
    let column = Column::new;
    let columns =
        vec![column("id", ColumnType::Integer), column("size", ColumnType::Integer), column("note", ColumnType::Text)];
    let definition = TableDefinition { name: "item".into(), columns, primary_key: vec![0], ..Default::default() };
    let table = database.create_table(definition).unwrap();
    let columns = vec![IndexColumn { column: 1, descending: false }];
    let definition = IndexDefinition { name: "item_size".into(), columns, unique: false, method: IndexMethod::Tree };
    database.create_index(table, definition).unwrap();
    (database, table)
}

fn item(id: i64, size: i64) -> RowBuf {
    Row::new(&[Value::Integer(id), Value::Integer(size), Value::from("x".repeat(100))])
}

fn held(database: &Database) -> usize {
    database.memory_usage().total()
}

#[test]
fn limit_of_memory_is_an_error_of_the_commit_and_deleting_makes_room() {
    let (database, table) = items();
    let limit = held(&database) + (1 << 18);
    database.set_memory_limit(Some(limit));
    let insert = |id| database.run(|transaction| transaction.insert(table, item(id, 0)));
    let (count, error) = (0..100_000).find_map(|id| insert(id).err().map(|error| (id, error))).unwrap();
    assert!(matches!(error, Error::MemoryLimit { bytes_max } if bytes_max == limit), "{error}");
    // The last row may be the one that a table of slots grows for.
    let held = held(&database);
    assert!(held <= limit + (1 << 14) && count > 200, "{count} rows take {held} of {limit}");
    assert_eq!(database.snapshot().view().row_count(table), count as u64, "reads go on");
    let delete_half = |transaction: &mut manicule_engine::Transaction| {
        (0..count as u64 / 2).try_for_each(|row_id| transaction.delete(table, RowId(row_id)))
    };
    database.run(delete_half).unwrap();
    insert(count).unwrap();
    database.set_memory_limit(None);
    (count + 1..2 * count).try_for_each(|id| insert(id).map(|_| ())).unwrap();
}

#[test]
fn limit_of_the_options_holds_after_opening_what_is_there() {
    let store = MemoryStore::default();
    let (database, table) = items();
    database.run(|transaction| (0..1000).try_for_each(|id| transaction.insert(table, item(id, 0)).map(drop))).unwrap();
    database.snapshot().export(&store).unwrap();
    let options = OpenOptions { memory_bytes_max: Some(1 << 16), ..OpenOptions::default() };
    let opened = Database::open_store(Box::new(store), &options).unwrap();
    assert_eq!(opened.snapshot().view().row_count(table), 1000, "opening is not limited");
    let refused = opened.run(|transaction| transaction.insert(table, item(1000, 0)));
    assert!(matches!(refused, Err(Error::MemoryLimit { bytes_max: 65_536 })), "{refused:?}");
    assert_eq!(opened.snapshot().view().row_count(table), 1000);
    opened.set_memory_limit(None);
    opened.run(|transaction| transaction.insert(table, item(1000, 0))).unwrap();
}

#[test]
fn long_transaction_meets_the_limit_before_its_commit() {
    let (database, table) = items();
    database.set_memory_limit(Some(held(&database) + (1 << 20)));
    let mut transaction = database.begin();
    let (count, error) =
        (0..100_000).find_map(|id| transaction.insert(table, item(id, 0)).err().map(|error| (id, error))).unwrap();
    assert!(matches!(error, Error::MemoryLimit { .. }) && (1000..10_000).contains(&count), "{count} {error}");
    assert!(matches!(transaction.commit(), Err(Error::MemoryLimit { .. })));
    assert_eq!(database.snapshot().view().row_count(table), 0);
}

/// What was counted before is not believed after something that commits do not tell of.
#[test]
fn limit_counts_what_came_without_a_limit_and_by_a_change_of_the_schema() {
    let (database, table) = items();
    let insert = |id| database.run(|transaction| transaction.insert(table, item(id, id)).map(drop));
    database.set_memory_limit(Some(64 << 20));
    insert(0).unwrap();
    database.set_memory_limit(None);
    (1..3000).try_for_each(insert).unwrap();
    database.set_memory_limit(Some(held(&database) - 1));
    assert!(matches!(insert(3000), Err(Error::MemoryLimit { .. })));
    let limit = held(&database) + (64 << 10);
    database.set_memory_limit(Some(limit));
    insert(3000).unwrap();
    let columns = vec![IndexColumn { column: 2, descending: false }];
    let definition = IndexDefinition { name: "note".into(), columns, unique: false, method: IndexMethod::Tree };
    database.create_index(table, definition.clone()).unwrap();
    let columns = vec![IndexColumn { column: 0, descending: true }];
    database.create_index(table, IndexDefinition { name: "id".into(), columns, ..definition }).unwrap();
    assert!(held(&database) > limit);
    assert!(matches!(insert(3001), Err(Error::MemoryLimit { .. })));
    database.run(|transaction| (0..3000).try_for_each(|row_id| transaction.delete(table, RowId(row_id)))).unwrap();
}

#[test]
fn changes_that_were_taken_back_do_not_count() {
    let (database, table) = items();
    database.set_memory_limit(Some(held(&database) + (1 << 20)));
    let mut transaction = database.begin();
    let savepoint = transaction.savepoint();
    for _ in 0..20 {
        for id in 0..1000 {
            transaction.insert(table, item(id, 0)).unwrap();
        }
        transaction.rollback_to(savepoint);
    }
    transaction.insert(table, item(0, 0)).unwrap();
    transaction.commit().unwrap();
}

#[test]
fn limit_holds_for_few_rows_that_are_large() {
    let (database, table) = items();
    let limit = held(&database) + (8 << 20);
    database.set_memory_limit(Some(limit));
    let large = |id| Row::new(&[Value::Integer(id), Value::Integer(0), Value::from("x".repeat(1 << 20))]);
    let mut transaction = database.begin();
    let refused = (0..20).find(|id| transaction.insert(table, large(*id)).is_err());
    assert_eq!(refused, Some(7), "the eighth of a MiB and a little more");
    drop(transaction);
    let columns = [ColumnType::Integer, ColumnType::Integer, ColumnType::Text];
    let columns = ["a", "b", "c"].into_iter().zip(columns).map(|(name, column_type)| Column::new(name, column_type));
    let definition = TableDefinition { name: "filled".into(), columns: columns.collect(), ..Default::default() };
    let filled = database.create_table_with_rows(definition, (0..20).map(large));
    assert!(matches!(filled, Err(Error::MemoryLimit { bytes_max }) if bytes_max == limit), "{filled:?}");
    assert!(database.catalog().table("filled").is_none());
    database.run(|transaction| transaction.insert(table, large(0))).unwrap();
}

/// What a non-unique index takes is known only from a look at each of its keys.
#[test]
fn commit_under_a_limit_that_is_far_does_not_count_everything() {
    let (database, table) = items();
    const ROWS: i64 = 50_000;
    database.run(|transaction| (0..ROWS).try_for_each(|id| transaction.insert(table, item(id, id)).map(drop))).unwrap();
    let insert = |id| database.run(|transaction| transaction.insert(table, item(id, id)).map(drop)).unwrap();
    // The least of several times: the processor may be elsewhere for a moment.
    let commits = |first: i64| {
        let time = |part: i64| {
            let begun = std::time::Instant::now();
            (first + part * 20..first + (part + 1) * 20).for_each(insert);
            begun.elapsed()
        };
        (0..10).map(time).min().unwrap()
    };
    commits(ROWS);
    let unlimited = commits(2 * ROWS);
    database.set_memory_limit(Some(2 * held(&database)));
    let limited = commits(3 * ROWS);
    // It was a hundred times as long.
    assert!(limited < 10 * unlimited, "{limited:?} with a limit, {unlimited:?} without");
}

/// Ids are never used again, and a change of the schema copies what there is.
#[test]
fn tables_that_came_and_went_make_no_change_of_the_schema_slower() {
    let (database, _) = items();
    let cycle = || {
        let columns = vec![Column::new("id", ColumnType::Integer)];
        let definition = TableDefinition { name: "brief".into(), columns, primary_key: vec![0], ..Default::default() };
        database.drop_table(database.create_table(definition).unwrap()).unwrap();
    };
    let fastest = || {
        let time = |_| {
            let begun = std::time::Instant::now();
            (0..20).for_each(|_| cycle());
            begun.elapsed()
        };
        (0..20).map(time).min().unwrap()
    };
    let first = fastest();
    (0..20_000).for_each(|_| cycle());
    let later = fastest();
    // It was thirty times as long.
    assert!(later < 4 * first, "{later:?} after {first:?}");
}

#[test]
fn snapshot_under_many_updates_of_few_rows_keeps_few_versions() {
    const ROWS: i64 = 16;
    let updates = std::env::var("LONG_SNAPSHOT_UPDATES").ok().and_then(|count| count.parse().ok()).unwrap_or(10_000);
    let (database, table) = items();
    database.run(|transaction| (0..ROWS).try_for_each(|id| transaction.insert(table, item(id, 0)).map(drop))).unwrap();
    let snapshot = database.snapshot();
    let mut most = 0;
    for update in 0..updates {
        let id = update % ROWS;
        database.run(|transaction| transaction.update(table, RowId(id as u64), item(id, update))).unwrap();
        most = most.max(database.version_count());
    }
    println!("{updates} updates under one snapshot: at most {most} versions of {ROWS} rows");
    assert!(most <= 4 * ROWS as u64, "{most} versions");
    let _: ControlFlow<()> = snapshot.view().scan(table, |_, row| {
        assert_eq!(row.get(1), Value::Integer(0), "the snapshot sees what it saw");
        ControlFlow::Continue(())
    });
    drop(snapshot);
    database.vacuum();
    assert_eq!(database.version_count(), ROWS as u64);
    let index = database.catalog().table("item").unwrap().indexes[1].id;
    assert_eq!(database.snapshot().view().distinct_keys(index), ROWS as u64, "dead entries are gone");
}

#[test]
fn very_many_readers_keep_no_more_than_they_see() {
    let (database, table) = items();
    database.run(|transaction| transaction.insert(table, item(0, 0)).map(drop)).unwrap();
    // Of three hundred readers a commit does not look at every one, but at all of them often enough.
    let readers: Vec<_> = (0..300).map(|_| database.snapshot()).collect();
    let update = |size| database.run(|transaction| transaction.update(table, RowId(0), item(0, size))).unwrap();
    (1..200).for_each(update);
    assert!(database.version_count() < 20, "{} versions of one row", database.version_count());
    let size = |view: &manicule_engine::View<'_>| view.row(table, RowId(0)).unwrap().get(1).into_owned();
    let between = database.snapshot();
    (200..400).for_each(update);
    assert!(readers.iter().all(|reader| size(&reader.view()) == Value::Integer(0)));
    assert_eq!(size(&between.view()), Value::Integer(199));
    drop((readers, between));
    (400..420).for_each(update);
    assert!(database.version_count() < 20, "{} versions of one row", database.version_count());
    assert_eq!(size(&database.snapshot().view()), Value::Integer(419));
}
