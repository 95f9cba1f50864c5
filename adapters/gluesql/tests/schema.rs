//! What becomes of the rows where a statement changes definitions alone.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use gluesql_core::prelude::{Glue, Payload, Value};
use manicule_gluesql::ManiculeStorage;

fn run(glue: &mut Glue<ManiculeStorage>, sql: &str) {
    glue.execute(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
}

fn rows(glue: &mut Glue<ManiculeStorage>, sql: &str) -> Vec<Vec<Value>> {
    let Payload::Select { rows, .. } = glue.execute(sql).unwrap().remove(0) else { panic!("{sql} is no query") };
    rows
}

#[test]
fn rows_of_a_referring_table_stay_when_the_other_is_dropped_with_its_references() {
    let directory = tempfile::tempdir().unwrap();
    let mut glue = Glue::new(ManiculeStorage::open(directory.path()).unwrap());
    run(&mut glue, "CREATE TABLE t (id INTEGER PRIMARY KEY); INSERT INTO t VALUES (1)");
    run(&mut glue, "CREATE TABLE c (id INTEGER PRIMARY KEY, t INTEGER, FOREIGN KEY (t) REFERENCES t (id))");
    run(&mut glue, "CREATE INDEX by_t ON c (t); INSERT INTO c VALUES (7, 1)");
    run(&mut glue, "DROP TABLE t CASCADE");
    for _ in 0..2 {
        let all = [[Value::I64(7), Value::I64(1)]];
        assert_eq!(rows(&mut glue, "SELECT * FROM c"), all);
        assert_eq!(rows(&mut glue, "SELECT * FROM c WHERE t = 1"), all);
        drop(glue);
        glue = Glue::new(ManiculeStorage::open(directory.path()).unwrap());
    }
    run(&mut glue, "INSERT INTO c VALUES (8, 2)");
    assert_eq!(rows(&mut glue, "SELECT id FROM c WHERE t = 2"), [[Value::I64(8)]]);
}

#[test]
fn no_table_takes_the_name_of_another() {
    let mut glue = Glue::new(ManiculeStorage::new());
    run(&mut glue, "CREATE TABLE t (id INTEGER); INSERT INTO t VALUES (1)");
    run(&mut glue, "CREATE TABLE s (id INTEGER); INSERT INTO s VALUES (2)");
    let error = glue.execute("ALTER TABLE t RENAME TO s").expect_err("there is an s");
    assert!(error.to_string().contains("already exists"), "{error}");
    run(&mut glue, "ALTER TABLE t RENAME TO t");
    assert_eq!(rows(&mut glue, "SELECT id FROM t"), [[Value::I64(1)]]);
    assert_eq!(rows(&mut glue, "SELECT id FROM s"), [[Value::I64(2)]]);
}
