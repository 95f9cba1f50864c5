//! What the storage's planner leaves out changes no plan: those of tables without indexes are GlueSQL's own.

use gluesql_core::parse_sql::parse;
use gluesql_core::prelude::Glue;
use gluesql_core::store::{GStore, GStoreMut, Planner};
use gluesql_core::translate::translate;
use gluesql_memory_storage::MemoryStorage;
use manicule_gluesql::ManiculeStorage;

const TABLES: &str = "
    CREATE TABLE t (id INTEGER PRIMARY KEY, a INTEGER, b TEXT, c FLOAT);
    CREATE TABLE other (id INTEGER PRIMARY KEY, a INTEGER, d DATE);
    CREATE TABLE documents;";

fn storage<S: GStore + GStoreMut + Planner>(storage: S) -> S {
    let mut glue = Glue::new(storage);
    glue.execute(TABLES).expect("the tables are made");
    glue.storage
}

/// The plan of a statement, the same by both planners, or the error of both; and whether it is the statement as it was
/// written.
fn check(sql: &str) -> bool {
    let statement = || translate(&parse(sql).expect(sql).remove(0)).expect(sql).into();
    let planned = storage(ManiculeStorage::new()).plan(statement());
    assert_eq!(planned, storage(MemoryStorage::default()).plan(statement()), "{sql}");
    planned == Ok(statement())
}

#[test]
fn constants_are_inserted_as_they_are_written() {
    for sql in [
        "INSERT INTO t VALUES (1, 2, 'x', 0.5), (2, NULL, 'y', -1.5)",
        "INSERT INTO t (b, id) VALUES ('x', +(1)), ('y', (-2))",
        "INSERT INTO t VALUES (1)",
        "INSERT INTO t (nowhere) VALUES (TRUE)",
        "INSERT INTO other VALUES (1, 2, DATE '2020-01-01')",
        "INSERT INTO nowhere VALUES (1)",
    ] {
        assert!(check(sql), "{sql}");
    }
}

#[test]
fn whatever_else_an_insertion_has_is_planned() {
    for sql in [
        "INSERT INTO documents VALUES ('{\"a\": 1}')",
        "INSERT INTO t SELECT id, 1, 'x', 0.5 FROM t JOIN other",
        "INSERT INTO t VALUES (1, (SELECT MAX(a) FROM other), 'x', 0.5)",
    ] {
        assert!(!check(sql), "{sql}");
    }
    for sql in [
        "INSERT INTO t VALUES (1, (SELECT a FROM other WHERE id = 3), 'x', 0.5)",
        "INSERT INTO t VALUES (1, COUNT(*), 'x', 0.5)",
        "INSERT INTO t VALUES (1, 2, CAST(3 AS TEXT), 0.5) LIMIT 1",
        "INSERT INTO t VALUES (1, CASE WHEN TRUE THEN 1 END, 'x' || 'y', 1 + 1)",
        "INSERT INTO t SELECT a, id, 'x', 0.5 FROM other ORDER BY id LIMIT 2",
        "INSERT INTO t SELECT id, a, 'x', 0.5 FROM documents",
        "INSERT INTO t SELECT id, a, 'x', 0.5 FROM other WHERE id = 3",
        "INSERT INTO t SELECT t.id, other.a, b, c FROM t JOIN other ON t.id = other.id",
        "INSERT INTO documents SELECT * FROM t",
        "CREATE TABLE more AS SELECT * FROM t WHERE id = 3",
    ] {
        check(sql);
    }
}
