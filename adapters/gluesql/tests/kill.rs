//! A process that commits is killed, again and again: what it has acknowledged is there, whole commits only, and the
//! indexes agree with the rows.
//!
//! `MANICULE_GLUESQL_KILLS` says how often, where the default of twenty is not enough.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use gluesql_core::data::{Key, Value};
use gluesql_core::prelude::Glue;
use gluesql_core::store::{Index, Store};
use manicule_gluesql::ManiculeStorage;

/// Where the child commits; without it the child's test does nothing.
const PATH: &str = "MANICULE_GLUESQL_KILL_PATH";
/// A commit deletes what the commit that many before it has inserted.
const KEPT: i64 = 5;

/// Not a test by itself: what the killed process does.
#[test]
fn child() {
    let Ok(path) = std::env::var(PATH) else { return };
    let mut glue = Glue::new(ManiculeStorage::open(path).unwrap());
    if glue.storage.fetch_schema("t").unwrap().is_none() {
        glue.execute("CREATE TABLE s (id INTEGER PRIMARY KEY, n INTEGER); INSERT INTO s VALUES (1, 0)").unwrap();
        glue.execute(
            "BEGIN; CREATE TABLE t (id INTEGER PRIMARY KEY, a INTEGER, b TEXT);
             CREATE INDEX by_a ON t (a); CREATE INDEX by_b ON t (b); COMMIT",
        )
        .unwrap();
    }
    for n in last_commit(&glue.storage) + 1.. {
        let (first, second, old) = (2 * n, 2 * n + 1, n - KEPT);
        glue.execute(format!(
            "BEGIN; INSERT INTO t VALUES ({first}, {n}, 'x'), ({second}, {n}, 'y'); DELETE FROM t WHERE a = {old};
             UPDATE s SET n = {n}; COMMIT"
        ))
        .unwrap();
        println!("acknowledged {n}");
    }
}

fn last_commit(storage: &ManiculeStorage) -> i64 {
    match storage.fetch_data("s", &Key::I64(1)).unwrap().as_deref() {
        Some([_, Value::I64(n)]) => *n,
        other => panic!("{other:?}"),
    }
}

/// Lets a child commit for a while, kills it, and returns the last commit that it acknowledged.
fn killed_after(path: &Path, commits: usize) -> Option<i64> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--nocapture"])
        .env(PATH, path)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut acknowledged = lines.filter_map(|line| line.unwrap().split_once("acknowledged ")?.1.parse().ok());
    let before_kill = acknowledged.by_ref().take(commits).last();
    child.kill().unwrap();
    child.wait().unwrap();
    // What it had said when it died counts too.
    acknowledged.last().or(before_kill)
}

#[test]
fn killed_process_loses_nothing_that_it_acknowledged() {
    let kills = std::env::var("MANICULE_GLUESQL_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(20);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("storage");
    let mut at_least = 0;
    for round in 0..kills {
        let acknowledged = killed_after(&path, 1 + round * 7 % 9).expect("the child has committed");
        assert!(acknowledged > at_least, "round {round}: {acknowledged} after {at_least}");
        let storage = ManiculeStorage::open(&path).unwrap();
        let last = last_commit(&storage);
        assert!(last >= acknowledged, "round {round}: {last} is there, {acknowledged} was acknowledged");
        check(&storage, last);
        at_least = last;
    }
}

/// The rows are those of whole commits, and each index has them.
fn check(storage: &ManiculeStorage, last: i64) {
    let expected: Vec<i64> = ((last - KEPT + 1).max(1)..=last).flat_map(|n| [2 * n, 2 * n + 1]).collect();
    let rows: Vec<_> = storage.scan_data("t").unwrap().map(|row| row.unwrap().1).collect();
    let ids: Vec<i64> = rows.iter().map(|row| i64::try_from(&row[0]).unwrap()).collect();
    assert_eq!(ids, expected, "after commit {last}");
    for (index, column) in [("by_a", 1), ("by_b", 2)] {
        let by_index = storage.scan_indexed_data("t", index, None, None).unwrap();
        let by_index: Vec<_> = by_index.map(|row| row.unwrap().1).collect();
        let mut sorted = rows.clone();
        sorted.sort_by(|left, right| left[column].evaluate_cmp(&right[column]).unwrap());
        assert_eq!(by_index, sorted, "{index} after commit {last}");
    }
}
