//! Opening again, and being refused.

use std::fs;
use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::time::{Duration, Instant};

use manicule_engine::store::{FileStore, MemoryStore, RecordKey, RowStore};
use manicule_engine::{
    Column, ColumnType, Database, Durability, Error, IndexMethod, OnDamage, OpenOptions, Row, RowId, Start, StoreKind,
    TableDefinition, TransactionOptions, Value, ViewSchema,
};

use super::STORE;
use super::support::{Image, contents, create_index, create_items, insert_items, integer_column, item, open, options};

fn open_error(path: &Path) -> Error {
    open(path).map(|_| ()).expect_err("the database must be refused")
}

/// The schema as text, but for its version.
fn schema(database: &Database) -> String {
    let catalog = database.catalog();
    let tables: Vec<_> = catalog.tables().collect();
    let views: Vec<_> = catalog.views().collect();
    format!("{tables:#?} {views:#?} {}", catalog.version())
}

fn values_of_every_type() -> Vec<Value<'static>> {
    vec![
        Value::Integer(i64::MIN),
        Value::Real(-0.5),
        Value::from("ünïcode"),
        Value::Boolean(true),
        Value::from(vec![0_u8, 255]),
        Value::Date(-719_162),
        Value::Timestamp(1),
        Value::Null,
    ]
}

/// Commits are not synced by themselves.
fn unsynced() -> OpenOptions {
    OpenOptions { durability: Durability::Buffered, sync_interval: Duration::from_secs(3600), ..OpenOptions::default() }
}

#[test]
fn reopened_database_has_the_same_schema_and_rows_by_every_access_path() {
    let directory = tempfile::tempdir().unwrap();
    let database = open(directory.path()).unwrap();
    let table = create_items(&database).unwrap();
    // So many that several threads read them.
    for round in 0..20 {
        insert_items(&database, table, round * 200..round * 200 + 200).unwrap();
    }
    let mut transaction = database.begin();
    for row_id in 0..60 {
        match row_id % 3 {
            0 => transaction.delete(table, RowId(row_id)).unwrap(),
            1 => transaction.update(table, RowId(row_id), item(row_id as i64, 99)).unwrap(),
            _ => {}
        }
    }
    let savepoint = transaction.savepoint();
    transaction.insert(table, item(10_000, 1)).unwrap();
    transaction.rollback_to(savepoint);
    transaction.commit().unwrap();
    let types = [
        ColumnType::Integer,
        ColumnType::Real,
        ColumnType::Text,
        ColumnType::Boolean,
        ColumnType::Blob,
        ColumnType::Date,
        ColumnType::Timestamp,
        ColumnType::Text,
    ];
    let columns =
        types.into_iter().zip(values_of_every_type()).enumerate().map(|(position, (column_type, default))| Column {
            default,
            ..Column::new(format!("c{position}"), column_type)
        });
    let all_types = TableDefinition { name: "All Types".into(), columns: columns.collect(), ..Default::default() };
    let all_types = database.create_table(all_types).unwrap();
    let mut transaction = database.begin();
    transaction.insert(all_types, Row::new(&values_of_every_type())).unwrap();
    transaction.commit().unwrap();
    let view = ViewSchema { name: "v".into(), columns: vec!["a".into()], sql: "SELECT id FROM item".into() };
    database.create_view(view).unwrap();
    let (schema_before, before) = (schema(&database), contents(&database));
    let timestamp = database.snapshot().timestamp();
    drop(database);

    let database = open(directory.path()).unwrap();
    assert_eq!(schema(&database), schema_before);
    assert_eq!(contents(&database), before);
    assert_eq!((database.snapshot().timestamp(), database.durable_timestamp()), (timestamp, timestamp));
    let mut transaction = database.begin();
    assert_eq!(transaction.insert(table, item(20_000, 1)).unwrap(), RowId(4000), "row ids go on after the greatest");
    transaction.insert(table, item(3999, 1)).unwrap();
    assert!(matches!(transaction.commit(), Err(Error::UniqueViolation { .. })));
    insert_items(&database, table, [20_001]).unwrap();
    database.close().unwrap();
    let count = |database: &Database| database.snapshot().view().row_count(table);
    assert_eq!(count(&open(directory.path()).unwrap()), before["item"].len() as u64 + 1);
}

#[test]
fn every_change_of_the_schema_survives_and_leaves_nothing_behind() {
    let store = MemoryStore::default();
    let open = || Database::open_store(Box::new(store.clone()), &OpenOptions::default()).unwrap();
    let records = || {
        let mut count = 0;
        store
            .scan(RecordKey::MIN..RecordKey::MAX, &mut |_, _| {
                count += 1;
                std::ops::ControlFlow::Continue(())
            })
            .unwrap();
        count
    };
    let database = open();
    let table = create_items(&database).unwrap();
    insert_items(&database, table, 0..4200).unwrap();
    assert_eq!(records(), 4200 + 3, "rows, head, catalog, totals");
    type Change<'c> = &'c dyn Fn(&Database) -> Result<(), Error>;
    let changes: [Change<'_>; 7] = [
        &|database| database.add_column(table, Column { default: Value::Integer(7), ..integer_column("extra") }),
        &|database| create_index(database, table, "item_extra", 3, IndexMethod::Tree),
        &|database| database.rename_column(table, 1, "keeper"),
        &|database| database.rename_table(table, "thing"),
        &|database| database.drop_index(database.catalog().index("item_note").unwrap().1.id),
        &|database| database.drop_index(database.catalog().index("item_extra").unwrap().1.id),
        &|database| database.drop_column(table, 3),
    ];
    let mut database = database;
    for change in changes {
        change(&database).unwrap();
        let (schema_before, before) = (schema(&database), contents(&database));
        assert_eq!((before.values().next().unwrap().len(), records()), (4200, 4200 + 3));
        drop(database);
        store.lose_unsynced();
        database = open();
        assert_eq!(schema(&database), schema_before);
        assert_eq!(contents(&database), before);
        insert_items_again(&database);
        assert_eq!(records(), 4200 + 3);
    }
    database.drop_table(table).unwrap();
    assert_eq!(records(), 2, "head and catalog");
    drop(database);
    assert_eq!(contents(&open()).len(), 0);
}

#[test]
fn a_table_made_with_rows_is_there_with_all_of_them_or_not_at_all() {
    let store = MemoryStore::default();
    let open = || Database::open_store(Box::new(store.clone()), &OpenOptions::default()).unwrap();
    let database = open();
    let definition = |name: &str| TableDefinition {
        name: name.into(),
        columns: ["id", "squared"].map(integer_column).into(),
        primary_key: vec![0],
        ..TableDefinition::default()
    };
    let row = |id: i64| Row::new(&[Value::Integer(id), Value::Integer(id * id)]);
    let refused = [
        database.create_table_with_rows(definition("twice"), (0..9000).map(|id| row(id % 8999))),
        database.create_table_with_rows(definition("missing"), [row(1), Row::new(&[Value::Null, Value::Integer(1)])]),
    ];
    assert!(matches!(refused[0], Err(Error::UniqueViolation { .. })), "{refused:?}");
    assert!(matches!(refused[1], Err(Error::NotNullViolation { .. })), "{refused:?}");
    let version = database.schema_version();
    let table = database.create_table_with_rows(definition("square"), (0..9000).map(row)).unwrap();
    assert_eq!(database.schema_version(), version + 1);
    let before = contents(&database);
    assert_eq!((before.len(), before["square"].len()), (1, 9000));
    drop(database);
    store.lose_unsynced();
    let database = open();
    assert_eq!(contents(&database), before);
    let other = database.create_table(definition("other")).unwrap();
    let version = database.schema_version();
    assert!(database.drop_tables(&[other, manicule_engine::TableId(77)]).is_err());
    assert_eq!(contents(&database).len(), 2);
    database.drop_tables(&[table, other]).unwrap();
    assert_eq!(database.schema_version(), version + 1);
    drop(database);
    assert_eq!(contents(&open()).len(), 0);
}

#[test]
fn rows_of_a_table_that_was_refused_are_not_the_next_one_s() {
    let store = MemoryStore::default();
    let open = || Database::open_store(Box::new(store.clone()), &OpenOptions::default()).unwrap();
    let database = open();
    let definition = || TableDefinition {
        name: "number".into(),
        columns: vec![integer_column("id")],
        primary_key: vec![0],
        ..TableDefinition::default()
    };
    let row = |id: i64| Row::new(&[Value::Integer(id)]);
    let refused = database.create_table_with_rows(definition(), (0..9000).map(|id| row(id % 8999)));
    assert!(matches!(refused, Err(Error::UniqueViolation { .. })), "{refused:?}");
    let panicked = std::panic::catch_unwind(AssertUnwindSafe(|| {
        database
            .create_table_with_rows(definition(), (0..9000).map(|id| row(if id < 8999 { id } else { panic!("{id}") })))
    }));
    assert!(panicked.is_err());
    database.create_table_with_rows(definition(), (0..10).map(row)).unwrap();
    let before = contents(&database);
    drop(database);
    assert_eq!(contents(&open()), before);
}

/// A transaction that leaves everything as it is.
fn insert_items_again(database: &Database) {
    let catalog = database.catalog();
    let schema = catalog.tables().next().unwrap();
    let mut transaction = database.begin();
    let row = transaction.view().row(schema.id, RowId(0)).unwrap().to_owned();
    transaction.update(schema.id, RowId(0), row).unwrap();
    transaction.commit().unwrap();
}

#[test]
fn buffered_commits_are_durable_when_waited_for() {
    let store = MemoryStore::default();
    let options = unsynced();
    let database = Database::open_store(Box::new(store.clone()), &options).unwrap();
    let table = create_items(&database).unwrap();
    insert_items(&database, table, 0..10).unwrap();
    let timestamp = database.snapshot().timestamp();
    assert!(database.durable_timestamp() < timestamp);
    database.wait_durable(timestamp).unwrap();
    assert_eq!(database.durable_timestamp(), timestamp);
    let waited_for = contents(&database);
    insert_items(&database, table, 10..20).unwrap();
    store.lose_unsynced();
    let reopened = Database::open_store(Box::new(store.clone()), &options).unwrap();
    assert_eq!(contents(&reopened), waited_for);
}

#[test]
fn buffered_commits_are_on_disk_when_the_database_is_closed() {
    let store = MemoryStore::default();
    let options = unsynced();
    let open = || Database::open_store(Box::new(store.clone()), &options).unwrap();
    let database = open();
    let table = create_items(&database).unwrap();
    insert_items(&database, table, 0..10).unwrap();
    let last = database.snapshot().timestamp();
    assert!(database.durable_timestamp() < last);
    database.close().unwrap();
    assert_eq!(database.durable_timestamp(), last);
    database.wait_durable(last).unwrap();
    store.lose_unsynced();
    let reopened = open();
    assert_eq!(contents(&reopened), contents(&database));
    insert_items(&reopened, table, 10..20).unwrap();
    let before = contents(&reopened);
    drop(reopened);
    store.lose_unsynced();
    assert_eq!(contents(&open()), before, "dropping the last handle does the same");
}

/// The process that wrote them ended without a sync, so that the operating system alone has them.
#[test]
fn commits_that_are_found_are_on_disk_before_they_are_read() {
    let store = MemoryStore::default();
    let options = unsynced();
    let open = || Database::open_store(Box::new(store.clone()), &options).unwrap();
    let ended = open();
    let table = create_items(&ended).unwrap();
    insert_items(&ended, table, 0..10).unwrap();
    assert!(ended.durable_timestamp() < ended.snapshot().timestamp());
    let found = open();
    assert_eq!(found.durable_timestamp(), ended.snapshot().timestamp());
    let before = contents(&found);
    store.lose_unsynced();
    assert_eq!(contents(&open()), before);
}

#[test]
fn buffered_commits_are_synced_after_the_interval() {
    let store = MemoryStore::default();
    let options = OpenOptions {
        durability: Durability::Buffered,
        sync_interval: Duration::from_millis(1),
        ..OpenOptions::default()
    };
    let database = Database::open_store(Box::new(store), &options).unwrap();
    create_items(&database).unwrap();
    let timestamp = database.snapshot().timestamp();
    while database.durable_timestamp() < timestamp {
        std::thread::yield_now();
    }
}

/// It would have slept for an hour.
#[cfg(target_os = "linux")]
#[test]
fn thread_that_syncs_ends_with_its_database() {
    let of_test =
        |task: &fs::DirEntry| fs::read_to_string(task.path().join("comm")).is_ok_and(|name| name == "manicule-sync\n");
    let threads = || fs::read_dir("/proc/self/task").unwrap().flatten().filter(of_test).count();
    let options = unsynced();
    for _ in 0..50 {
        Database::open_store(Box::new(MemoryStore::default()), &options).unwrap().close().unwrap();
    }
    // Others' tests have a few.
    let deadline = Instant::now() + Duration::from_secs(100);
    while threads() > 25 {
        assert!(Instant::now() < deadline, "{} threads", threads());
        std::thread::yield_now();
    }
}

#[test]
fn closed_database_reads_and_refuses_commits() {
    let directory = tempfile::tempdir().unwrap();
    let database = open(directory.path()).unwrap();
    let table = create_items(&database).unwrap();
    insert_items(&database, table, 0..10).unwrap();
    let before = contents(&database);
    database.close().unwrap();
    database.close().unwrap();
    assert!(matches!(insert_items(&database, table, [10]), Err(Error::Closed)));
    assert!(matches!(database.drop_table(table), Err(Error::Closed)));
    let writer = TransactionOptions { start: Start::Immediate, ..TransactionOptions::default() };
    assert!(matches!(database.begin_with(writer), Err(Error::Closed)));
    assert_eq!(contents(&database), before);
    let reopened = open(directory.path()).unwrap();
    assert_eq!(contents(&reopened), before, "the files are free while the old handle lives");
}

#[test]
fn database_that_is_open_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let database = open(directory.path()).unwrap();
    let error = open_error(directory.path());
    assert!(matches!(&error, Error::Locked { .. }), "{error}");
    drop(database);
    open(directory.path()).unwrap();
}

#[test]
fn what_is_no_database_is_refused_and_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    fs::write(&file, "hello").unwrap();
    for path in [&file, directory.path()] {
        let error = open_error(path);
        assert!(matches!(&error, Error::Refused { .. }), "{error}");
    }
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "nothing was written");
    let around = directory.path().join("around");
    std::os::unix::fs::symlink(&around, &around).unwrap();
    let error = open_error(&around);
    assert!(matches!(&error, Error::Io { what, .. } if what.contains("around")), "{error}");
    let error = open_error(&file.join("below"));
    assert!(matches!(&error, Error::Io { what, .. } if what.contains("below")), "{error}");
    let error = open_error(Path::new("/proc/manicule"));
    assert!(matches!(&error, Error::Io { what, .. } if what.contains("/proc/manicule")), "{error}");
}

#[test]
fn directory_that_cannot_be_written_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let mut permissions = fs::metadata(directory.path()).unwrap().permissions();
    permissions.set_readonly(true);
    fs::set_permissions(directory.path(), permissions.clone()).unwrap();
    if fs::write(directory.path().join("probe"), "").is_ok() {
        println!("skipped: permissions do not bind this user");
        return;
    }
    let error = open_error(directory.path());
    assert!(matches!(&error, Error::Io { .. }), "{error}");
}

#[test]
fn newer_format_is_refused_by_name() {
    let directory = tempfile::tempdir().unwrap();
    drop(open(directory.path()).unwrap());
    fs::write(directory.path().join("MANICULE"), "manicule format 2\n").unwrap();
    let error = open_error(directory.path());
    assert!(matches!(error, Error::NewerFormat { found: 2, supported: 1 }), "{error}");
}

#[test]
fn backup_is_a_database_as_of_its_snapshot() {
    let directory = tempfile::tempdir().unwrap();
    for database in [Database::in_memory(), open(directory.path().join("original")).unwrap()] {
        let table = create_items(&database).unwrap();
        insert_items(&database, table, 0..5000).unwrap();
        let snapshot = database.snapshot();
        let before = contents(&database);
        insert_items(&database, table, 5000..5010).unwrap();
        let mut transaction = database.begin();
        transaction.delete(table, RowId(7)).unwrap();
        transaction.commit().unwrap();

        let store = MemoryStore::default();
        snapshot.export(&store).unwrap();
        // On return it is on disk there.
        store.lose_unsynced();
        assert!(matches!(snapshot.export(&store), Err(Error::Refused { .. })));
        let copy = Database::open_store(Box::new(store), &OpenOptions::default()).unwrap();
        assert_eq!(contents(&copy), before);

        let path = directory.path().join("copy");
        database.backup(&path).unwrap();
        assert!(matches!(database.backup(&path), Err(Error::Refused { .. })));
        let copy = Database::open(&path).unwrap();
        assert_eq!((contents(&copy), schema(&copy)), (contents(&database), schema(&database)));
        insert_items(&copy, table, [9000]).unwrap();
        drop(copy);
        fs::remove_dir_all(&path).unwrap();
    }
}

#[test]
fn creation_that_was_interrupted_is_taken_up_again() {
    // At any of its steps, in their order.
    let before_format = |path: &Path| {
        fs::remove_dir_all(path.join("store")).unwrap();
        fs::remove_file(path.join("DURABLE")).unwrap();
        fs::remove_file(path.join("MANICULE")).unwrap();
        fs::write(path.join("MANICULE.new"), "manicule fo").unwrap();
    };
    let before_mark = |path: &Path| {
        fs::remove_dir_all(path.join("store")).unwrap();
        fs::write(path.join("DURABLE"), "").unwrap();
    };
    let in_store = |path: &Path| {
        fs::rename(path.join("store"), path.join("store.new")).unwrap();
        for file in Image::read(&path.join("store.new")).files {
            fs::write(path.join("store.new").join(file.name), "half of ").unwrap();
        }
    };
    let before_name = |path: &Path| fs::rename(path.join("store"), path.join("store.new")).unwrap();
    let steps: [&dyn Fn(&Path); 4] = [&before_format, &before_mark, &in_store, &before_name];
    for (number, interrupt) in steps.into_iter().enumerate() {
        let directory = tempfile::tempdir().unwrap();
        drop(FileStore::open(directory.path(), &options()).unwrap());
        interrupt(directory.path());
        let database = open(directory.path()).unwrap_or_else(|error| panic!("step {number}: {error}"));
        create_items(&database).unwrap();
    }
}

#[test]
fn part_of_a_database_that_is_lost_is_named_and_not_made_anew() {
    let lost = |part: &str| {
        let directory = tempfile::tempdir().unwrap();
        create_items(&open(directory.path()).unwrap()).unwrap();
        let path = directory.path().join(part);
        if path.is_dir() {
            fs::remove_dir_all(&path).unwrap()
        } else {
            fs::remove_file(&path).unwrap()
        }
        for on_damage in [OnDamage::Refuse, OnDamage::OpenWithout] {
            let opened = Database::open_with(directory.path(), &OpenOptions { on_damage, ..options() });
            if part == "DURABLE" && on_damage == OnDamage::OpenWithout {
                assert_eq!(contents(&opened.unwrap()).len(), 1, "all else is there");
                continue;
            }
            match opened {
                Err(Error::Corrupt { what }) => assert!(what.contains(&path.display().to_string()), "{what}"),
                opened => panic!("{part}, {on_damage:?}: {:?}", opened.map(drop)),
            }
        }
    };
    ["MANICULE", "DURABLE", "store"].into_iter().for_each(lost);
}

/// Without the feature; `durability_redb` has it.
#[cfg(not(feature = "redb"))]
#[test]
fn store_that_is_not_in_the_build_is_refused_by_its_feature() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("database");
    let is_told =
        |error: &Error| matches!(error, Error::Refused { reason } if reason.contains("enable the feature `redb`"));
    let options = OpenOptions { store: Some(StoreKind::Redb), ..OpenOptions::default() };
    let error = Database::open_with(&path, &options).map(drop).unwrap_err();
    assert!(is_told(&error), "{error}");
    assert!(!path.exists(), "nothing was made");
    drop(Database::open(&path).unwrap());
    fs::write(path.join("MANICULE"), "manicule format 1\nstore redb\n").unwrap();
    let error = Database::open(&path).map(drop).unwrap_err();
    assert!(is_told(&error), "{error}");
}

#[test]
fn format_without_a_kind_is_fjall() {
    let directory = tempfile::tempdir().unwrap();
    drop(open(directory.path()).unwrap());
    fs::write(directory.path().join("MANICULE"), "manicule format 1\n").unwrap();
    match (STORE, open(directory.path())) {
        (StoreKind::Fjall, opened) => drop(opened.unwrap()),
        (_, opened) => assert!(opened.is_err()),
    }
    fs::write(directory.path().join("MANICULE"), "manicule format 1\nstore rebd\n").unwrap();
    let error = open_error(directory.path());
    assert!(matches!(&error, Error::Corrupt { what } if what.contains("MANICULE")), "{error}");
}
