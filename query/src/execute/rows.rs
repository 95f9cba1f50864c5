//! Rows written out, computed columns, and LIMIT.

use std::ops::ControlFlow;

use manicule_engine::Value;

use super::{Flow, Sink, Stop, attempt};
use crate::error::{Error, Result};
use crate::evaluate::{evaluate, evaluate_kept};
use crate::expr::Expr;
use crate::frame::{Frame, Slot};

/// The rows of VALUES.
pub(super) fn run_values<'r, 'v>(
    rows: &'v [Vec<Expr>],
    slot: usize,
    frame: &mut Frame<'r, 'v>,
    sink: &mut Sink<'_, 'r, 'v>,
) -> Flow {
    for row in rows {
        attempt(frame.run.tick())?;
        project(row, slot, frame, sink)?;
    }
    ControlFlow::Continue(())
}

/// One row of computed columns.
pub(super) fn project<'r, 'v>(
    expressions: &'v [Expr],
    slot: usize,
    frame: &mut Frame<'r, 'v>,
    sink: &mut Sink<'_, 'r, 'v>,
) -> Flow {
    let mut values = frame.slots[slot].take_values();
    values.reserve(expressions.len());
    for expr in expressions {
        values.push(attempt(evaluate_kept(expr, frame))?);
    }
    frame.slots[slot] = Slot::Computed(values);
    sink(frame)
}

/// Which rows LIMIT and OFFSET let through.
#[derive(Debug)]
pub(super) struct Window {
    /// How many are still passed over.
    before: u64,
    /// How many still come.
    within: u64,
    /// Whether this window, and not a step above, has ended the input.
    ended: bool,
}

/// Where a row is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Before,
    Within,
    /// Within, and no other row is.
    Last,
}

impl Window {
    pub(super) fn new<'v>(limit: Option<&'v Expr>, offset: Option<&'v Expr>, frame: &Frame<'_, 'v>) -> Result<Self> {
        let within = row_count("LIMIT", limit, frame)?.unwrap_or(u64::MAX);
        let before = row_count("OFFSET", offset, frame)?.unwrap_or(0);
        Ok(Self { before, within, ended: false })
    }

    /// How many rows are read until no more are wanted.
    pub(super) fn rows_read(&self) -> u64 {
        self.before.saturating_add(self.within)
    }

    /// Where the next row is.
    pub(super) fn next(&mut self) -> Place {
        if self.before > 0 {
            self.before -= 1;
            return Place::Before;
        }
        self.within -= 1;
        if self.within == 0 { Place::Last } else { Place::Within }
    }

    /// Ends the input after the last row.
    pub(super) fn end(&mut self) -> Stop {
        self.ended = true;
        Stop::Done
    }

    /// Runs `input` unless no row is wanted. The end after the last row is the window's own: to the steps above the input
    /// simply has no more rows.
    pub(super) fn limited(&mut self, input: impl FnOnce(&mut Self) -> Flow) -> Flow {
        if self.within == 0 {
            return ControlFlow::Continue(());
        }
        let flow = input(self);
        if self.ended && matches!(flow, ControlFlow::Break(Stop::Done)) {
            return ControlFlow::Continue(());
        }
        flow
    }
}

/// The number that a clause says; `None` without it and for NULL.
fn row_count<'v>(clause: &'static str, expr: Option<&'v Expr>, frame: &Frame<'_, 'v>) -> Result<Option<u64>> {
    expr.map_or(Ok(None), |expr| row_count_of(clause, &evaluate(expr, frame)?))
}

/// The number of rows that a value says; `None` for NULL.
pub(super) fn row_count_of(clause: &'static str, value: &Value<'_>) -> Result<Option<u64>> {
    let count = match value {
        Value::Null => return Ok(None),
        Value::Integer(count) => u64::try_from(*count).ok(),
        Value::Real(real) if real.fract() == 0.0 && (0.0..1e18).contains(real) => Some(*real as u64),
        _ => None,
    };
    count.map(Some).ok_or_else(|| Error::InvalidRowCount { clause, value: value.to_string().into() })
}
