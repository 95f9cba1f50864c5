//! The short way of a lookup by one whole key: no frame, no tree, no allocation.

use std::ops::ControlFlow;

use manicule_engine::{Value, View};
use smallvec::SmallVec;

use crate::context::ExecutionContext;
use crate::error::Result;
use crate::frame::ROWS_PER_POLL;
use crate::physical::{PointLookup, PointValue};
use crate::route::{Fit, fit};

/// Hands out the columns of the rows under one key. Values of up to four key columns and eight result columns lie on the
/// stack.
#[inline]
pub(crate) fn query_point(
    point: &PointLookup,
    view: &View<'_>,
    context: &ExecutionContext<'_>,
    mut on_row: impl FnMut(&[Value<'_>]) -> Result<ControlFlow<()>>,
) -> Result<()> {
    let mut key: SmallVec<[Value<'_>; 4]> = SmallVec::new();
    for part in &point.key {
        let value = match &part.value {
            PointValue::Parameter(position) => context.parameters[*position].as_borrowed(),
            PointValue::Literal(value) => value.as_borrowed(),
        };
        if value.is_null() {
            return Ok(());
        }
        match fit(value, part.column_type) {
            Fit::Equal(value) => key.push(value),
            Fit::After(_) | Fit::Least | Fit::Greatest => return Ok(()),
        }
    }
    let mut rows_to_poll = ROWS_PER_POLL;
    let flow = view.lookup(point.index, &key, |_, row| {
        let values: SmallVec<[Value<'_>; 8]> = point.columns.iter().map(|&column| row.get(column)).collect();
        rows_to_poll -= 1;
        let said = on_row(&values).and_then(|said| {
            if rows_to_poll == 0 {
                rows_to_poll = ROWS_PER_POLL;
                context.limits.check()?;
            }
            Ok(said)
        });
        match said {
            Ok(ControlFlow::Continue(())) => ControlFlow::Continue(()),
            Ok(ControlFlow::Break(())) => ControlFlow::Break(Ok(())),
            Err(error) => ControlFlow::Break(Err(error)),
        }
    });
    match flow {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(result) => result,
    }
}
