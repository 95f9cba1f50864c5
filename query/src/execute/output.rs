//! The end of a query: the rows of the result on their way out.

use std::ops::ControlFlow;

use manicule_engine::{Covered, Row, Value};
use smallvec::SmallVec;

use super::{Flow, OnRow, attempt, covering, path, rows, run};
use crate::evaluate::{evaluate, passes};
use crate::expr::Expr;
use crate::frame::Frame;
use crate::physical::{Covering, Node, NodeKind, Output, TableScan};

/// The values of a row of the result that need no list on the heap.
pub(super) const VALUES_ON_STACK: usize = 8;

/// Positions of columns in a table.
type Columns = SmallVec<[usize; VALUES_ON_STACK]>;

/// Runs a tree and hands out its rows. A projection at the top is handed out as it is computed, without a slot.
pub(crate) fn run_output<'v>(output: &'v Output, frame: &mut Frame<'_, 'v>, on_row: &mut OnRow<'_>) -> Flow {
    hand_out(&output.root, output, frame, on_row)
}

fn hand_out<'v>(node: &'v Node, output: &'v Output, frame: &mut Frame<'_, 'v>, on_row: &mut OnRow<'_>) -> Flow {
    if frame.run.counters.is_some() {
        return hand_out_slot(node, output, frame, on_row);
    }
    match &node.kind {
        NodeKind::Project { input, expressions, .. } => {
            hand_out_projected(input, &expressions[..output.width], frame, on_row)
        }
        NodeKind::Values { rows, .. } => rows.iter().try_for_each(|row| {
            attempt(frame.run.tick())?;
            hand_out_computed(&row[..output.width], frame, on_row)
        }),
        NodeKind::Limit { input, limit, offset } => {
            let mut window = attempt(rows::Window::new(limit.as_ref(), offset.as_ref(), frame))?;
            within(&mut window, on_row, |on_row| hand_out(input, output, frame, on_row))
        }
        _ => hand_out_slot(node, output, frame, on_row),
    }
}

/// Runs `hand_out` with a receiver that gets the rows within the window.
fn within(window: &mut rows::Window, on_row: &mut OnRow<'_>, hand_out: impl FnOnce(&mut OnRow<'_>) -> Flow) -> Flow {
    window.limited(|window| {
        hand_out(&mut |values| match window.next() {
            rows::Place::Before => ControlFlow::Continue(()),
            rows::Place::Within => on_row(values),
            rows::Place::Last => {
                on_row(values)?;
                ControlFlow::Break(window.end())
            }
        })
    })
}

/// The expressions' values of each row of `input`.
fn hand_out_projected<'v>(
    input: &'v Node,
    expressions: &'v [Expr],
    frame: &mut Frame<'_, 'v>,
    on_row: &mut OnRow<'_>,
) -> Flow {
    if let Some((scan, columns)) = columns_of_scan(expressions, input) {
        return hand_out_scan(scan, &columns, frame, on_row);
    }
    // LIMIT stands below the projection so that what OFFSET passes over is not computed; columns need no computing.
    if let NodeKind::Limit { input: below, limit, offset } = &input.kind
        && let Some((scan, columns)) = columns_of_scan(expressions, below)
    {
        let mut window = attempt(rows::Window::new(limit.as_ref(), offset.as_ref(), frame))?;
        return within(&mut window, on_row, |on_row| hand_out_scan(scan, &columns, frame, on_row));
    }
    if let [expr] = expressions {
        return run(input, frame, &mut |frame| on_row(&[attempt(evaluate(expr, frame))?]));
    }
    if expressions.len() <= VALUES_ON_STACK {
        return run(input, frame, &mut |frame| hand_out_computed(expressions, frame, on_row));
    }
    let mut buffer: Vec<Value<'static>> = Vec::new();
    run(input, frame, &mut |frame| {
        let mut values = recycle(std::mem::take(&mut buffer));
        for expr in expressions {
            values.push(attempt(evaluate(expr, frame))?);
        }
        let flow = on_row(&values);
        buffer = recycle(values);
        flow
    })
}

/// The rows that a step leaves in the slot of the result.
fn hand_out_slot<'v>(node: &'v Node, output: &'v Output, frame: &mut Frame<'_, 'v>, on_row: &mut OnRow<'_>) -> Flow {
    let mut buffer: Vec<Value<'static>> = Vec::new();
    run(node, frame, &mut |frame| {
        let mut values = recycle(std::mem::take(&mut buffer));
        let slot = &frame.slots[output.slot];
        values.extend((0..output.width).map(|column| slot.get(column)));
        let flow = on_row(&values);
        buffer = recycle(values);
        flow
    })
}

/// One row of expressions' values.
fn hand_out_computed<'v>(expressions: &'v [Expr], frame: &Frame<'_, 'v>, on_row: &mut OnRow<'_>) -> Flow {
    let mut values: SmallVec<[Value<'_>; VALUES_ON_STACK]> = SmallVec::new();
    for expr in expressions {
        values.push(attempt(evaluate(expr, frame))?);
    }
    on_row(&values)
}

/// The same memory for values of another lifetime: collecting an emptied list in place allocates nothing.
fn recycle<'a>(mut values: Vec<Value<'_>>) -> Vec<Value<'a>> {
    values.clear();
    values.into_iter().map(|_| -> Value<'a> { unreachable!("the list is empty") }).collect()
}

/// The scan that `input` is and the columns of its rows that the expressions are, if they are nothing else and come straight
/// from what it reads.
fn columns_of_scan<'v>(expressions: &[Expr], input: &'v Node) -> Option<(&'v TableScan, Columns)> {
    let NodeKind::Scan(scan) = &input.kind else { return None };
    if scan.covering.is_some() && scan.residual.is_some() {
        return None;
    }
    let column_of = |expr: &Expr| match expr {
        Expr::Column(column) if column.slot == scan.slot => Some(column.column),
        _ => None,
    };
    Some((scan, expressions.iter().map(column_of).collect::<Option<Columns>>()?))
}

/// These columns of each row of a scan.
fn hand_out_scan<'v>(
    scan: &'v TableScan,
    columns: &[usize],
    frame: &mut Frame<'_, 'v>,
    on_row: &mut OnRow<'_>,
) -> Flow {
    match &scan.covering {
        None => hand_out_stored(scan, columns, frame, on_row),
        Some(covering) => hand_out_covered((scan, covering), columns, frame, on_row),
    }
}

/// Columns of a table's rows, straight from each row: most queries are that.
fn hand_out_stored<'v>(
    scan: &'v TableScan,
    columns: &[usize],
    frame: &mut Frame<'_, 'v>,
    on_row: &mut OnRow<'_>,
) -> Flow {
    path::visit(scan, &scan.path, frame, &mut |frame, row_id, row| {
        attempt(frame.run.tick())?;
        if let Some(residual) = &scan.residual {
            frame.slots[scan.slot].store(row_id, row);
            if !attempt(passes(residual, frame))? {
                return ControlFlow::Continue(());
            }
        }
        hand_out_columns(row, columns, on_row)
    })
}

/// The same columns from the keys of an index that covers them.
fn hand_out_covered<'v>(
    (scan, covering): (&'v TableScan, &'v Covering),
    columns: &[usize],
    frame: &mut Frame<'_, 'v>,
    on_row: &mut OnRow<'_>,
) -> Flow {
    let positions: Columns = columns.iter().map(|column| covering.position(*column)).collect();
    let single = single(&positions);
    covering::visit(scan, covering, frame, |frame, _, covered| {
        attempt(frame.run.tick())?;
        match integer_of(covered, single) {
            Some(integer) => on_row(&[Value::Integer(integer)]),
            None => hand_out_columns_or_key(covered, (columns, &positions), on_row),
        }
    })
}

/// The position, if there is one.
pub(super) fn single(positions: &[usize]) -> Option<usize> {
    if let [position] = *positions { Some(position) } else { None }
}

/// The integer at a position of a row's key, if one column is wanted and it is one: the usual case, in so few steps that they
/// are compiled into the loop over the entries.
#[inline]
pub(super) fn integer_of(covered: Covered<'_, '_>, single: Option<usize>) -> Option<i64> {
    match covered {
        Covered::Key(key) => key.integer(single?),
        Covered::Row(_) => None,
    }
}

/// Some columns of a row, or of the key that has them at these positions.
#[inline(never)]
pub(super) fn hand_out_columns_or_key(
    covered: Covered<'_, '_>,
    (columns, positions): (&[usize], &[usize]),
    on_row: &mut OnRow<'_>,
) -> Flow {
    match covered {
        Covered::Row(row) => hand_out_columns(row, columns, on_row),
        Covered::Key(key) => hand_out_each(positions, |position| key.value(position), on_row),
    }
}

/// Some columns of a row. Of a single integer, the usual case, it is known that it owns nothing.
#[inline]
pub(super) fn hand_out_columns(
    row: &Row,
    columns: &[usize],
    on_row: &mut (impl FnMut(&[Value<'_>]) -> Flow + ?Sized),
) -> Flow {
    if let [column] = *columns
        && let Some(integer) = row.integer(column)
    {
        return on_row(&[Value::Integer(integer)]);
    }
    hand_out_each(columns, |column| row.get(column), on_row)
}

/// The values at some places. One or two, the usual number, need no list.
#[inline]
fn hand_out_each<'v>(
    places: &[usize],
    value_at: impl Fn(usize) -> Value<'v>,
    on_row: &mut (impl FnMut(&[Value<'_>]) -> Flow + ?Sized),
) -> Flow {
    match *places {
        [place] => on_row(&[value_at(place)]),
        [first, second] => on_row(&[value_at(first), value_at(second)]),
        _ => {
            let values: SmallVec<[Value<'_>; VALUES_ON_STACK]> = places.iter().map(|&place| value_at(place)).collect();
            on_row(&values)
        }
    }
}
