//! What EXPLAIN ANALYZE counts and measures.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use manicule_engine::{RowCount, View};

use super::{Flow, Sink, coerced_parameters, finished, run_output, run_uncounted};
use crate::context::ExecutionContext;
use crate::error::{Error, Result};
use crate::frame::{Frame, Run};
use crate::physical::{Action, Node, PhysicalPlan};

/// What one step has done.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counter {
    /// How many rows it gave, in all its runs.
    pub(crate) rows: u64,
    /// How often it was run.
    pub(crate) loops: u64,
    /// How many rows a covering scan looked at even so.
    pub(crate) rows_read: u64,
    /// The time in it and in the steps below it; the steps above, which run inside of it, are left out.
    pub(crate) time: Duration,
}

/// What a run has shown.
#[derive(Debug)]
pub(crate) struct Analysis {
    /// For each step, by its number.
    pub(crate) counters: Vec<Counter>,
    /// The whole time.
    pub(crate) time: Duration,
    /// How many rows a change has changed.
    pub(crate) changed: Option<u64>,
}

/// Runs a query with counters and drops its rows.
pub(crate) fn analyze(plan: &PhysicalPlan, view: &View<'_>, context: &ExecutionContext<'_>) -> Result<Analysis> {
    let Action::Query(output) = &plan.action else { return Err(Error::WrongStatementKind) };
    let coerced = coerced_parameters(plan, context);
    let parameters = coerced.as_deref().unwrap_or(context.parameters);
    let mut run = Run::new(plan, view, context, parameters);
    run.counters = Some(vec![Counter::default(); plan.node_count].into());
    let start = Instant::now();
    let mut frame = Frame::new(&run, plan.slot_count);
    finished(run_output(output, &mut frame, &mut |_| ControlFlow::Continue(())))?;
    drop(frame);
    let time = start.elapsed();
    let counters = run.counters.map(std::cell::RefCell::into_inner).unwrap_or_default();
    Ok(Analysis { counters, time, changed: None })
}

/// Runs a step and counts it.
pub(super) fn run_counted<'r, 'v>(node: &'v Node, frame: &mut Frame<'r, 'v>, sink: &mut Sink<'_, 'r, 'v>) -> Flow {
    let start = Instant::now();
    let (mut rows, mut above) = (0, Duration::ZERO);
    let flow = run_uncounted(node, frame, &mut |frame| {
        rows += 1;
        let start = Instant::now();
        let flow = sink(frame);
        above += start.elapsed();
        flow
    });
    if let Some(counters) = &frame.run.counters {
        let counter = &mut counters.borrow_mut()[node.id];
        counter.rows += rows;
        counter.loops += 1;
        counter.time += start.elapsed().saturating_sub(above);
    }
    flow
}

/// Counts the rows that a covering scan had to look at.
pub(super) fn count_rows_read(node_id: usize, rows_read: u64, frame: &Frame<'_, '_>) {
    if let Some(counters) = &frame.run.counters {
        counters.borrow_mut()[node_id].rows_read += rows_read;
    }
}

/// Counts a step that was not run because `count` says what it would have given.
pub(super) fn counted<'v>(
    node: &'v Node,
    frame: &Frame<'_, 'v>,
    count: impl FnOnce() -> Result<RowCount>,
) -> Result<RowCount> {
    let start = Instant::now();
    let found = count()?;
    if let Some(counters) = &frame.run.counters {
        let counter = &mut counters.borrow_mut()[node.id];
        counter.rows += found.rows;
        counter.rows_read += found.rows_read;
        counter.loops += 1;
        counter.time += start.elapsed();
    }
    Ok(found)
}
