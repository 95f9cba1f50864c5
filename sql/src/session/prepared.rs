//! Prepared statements: parsed, bound and planned once, run many times.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ahash::AHashMap;
use manicule_engine::{Reader, Value, View};
use manicule_query::Routing;
use manicule_query::plan::OutputColumn;

use super::compile::{Compiled, Planned, compile};
use super::outcome::{Collector, Outcome, Report};
use super::run::{fit_parameters, query};
use super::transaction::Open;
use super::{RowFunction, Session};
use crate::error::{Error, Result};
use crate::split::{StatementText, split_statements};

/// How many statements that were planned again a session keeps.
const REPLANNED_MAX: usize = 256;

/// A statement that was planned. Cheap to clone; threads share it, each running it in its own session on the same
/// database. After a change of the schema each session plans it again, once.
#[derive(Clone, Debug)]
pub struct Prepared {
    statement: Arc<PreparedStatement>,
}

#[derive(Debug)]
struct PreparedStatement {
    id: u64,
    sql: String,
    /// How many levels the parser needs for it.
    levels: usize,
    planned: Arc<Planned>,
}

impl PreparedStatement {
    /// The statement, to be planned again.
    fn text(&self) -> StatementText<'_> {
        StatementText { text: &self.sql, offset: 0, is_terminated: false, levels: self.levels }
    }
}

impl Prepared {
    /// The text that it was made from.
    pub fn sql(&self) -> &str {
        &self.statement.sql
    }

    /// The columns of its result as it was prepared.
    pub fn columns(&self) -> &[OutputColumn] {
        self.statement.planned.plan.columns()
    }

    /// How many parameters it takes.
    pub fn parameter_count(&self) -> usize {
        self.statement.planned.given.names.len()
    }

    /// The position of the parameter of that name, such as `:name`.
    pub fn parameter(&self, name: &str) -> Option<usize> {
        self.statement.planned.given.names.iter().position(|known| known.as_deref() == Some(name))
    }

    /// Whether it only reads.
    pub fn is_query(&self) -> bool {
        self.statement.planned.plan.is_query()
    }

    /// How its rows are found, in a few words.
    pub fn via(&self) -> String {
        self.statement.planned.plan.via()
    }
}

/// The plan of a statement that has one.
pub(super) fn plan_statement(statement: StatementText<'_>, view: &View<'_>, routing: Routing) -> Result<Arc<Planned>> {
    match compile(statement, view, routing)? {
        Compiled::Plan(planned) => Ok(planned),
        _ => Err(Error::not_supported("preparing a statement other than SELECT, INSERT, UPDATE and DELETE")),
    }
}

/// The one statement of a text.
pub(super) fn single(sql: &str) -> Result<StatementText<'_>> {
    let mut statements = split_statements(sql);
    let statement = statements.next().transpose()?.ok_or_else(|| Error::syntax("there is no statement"))?;
    match statements.next() {
        None => Ok(statement),
        Some(_) => Err(Error::syntax("one statement was expected, but there is another")),
    }
}

/// What a statement reads: the open transaction, or else what is visible now.
#[inline]
pub(super) fn current_view<'s>(open: Option<&'s Open>, reader: &'s mut Reader) -> View<'s> {
    match open {
        Some(open) => open.transaction.view(),
        None => reader.view(),
    }
}

/// The plan of a prepared statement for the catalog that a view sees: the one that was prepared, or one that the session has
/// made since.
#[inline]
fn current<'p>(
    statement: &'p PreparedStatement,
    replanned: &'p mut AHashMap<u64, Arc<Planned>>,
    view: &View<'_>,
    routing: Routing,
) -> Result<&'p Arc<Planned>> {
    if statement.planned.fits(view, routing) {
        return Ok(&statement.planned);
    }
    if !replanned.get(&statement.id).is_some_and(|known| known.fits(view, routing)) {
        let again = plan_statement(statement.text(), view, routing)?;
        if replanned.len() >= REPLANNED_MAX {
            replanned.clear();
        }
        replanned.insert(statement.id, again);
    }
    Ok(&replanned[&statement.id])
}

impl Session {
    /// Parses, binds and plans one statement: SELECT, INSERT, UPDATE or DELETE.
    ///
    /// # Errors
    ///
    /// Those of parsing, binding and planning; a syntax error if the text is not one statement.
    pub fn prepare(&mut self, sql: &str) -> Result<Prepared> {
        /// Tells prepared statements apart; a number each.
        static NEXT_ID: AtomicU64 = AtomicU64::new(0);
        let statement = single(sql)?;
        let routing = self.options.routing;
        let planned = plan_statement(statement, &current_view(self.open.as_ref(), &mut self.reader), routing);
        let planned = planned.map_err(|error| error.shifted(statement.offset))?;
        // Relaxed: the number is all that matters, and it orders nothing.
        let id = NEXT_ID.fetch_add(1, Ordering::Relaxed);
        let statement = PreparedStatement { id, sql: statement.text.to_owned(), levels: statement.levels, planned };
        Ok(Prepared { statement: Arc::new(statement) })
    }

    /// Runs a prepared query and hands out its rows by reference; `on_row` says whether it wants another.
    ///
    /// Where the parameters are of the types of the columns they are compared with, nothing is allocated, locked or looked
    /// up by name on the way to the plan.
    ///
    /// # Errors
    ///
    /// Those of running it; [`WrongStatementKind`](manicule_query::Error::WrongStatementKind) if it is no query.
    pub fn query_prepared(
        &mut self,
        prepared: &Prepared,
        parameters: &[Value<'_>],
        on_row: impl FnMut(&[Value<'_>]) -> ControlFlow<()>,
    ) -> Result<()> {
        self.token.reset();
        self.statement_count += 1;
        let routing = self.options.routing;
        let view = &current_view(self.open.as_ref(), &mut self.reader);
        let planned = current(&prepared.statement, &mut self.replanned, view, routing)?;
        let parameters = fit_parameters(parameters, planned)?;
        let context = self.options.context(&parameters, &self.token);
        query(planned, view, &context, &mut RowFunction(on_row))
    }

    /// Runs a prepared statement of any kind and collects what it gives.
    ///
    /// ```
    /// # use manicule_engine::Database;
    /// # use manicule_sql::Session;
    /// # let mut session = Session::new(&Database::in_memory());
    /// session.execute("CREATE TABLE city (name TEXT PRIMARY KEY, country TEXT)")?;
    /// let insert = session.prepare("INSERT INTO city VALUES (?, ?)")?;
    /// for (name, country) in [("Oslo", Some("NO")), ("Atlantis", None)] {
    ///     assert_eq!(session.execute_prepared(&insert, &[name.into(), country.into()])?.changed(), 1);
    /// }
    /// let by_name = session.prepare("SELECT country FROM city WHERE name = ?")?;
    /// let rows = session.execute_prepared(&by_name, &["Oslo".into()])?.into_rows();
    /// assert_eq!(rows.value(0, 0), "NO".into());
    /// # Ok::<(), manicule_sql::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of running it.
    pub fn execute_prepared(&mut self, prepared: &Prepared, parameters: &[Value<'_>]) -> Result<Outcome> {
        self.token.reset();
        self.statement_count += 1;
        let view = current_view(self.open.as_ref(), &mut self.reader);
        let planned = current(&prepared.statement, &mut self.replanned, &view, self.options.routing)?.clone();
        drop(view);
        let mut rows = Collector::default();
        let ran = self.run_plan(planned, prepared.statement.text(), parameters, &mut rows)?;
        Ok(rows.outcome(&Report { changed: ran.changed, ..Report::default() }))
    }

    /// Runs a prepared query once for each list of parameters; `on_row` also gets the position of the list.
    ///
    /// # Errors
    ///
    /// Those of running it, at the first list that fails.
    pub fn query_many(
        &mut self,
        prepared: &Prepared,
        parameters: &[&[Value<'_>]],
        mut on_row: impl FnMut(usize, &[Value<'_>]) -> ControlFlow<()>,
    ) -> Result<()> {
        self.token.reset();
        self.statement_count += 1;
        let view = &current_view(self.open.as_ref(), &mut self.reader);
        let planned = current(&prepared.statement, &mut self.replanned, view, self.options.routing)?;
        let mut is_stopped = false;
        for (position, parameters) in parameters.iter().enumerate() {
            let parameters = fit_parameters(parameters, planned)?;
            let context = self.options.context(&parameters, &self.token);
            let mut sink = RowFunction(|row: &[Value<'_>]| {
                let flow = on_row(position, row);
                is_stopped = flow.is_break();
                flow
            });
            query(planned, view, &context, &mut sink)?;
            if is_stopped {
                break;
            }
        }
        Ok(())
    }
}
