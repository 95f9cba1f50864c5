//! A client's conversation with a database: statements, transactions, settings.

mod advise;
mod cache;
mod compile;
mod outcome;
mod prepared;
mod run;
mod schema;
mod setting;
mod transaction;
mod waiting;

use std::ops::ControlFlow;
use std::sync::Arc;

use ahash::AHashMap;
use manicule_engine::{Database, Isolation, Reader, Value};
use manicule_query::plan::OutputColumn;
use manicule_query::{CancellationToken, Routing};

pub use advise::{Advice, Estimate};
pub use outcome::{Outcome, Report, RowIter, Rows, Sink};
pub use prepared::Prepared;

use crate::error::{Error, Result};
use crate::split::split_statements;
use cache::PlanCache;
use compile::Planned;
use outcome::Collector;
use setting::Options;
use transaction::Open;
use waiting::Waiting;

/// A session: statements, their parameters and settings, and the transaction that is open.
///
/// It belongs to one thread at a time, and may be sent to another; a database takes any number of them. Making one costs
/// little, and keeping it saves the plans of its statements.
///
/// ```
/// use manicule_engine::{Database, Value};
/// use manicule_sql::Session;
///
/// let database = Database::in_memory();
/// let mut session = Session::new(&database);
/// session.execute("CREATE TABLE city (name TEXT PRIMARY KEY, people INTEGER)")?;
/// session.execute_one("INSERT INTO city VALUES (?, ?)", &["Oslo".into(), 717_710.into()])?;
/// let rows = session.query("SELECT people FROM city WHERE name = ?", &["Oslo".into()])?;
/// assert_eq!(rows.value(0, 0), Value::from(717_710));
/// # Ok::<(), manicule_sql::Error>(())
/// ```
///
/// # Transactions
///
/// Outside BEGIN … COMMIT each statement is a transaction of its own: a query reads a snapshot of the moment, a change
/// commits at its end and is run again, at last as the writer, if another transaction was first: it never fails by a
/// conflict. Inside, all statements see the snapshot of BEGIN with their own changes; one that fails leaves nothing
/// behind, the transaction goes on. A conflict then comes from COMMIT, and the whole transaction has to be run again: see
/// [`Error::is_retryable`]. [`transaction`](Self::transaction) does all that.
///
/// `BEGIN ISOLATION LEVEL SERIALIZABLE` makes what was read count as well, and `BEGIN IMMEDIATE` keeps all others from
/// committing first. A session that is dropped rolls back.
///
/// Changes of the schema are transactions of their own and are refused between BEGIN and COMMIT.
///
/// # Settings
///
/// `SET name = value` sets one for the session, `SHOW name` tells it:
///
/// | name | value | at first |
/// |---|---|---|
/// | `statement_timeout` | milliseconds that a statement may run, 0 for any number | 0 |
/// | `memory_limit` | bytes that a statement may hold to sort, group and join, 0 for any number | 4 GiB |
/// | `default_transaction_isolation` | `snapshot` or `serializable` | `snapshot` |
/// | `division_by_zero` | `error` or `null` | `error` |
/// | `routing` | `automatic`, or `full_scan` to use no index | `automatic` |
#[derive(Debug)]
pub struct Session {
    database: Database,
    reader: Reader,
    open: Option<Open>,
    /// What SET TRANSACTION said of the next transaction.
    next_isolation: Option<Isolation>,
    /// How many statements were begun.
    statement_count: u64,
    token: CancellationToken,
    waiting: Waiting,
    options: Options,
    cache: PlanCache,
    /// Prepared statements as they were planned again after the schema changed, by their id.
    replanned: AHashMap<u64, Arc<Planned>>,
}

impl Session {
    /// A session on a database.
    pub fn new(database: &Database) -> Self {
        let token = CancellationToken::new();
        Self {
            reader: database.reader(),
            database: database.clone(),
            open: None,
            next_isolation: None,
            statement_count: 0,
            waiting: Waiting::new(database, &token),
            token,
            options: Options::default(),
            cache: PlanCache::default(),
            replanned: AHashMap::new(),
        }
    }

    /// The database that the session is on.
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// Runs all statements of a text, each when the one before it is done.
    ///
    /// # Errors
    ///
    /// That of the first statement that fails, its place counted in the whole text; what came before it has been done.
    pub fn execute(&mut self, sql: &str) -> Result<Vec<Outcome>> {
        self.token.reset();
        let mut outcomes = Vec::new();
        for statement in split_statements(sql) {
            let statement = statement?;
            let mut rows = Collector::default();
            let report = self.run_text(statement, &[], &mut rows).map_err(|error| error.shifted(statement.offset))?;
            outcomes.push(rows.outcome(&report));
        }
        Ok(outcomes)
    }

    /// Runs one statement and gives what it gave: its rows, or how many it changed.
    ///
    /// ```
    /// # use manicule_engine::Database;
    /// # use manicule_sql::Session;
    /// # let mut session = Session::new(&Database::in_memory());
    /// session.execute("CREATE TABLE city (name TEXT PRIMARY KEY, people INTEGER)")?;
    /// let outcome = session.execute_one("INSERT INTO city VALUES (?, ?), ('Lima', NULL)", &["Oslo".into(), 717_710.into()])?;
    /// assert_eq!(outcome.changed(), 2);
    /// # Ok::<(), manicule_sql::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of the statement; a syntax error if the text is not one statement.
    pub fn execute_one(&mut self, sql: &str, parameters: &[Value<'_>]) -> Result<Outcome> {
        let mut rows = Collector::default();
        let report = self.run(sql, parameters, &mut rows)?;
        Ok(rows.outcome(&report))
    }

    /// Runs one statement and gives its rows; none for a statement that has none.
    ///
    /// # Errors
    ///
    /// Those of the statement; a syntax error if the text is not one statement.
    pub fn query(&mut self, sql: &str, parameters: &[Value<'_>]) -> Result<Rows> {
        let mut rows = Collector::default();
        self.run(sql, parameters, &mut rows)?;
        Ok(rows.rows())
    }

    /// Runs one statement and hands its rows to `sink` as they come.
    ///
    /// # Errors
    ///
    /// Those of the statement; a syntax error if the text is not one statement. Rows may have been handed out before.
    pub fn run(&mut self, sql: &str, parameters: &[Value<'_>], sink: &mut dyn Sink) -> Result<Report> {
        self.token.reset();
        let mut statements = split_statements(sql);
        let Some(statement) = statements.next().transpose()? else { return Ok(Report::default()) };
        if let Some(next) = statements.next().transpose()? {
            return Err(Error::syntax("one statement was expected, but there is another")
                .at(Some(crate::error::Span::new(next.offset, next.offset + next.text.len()))));
        }
        self.run_text(statement, parameters, sink).map_err(|error| error.shifted(statement.offset))
    }

    /// A handle that cancels the statement that is running, from any thread.
    ///
    /// A cancelled statement fails with SQLSTATE 57014 within some thousand rows; the next one runs as usual. So who cancels
    /// when no statement runs has cancelled nothing: of a task with several statements, tell it otherwise too. A change, BEGIN
    /// or COMMIT that waits for a transaction that began as the writer asks some times a second.
    ///
    /// ```
    /// # use std::ops::ControlFlow;
    /// # use manicule_engine::Database;
    /// # use manicule_sql::Session;
    /// # let mut session = Session::new(&Database::in_memory());
    /// session.execute("CREATE TABLE t (a INTEGER); INSERT INTO t VALUES (1), (2), (3), (4), (5), (6), (7), (8), (9), (10)")?;
    /// let token = session.cancel_handle();
    /// let endless = session.prepare("SELECT 1 FROM t a, t b, t c, t d, t e, t f, t g, t h, t i, t j")?;
    /// let result = std::thread::scope(|scope| {
    ///     session.query_prepared(&endless, &[], |_row| {
    ///         // The first row is there, so it is running: another thread has enough of it.
    ///         scope.spawn(|| token.cancel()).join().expect("it does not panic");
    ///         ControlFlow::Continue(())
    ///     })
    /// });
    /// assert_eq!(result.unwrap_err().sqlstate(), "57014");
    /// # Ok::<(), manicule_sql::Error>(())
    /// ```
    pub fn cancel_handle(&self) -> CancellationToken {
        self.token.clone()
    }

    /// Whether BEGIN was said, and neither COMMIT nor ROLLBACK.
    pub fn is_in_transaction(&self) -> bool {
        self.open.is_some()
    }

    /// Whether indexes are used from now on.
    pub fn set_routing(&mut self, routing: Routing) {
        self.options.routing = routing;
    }
}

/// Receives rows by calling a function.
struct RowFunction<F>(F);

impl<F: FnMut(&[Value<'_>]) -> ControlFlow<()>> Sink for RowFunction<F> {
    fn columns(&mut self, _: &[OutputColumn]) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    fn row(&mut self, row: &[Value<'_>]) -> ControlFlow<()> {
        self.0(row)
    }
}
