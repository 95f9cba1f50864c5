//! The short way of the usual conditions: no value is made, nothing can fail.
//!
//! Most predicates compare an integer column with an integer, or ask whether a column is a certain text. Where anything else
//! turns up, a NULL, another kind, an overflow, a division by zero, there is no answer here, and the long way says what it
//! is.

use manicule_engine::Value;

use crate::expr::{BinaryOperator, ColumnRef, Expr};
use crate::frame::{Frame, Slot};

/// Whether a comparison of integers, or of a column with a text, is true.
#[inline]
pub(super) fn holds(expr: &Expr, frame: &Frame<'_, '_>) -> Option<bool> {
    match expr {
        Expr::Binary { operator: BinaryOperator::Equal, left, right } => match (&**left, &**right) {
            (Expr::Column(column), Expr::Literal(Value::Text(text))) => is_text(column, text, frame),
            (Expr::Column(column), Expr::Parameter(position)) => match &frame.run.parameters[*position] {
                Value::Text(text) => is_text(column, text, frame),
                _ => Some(integer(left, frame)? == integer(right, frame)?),
            },
            _ => Some(integer(left, frame)? == integer(right, frame)?),
        },
        Expr::Binary { operator, left, right } => {
            let compare: fn(i64, i64) -> bool = match operator {
                BinaryOperator::NotEqual => |left, right| left != right,
                BinaryOperator::Less => |left, right| left < right,
                BinaryOperator::LessOrEqual => |left, right| left <= right,
                BinaryOperator::Greater => |left, right| left > right,
                BinaryOperator::GreaterOrEqual => |left, right| left >= right,
                _ => return None,
            };
            Some(compare(integer(left, frame)?, integer(right, frame)?))
        }
        Expr::Between { operand, low, high, negated } => {
            let operand = integer(operand, frame)?;
            let is_within = (integer(low, frame)?..=integer(high, frame)?).contains(&operand);
            Some(is_within != *negated)
        }
        _ => None,
    }
}

/// Whether a column of a stored row is that text.
#[inline]
fn is_text(column: &ColumnRef, text: &str, frame: &Frame<'_, '_>) -> Option<bool> {
    let Slot::Stored(_, row) = &frame.slots[column.slot] else { return None };
    Some(row.text_bytes(column.column)? == text.as_bytes())
}

/// The integer that an expression is.
#[inline]
fn integer(expr: &Expr, frame: &Frame<'_, '_>) -> Option<i64> {
    match expr {
        Expr::Literal(Value::Integer(integer)) => Some(*integer),
        Expr::Parameter(position) => match frame.run.parameters[*position] {
            Value::Integer(integer) => Some(integer),
            _ => None,
        },
        Expr::Column(column) => match &frame.slots[column.slot] {
            Slot::Stored(_, row) => row.integer(column.column),
            slot => match slot.get(column.column) {
                Value::Integer(integer) => Some(integer),
                _ => None,
            },
        },
        Expr::Binary { operator, left, right } => calculated(*operator, left, right, frame),
        _ => None,
    }
}

fn calculated(operator: BinaryOperator, left: &Expr, right: &Expr, frame: &Frame<'_, '_>) -> Option<i64> {
    let (left, right) = (integer(left, frame)?, integer(right, frame)?);
    match operator {
        BinaryOperator::Add => left.checked_add(right),
        BinaryOperator::Subtract => left.checked_sub(right),
        BinaryOperator::Multiply => left.checked_mul(right),
        BinaryOperator::Divide => left.checked_div(right),
        BinaryOperator::Remainder if right != 0 => Some(left.wrapping_rem(right)),
        _ => None,
    }
}
