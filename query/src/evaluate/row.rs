//! Rows of values: `(a, b) > (1, 2)`, `(a, b) BETWEEN …`, `(a, b) IN (…)`.
//!
//! The first pair of values that are not equal decides an ordering; a pair with NULL before it makes it NULL. Equality is
//! that of all pairs, so one pair that differs decides it, whatever is NULL beside it. No value is computed after what
//! decides.

use manicule_engine::Value;

use super::{and, evaluate, holds};
use crate::error::Result;
use crate::evaluate::compare_values;
use crate::expr::{BinaryOperator, Expr};
use crate::frame::Frame;

/// An ordering of two rows, `None` if it is NULL.
pub(super) fn compare<'v>(
    operator: BinaryOperator,
    left: &'v [Expr],
    right: &'v [Expr],
    frame: &Frame<'_, 'v>,
) -> Result<Option<bool>> {
    let mut ordering = std::cmp::Ordering::Equal;
    for (left, right) in left.iter().zip(right) {
        let (left, right) = (evaluate(left, frame)?, evaluate(right, frame)?);
        if left.is_null() || right.is_null() {
            return Ok(None);
        }
        ordering = compare_values(&left, &right);
        if ordering.is_ne() {
            break;
        }
    }
    Ok(Some(holds(operator, ordering)))
}

pub(super) fn between<'v>(
    values: &'v [Expr],
    [low, high]: [&'v Expr; 2],
    frame: &Frame<'_, 'v>,
) -> Result<Option<bool>> {
    let above = compare(BinaryOperator::GreaterOrEqual, values, low.values(), frame)?;
    let below = compare(BinaryOperator::LessOrEqual, values, high.values(), frame)?;
    Ok(and(above, below))
}

/// Whether one of the rows of a list equals the row.
pub(super) fn in_list<'v>(values: &'v [Expr], list: &'v [Expr], frame: &Frame<'_, 'v>) -> Result<Option<bool>> {
    let row = evaluate_row(values, frame)?;
    let mut found = Some(false);
    for item in list {
        match equal_rows(&row, &evaluate_row(item.values(), frame)?) {
            Some(true) => return Ok(Some(true)),
            Some(false) => {}
            None => found = None,
        }
    }
    Ok(found)
}

/// The values of a row.
pub(crate) fn evaluate_row<'a, 'v: 'a>(values: &'v [Expr], frame: &'a Frame<'_, 'v>) -> Result<Vec<Value<'a>>> {
    values.iter().map(|value| evaluate(value, frame)).collect()
}

/// Whether two rows are equal, `None` if that is NULL.
pub(crate) fn equal_rows(left: &[Value<'_>], right: &[Value<'_>]) -> Option<bool> {
    let mut equal = Some(true);
    for (left, right) in left.iter().zip(right) {
        if left.is_null() || right.is_null() {
            equal = None;
        } else if compare_values(left, right).is_ne() {
            return Some(false);
        }
    }
    equal
}
