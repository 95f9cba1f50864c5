//! Comparison of two values that are not NULL, and the form in which equal values hash alike.

use std::cmp::Ordering;

use manicule_engine::{Value, time::MICROS_PER_DAY};

/// Orders two values: as [`Value::compare`], but a boolean beside a number is 0 or 1 and a date beside a timestamp is its
/// midnight.
#[inline]
pub(crate) fn compare_values(left: &Value<'_>, right: &Value<'_>) -> Ordering {
    match (left, right) {
        (Value::Boolean(left), Value::Integer(_) | Value::Real(_)) => number(*left).compare(right),
        (Value::Integer(_) | Value::Real(_), Value::Boolean(right)) => left.compare(&number(*right)),
        (Value::Date(left), Value::Timestamp(_)) => midnight(*left).compare(right),
        (Value::Timestamp(_), Value::Date(right)) => left.compare(&midnight(*right)),
        _ => left.compare(right),
    }
}

/// Whether two values are the same; NULL is the same as NULL.
pub(crate) fn equal_values(left: &Value<'_>, right: &Value<'_>) -> bool {
    compare_values(left, right).is_eq()
}

/// The value in the form in which `=` and hashing agree: what [`compare_values`] holds equal is equal as a
/// [`Value`].
pub(crate) fn comparable(value: Value<'_>) -> Value<'_> {
    match value {
        Value::Boolean(boolean) => number(boolean),
        Value::Date(days) => midnight(days),
        other => other,
    }
}

fn number<'a>(boolean: bool) -> Value<'a> {
    Value::Integer(i64::from(boolean))
}

fn midnight<'a>(days: i32) -> Value<'a> {
    Value::Timestamp(i64::from(days).saturating_mul(MICROS_PER_DAY))
}
