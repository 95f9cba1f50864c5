//! The executor: each step pushes its rows, one at a time, to the step above it.
//!
//! ```text
//! run(Project) ── run(Scan) ── engine: each row ──▶ slot of the table ──▶ residual? ──▶ sink of Project
//!                                                                                        ──▶ slot of Project ──▶ sink …
//! ```
//!
//! A row is not passed: it is in the [`Frame`], where the expressions of every step above, and of every correlated
//! subquery, find it by its slot. A step that keeps rows (sorting, hashing) keeps the slots. A sink says [`Stop`] to end
//! all steps below it: that is how LIMIT stops a scan and how an error leaves.

mod aggregate;
mod change;
mod counter;
mod covering;
mod join;
mod output;
mod path;
mod point;
mod rows;
mod set;
mod sort;
mod subquery;

use std::ops::ControlFlow;

use manicule_engine::{Value, View};

pub(crate) use change::{analyze_change, change};
pub(crate) use counter::{Analysis, Counter, analyze};
pub(crate) use output::run_output;
pub(crate) use point::query_point;
pub(crate) use subquery::{SubqueryCache, evaluate_subquery};

use crate::context::ExecutionContext;
use crate::error::{Error, Result};
use crate::evaluate::{coerce_for_storage, passes};
use crate::expr::Expr;
use crate::frame::{Frame, Run};
use crate::physical::{Action, Node, NodeKind, PhysicalPlan, TableScan};

/// Why the steps below must end.
#[derive(Debug)]
pub(crate) enum Stop {
    /// No more rows are wanted.
    Done,
    /// No more rows of the path that a union is at.
    PathDone,
    /// Something failed. Boxed, so that a flow is two words, which a step returns in registers.
    Failed(Box<Error>),
}

/// Whether more rows are wanted.
pub(crate) type Flow<T = ()> = ControlFlow<Stop, T>;

/// What a step does with each row of the step below.
pub(crate) type Sink<'s, 'r, 'v> = dyn FnMut(&mut Frame<'r, 'v>) -> Flow + 's;

/// What gets the rows of a result.
pub(crate) type OnRow<'s> = dyn FnMut(&[Value<'_>]) -> Flow + 's;

/// Goes on with a value or stops with the error.
#[inline]
pub(crate) fn attempt<T>(result: Result<T>) -> Flow<T> {
    match result {
        Ok(value) => ControlFlow::Continue(value),
        Err(error) => failed(error),
    }
}

/// Stops with the error.
#[cold]
fn failed<T>(error: Error) -> Flow<T> {
    ControlFlow::Break(Stop::Failed(Box::new(error)))
}

/// The error that a flow ended with, if any.
#[inline]
pub(crate) fn finished(flow: Flow) -> Result<()> {
    match flow {
        ControlFlow::Break(Stop::Failed(error)) => Err(*error),
        ControlFlow::Break(Stop::Done | Stop::PathDone) | ControlFlow::Continue(()) => Ok(()),
    }
}

/// Runs a query.
pub(crate) fn query(
    plan: &PhysicalPlan,
    view: &View<'_>,
    context: &ExecutionContext<'_>,
    on_row: &mut OnRow<'_>,
) -> Result<()> {
    let Action::Query(output) = &plan.action else { return Err(Error::WrongStatementKind) };
    let coerced = coerced_parameters(plan, context);
    let parameters = coerced.as_deref().unwrap_or(context.parameters);
    let run = Run::new(plan, view, context, parameters);
    run.poll()?;
    let mut frame = Frame::new(&run, plan.slot_count);
    finished(run_output(output, &mut frame, on_row))
}

/// The parameters with texts made the dates that they say, where a date is wanted; `None` if they are good as they are.
pub(crate) fn coerced_parameters<'p>(plan: &PhysicalPlan, context: &ExecutionContext<'p>) -> Option<Vec<Value<'p>>> {
    use manicule_engine::ColumnType;
    let is_text_for_time = |(value, target): (&Value<'_>, &Option<ColumnType>)| {
        matches!((value, target), (Value::Text(_), Some(ColumnType::Date | ColumnType::Timestamp)))
    };
    if !context.parameters.iter().zip(&plan.parameters).any(is_text_for_time) {
        return None;
    }
    let coerce = |(value, target): (&'p Value<'p>, &Option<ColumnType>)| match target {
        Some(target) if value.column_type() == Some(ColumnType::Text) => {
            coerce_for_storage(value.as_borrowed(), *target)
        }
        _ => value.as_borrowed(),
    };
    Some(context.parameters.iter().zip(&plan.parameters).map(coerce).collect())
}

/// What the receiver of rows said.
#[inline]
pub(crate) fn wanted(said: Result<ControlFlow<()>>) -> Flow {
    match said {
        Ok(ControlFlow::Continue(())) => ControlFlow::Continue(()),
        Ok(ControlFlow::Break(())) => ControlFlow::Break(Stop::Done),
        Err(error) => failed(error),
    }
}

/// Runs a step: calls `sink` for each row, with the step's slots filled.
pub(crate) fn run<'r, 'v>(node: &'v Node, frame: &mut Frame<'r, 'v>, sink: &mut Sink<'_, 'r, 'v>) -> Flow {
    if frame.run.counters.is_some() {
        return counter::run_counted(node, frame, sink);
    }
    run_uncounted(node, frame, sink)
}

fn run_uncounted<'r, 'v>(node: &'v Node, frame: &mut Frame<'r, 'v>, sink: &mut Sink<'_, 'r, 'v>) -> Flow {
    match &node.kind {
        NodeKind::Unit => sink(frame),
        NodeKind::Scan(scan) => run_scan(node.id, scan, frame, sink),
        NodeKind::Values { rows, slot } => rows::run_values(rows, *slot, frame, sink),
        NodeKind::Filter { input, predicate } => run(input, frame, &mut |frame| pass(predicate, frame, sink)),
        NodeKind::NestedLoop(join) => join::run_nested_loop(join, frame, sink),
        NodeKind::HashJoin(join) => join::run_hash_join(join, frame, sink),
        NodeKind::Project { input, expressions, slot } => {
            run(input, frame, &mut |frame| rows::project(expressions, *slot, frame, sink))
        }
        NodeKind::Aggregate { input, group_by, aggregates, slot, in_order } => {
            let grouping = aggregate::Grouping { input, group_by, aggregates, slot: *slot, in_order: *in_order };
            aggregate::run_aggregate(grouping, frame, sink)
        }
        NodeKind::Distinct { input, columns, slot } => set::run_distinct(input, *columns, *slot, frame, sink),
        NodeKind::Sort(sort) => sort::run_sort(sort, frame, sink),
        NodeKind::Limit { input, limit, offset } => {
            let mut window = attempt(rows::Window::new(limit.as_ref(), offset.as_ref(), frame))?;
            window.limited(|window| {
                run(input, frame, &mut |frame| match window.next() {
                    rows::Place::Before => ControlFlow::Continue(()),
                    rows::Place::Within => sink(frame),
                    rows::Place::Last => {
                        sink(frame)?;
                        ControlFlow::Break(window.end())
                    }
                })
            })
        }
        NodeKind::SetOperation(operation) => set::run_set_operation(operation, frame, sink),
    }
}

/// Hands the row on if it passes.
#[inline]
fn pass<'r, 'v>(predicate: &'v Expr, frame: &mut Frame<'r, 'v>, sink: &mut Sink<'_, 'r, 'v>) -> Flow {
    if attempt(passes(predicate, frame))? { sink(frame) } else { ControlFlow::Continue(()) }
}

fn run_scan<'r, 'v>(
    node_id: usize,
    scan: &'v TableScan,
    frame: &mut Frame<'r, 'v>,
    sink: &mut Sink<'_, 'r, 'v>,
) -> Flow {
    let mut found = |frame: &mut Frame<'r, 'v>| {
        attempt(frame.run.tick())?;
        match &scan.residual {
            Some(residual) => pass(residual, frame, sink),
            None => sink(frame),
        }
    };
    match &scan.covering {
        None => path::visit(scan, &scan.path, frame, &mut |frame, row_id, row| {
            frame.slots[scan.slot].store(row_id, row);
            found(frame)
        }),
        Some(covering) => {
            let mut rows_read = 0;
            let flow = covering::fill(scan, covering, frame, &mut |frame, looked_at| {
                rows_read += u64::from(looked_at == covering::LookedAt::Row);
                found(frame)
            });
            counter::count_rows_read(node_id, rows_read, frame);
            flow
        }
    }
}
