//! Transactions of reads and writes of keys, each by an access path of its own.

use std::ops::{Bound, ControlFlow};
use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, Ordering};

use adya::Workload;
use manicule_engine::{
    Column, ColumnType, Database, Direction, Error, IndexColumn, IndexDefinition, IndexId, IndexMethod, Isolation,
    KeyRange, Row, RowBuf, RowId, Start, TableDefinition, TableId, Timestamp, Transaction, TransactionOptions, Value,
    View,
};

const THREADS: u64 = 4;
/// How many keys are in use at a time.
const KEYS: u64 = 6;
/// After how many transactions the keys move on by one, so that lists stay short.
const TRANSACTIONS_PER_KEY: u64 = 12;

/// What one transaction did.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) thread: u64,
    /// The moments of its begin and end, in an order that all threads agree on.
    pub(super) moments: [u64; 2],
    pub(super) snapshot: Timestamp,
    pub(super) steps: Vec<Step>,
    /// `None` if it was refused.
    pub(super) committed: Option<Committed>,
}

#[derive(Debug)]
pub(super) struct Committed {
    /// Of a transaction that wrote.
    pub(super) timestamp: Option<Timestamp>,
}

#[derive(Debug)]
pub(super) enum Step {
    /// Appends to the list, or writes the register.
    Write { key: u64, value: u64 },
    /// What was found; a register is a list of at most one.
    Read { key: u64, found: Vec<u64> },
}

/// A table `item (key INTEGER PRIMARY KEY, half INTEGER, name TEXT, size INTEGER, list TEXT)`: two keys have one half,
/// the name is the key as text, and the size is the list's, so that the row moves in that index with each write.
struct World<'d> {
    database: &'d Database,
    workload: Workload,
    isolation: Isolation,
    table: TableId,
    by_key: IndexId,
    by_half: IndexId,
    by_name: IndexId,
    by_size: IndexId,
    /// Counts transactions, values and moments.
    begun: AtomicU64,
    values: AtomicU64,
    moments: AtomicU64,
}

/// A small generator (xorshift64*).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32) % limit
    }
}

/// Runs that many transactions.
pub(super) fn run(database: &Database, workload: Workload, isolation: Isolation, transactions: u64) -> Vec<Record> {
    let world = World::new(database, workload, isolation);
    let seed = u64::from(std::process::id()) + 1;
    println!("seed {seed}");
    // Or the first could be done before the last has begun.
    let all_have_begun = Barrier::new(THREADS as usize);
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|thread| {
                let (world, all_have_begun, mut random) = (&world, &all_have_begun, Random(seed * 1000 + thread));
                let records = (0..transactions / THREADS).map(move |_| world.transaction(thread, &mut random));
                scope.spawn(move || {
                    all_have_begun.wait();
                    records.collect::<Vec<_>>()
                })
            })
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("the thread checks nothing by itself")).collect()
    })
}

impl<'d> World<'d> {
    fn new(database: &'d Database, workload: Workload, isolation: Isolation) -> Self {
        let integer = |name: &str| Column::new(name, ColumnType::Integer);
        let text = |name: &str| Column::new(name, ColumnType::Text);
        let definition = TableDefinition {
            name: "item".into(),
            columns: vec![integer("key"), integer("half"), text("name"), integer("size"), text("list")],
            primary_key: vec![0],
            ..TableDefinition::default()
        };
        let table = database.create_table(definition).expect("the database is empty");
        let by_key = database.catalog().table("item").expect("it was made").indexes[0].id;
        let index = |column, unique, method| {
            let columns = vec![IndexColumn { column, descending: false }];
            let definition = IndexDefinition { name: format!("item_{column}"), columns, unique, method };
            database.create_index(table, definition).expect("the table has no such index")
        };
        Self {
            by_half: index(1, false, IndexMethod::Hash),
            by_name: index(2, true, IndexMethod::Tree),
            by_size: index(3, false, IndexMethod::Tree),
            begun: AtomicU64::new(0),
            values: AtomicU64::new(1),
            moments: AtomicU64::new(0),
            database,
            workload,
            isolation,
            table,
            by_key,
        }
    }

    fn transaction(&self, thread: u64, random: &mut Random) -> Record {
        let first_key = self.begun.fetch_add(1, Ordering::Relaxed) / TRANSACTIONS_PER_KEY;
        let options = TransactionOptions { isolation: self.isolation, start: Start::Deferred };
        let begin = self.moments.fetch_add(1, Ordering::SeqCst);
        let mut transaction = self.database.begin_with(options).expect("it is not the writer");
        let snapshot = transaction.view().timestamp();
        let mut steps = Vec::new();
        for _ in 0..=random.below(4) {
            // Others get a chance to come in between, also where there are fewer processors than threads.
            std::thread::yield_now();
            let key = first_key + random.below(KEYS);
            steps.push(match random.below(2) {
                0 => self.read(&transaction, key, random),
                _ => self.write(&mut transaction, key, random),
            });
        }
        let wrote = transaction.has_changes();
        let committed = match transaction.commit() {
            Ok(timestamp) => Some(Committed { timestamp: wrote.then_some(timestamp) }),
            // Two transactions that both saw no such key insert it.
            Err(Error::Conflict { .. } | Error::UniqueViolation { .. }) => None,
            Err(error) => panic!("{error}"),
        };
        let end = self.moments.fetch_add(1, Ordering::SeqCst);
        Record { thread, moments: [begin, end], snapshot, steps, committed }
    }

    fn read(&self, transaction: &Transaction, key: u64, random: &mut Random) -> Step {
        let found = self.find(&transaction.view(), key, random).map(|(_, list)| list).unwrap_or_default();
        Step::Read { key, found }
    }

    fn write(&self, transaction: &mut Transaction, key: u64, random: &mut Random) -> Step {
        let value = self.values.fetch_add(1, Ordering::Relaxed);
        let before = self.find(&transaction.view(), key, random);
        let (row_id, mut list) = before.map_or((None, Vec::new()), |(row_id, list)| (Some(row_id), list));
        if self.workload == Workload::RwRegister {
            list.clear();
        }
        list.push(value);
        let row = item(key, &list);
        match row_id {
            Some(row_id) => transaction.update(self.table, row_id, row).expect("the row was just seen"),
            None => drop(transaction.insert(self.table, row).expect("the row has the table's form")),
        }
        Step::Write { key, value }
    }

    /// The row of a key, by one of the access paths; the slow ones seldom.
    fn find(&self, view: &View<'_>, key: u64, random: &mut Random) -> Option<(RowId, Vec<u64>)> {
        let is_it = |row_id: RowId, row: &Row| match row.get(0) == Value::Integer(key as i64) {
            true => ControlFlow::Break((row_id, list_of(row))),
            false => ControlFlow::Continue(()),
        };
        let value = |value: u64| Value::Integer(value as i64);
        let exactly = |value: Value<'static>| KeyRange {
            lower: Bound::Included(value.clone()),
            upper: Bound::Included(value),
            ..KeyRange::all()
        };
        let walk = if random.below(2) == 0 { Direction::Forward } else { Direction::Backward };
        let found = match random.below(48) {
            0 => view.scan(self.table, is_it),
            1 => view.range(self.by_size, &KeyRange::all(), walk, is_it),
            2..=11 => view.lookup(self.by_key, &[value(key)], is_it),
            12..=20 => view.range(self.by_key, &exactly(value(key)), walk, is_it),
            21..=29 => view.lookup(self.by_half, &[value(key / 2)], is_it),
            30..=38 => view.lookup(self.by_name, &[Value::from(key.to_string())], is_it),
            _ => view.range(self.by_name, &exactly(Value::from(key.to_string())), walk, is_it),
        };
        match found {
            ControlFlow::Break(found) => Some(found),
            ControlFlow::Continue(()) => None,
        }
    }
}

fn item(key: u64, list: &[u64]) -> RowBuf {
    let text: Vec<String> = list.iter().map(u64::to_string).collect();
    let integers = [key, key / 2, list.len() as u64].map(|integer| Value::Integer(integer as i64));
    let [key_value, half, size] = integers;
    Row::new(&[key_value, half, Value::from(key.to_string()), size, Value::from(text.join(","))])
}

fn list_of(row: &Row) -> Vec<u64> {
    match row.get(4) {
        Value::Text(text) => text.split(',').map(|value| value.parse().expect("a list of numbers")).collect(),
        other => panic!("{other} is no list"),
    }
}
