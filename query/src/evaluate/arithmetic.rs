//! Operators on numbers, bits and texts.
//!
//! Two integers give an integer and an overflow is an error; with a real among them the result is a real and an infinite
//! one is an error. Booleans count as 0 and 1. A date moves by whole days.

use std::borrow::Cow;

use manicule_engine::{Value, time::civil_from_days};

use super::{VALUE_BYTES_MAX, operand_type};
use crate::context::{DivisionByZero, Settings};
use crate::error::{Error, Result};
use crate::expr::BinaryOperator;

/// A number.
#[derive(Clone, Copy)]
pub(crate) enum Number {
    Integer(i64),
    Real(f64),
}

impl Number {
    pub(crate) fn to_real(self) -> f64 {
        match self {
            Self::Integer(integer) => integer as f64,
            Self::Real(real) => real,
        }
    }

    /// The whole part, at the ends of 64 bits where it is beyond.
    fn whole(self) -> i64 {
        match self {
            Self::Integer(integer) => integer,
            Self::Real(real) => real as i64,
        }
    }
}

/// The number that a value is, `None` for NULL.
pub(crate) fn number(operation: &'static str, value: &Value<'_>) -> Result<Option<Number>> {
    Ok(Some(match value {
        Value::Null => return Ok(None),
        Value::Integer(integer) => Number::Integer(*integer),
        Value::Boolean(boolean) => Number::Integer(i64::from(*boolean)),
        Value::Real(real) => Number::Real(*real),
        _ => return Err(operand_type(operation, value)),
    }))
}

/// The integer that a value is, `None` for NULL.
pub(super) fn integer(operation: &'static str, value: &Value<'_>) -> Result<Option<i64>> {
    match number(operation, value)? {
        None => Ok(None),
        Some(Number::Integer(integer)) => Ok(Some(integer)),
        Some(Number::Real(_)) => Err(operand_type(operation, value)),
    }
}

/// A real result; an infinite one is an error.
pub(super) fn finite<'a>(operation: &'static str, real: f64) -> Result<Value<'a>> {
    if real.is_infinite() { Err(Error::RealOverflow { operation }) } else { Ok(Value::Real(real)) }
}

/// `-operand`.
pub(super) fn negate(operand: Value<'_>) -> Result<Value<'_>> {
    Ok(match number("-", &operand)? {
        None => Value::Null,
        Some(Number::Integer(integer)) => {
            Value::Integer(integer.checked_neg().ok_or(Error::IntegerOverflow { operation: "-" })?)
        }
        Some(Number::Real(real)) => Value::Real(-real),
    })
}

/// `~operand`.
pub(super) fn bit_not(operand: Value<'_>) -> Result<Value<'_>> {
    Ok(integer("~", &operand)?.map_or(Value::Null, |integer| Value::Integer(!integer)))
}

/// `+ - * / %`.
pub(super) fn calculate<'a>(
    operator: BinaryOperator,
    left: Value<'a>,
    right: Value<'a>,
    settings: Settings,
) -> Result<Value<'a>> {
    let operation = operator.symbol();
    if matches!(left, Value::Date(_)) || matches!(right, Value::Date(_)) {
        return days(operator, &left, &right);
    }
    let (Some(left), Some(right)) = (number(operation, &left)?, number(operation, &right)?) else {
        return Ok(Value::Null);
    };
    let divides = matches!(operator, BinaryOperator::Divide | BinaryOperator::Remainder);
    let divisor_is_zero = match right {
        right if operator == BinaryOperator::Remainder => right.whole() == 0,
        right => right.to_real() == 0.0,
    };
    if divides && divisor_is_zero {
        return match settings.division_by_zero {
            DivisionByZero::Error => Err(Error::DivisionByZero),
            DivisionByZero::Null => Ok(Value::Null),
        };
    }
    match (left, right) {
        (Number::Integer(left), Number::Integer(right)) => integers(operator, left, right),
        // Of the whole parts, as SQLite has it; MOD() is the remainder of reals.
        (left, right) if operator == BinaryOperator::Remainder => {
            Ok(Value::Real(left.whole().wrapping_rem(right.whole()) as f64))
        }
        (left, right) => reals(operator, left.to_real(), right.to_real()),
    }
}

fn integers<'a>(operator: BinaryOperator, left: i64, right: i64) -> Result<Value<'a>> {
    let result = match operator {
        BinaryOperator::Add => left.checked_add(right),
        BinaryOperator::Subtract => left.checked_sub(right),
        BinaryOperator::Multiply => left.checked_mul(right),
        BinaryOperator::Divide => left.checked_div(right),
        BinaryOperator::Remainder => Some(left.wrapping_rem(right)),
        _ => unreachable!("only arithmetic is calculated"),
    };
    result.map(Value::Integer).ok_or(Error::IntegerOverflow { operation: operator.symbol() })
}

fn reals<'a>(operator: BinaryOperator, left: f64, right: f64) -> Result<Value<'a>> {
    let result = match operator {
        BinaryOperator::Add => left + right,
        BinaryOperator::Subtract => left - right,
        BinaryOperator::Multiply => left * right,
        BinaryOperator::Divide => left / right,
        _ => unreachable!("only arithmetic other than remainders is calculated in reals"),
    };
    finite(operator.symbol(), result)
}

/// A date moved by days, or the days between two dates.
fn days<'a>(operator: BinaryOperator, left: &Value<'_>, right: &Value<'_>) -> Result<Value<'a>> {
    let operation = operator.symbol();
    let moved = |days: i32, by: Option<i64>| {
        let moved = by.and_then(|by| i64::from(days).checked_add(by)).and_then(|days| i32::try_from(days).ok());
        moved
            .filter(|days| (1..=9999).contains(&civil_from_days(*days).0))
            .map(Value::Date)
            .ok_or(Error::DateOverflow { operation })
    };
    match (operator, left, right) {
        (_, Value::Null, _) | (_, _, Value::Null) => Ok(Value::Null),
        (BinaryOperator::Subtract, Value::Date(left), Value::Date(right)) => {
            Ok(Value::Integer(i64::from(*left) - i64::from(*right)))
        }
        (BinaryOperator::Subtract, Value::Date(date), Value::Integer(by)) => moved(*date, by.checked_neg()),
        (BinaryOperator::Add, Value::Date(date), Value::Integer(by))
        | (BinaryOperator::Add, Value::Integer(by), Value::Date(date)) => moved(*date, Some(*by)),
        (_, Value::Date(_), _) => Err(operand_type(operation, left)),
        (_, _, _) => Err(operand_type(operation, right)),
    }
}

/// `& | << >>`.
pub(super) fn bits<'a>(operator: BinaryOperator, left: Value<'a>, right: Value<'a>) -> Result<Value<'a>> {
    let operation = operator.symbol();
    let (Some(left), Some(right)) = (integer(operation, &left)?, integer(operation, &right)?) else {
        return Ok(Value::Null);
    };
    Ok(Value::Integer(match operator {
        BinaryOperator::BitAnd => left & right,
        BinaryOperator::BitOr => left | right,
        BinaryOperator::ShiftLeft => shift(left, right),
        BinaryOperator::ShiftRight => shift(left, right.saturating_neg()),
        _ => unreachable!("only operators on bits come here"),
    }))
}

/// Shifts to the left, or to the right if `by` is negative, over any distance.
fn shift(bits: i64, by: i64) -> i64 {
    match by {
        64.. => 0,
        0..=63 => bits << by,
        -63..=-1 => bits >> -by,
        _ => bits >> 63,
    }
}

/// `left || right`.
pub(super) fn concat<'a>(left: &Value<'_>, right: &Value<'_>) -> Result<Value<'a>> {
    let (Some(left), Some(right)) = (text_of("||", left)?, text_of("||", right)?) else {
        return Ok(Value::Null);
    };
    check_size(left.len() + right.len())?;
    let mut text = String::with_capacity(left.len() + right.len());
    text.push_str(&left);
    text.push_str(&right);
    Ok(Value::Text(Cow::Owned(text)))
}

/// A value as text, `None` for NULL; a blob has none.
pub(super) fn text_of<'b>(operation: &'static str, value: &'b Value<'_>) -> Result<Option<Cow<'b, str>>> {
    match value {
        Value::Null => Ok(None),
        Value::Text(text) => Ok(Some(Cow::Borrowed(text))),
        Value::Blob(_) => Err(operand_type(operation, value)),
        Value::Boolean(boolean) => Ok(Some(Cow::Borrowed(if *boolean { "true" } else { "false" }))),
        Value::Integer(_) | Value::Real(_) | Value::Date(_) | Value::Timestamp(_) => {
            Ok(Some(Cow::Owned(value.to_string())))
        }
    }
}

/// Refuses a value over [`VALUE_BYTES_MAX`], before it is made.
pub(super) fn check_size(bytes: usize) -> Result<()> {
    if bytes > VALUE_BYTES_MAX { Err(Error::ValueTooLarge { bytes_max: VALUE_BYTES_MAX }) } else { Ok(()) }
}
