//! INSERT, UPDATE, DELETE: first all rows are found and all new values computed, then they are changed, so that no
//! statement meets its own changes. What fails goes back to the savepoint that was set before the first change.

mod conflict;

use std::cell::RefCell;
use std::ops::ControlFlow;
use std::time::Instant;

use ahash::AHashSet;
use manicule_engine::{Row, RowBuf, RowId, TableId, TableSchema, Transaction, Value, View};

use smallvec::SmallVec;

use super::output::VALUES_ON_STACK;
use super::{Analysis, Counter, OnRow, SubqueryCache, attempt, coerced_parameters, finished, run, run_output};
use crate::context::ExecutionContext;
use crate::error::{Error, Result};
use crate::evaluate::{coerce_for_storage, evaluate, evaluate_kept, violates};
use crate::expr::Expr;
use crate::frame::{Frame, ROWS_PER_POLL, Run, Slot};
use crate::physical::{Action, DeleteAction, InsertAction, Node, NodeKind, PhysicalPlan, UpdateAction};
use crate::plan::{Check, OnConflict, Returning};

/// One statement that changes rows.
pub(super) struct Change<'c> {
    plan: &'c PhysicalPlan,
    context: &'c ExecutionContext<'c>,
    parameters: &'c [Value<'c>],
    /// What EXPLAIN ANALYZE counts while the rows are found.
    counters: RefCell<Option<Vec<Counter>>>,
    /// The answers of the subqueries of DO UPDATE, each asked for once in a statement.
    answers: RefCell<Vec<SubqueryCache<'static>>>,
}

/// Rows and the slot in which expressions find them.
#[derive(Clone, Copy)]
struct Rows<'r> {
    slot: usize,
    rows: &'r [(RowId, RowBuf)],
}

/// Runs a change; gives the number of changed rows.
pub(crate) fn change(
    plan: &PhysicalPlan,
    transaction: &mut Transaction,
    context: &ExecutionContext<'_>,
    on_row: &mut OnRow<'_>,
) -> Result<u64> {
    let coerced = coerced_parameters(plan, context);
    let parameters = coerced.as_deref().unwrap_or(context.parameters);
    Change { plan, context, parameters, counters: RefCell::default(), answers: RefCell::default() }
        .run(transaction, on_row)
}

/// Runs a change with counters and drops the rows of RETURNING.
pub(crate) fn analyze_change(
    plan: &PhysicalPlan,
    transaction: &mut Transaction,
    context: &ExecutionContext<'_>,
) -> Result<Analysis> {
    let coerced = coerced_parameters(plan, context);
    let parameters = coerced.as_deref().unwrap_or(context.parameters);
    let counters = RefCell::new(Some(vec![Counter::default(); plan.node_count]));
    let change = Change { plan, context, parameters, counters, answers: RefCell::default() };
    let start = Instant::now();
    let changed = change.run(transaction, &mut |_| ControlFlow::Continue(()))?;
    let counters = change.counters.into_inner().unwrap_or_default();
    Ok(Analysis { counters, time: start.elapsed(), changed: Some(changed) })
}

impl Change<'_> {
    /// Runs the statement; if it fails, the transaction is as it was before.
    fn run(&self, transaction: &mut Transaction, on_row: &mut OnRow<'_>) -> Result<u64> {
        self.context.limits.check()?;
        let savepoint = transaction.savepoint();
        let result = match &self.plan.action {
            Action::Query(_) => Err(Error::WrongStatementKind),
            Action::Insert(insert) => self.insert(insert, transaction, on_row),
            Action::Update(update) => self.update(update, transaction, on_row),
            Action::Delete(delete) => self.delete(delete, transaction, on_row),
        };
        let result = result.and_then(|count| {
            transaction.check_unique(savepoint)?;
            // Behind here it is done: what was cancelled until then was not.
            self.context.limits.check().map(|()| count)
        });
        if result.is_err() {
            transaction.rollback_to(savepoint);
        }
        result
    }

    /// Finds rows in a run over the view, with the counters if there are any.
    fn find<'v, T>(&'v self, view: &'v View<'v>, rows: impl FnOnce(&Run<'v>) -> Result<T>) -> Result<T> {
        let mut run = Run::new(self.plan, view, self.context, self.parameters);
        run.counters = self.counters.take().map(RefCell::new);
        let found = rows(&run);
        self.counters.replace(run.counters.take().map(RefCell::into_inner));
        found
    }

    fn insert(&self, insert: &InsertAction, transaction: &mut Transaction, on_row: &mut OnRow<'_>) -> Result<u64> {
        let table = self.table(insert.table)?;
        let rows = self.new_rows(insert, table, transaction)?;
        self.check(&insert.checks, table, transaction, Rows { slot: insert.slot, rows: &rows })?;
        if matches!(insert.on_conflict, OnConflict::Fail) {
            let count = rows.len() as u64;
            if insert.returning.is_none() {
                for (position, (_, row)) in rows.into_iter().enumerate() {
                    self.poll(position)?;
                    transaction.insert(insert.table, row)?;
                }
                return Ok(count);
            }
            for (position, (_, row)) in rows.iter().enumerate() {
                self.poll(position)?;
                transaction.insert(insert.table, row.clone())?;
            }
            self.give(insert.returning.as_ref(), transaction, Rows { slot: insert.slot, rows: &rows }, on_row)?;
            return Ok(count);
        }
        let (mut count, mut kept) = (0, Vec::new());
        for (position, (_, row)) in rows.into_iter().enumerate() {
            self.poll(position)?;
            if let Some((row_id, row)) = self.insert_or_resolve(insert, table, transaction, row)? {
                count += 1;
                kept.extend(row.map(|row| (row_id, row)));
            }
        }
        self.give(insert.returning.as_ref(), transaction, Rows { slot: insert.slot, rows: &kept }, on_row)?;
        Ok(count)
    }

    fn update(&self, update: &UpdateAction, transaction: &mut Transaction, on_row: &mut OnRow<'_>) -> Result<u64> {
        let table = self.table(update.table)?;
        let mut rows: SmallVec<[(RowId, RowBuf); 1]> = SmallVec::new();
        self.find(&transaction.view(), |run| {
            for_each_row(run, &update.input, update.slot, &mut |row_id, row, frame| {
                let new = changed_row(table, row, &update.assignments, frame)?;
                run.charge(new.byte_len() + 32)?;
                rows.push((row_id, new));
                Ok(())
            })
        })?;
        self.check(&update.checks, table, transaction, Rows { slot: update.slot, rows: &rows })?;
        let count = rows.len() as u64;
        if update.returning.is_none() {
            for (position, (row_id, row)) in rows.into_iter().enumerate() {
                self.poll(position)?;
                transaction.update(update.table, row_id, row)?;
            }
            return Ok(count);
        }
        for (position, (row_id, row)) in rows.iter().enumerate() {
            self.poll(position)?;
            transaction.update(update.table, *row_id, row.clone())?;
        }
        self.give(update.returning.as_ref(), transaction, Rows { slot: update.slot, rows: &rows }, on_row)?;
        Ok(count)
    }

    fn delete(&self, delete: &DeleteAction, transaction: &mut Transaction, on_row: &mut OnRow<'_>) -> Result<u64> {
        let mut rows: SmallVec<[(RowId, RowBuf); 1]> = SmallVec::new();
        let keeps_rows = delete.returning.is_some();
        self.find(&transaction.view(), |run| {
            for_each_row(run, &delete.input, delete.slot, &mut |row_id, row, _| {
                run.charge(32)?;
                rows.push((row_id, if keeps_rows { row.to_owned() } else { Row::new(&[]) }));
                Ok(())
            })
        })?;
        for (position, (row_id, _)) in rows.iter().enumerate() {
            self.poll(position)?;
            transaction.delete(delete.table, *row_id)?;
        }
        self.give(delete.returning.as_ref(), transaction, Rows { slot: delete.slot, rows: &rows }, on_row)?;
        Ok(rows.len() as u64)
    }

    /// Looks at every so many changed rows whether the statement must end.
    fn poll(&self, position: usize) -> Result<()> {
        let is_due = position.is_multiple_of(ROWS_PER_POLL as usize);
        if is_due && position > 0 { self.context.limits.check() } else { Ok(()) }
    }

    fn table(&self, table: TableId) -> Result<&TableSchema> {
        self.plan.catalog.table_by_id(table).map(|table| table.as_ref()).ok_or(Error::CatalogChanged)
    }

    /// The rows that INSERT brings; their ids are not known yet.
    fn new_rows(
        &self,
        insert: &InsertAction,
        table: &TableSchema,
        transaction: &Transaction,
    ) -> Result<SmallVec<[(RowId, RowBuf); 1]>> {
        let mut rows = SmallVec::new();
        let mut greatest = 0;
        // A row that comes without its number is given one behind all that came before it.
        let mut to_number = |number: &mut Value<'_>| {
            if number.is_null() {
                *number = Value::Integer(transaction.next_number(table.id, greatest)?);
            }
            greatest = if let Value::Integer(number) = *number { greatest.max(number) } else { greatest };
            Ok(())
        };
        self.find(&transaction.view(), |run| {
            let mut frame = Frame::new(run, self.plan.slot_count);
            let mut keep = |row: RowBuf| {
                run.charge(row.byte_len() + 32)?;
                rows.push((RowId(0), row));
                Ok(())
            };
            if let NodeKind::Values { rows: lists, .. } = &insert.source.root.kind
                && run.counters.is_none()
            {
                return lists.iter().try_for_each(|expressions| {
                    run.tick()?;
                    let values = expressions[..insert.source.width].iter().map(|expr| evaluate(expr, &frame));
                    keep(stored_row(table, values, &mut to_number)?)
                });
            }
            finished(run_output(&insert.source, &mut frame, &mut |values| {
                let values = values.iter().map(|value| Ok(value.as_borrowed()));
                attempt(stored_row(table, values, &mut to_number).and_then(&mut keep))
            }))
        })?;
        Ok(rows)
    }

    /// Fails if a row violates a CHECK.
    fn check(
        &self,
        checks: &[Check],
        table: &TableSchema,
        transaction: &Transaction,
        Rows { slot, rows }: Rows<'_>,
    ) -> Result<()> {
        if checks.is_empty() {
            return Ok(());
        }
        let view = transaction.view();
        let run = Run::new(self.plan, &view, self.context, self.parameters);
        let mut frame = Frame::new(&run, self.plan.slot_count);
        for (row_id, row) in rows {
            run.tick()?;
            frame.slots[slot] = Slot::Stored(*row_id, row);
            check_row(checks, table, &frame)?;
        }
        Ok(())
    }

    /// Hands out what RETURNING asks for.
    fn give(
        &self,
        returning: Option<&Returning>,
        transaction: &Transaction,
        Rows { slot, rows }: Rows<'_>,
        on_row: &mut OnRow<'_>,
    ) -> Result<()> {
        let Some(returning) = returning else { return Ok(()) };
        let view = transaction.view();
        let run = Run::new(self.plan, &view, self.context, self.parameters);
        let mut frame = Frame::new(&run, self.plan.slot_count);
        finished(rows.iter().try_for_each(|(row_id, row)| {
            attempt(run.tick())?;
            frame.slots[slot] = Slot::Stored(*row_id, row);
            let values = returning.expressions.iter().map(|expr| evaluate(expr, &frame)).collect::<Result<Vec<_>>>();
            on_row(&attempt(values)?)
        }))
    }
}

/// Calls `visit` with each row of a table that a step finds in a slot, once.
fn for_each_row<'v>(
    run_of: &Run<'v>,
    input: &'v Node,
    slot: usize,
    visit: &mut dyn FnMut(RowId, &Row, &Frame<'_, 'v>) -> Result<()>,
) -> Result<()> {
    let mut frame = Frame::new(run_of, run_of.slot_count);
    let mut seen = is_joined(input).then(AHashSet::new);
    finished(run(input, &mut frame, &mut |frame| {
        let Slot::Stored(row_id, row) = frame.slots[slot] else { return ControlFlow::Continue(()) };
        if let Some(seen) = &mut seen {
            if !seen.insert(row_id) {
                return ControlFlow::Continue(());
            }
            // The set is at most half empty.
            attempt(run_of.charge(2 * size_of::<RowId>()))?;
        }
        attempt(visit(row_id, row, frame))
    }))
}

/// Whether a row may come again, beside another.
fn is_joined(node: &Node) -> bool {
    match &node.kind {
        NodeKind::Scan(_) => false,
        NodeKind::Filter { input, .. } => is_joined(input),
        _ => true,
    }
}

fn check_row<'v>(checks: &'v [Check], table: &TableSchema, frame: &Frame<'_, 'v>) -> Result<()> {
    for check in checks {
        if violates(&check.predicate, frame)? {
            let (table, sql) = (table.name.as_str().into(), check.sql.as_str().into());
            return Err(Error::CheckViolation { table, sql });
        }
    }
    Ok(())
}

/// The row with its values as the columns take them, and with the number that `to_number` makes of the one that came.
fn stored_row<'v>(
    table: &TableSchema,
    values: impl Iterator<Item = Result<Value<'v>>>,
    to_number: impl FnOnce(&mut Value<'_>) -> Result<()>,
) -> Result<RowBuf> {
    // One by one: collected, they would be moved once more.
    let mut coerced: SmallVec<[Value<'_>; VALUES_ON_STACK]> = SmallVec::new();
    for (position, value) in values.enumerate() {
        let value = value?;
        coerced.push(match table.columns.get(position) {
            Some(column) => coerce_for_storage(value, column.column_type),
            None => value,
        });
    }
    table.number().and_then(|column| coerced.get_mut(column)).map_or(Ok(()), to_number)?;
    Ok(Row::try_new(&coerced)?)
}

/// The row after the assignments, which all read the row as it was.
fn changed_row<'v>(
    table: &TableSchema,
    row: &Row,
    assignments: &'v [(usize, Expr)],
    frame: &Frame<'_, 'v>,
) -> Result<RowBuf> {
    let mut changes: SmallVec<[(usize, Value<'_>); 4]> = SmallVec::new();
    for (column, expr) in assignments {
        changes.push((*column, coerce_for_storage(evaluate_kept(expr, frame)?, table.columns[*column].column_type)));
    }
    Ok(row.with_values(table.columns.len(), &changes)?)
}
