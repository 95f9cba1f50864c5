//! SQLite through rusqlite: in memory with its journal off, and on disk with a write-ahead log that is synced.

use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, params};

use super::{commits, synced, values};
use crate::measure::Plan;
use crate::record::Sheet;

const NAME: &str = "SQLite";
const CREATE: &str = "CREATE TABLE t (id INTEGER PRIMARY KEY, a INTEGER, b INTEGER, c INTEGER);
    CREATE INDEX by_a ON t (a); CREATE INDEX by_b ON t (b); CREATE INDEX by_c ON t (c)";
const INSERT: &str = "INSERT INTO t VALUES (?, ?, ?, ?)";

pub(super) fn in_memory(plan: &Plan, sheet: &mut Sheet) {
    let connection = Connection::open_in_memory().expect("a database in memory opens");
    connection.execute_batch("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF").expect("SQLite knows these");
    connection.execute_batch(CREATE).expect("the table is new");
    connection.execute_batch("BEGIN").expect("no transaction is open");
    (0..plan.n).for_each(|id| insert(&connection, id, plan.n));
    connection.execute_batch("COMMIT").expect("a transaction is open");
    commits(plan, sheet, NAME, |id| insert(&connection, plan.n + id, plan.n));
}

fn insert(connection: &Connection, id: usize, n: usize) {
    let [a, b, c] = values(id, n);
    let mut statement = connection.prepare_cached(INSERT).expect("the table exists");
    statement.execute(params![id as i64, a, b, c]).expect("the ids differ");
}

pub(super) fn on_disk(plan: &Plan, directory: &Path, sheet: &mut Sheet) {
    if !plan.wants("synced commits") {
        return;
    }
    let path = directory.join("sqlite.db");
    let connect = || {
        let connection = Connection::open(&path).expect("a new file opens");
        connection.busy_timeout(Duration::from_secs(60)).expect("a time limit can be set");
        connection.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL").expect("SQLite knows these");
        connection
    };
    connect().execute_batch(CREATE).expect("the table is new");
    // A thread takes one of these for as long as it commits one row: no two ever wait for the same.
    let connections: Vec<Mutex<Connection>> = (0..super::THREADS).map(|_| Mutex::new(connect())).collect();
    synced(plan, sheet, NAME, |id| {
        let place = id % connections.len();
        let free = (0..connections.len()).find_map(|at| connections[(place + at) % connections.len()].try_lock().ok());
        let connection = free.unwrap_or_else(|| connections[place].lock().unwrap_or_else(PoisonError::into_inner));
        insert(&connection, id, plan.n);
    });
}
