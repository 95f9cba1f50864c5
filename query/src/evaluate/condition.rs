//! The short way of the usual conditions: no value is made, nothing can fail.
//!
//! Most predicates compare a column with a number, or ask whether it is a certain text or NULL. Where anything else turns
//! up, a NULL, another kind, an overflow, a division by zero, there is no answer here, and the long way says what it is.

use std::cmp::Ordering;

use manicule_engine::{Value, compare_integer_real, compare_reals};

use crate::expr::{BinaryOperator, ColumnRef, Expr};
use crate::frame::{Frame, Slot};

/// Whether a comparison of numbers, of a column with a text, or with NULL, is true.
#[inline]
pub(super) fn holds(expr: &Expr, frame: &Frame<'_, '_>) -> Option<bool> {
    match expr {
        Expr::Binary { operator: BinaryOperator::Equal, left, right } => match (&**left, &**right) {
            (Expr::Column(column), Expr::Literal(Value::Text(text))) => is_text(column, text, frame),
            (Expr::Column(column), Expr::Parameter(position)) => match &frame.run.parameters[*position] {
                Value::Text(text) => is_text(column, text, frame),
                _ => Some(compared(left, right, frame)?.is_eq()),
            },
            _ => Some(compared(left, right, frame)?.is_eq()),
        },
        Expr::Binary { operator, left, right } => {
            let is_true: fn(Ordering) -> bool = match operator {
                BinaryOperator::NotEqual => Ordering::is_ne,
                BinaryOperator::Less => Ordering::is_lt,
                BinaryOperator::LessOrEqual => Ordering::is_le,
                BinaryOperator::Greater => Ordering::is_gt,
                BinaryOperator::GreaterOrEqual => Ordering::is_ge,
                _ => return None,
            };
            Some(is_true(compared(left, right, frame)?))
        }
        Expr::Between { operand, low, high, negated } => {
            let is_within = compared(operand, low, frame)?.is_ge() && compared(operand, high, frame)?.is_le();
            Some(is_within != *negated)
        }
        Expr::IsNull { operand, negated } => {
            let Expr::Column(column) = &**operand else { return None };
            let Slot::Stored(_, row) = &frame.slots[column.slot] else { return None };
            Some(row.is_null(column.column) != *negated)
        }
        _ => None,
    }
}

/// The order of two numbers.
#[inline]
fn compared(left: &Expr, right: &Expr, frame: &Frame<'_, '_>) -> Option<Ordering> {
    match (integer(left, frame), integer(right, frame)) {
        (Some(left), Some(right)) => Some(left.cmp(&right)),
        (Some(left), None) => Some(compare_integer_real(left, real(right, frame)?)),
        (None, Some(right)) => Some(compare_integer_real(right, real(left, frame)?).reverse()),
        (None, None) => Some(compare_reals(real(left, frame)?, real(right, frame)?)),
    }
}

/// Whether a column of a stored row is that text.
#[inline]
fn is_text(column: &ColumnRef, text: &str, frame: &Frame<'_, '_>) -> Option<bool> {
    let Slot::Stored(_, row) = &frame.slots[column.slot] else { return None };
    Some(row.text_bytes(column.column)? == text.as_bytes())
}

/// The real that a column or a constant is.
fn real(expr: &Expr, frame: &Frame<'_, '_>) -> Option<f64> {
    match expr {
        Expr::Literal(Value::Real(real)) => Some(*real),
        Expr::Parameter(position) => match frame.run.parameters[*position] {
            Value::Real(real) => Some(real),
            _ => None,
        },
        Expr::Column(column) => match &frame.slots[column.slot] {
            Slot::Stored(_, row) => row.real(column.column),
            slot => match slot.get(column.column) {
                Value::Real(real) => Some(real),
                _ => None,
            },
        },
        _ => None,
    }
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
