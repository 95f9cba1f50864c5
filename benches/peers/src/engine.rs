//! The engine suite: transactions, snapshots and durability, without SQL, beside SQLite and beside plain maps.
//!
//! One table of `n` rows, `(id, a, b, c)` of integers, with a primary key and three indexes that are not unique: by hash on
//! `a`, by trees on `b` and `c`. Reads go by `a`, ten rows a key; a commit puts one row and the entries of four indexes. On disk, commits are synced: fjall's log here,
//! the write-ahead log with `synchronous = FULL` in SQLite. It chooses its threads itself.

use std::hint::black_box;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::{Duration, Instant};

use ::manicule::{
    Column, ColumnType, Database, Durability, IndexColumn, IndexDefinition, IndexId, IndexMethod, OpenOptions, Row,
    RowBuf, TableDefinition, TableId, Value,
};

use crate::key::{draw, scramble};
use crate::measure::{Plan, add_percentiles, parallel, per_operation, side_by_side};
use crate::record::Sheet;

mod sqlite;
mod yardstick;

const OURS: &str = "manicule";

/// The rows of the suite's tables, in order.
const WORKLOADS: &[&str] = &[
    "read by secondary key",
    "read by secondary key, beside a writer",
    "update one row, beside a reader",
    "commit one row",
    "commit one row, p50",
    "commit one row, p99",
    "commit one row, p99.9",
    "commit one row, max",
    "synced commits, 1 thread",
    "synced commits, 8 threads",
    "open",
];

/// Rows that share a key of the index on `a`.
const KEY_ROWS: usize = 10;
/// Columns after the id, each with an index.
const INDEXED: [&str; 3] = ["a", "b", "c"];
const THREADS: usize = 8;

/// The values of a row after its id.
fn values(id: usize, n: usize) -> [i64; 3] {
    let part = |salt: u64| (scramble(id as u64 + salt) % (n / KEY_ROWS).max(1) as u64) as i64;
    [(id % (n / KEY_ROWS).max(1)) as i64, part(1 << 40), part(1 << 41)]
}

fn row(id: usize, n: usize) -> RowBuf {
    let [a, b, c] = values(id, n);
    Row::new(&[Value::from(id as i64), Value::from(a), Value::from(b), Value::from(c)])
}

/// A table with its indexes.
struct Table {
    table: TableId,
    by_a: IndexId,
}

impl Table {
    fn create(database: &Database) -> Self {
        let columns = ["id", "a", "b", "c"].map(|name| Column::new(name, ColumnType::Integer)).into();
        let definition = TableDefinition { name: "t".into(), columns, primary_key: vec![0], ..Default::default() };
        let table = database.create_table(definition).expect("the definition is valid");
        let index = |(at, name): (usize, &&str)| {
            let columns = vec![IndexColumn { column: at + 1, descending: false }];
            let method = if at == 0 { IndexMethod::Hash } else { IndexMethod::Tree };
            let definition = IndexDefinition { name: format!("by_{name}"), columns, unique: false, method };
            database.create_index(table, definition).expect("the definition is valid")
        };
        let indexes: Vec<IndexId> = INDEXED.iter().enumerate().map(index).collect();
        Self { table, by_a: indexes[0] }
    }

    /// Puts rows with these ids in place, ten thousand a commit.
    fn fill(&self, database: &Database, n: usize) {
        const BATCH: usize = 10_000;
        for first in (0..n).step_by(BATCH) {
            let mut transaction = database.begin();
            for id in first..n.min(first + BATCH) {
                transaction.insert(self.table, row(id, n)).expect("the row fits the table");
            }
            transaction.commit().expect("nobody else writes");
        }
    }

    fn insert(&self, database: &Database, id: usize, n: usize) {
        let mut transaction = database.begin();
        transaction.insert(self.table, row(id, n)).expect("the row fits the table");
        transaction.commit().expect("rows of different ids are in no conflict");
    }

    /// Replaces a row by itself with another `b`.
    fn update(&self, database: &Database, id: usize, n: usize, step: usize) {
        let [a, _, c] = values(id, n);
        let changed = Row::new(&[Value::from(id as i64), Value::from(a), Value::from(step as i64), Value::from(c)]);
        let mut transaction = database.begin();
        // Rows were put in place one after the other, so ids and row ids are the same.
        transaction.update(self.table, ::manicule::RowId(id as u64), changed).expect("the row is there");
        transaction.commit().expect("nobody else writes");
    }
}

/// Runs the suite.
pub(crate) fn run(plan: &Plan) -> Sheet {
    let mut sheet = Sheet::new("engine", "rows", plan.n, 1).in_order(WORKLOADS);
    for round in 0..plan.rounds {
        for place in plan.rotation(round, 3) {
            match place {
                0 => in_memory(plan, &mut sheet),
                1 => yardstick::run(plan, &mut sheet),
                _ => sqlite::in_memory(plan, &mut sheet),
            }
        }
        for place in plan.rotation(round, 2) {
            let directory = tempfile::tempdir().expect("a temporary directory can be made");
            match place {
                0 => on_disk(plan, directory.path(), &mut sheet),
                _ => sqlite::on_disk(plan, directory.path(), &mut sheet),
            }
        }
    }
    sheet
}

fn in_memory(plan: &Plan, sheet: &mut Sheet) {
    let database = Database::in_memory();
    let table = Table::create(&database);
    table.fill(&database, plan.n);
    if plan.wants("read by secondary key") {
        let reads = plan.operations;
        let begun = Instant::now();
        let found = read(&database, &table, 0..reads, plan.n);
        sheet.add("read by secondary key", OURS, "ns", per_operation(begun.elapsed(), reads));
        crate::measure::expect_count(OURS, "read by secondary key", found, reads * KEY_ROWS);
        beside_a_writer(plan, (&database, &table), sheet);
    }
    commits(plan, sheet, OURS, |id| table.insert(&database, plan.n + id, plan.n));
}

/// Sums a column of the rows of many keys; how many rows there were.
fn read(database: &Database, table: &Table, steps: std::ops::Range<usize>, n: usize) -> usize {
    let mut reader = database.reader();
    let (mut count, mut sum) = (0, 0_i64);
    for step in steps {
        let key = [Value::from((draw(step, n) / KEY_ROWS) as i64)];
        let _: ControlFlow<()> = reader.view().lookup(table.by_a, &key, |_, row| {
            count += 1;
            sum = sum.wrapping_add(row.integer(3).unwrap_or(0));
            ControlFlow::Continue(())
        });
    }
    black_box(sum);
    count
}

/// Reads while another thread commits updates of the same rows, one after the other.
fn beside_a_writer(plan: &Plan, (database, table): (&Database, &Table), sheet: &mut Sheet) {
    const BATCH: usize = 256;
    let duration = Duration::from_millis(if plan.rounds < 5 { 200 } else { 1000 });
    let reader = |go_on: &dyn Fn() -> bool| {
        let (begun, mut reads) = (Instant::now(), 0);
        while go_on() {
            read(database, table, reads..reads + BATCH, plan.n);
            reads += BATCH;
        }
        per_operation(begun.elapsed(), reads)
    };
    let writer = |go_on: &dyn Fn() -> bool| {
        let (begun, mut step) = (Instant::now(), 0);
        while go_on() {
            table.update(database, draw(step, plan.n), plan.n, step);
            step += 1;
        }
        per_operation(begun.elapsed(), step)
    };
    let (read, update) = side_by_side(duration, reader, writer);
    sheet.add("read by secondary key, beside a writer", OURS, "ns", read);
    sheet.add("update one row, beside a reader", OURS, "ns", update);
}

/// Commits of one row each: the mean, and what one in a thousand takes longer than.
fn commits(plan: &Plan, sheet: &mut Sheet, peer: &str, mut commit: impl FnMut(usize)) {
    if !plan.wants("commit one row") {
        return;
    }
    let count = (plan.operations / 2).min(1 << 18);
    let mut latencies = Vec::with_capacity(count);
    let begun = Instant::now();
    let mut last = begun;
    for id in 0..count {
        commit(id);
        let now = Instant::now();
        latencies.push((now - last).as_nanos() as u64);
        last = now;
    }
    sheet.add("commit one row", peer, "ns", per_operation(begun.elapsed(), count));
    add_percentiles(sheet, ("commit one row,", peer), latencies);
}

fn on_disk(plan: &Plan, directory: &Path, sheet: &mut Sheet) {
    if plan.wants("synced commits") {
        let database = Database::open(directory.join("synced")).expect("a new database opens");
        let table = Table::create(&database);
        synced(plan, sheet, OURS, |id| table.insert(&database, id, plan.n));
    }
    if plan.wants("open") {
        let path = directory.join("large");
        let buffered = OpenOptions { durability: Durability::Buffered, ..OpenOptions::default() };
        let database = Database::open_with(&path, &buffered).expect("a new database opens");
        Table::create(&database).fill(&database, plan.n);
        database.close().expect("all of it can be written");
        drop(database);
        let begun = Instant::now();
        let database = Database::open(&path).expect("what was closed opens");
        sheet.add("open", OURS, "ms", begun.elapsed().as_secs_f64() * 1e3);
        let view = database.snapshot();
        let table = view.view().catalog().table("t").map(|table| table.id).expect("the table is there");
        crate::measure::expect_count(OURS, "open", view.view().row_count(table) as usize, plan.n);
    }
}

/// Synced commits of one row each, by one thread and by several; how many a second all of them together make.
fn synced(plan: &Plan, sheet: &mut Sheet, peer: &str, commit: impl Fn(usize) + Sync) {
    let count = if plan.rounds < 5 { 64 } else { 512 };
    let mut first = plan.n;
    for threads in [1, THREADS] {
        let elapsed = parallel(threads, |thread, start| {
            start.wait();
            let begun = Instant::now();
            (0..count).for_each(|step| commit(first + thread * count + step));
            begun.elapsed()
        });
        first += threads * count;
        let name = format!("synced commits, {threads} thread{}", if threads == 1 { "" } else { "s" });
        sheet.add(&name, peer, "1/s", (threads * count) as f64 / elapsed.as_secs_f64());
    }
}
