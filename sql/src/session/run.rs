//! Running what was compiled.

use std::borrow::Cow;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Instant;

use manicule_engine::{ColumnType, Row, RowBuf, Start, Transaction, TransactionOptions, Value, View};
use manicule_query::plan::OutputColumn;
use manicule_query::{CancellationToken, ExecutionContext, ExplainFormat, Routing};

use super::Session;
use super::compile::{Compiled, Planned, compile};
use super::outcome::{Report, Sink};
use super::prepared::{current_view, plan_statement};
use super::setting::{Options, isolation_name};
use crate::bind::fit_parameter;
use crate::error::{Error, Result};
use crate::split::StatementText;

impl Session {
    /// Runs the text of one statement.
    pub(super) fn run_text(
        &mut self,
        statement: StatementText<'_>,
        parameters: &[Value<'_>],
        sink: &mut dyn Sink,
    ) -> Result<Report> {
        let start = Instant::now();
        self.statement_count += 1;
        let mut report = match self.cached(statement.text) {
            Some(planned) => self.run_planned(planned, statement, parameters, sink)?,
            None => self.run_new(statement, parameters, sink)?,
        };
        report.elapsed = start.elapsed();
        Ok(report)
    }

    /// The plan that was made of that text before, if it still fits.
    fn cached(&mut self, text: &str) -> Option<Arc<Planned>> {
        let planned = self.cache.get(text)?;
        let routing = self.options.routing;
        let fits = match &self.open {
            Some(open) => planned.fits(&open.transaction.view(), routing),
            None => planned.fits(&self.reader.view(), routing),
        };
        fits.then_some(planned)
    }

    /// What a statement is, and the version of the schema that it was found with.
    pub(super) fn compile(&mut self, statement: StatementText<'_>) -> Result<(Compiled, u64)> {
        let view = &current_view(self.open.as_ref(), &mut self.reader);
        Ok((compile(statement, view, self.options.routing)?, view.catalog().version()))
    }

    fn run_new(
        &mut self,
        statement: StatementText<'_>,
        parameters: &[Value<'_>],
        sink: &mut dyn Sink,
    ) -> Result<Report> {
        let (compiled, version) = self.compile(statement)?;
        match compiled {
            Compiled::Plan(planned) => {
                self.cache.insert(statement.text, planned.clone());
                self.run_planned(planned, statement, parameters, sink)
            }
            Compiled::Explain { planned, analyze, json } => {
                let format = if json { ExplainFormat::Json } else { ExplainFormat::Text };
                let explained = match analyze {
                    true => self.explain_analyze((planned, statement), parameters, format)?,
                    false => planned.plan.explain(format),
                };
                show(sink, "plan", if json { vec![explained.as_str()] } else { explained.lines().collect() });
                Ok(Report::default())
            }
            Compiled::Schema(change) => self.change_schema(statement, (*change, version)),
            Compiled::Transaction(command) => self.transaction_command(command).map(|()| Report::default()),
            Compiled::Set { name, value } => self.options.set(&name, &value).map(|()| Report::default()),
            Compiled::SetTransaction { isolation, session } => {
                isolation.map_or(Ok(()), |isolation| self.set_isolation(isolation, session))?;
                Ok(Report::default())
            }
            Compiled::Show { name } => {
                let value = match (name.as_str(), &self.open) {
                    ("transaction_isolation", Some(open)) => isolation_name(open.transaction.isolation()).to_owned(),
                    ("transaction_isolation", None) => isolation_name(self.options.isolation).to_owned(),
                    _ => self.options.show(&name)?,
                };
                show(sink, &name, vec![&value]);
                Ok(Report::default())
            }
            Compiled::Nothing => Ok(Report::default()),
        }
    }

    fn run_planned(
        &mut self,
        planned: Arc<Planned>,
        statement: StatementText<'_>,
        parameters: &[Value<'_>],
        sink: &mut dyn Sink,
    ) -> Result<Report> {
        let Ran { planned, changed } = self.run_plan(planned, statement, parameters, sink)?;
        Ok(Report { changed, via: planned.plan.via(), elapsed: std::time::Duration::ZERO })
    }

    /// Runs a plan, or another one of the same statement if the schema has changed since it was made: it is seen by the same
    /// view, or the same transaction, that the rows are read with.
    pub(super) fn run_plan(
        &mut self,
        mut planned: Arc<Planned>,
        statement: StatementText<'_>,
        parameters: &[Value<'_>],
        sink: &mut dyn Sink,
    ) -> Result<Ran> {
        if !planned.plan.is_query() {
            return self.run_change(planned, statement, parameters, sink);
        }
        let view = &current_view(self.open.as_ref(), &mut self.reader);
        if !planned.fits(view, self.options.routing) {
            planned = plan_statement(statement, view, self.options.routing)?;
        }
        if sink.columns(planned.plan.columns()).is_continue() {
            let parameters = fit_parameters(parameters, &planned)?;
            query(&planned, view, &self.options.context(&parameters, &self.token), sink)?;
        }
        Ok(Ran { planned, changed: None })
    }

    /// Runs a change. Where it is a transaction of its own it is run again if another transaction was first.
    fn run_change(
        &mut self,
        planned: Arc<Planned>,
        statement: StatementText<'_>,
        parameters: &[Value<'_>],
        sink: &mut dyn Sink,
    ) -> Result<Ran> {
        let columns = planned.plan.columns();
        if !columns.is_empty() && sink.columns(columns).is_break() {
            return Ok(Ran { planned, changed: None });
        }
        if let Some(open) = &mut self.open {
            let parameters = fit_parameters(parameters, &planned)?;
            let context = self.options.context(&parameters, &self.token);
            let changed = change(&planned, &mut open.transaction, &context, sink)?;
            return Ok(Ran { planned, changed: Some(changed) });
        }
        let mut returned = Returned::default();
        let options = TransactionOptions { isolation: self.options.isolation, start: Start::Deferred };
        let mut attempt = Attempt { planned, statement, parameters, options: &self.options, token: &self.token };
        let database = self.waiting.begin(&self.options);
        let changed = database.run_with(options, |transaction| attempt.run(transaction, &mut returned));
        let changed = self.waiting.explained(changed)?;
        returned.pass_on(sink);
        Ok(Ran { planned: attempt.planned, changed: Some(changed) })
    }

    /// Runs a statement, a change for good, and gives its plan with what was counted.
    fn explain_analyze(
        &mut self,
        (mut planned, statement): (Arc<Planned>, StatementText<'_>),
        parameters: &[Value<'_>],
        format: ExplainFormat,
    ) -> Result<String> {
        let (options, token) = (&self.options, &self.token);
        if !planned.plan.is_query() {
            let mut change = |transaction: &mut Transaction| {
                planned = explained(&planned, statement, &transaction.view(), options.routing)?;
                let parameters = fit_parameters(parameters, &planned)?;
                let context = options.context(&parameters, token);
                planned.plan.explain_analyze_change(transaction, &context, format).map_err(Error::from)
            };
            if let Some(open) = &mut self.open {
                return change(&mut open.transaction);
            }
            let start = TransactionOptions { isolation: options.isolation, start: Start::Deferred };
            return self.waiting.explained(self.waiting.begin(options).run_with(start, change));
        }
        let view = &current_view(self.open.as_ref(), &mut self.reader);
        let planned = explained(&planned, statement, view, options.routing)?;
        let parameters = fit_parameters(parameters, &planned)?;
        let context = options.context(&parameters, token);
        planned.plan.explain_analyze(view, &context, format).map_err(Error::from)
    }
}

/// The plan of the statement of an EXPLAIN for a view: the one that was made, unless the schema has changed since.
fn explained(
    planned: &Arc<Planned>,
    statement: StatementText<'_>,
    view: &View<'_>,
    routing: Routing,
) -> Result<Arc<Planned>> {
    if planned.fits(view, routing) {
        return Ok(Arc::clone(planned));
    }
    match compile(statement, view, routing)? {
        Compiled::Explain { planned, .. } => Ok(planned),
        _ => Err(manicule_query::Error::CatalogChanged.into()),
    }
}

/// What was run: the plan that it was in the end, and how many rows it changed.
pub(super) struct Ran {
    pub(super) planned: Arc<Planned>,
    pub(super) changed: Option<u64>,
}

/// A change that is a transaction of its own.
struct Attempt<'a> {
    planned: Arc<Planned>,
    statement: StatementText<'a>,
    parameters: &'a [Value<'a>],
    options: &'a Options,
    token: &'a CancellationToken,
}

impl Attempt<'_> {
    fn run(&mut self, transaction: &mut Transaction, returned: &mut Returned) -> Result<u64> {
        returned.rows.clear();
        let routing = self.options.routing;
        if !self.planned.fits(&transaction.view(), routing) {
            let again = plan_statement(self.statement, &transaction.view(), routing)?;
            // The sink knows already which columns are returned.
            if again.plan.columns() != self.planned.plan.columns() {
                return Err(manicule_query::Error::CatalogChanged.into());
            }
            self.planned = again;
        }
        let parameters = fit_parameters(self.parameters, &self.planned)?;
        change(&self.planned, transaction, &self.options.context(&parameters, self.token), returned)
    }
}

/// The rows of RETURNING, kept until the commit has succeeded.
#[derive(Default)]
struct Returned {
    rows: Vec<RowBuf>,
}

impl Returned {
    fn pass_on(self, sink: &mut dyn Sink) {
        for row in &self.rows {
            let values: Vec<Value<'_>> = row.values().collect();
            if sink.row(&values).is_break() {
                return;
            }
        }
    }
}

impl Sink for Returned {
    fn columns(&mut self, _: &[OutputColumn]) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    fn row(&mut self, row: &[Value<'_>]) -> ControlFlow<()> {
        self.rows.push(Row::new(row));
        ControlFlow::Continue(())
    }
}

#[inline]
pub(super) fn query(
    planned: &Planned,
    view: &View<'_>,
    context: &ExecutionContext<'_>,
    sink: &mut (impl Sink + ?Sized),
) -> Result<()> {
    planned.plan.query(view, context, |row| Ok(sink.row(row)))?;
    Ok(())
}

fn change(
    planned: &Planned,
    transaction: &mut Transaction,
    context: &ExecutionContext<'_>,
    sink: &mut dyn Sink,
) -> Result<u64> {
    let savepoint = transaction.savepoint();
    let changed = planned.plan.change(transaction, context, |row| Ok(sink.row(row)));
    if changed.is_err() {
        transaction.rollback_to(savepoint);
    }
    changed.map_err(Error::from)
}

/// The values of the parameters, fitted to the columns they are compared with where they are of another kind. Allocates
/// only then.
#[inline]
pub(super) fn fit_parameters<'p>(parameters: &'p [Value<'p>], planned: &Planned) -> Result<Cow<'p, [Value<'p>]>> {
    let (types, repeats) = (planned.plan.parameters(), &planned.given.repeats);
    let is_fitting = |(value, target): (&Value<'_>, &Option<ColumnType>)| match (value.column_type(), target) {
        (Some(found), Some(target)) => found == *target,
        _ => true,
    };
    if repeats.is_empty() && parameters.iter().zip(types).all(is_fitting) {
        return Ok(Cow::Borrowed(parameters));
    }
    let (expected, found) = (planned.given.names.len(), parameters.len());
    if expected != found {
        return Err(manicule_query::Error::ParameterCount { expected, found }.into());
    }
    let values = parameters.iter().chain(repeats.iter().map(|position| &parameters[*position]));
    let fitted = values.zip(types).map(|(value, target)| match target {
        Some(target) => fit_parameter(value.as_borrowed(), *target),
        None => Ok(value.as_borrowed()),
    });
    fitted.collect::<Result<Vec<_>>>().map(Cow::Owned)
}

/// Gives text as rows of one column.
fn show(sink: &mut dyn Sink, name: &str, lines: Vec<&str>) {
    let column = OutputColumn { name: name.to_owned(), column_type: Some(ColumnType::Text) };
    if sink.columns(&[column]).is_break() {
        return;
    }
    for line in lines {
        if sink.row(&[Value::from(line)]).is_break() {
            return;
        }
    }
}
