//! SQLite in memory through rusqlite.
//!
//! One thread has the database for itself; several share one by SQLite's shared cache, the only way to read one database
//! in memory through several connections.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags, Statement, params};

use super::{Item, Parameters, Query, SqlPeer, SqlSession, text};

/// A database in memory and its first connection.
pub(crate) struct Sqlite {
    /// By which other connections find the database, if it is shared.
    name: Option<String>,
    first: Mutex<Connection>,
}

/// A connection and its prepared statement.
pub(crate) struct Connected<'c> {
    connection: &'c Connection,
    statement: Option<Statement<'c>>,
}

fn connect(name: &str) -> Connection {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_URI
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(name, flags).expect("a database in memory opens");
    connection
        .execute_batch("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA read_uncommitted = ON")
        .expect("SQLite knows these settings");
    connection
}

impl SqlPeer for Sqlite {
    const NAME: &'static str = "SQLite";
    type Session<'a> = Connected<'a>;

    fn new(threads: usize) -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        // Relaxed: only the number counts.
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = (threads > 1).then(|| format!("file:peers{number}?mode=memory&cache=shared"));
        let connection = connect(name.as_deref().unwrap_or(":memory:"));
        connection.execute_batch(&text::CREATE.join(";")).expect("the tables are new");
        Self { name, first: Mutex::new(connection) }
    }

    fn fill(&self, items: &[Item], wanted: &[i64]) -> Duration {
        let connection = self.first.lock().unwrap_or_else(PoisonError::into_inner);
        connection.execute_batch("BEGIN").expect("no transaction is open");
        let mut insert = connection.prepare(text::INSERT_WANTED).expect("the table exists");
        for item in wanted {
            insert.execute(params![item]).expect("the keys differ");
        }
        let mut insert = connection.prepare(text::INSERT).expect("the table exists");
        let begun = Instant::now();
        for item in items {
            insert.execute(params![item.id, item.category, item.score, item.name]).expect("the keys differ");
        }
        connection.execute_batch("COMMIT").expect("a transaction is open");
        let elapsed = begun.elapsed();
        connection.execute_batch("ANALYZE").expect("the tables can be read");
        elapsed
    }

    fn with_session<R>(&self, work: impl FnOnce(&mut Connected<'_>) -> R) -> R {
        match &self.name {
            Some(name) => work(&mut Connected { connection: &connect(name), statement: None }),
            None => {
                let first = self.first.lock().unwrap_or_else(PoisonError::into_inner);
                work(&mut Connected { connection: &first, statement: None })
            }
        }
    }
}

impl SqlSession for Connected<'_> {
    fn prepare(&mut self, query: Query) {
        self.statement = Some(self.connection.prepare(query.sql()).expect("the query is right"));
    }

    fn run(&mut self, parameters: Parameters) -> (usize, i64) {
        let statement = self.statement.as_mut().expect("a query was prepared");
        let mut rows = match parameters {
            Parameters::None => statement.query([]),
            Parameters::One(value) => statement.query([value]),
            Parameters::Two(low, high) => statement.query([low, high]),
            Parameters::Named(name, value) => statement.query(params![name, value]),
        }
        .expect("the parameters fit");
        let (mut count, mut sum) = (0, 0_i64);
        while let Some(row) = rows.next().expect("the query runs") {
            count += 1;
            sum = sum.wrapping_add(row.get::<_, i64>(0).expect("an integer"));
        }
        (count, sum)
    }
}
