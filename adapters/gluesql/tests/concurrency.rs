//! Several handles on one storage: each sees its snapshot, and writers that meet are refused.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use gluesql_core::prelude::{Glue, Payload, Value};
use manicule_gluesql::ManiculeStorage;

/// Two handles on a storage with a table of four rows and an index.
fn two_handles() -> (Glue<ManiculeStorage>, Glue<ManiculeStorage>) {
    let storage = ManiculeStorage::new();
    let (mut one, other) = (Glue::new(storage.clone()), Glue::new(storage));
    run(&mut one, "CREATE TABLE t (id INTEGER PRIMARY KEY, a INTEGER); CREATE INDEX by_a ON t (a)");
    run(&mut one, "INSERT INTO t VALUES (1, 10), (2, 20), (3, 30), (4, 40)");
    (one, other)
}

fn run(glue: &mut Glue<ManiculeStorage>, sql: &str) {
    glue.execute(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
}

fn refused(glue: &mut Glue<ManiculeStorage>, sql: &str) {
    let error = glue.execute(sql).expect_err(sql).to_string();
    assert!(error.contains("conflict"), "{sql}: {error}");
}

fn integers(glue: &mut Glue<ManiculeStorage>, sql: &str) -> Vec<i64> {
    let Payload::Select { rows, .. } = glue.execute(sql).unwrap().remove(0) else { panic!("{sql} is no query") };
    let integer = |row: Vec<Value>| match row[..] {
        [Value::I64(value)] => value,
        ref other => panic!("{other:?}"),
    };
    rows.into_iter().map(integer).collect()
}

#[test]
fn reader_keeps_its_snapshot_in_scans_and_in_indexes() {
    let (mut reader, mut writer) = two_handles();
    run(&mut reader, "BEGIN");
    run(&mut writer, "UPDATE t SET a = a + 5 WHERE id <= 2; DELETE FROM t WHERE id = 3; INSERT INTO t VALUES (5, 20)");
    for (sql, then, now) in [
        ("SELECT id FROM t WHERE a = 20", vec![2], vec![5]),
        ("SELECT id FROM t WHERE a >= 20", vec![2, 3, 4], vec![5, 2, 4]),
        ("SELECT id FROM t WHERE a < 20", vec![1], vec![1]),
        ("SELECT a FROM t", vec![10, 20, 30, 40], vec![15, 25, 40, 20]),
        ("SELECT id FROM t ORDER BY a DESC", vec![4, 3, 2, 1], vec![4, 2, 5, 1]),
    ] {
        assert_eq!(integers(&mut reader, sql), then, "{sql} in the snapshot");
        assert_eq!(integers(&mut writer, sql), now, "{sql} after it");
    }
    run(&mut reader, "COMMIT");
    assert_eq!(integers(&mut reader, "SELECT id FROM t WHERE a = 20"), [5]);
}

#[test]
fn transaction_finds_its_own_changes_by_index_and_nobody_else_does() {
    let (mut one, mut other) = two_handles();
    run(&mut one, "BEGIN; UPDATE t SET a = 25 WHERE id = 1; DELETE FROM t WHERE id = 2; INSERT INTO t VALUES (9, 26)");
    assert_eq!(integers(&mut one, "SELECT id FROM t WHERE a < 30"), [1, 9]);
    assert_eq!(integers(&mut one, "SELECT id FROM t ORDER BY a DESC"), [4, 3, 9, 1]);
    assert_eq!(integers(&mut other, "SELECT id FROM t WHERE a < 30"), [1, 2]);
    run(&mut one, "ROLLBACK");
    assert_eq!(integers(&mut one, "SELECT id FROM t WHERE a < 30"), [1, 2]);
}

#[test]
fn second_writer_of_a_row_is_refused_and_may_run_again() {
    let (mut one, mut other) = two_handles();
    run(&mut one, "BEGIN; UPDATE t SET a = 11 WHERE id = 1");
    run(&mut other, "UPDATE t SET a = 12 WHERE id = 1");
    refused(&mut one, "COMMIT");
    assert_eq!(integers(&mut one, "SELECT a FROM t WHERE id = 1"), [12]);
    run(&mut one, "BEGIN; UPDATE t SET a = 11 WHERE id = 1; COMMIT");
    assert_eq!(integers(&mut other, "SELECT id FROM t WHERE a = 11"), [1]);
    assert!(integers(&mut other, "SELECT id FROM t WHERE a = 12").is_empty());
}

#[test]
fn same_key_inserted_twice_is_a_conflict_and_other_rows_are_none() {
    let (mut one, mut other) = two_handles();
    run(&mut one, "BEGIN; INSERT INTO t VALUES (7, 70)");
    run(&mut other, "INSERT INTO t VALUES (7, 71)");
    refused(&mut one, "COMMIT");
    run(&mut one, "BEGIN; INSERT INTO t VALUES (8, 80)");
    run(&mut other, "INSERT INTO t VALUES (9, 90)");
    run(&mut one, "COMMIT");
    assert_eq!(integers(&mut one, "SELECT id FROM t WHERE a > 40"), [7, 8, 9]);
}

#[test]
fn unique_values_and_foreign_keys_hold_between_handles() {
    let (mut one, mut other) = two_handles();
    run(&mut one, "CREATE TABLE u (id INTEGER PRIMARY KEY, mail TEXT UNIQUE)");
    run(&mut one, "BEGIN; INSERT INTO u VALUES (1, 'x')");
    run(&mut other, "INSERT INTO u VALUES (2, 'x')");
    refused(&mut one, "COMMIT");
    run(&mut one, "CREATE TABLE c (id INTEGER PRIMARY KEY, t INTEGER, FOREIGN KEY (t) REFERENCES t (id))");
    run(&mut one, "BEGIN; INSERT INTO c VALUES (1, 4)");
    run(&mut other, "DELETE FROM t WHERE id = 4");
    refused(&mut one, "COMMIT");
    run(&mut one, "BEGIN; DELETE FROM t WHERE id = 3");
    run(&mut other, "INSERT INTO c VALUES (1, 3)");
    refused(&mut one, "COMMIT");
}

#[test]
fn definitions_and_rows_of_a_table_do_not_change_at_once() {
    let (mut one, mut other) = two_handles();
    for definition in [
        "CREATE INDEX by_twice ON t (a + a)",
        "DROP INDEX t.by_a",
        "ALTER TABLE t ADD COLUMN b INTEGER NULL",
        "ALTER TABLE t RENAME TO s",
        "DROP TABLE t",
    ] {
        run(&mut one, &format!("BEGIN; {definition}"));
        run(&mut other, "UPDATE t SET a = a + 1 WHERE id = 4");
        refused(&mut one, "COMMIT");
        run(&mut one, "BEGIN; UPDATE t SET a = a + 1 WHERE id = 4");
        run(&mut other, "CREATE INDEX by_minus ON t (-a)");
        refused(&mut one, "COMMIT");
        run(&mut one, "DROP INDEX t.by_minus");
        assert_eq!(integers(&mut one, "SELECT COUNT(*) FROM t"), [4]);
    }
    assert_eq!(integers(&mut one, "SELECT id FROM t WHERE a = 45"), [4]);
}

#[test]
fn index_that_was_dropped_still_serves_older_snapshots() {
    let (mut reader, mut writer) = two_handles();
    run(&mut reader, "BEGIN");
    run(&mut writer, "DROP INDEX t.by_a");
    run(&mut writer, "UPDATE t SET a = 99 WHERE id = 2; DELETE FROM t WHERE id = 3");
    assert_eq!(integers(&mut reader, "SELECT id FROM t WHERE a >= 20"), [2, 3, 4]);
    run(&mut reader, "ROLLBACK");
    assert_eq!(integers(&mut reader, "SELECT id FROM t WHERE a >= 40"), [2, 4]);
}

#[test]
fn vacuum_leaves_one_version_of_each_row_and_what_a_snapshot_needs() {
    let (mut reader, mut writer) = two_handles();
    run(&mut reader, "BEGIN");
    for _ in 0..10 {
        run(&mut writer, "UPDATE t SET a = a + 1");
    }
    writer.storage.vacuum();
    assert_eq!(integers(&mut reader, "SELECT id FROM t WHERE a = 20"), [2]);
    assert_eq!(integers(&mut writer, "SELECT id FROM t WHERE a = 20"), [1]);
    assert!(writer.storage.version_count() > 4);
    run(&mut reader, "COMMIT");
    run(&mut writer, "DELETE FROM t WHERE id = 1");
    writer.storage.vacuum();
    assert_eq!(writer.storage.version_count(), 3);
    assert_eq!(integers(&mut writer, "SELECT id FROM t WHERE a < 1000"), [2, 3, 4]);
    assert!(integers(&mut writer, "SELECT id FROM t WHERE a = 20").is_empty());
}

/// Money moves between accounts; whoever reads by the index, at any time, sees all of it.
#[test]
fn readers_beside_writers_see_whole_commits_by_index() {
    let storage = ManiculeStorage::new();
    let mut glue = Glue::new(storage.clone());
    run(&mut glue, "CREATE TABLE t (id INTEGER PRIMARY KEY, a INTEGER); CREATE INDEX by_a ON t (a)");
    for id in 0..8 {
        run(&mut glue, &format!("INSERT INTO t VALUES ({id}, 100)"));
    }
    std::thread::scope(|scope| {
        for seed in 0..2_u64 {
            let storage = storage.clone();
            scope.spawn(move || {
                let mut glue = Glue::new(storage);
                for round in 0..60 {
                    let (from, to) = ((round + seed * 3) % 8, (round * 5 + 1) % 8);
                    let transfer = format!(
                        "BEGIN; UPDATE t SET a = a - 1 WHERE id = {from}; UPDATE t SET a = a + 1 WHERE id = {to}; COMMIT"
                    );
                    // A conflict leaves nothing open, and the transfer is not made.
                    let _ = glue.execute(transfer.as_str());
                }
            });
        }
        let mut glue = Glue::new(storage.clone());
        for _ in 0..60 {
            assert_eq!(integers(&mut glue, "SELECT SUM(a) FROM t WHERE a > -1000"), [800]);
            assert_eq!(integers(&mut glue, "SELECT COUNT(*) FROM t WHERE a <= 1000"), [8]);
        }
    });
    storage.vacuum();
    assert_eq!(storage.version_count(), 8);
    assert_eq!(integers(&mut glue, "SELECT SUM(a) FROM t WHERE a > -1000"), [800]);
}

/// Of an index that is made and a row that is written meanwhile one is refused; an index that is there has every row.
#[test]
fn index_that_is_made_beside_writers_has_every_row() {
    let storage = ManiculeStorage::new();
    let mut glue = Glue::new(storage.clone());
    run(&mut glue, "CREATE TABLE t (id INTEGER PRIMARY KEY, a INTEGER)");
    std::thread::scope(|scope| {
        for writer in 0..2 {
            let storage = storage.clone();
            scope.spawn(move || {
                let mut glue = Glue::new(storage);
                for round in 0..150 {
                    // A conflict leaves nothing behind, and the row is not inserted.
                    let _ = glue.execute(format!("INSERT INTO t VALUES ({}, {round})", round * 2 + writer));
                }
            });
        }
        for _ in 0..50 {
            if glue.execute("CREATE INDEX by_a ON t (a)").is_err() {
                continue;
            }
            for _ in 0..3 {
                run(&mut glue, "BEGIN");
                let by_index = integers(&mut glue, "SELECT COUNT(*) FROM t WHERE a >= 0");
                assert_eq!(by_index, integers(&mut glue, "SELECT COUNT(*) FROM t"));
                run(&mut glue, "COMMIT");
            }
            while glue.execute("DROP INDEX t.by_a").is_err() {}
        }
    });
}

#[test]
fn referred_table_is_not_dropped_while_a_reference_to_it_is_made() {
    let reference = "CREATE TABLE c (id INTEGER PRIMARY KEY, t INTEGER, FOREIGN KEY (t) REFERENCES t (id))";
    for (refers, takes_away) in [
        (vec![reference], "DROP TABLE t"),
        (vec![reference, "INSERT INTO c VALUES (1, 4)"], "DROP TABLE t"),
        (vec![reference], "ALTER TABLE t RENAME TO s"),
        (vec![reference, "INSERT INTO c VALUES (1, 4)"], "DROP TABLE t; CREATE TABLE t (id INTEGER PRIMARY KEY)"),
    ] {
        let (mut one, mut other) = two_handles();
        run(&mut one, "BEGIN");
        refers.iter().for_each(|sql| run(&mut one, sql));
        run(&mut other, takes_away);
        refused(&mut one, "COMMIT");
        let (mut one, mut other) = two_handles();
        run(&mut other, "BEGIN");
        run(&mut other, takes_away);
        refers.iter().for_each(|sql| run(&mut one, sql));
        refused(&mut other, "COMMIT");
    }
    let (mut one, mut other) = two_handles();
    run(&mut one, reference);
    run(&mut one, "BEGIN; INSERT INTO c VALUES (1, 4)");
    run(&mut other, "ALTER TABLE t RENAME TO s");
    refused(&mut one, "COMMIT");
}
