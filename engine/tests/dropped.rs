//! What indexes that are gone leave behind. Alone in its process, because it counts the memory of all lists.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Mutex;

use manicule_engine::{
    Column, ColumnType, Database, Error, IndexColumn, IndexDefinition, IndexId, IndexMethod, Result, Row,
    TableDefinition, TableId, Value,
};
use manicule_index::{list_memory, pin};

const ROWS: i64 = 30_000;

/// A table of `(few, none)`, where five rows have each number, and NULL beside it but for the first two.
fn create_table(database: &Database, name: &str) -> TableId {
    let columns = ["few", "none"].map(|name| Column::new(name, ColumnType::Integer)).into();
    let definition = TableDefinition { name: name.into(), columns, ..TableDefinition::default() };
    let none = |id: i64| if id < 2 { Value::Integer(1) } else { Value::Null };
    let rows = (0..ROWS).map(|id| Row::new(&[Value::Integer(id / 5), none(id)]));
    database.create_table_with_rows(definition, rows).unwrap()
}

fn create_index(database: &Database, table: TableId, name: &str, unique: bool) -> Result<IndexId> {
    let columns = [0, 1].map(|column| IndexColumn { column, descending: false }).into();
    database.create_index(table, IndexDefinition { name: name.into(), columns, unique, method: IndexMethod::Tree })
}

/// What all lists take once nobody reads what was given up.
fn memory_left() -> usize {
    (0..1000).for_each(|_| pin().flush());
    list_memory()
}

#[test]
fn indexes_that_are_gone_leave_no_lists_behind() {
    let database = Database::in_memory();
    let table = create_table(&database, "item");
    let kept = create_index(&database, table, "kept", false).unwrap();
    let held = memory_left();
    database.drop_index(kept).unwrap();
    let dropped_index = || {
        let index = create_index(&database, table, "few", false).unwrap();
        database.drop_index(index).unwrap();
    };
    let dropped_table = || {
        let other = create_table(&database, "other");
        create_index(&database, other, "few", false).unwrap();
        database.drop_table(other).unwrap();
    };
    // The lists of a unique index are those of keys with NULL.
    let duplicate = || {
        let refused = create_index(&database, table, "few", true);
        assert!(matches!(refused, Err(Error::UniqueViolation { .. })), "{refused:?}");
    };
    let name_taken_meanwhile = || {
        let taken = Mutex::new(Some(database.clone()));
        let take_name = move || {
            if let Some(database) = taken.lock().unwrap().take() {
                create_index(&database, table, "few", false).unwrap();
            }
            false
        };
        let refused = create_index(&database.waiting_until(take_name), table, "few", false);
        assert!(matches!(refused, Err(Error::AlreadyExists { .. })), "{refused:?}");
        database.drop_index(database.catalog().index("few").unwrap().1.id).unwrap();
    };
    let ways: [(&str, &dyn Fn()); 4] = [
        ("a dropped index", &dropped_index),
        ("a dropped table", &dropped_table),
        ("a duplicate", &duplicate),
        ("a name that was taken", &name_taken_meanwhile),
    ];
    for (way, make_and_lose) in ways {
        make_and_lose();
        let left = memory_left();
        assert!(left < held / 2, "{way} leaves {left} of {held} bytes");
    }
}
