//! The short way of a condition on integers: no value is made, nothing can fail.
//!
//! Most predicates compare an integer column with an integer. Where anything else turns up, a NULL, another kind, an
//! overflow, a division by zero, there is no answer here, and the long way says what it is.

use manicule_engine::Value;

use crate::expr::{BinaryOperator, Expr};
use crate::frame::{Frame, Slot};

/// Whether a comparison of integers is true.
#[inline]
pub(super) fn condition(expr: &Expr, frame: &Frame<'_, '_>) -> Option<bool> {
    match expr {
        Expr::Binary { operator, left, right } => {
            let holds: fn(i64, i64) -> bool = match operator {
                BinaryOperator::Equal => |left, right| left == right,
                BinaryOperator::NotEqual => |left, right| left != right,
                BinaryOperator::Less => |left, right| left < right,
                BinaryOperator::LessOrEqual => |left, right| left <= right,
                BinaryOperator::Greater => |left, right| left > right,
                BinaryOperator::GreaterOrEqual => |left, right| left >= right,
                _ => return None,
            };
            Some(holds(integer(left, frame)?, integer(right, frame)?))
        }
        Expr::Between { operand, low, high, negated } => {
            let operand = integer(operand, frame)?;
            let is_within = (integer(low, frame)?..=integer(high, frame)?).contains(&operand);
            Some(is_within != *negated)
        }
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
