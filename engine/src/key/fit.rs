//! Where a value lies among those that a column can hold.

use std::cmp::Ordering;
use std::ops::Bound;

use crate::value::{ColumnType, Value, compare_integer_real};

/// How a value lies among those that a column can hold.
pub(super) enum Fit<'a> {
    /// The column can hold it, in this form.
    Exact(Value<'a>),
    /// It lies between this value and the next one of the column's type.
    JustAbove(Value<'a>),
    /// Below every value that is not NULL.
    Below,
    /// Above every value.
    Above,
}

#[inline]
pub(super) fn fit<'a>(value: &'a Value<'_>, column_type: ColumnType) -> Fit<'a> {
    match (value, column_type) {
        (Value::Integer(_), ColumnType::Integer) | (Value::Null, _) => Fit::Exact(value.as_borrowed()),
        (Value::Real(real), ColumnType::Integer) => fit_real_to_integer(*real),
        (Value::Integer(integer), ColumnType::Real) => fit_integer_to_real(*integer),
        _ if value.column_type() == Some(column_type) => Fit::Exact(value.as_borrowed()),
        _ if value.rank() < Value::rank_of_type(column_type) => Fit::Below,
        _ => Fit::Above,
    }
}

fn fit_real_to_integer(real: f64) -> Fit<'static> {
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    if real.is_nan() || real >= LIMIT {
        return Fit::Above;
    }
    if real < -LIMIT {
        return Fit::Below;
    }
    let floor = real.floor();
    let integer = Value::Integer(floor as i64);
    if floor == real { Fit::Exact(integer) } else { Fit::JustAbove(integer) }
}

fn fit_integer_to_real(integer: i64) -> Fit<'static> {
    let real = integer as f64;
    match compare_integer_real(integer, real) {
        Ordering::Equal => Fit::Exact(Value::Real(real)),
        Ordering::Greater => Fit::JustAbove(Value::Real(real)),
        Ordering::Less => Fit::JustAbove(Value::Real(real.next_down())),
    }
}

/// The lower bound in the column's own type; `None` if nothing is above it.
pub(super) fn fit_lower<'a>(bound: &'a Bound<Value<'_>>, column_type: ColumnType) -> Option<Bound<Value<'a>>> {
    let (value, included) = match bound {
        Bound::Unbounded => return Some(Bound::Unbounded),
        Bound::Included(value) => (value, true),
        Bound::Excluded(value) => (value, false),
    };
    match fit(value, column_type) {
        Fit::Exact(value) if included => Some(Bound::Included(value)),
        Fit::Exact(value) | Fit::JustAbove(value) => Some(Bound::Excluded(value)),
        Fit::Below => Some(Bound::Excluded(Value::Null)),
        Fit::Above => None,
    }
}

/// The upper bound in the column's own type; `None` if nothing is below it.
pub(super) fn fit_upper<'a>(bound: &'a Bound<Value<'_>>, column_type: ColumnType) -> Option<Bound<Value<'a>>> {
    let (value, included) = match bound {
        Bound::Unbounded => return Some(Bound::Unbounded),
        Bound::Included(value) => (value, true),
        Bound::Excluded(Value::Null) => return None,
        Bound::Excluded(value) => (value, false),
    };
    match fit(value, column_type) {
        Fit::Exact(value) if !included => Some(Bound::Excluded(value)),
        Fit::Exact(value) | Fit::JustAbove(value) => Some(Bound::Included(value)),
        Fit::Below => Some(Bound::Included(Value::Null)),
        Fit::Above => Some(Bound::Unbounded),
    }
}
