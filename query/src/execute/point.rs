//! The short way of a lookup by one whole key: no frame, no tree, no allocation.

use std::cell::Cell;
use std::ops::ControlFlow;

use manicule_engine::{Covered, Row, SoleRow, Value, View};
use smallvec::SmallVec;

use super::output::{hand_out_columns, hand_out_columns_or_key, integer_of, single};
use super::rows::row_count_of;
use super::{Flow, Stop, attempt, finished};
use crate::context::ExecutionContext;
use crate::error::Result;
use crate::frame::ROWS_PER_POLL;
use crate::physical::{InKey, PointLookup, PointValue};
use crate::route::{Fit, fit};

/// Hands out the columns of the rows under one key. Values of up to four key columns and eight result columns lie on the
/// stack.
#[inline]
pub(crate) fn query_point(
    point: &PointLookup,
    view: &View<'_>,
    context: &ExecutionContext<'_>,
    on_row: impl FnMut(&[Value<'_>]) -> Flow,
) -> Result<()> {
    match &point.limit {
        None => query_key(point, view, context, on_row),
        Some(limit) => query_first(point, value_of(limit, context), (view, context), on_row),
    }
}

/// [`query_point`] for so many rows at most.
#[inline(never)]
fn query_first(
    point: &PointLookup,
    limit: &Value<'_>,
    (view, context): (&View<'_>, &ExecutionContext<'_>),
    mut on_row: impl FnMut(&[Value<'_>]) -> Flow,
) -> Result<()> {
    let mut wanted = row_count_of("LIMIT", limit)?.unwrap_or(u64::MAX);
    if wanted == 0 {
        return Ok(());
    }
    query_key(point, view, context, |row| {
        on_row(row)?;
        wanted -= 1;
        if wanted == 0 { ControlFlow::Break(Stop::Done) } else { ControlFlow::Continue(()) }
    })
}

/// A unique index with one column is what most lookups are in, so that has a way of its own: straight, without a list or
/// anything that goes on to a next row.
#[inline]
fn query_key(
    point: &PointLookup,
    view: &View<'_>,
    context: &ExecutionContext<'_>,
    mut on_row: impl FnMut(&[Value<'_>]) -> Flow,
) -> Result<()> {
    if let [part] = point.key.as_slice() {
        let value = value_of(&part.value, context);
        if value.column_type() == Some(part.column_type) {
            let key = std::slice::from_ref(value);
            return match view.lookup_sole(point.index, key) {
                SoleRow::None => Ok(()),
                SoleRow::Row(_, row) => finished(hand_out_columns(row, &point.columns, &mut on_row)),
                SoleRow::Unknown => hand_out_all(point, view, context, key, on_row),
            };
        }
    }
    query_fitted(point, view, context, on_row)
}

/// [`query_point`] where the key has several columns, or a value is of another type than its column.
#[inline(never)]
fn query_fitted(
    point: &PointLookup,
    view: &View<'_>,
    context: &ExecutionContext<'_>,
    on_row: impl FnMut(&[Value<'_>]) -> Flow,
) -> Result<()> {
    let mut key: SmallVec<[Value<'_>; 4]> = SmallVec::new();
    for part in &point.key {
        let value = value_of(&part.value, context);
        if value.is_null() {
            return Ok(());
        }
        match fit(value.as_borrowed(), part.column_type) {
            Fit::Equal(value) => key.push(value),
            Fit::After(_) | Fit::Least | Fit::Greatest => return Ok(()),
        }
    }
    hand_out_all(point, view, context, &key, on_row)
}

#[inline]
fn value_of<'p>(part: &'p PointValue, context: &ExecutionContext<'p>) -> &'p Value<'p> {
    match part {
        PointValue::Parameter(position) => &context.parameters[*position],
        PointValue::Literal(value) => value,
    }
}

/// Hands out the columns of all rows under the key.
#[inline(never)]
fn hand_out_all(
    point: &PointLookup,
    view: &View<'_>,
    context: &ExecutionContext<'_>,
    key: &[Value<'_>],
    mut on_row: impl FnMut(&[Value<'_>]) -> Flow,
) -> Result<()> {
    let rows_to_poll = Cell::new(ROWS_PER_POLL);
    let tick = || {
        rows_to_poll.set(rows_to_poll.get() - 1);
        if rows_to_poll.get() == 0 {
            rows_to_poll.set(ROWS_PER_POLL);
            return attempt(context.limits.check());
        }
        ControlFlow::Continue(())
    };
    if let Some(InKey { positions, with_number }) = &point.in_key {
        let single = single(positions);
        let visit = |_, covered: Covered<'_, '_>| {
            tick()?;
            match integer_of(covered, single) {
                Some(integer) => on_row(&[Value::Integer(integer)]),
                None => hand_out_columns_or_key(covered, (&point.columns, positions), &mut on_row),
            }
        };
        return finished(view.lookup_covered(point.index, (key, *with_number), visit, tick));
    }
    let visit = |_, row: &Row| {
        tick()?;
        hand_out_columns(row, &point.columns, &mut on_row)
    };
    finished(view.lookup_while(point.index, key, visit, tick))
}
