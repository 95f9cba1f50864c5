//! Where a value lies among the values of a column's type.
//!
//! `x > 3.5` on an INTEGER column is `x > 3`, `x = 3.5` nothing, `x < 'a'` everything: the comparison speaks of values of
//! any kind, the index holds values of one. [`fit`] finds the place, and the executor adjusts keys and bounds by it, so
//! that an index finds exactly the rows for which the comparison is true.

use std::ops::Bound;

use manicule_engine::time::MICROS_PER_DAY;
use manicule_engine::{ColumnType, Value, compare_integer_real};

use crate::evaluate::compare_values;

/// The place of a value that is not NULL among the values of a type.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Fit<'a> {
    /// It equals this value of the type.
    Equal(Value<'a>),
    /// It lies between this value of the type and the next greater one.
    After(Value<'a>),
    /// It is less than every value of the type.
    Least,
    /// It is greater than every value of the type.
    Greatest,
}

/// The lower bound as an index on a column of type `target` takes it, `None` if nothing lies above it.
///
/// No comparison with NULL is true. So a bound leaves the NULLs out, and where there is none, `skips_nulls` says whether
/// something else does.
pub(crate) fn fit_lower(bound: Bound<Value<'_>>, target: ColumnType, skips_nulls: bool) -> Option<Bound<Value<'_>>> {
    let (value, included) = match bound {
        Bound::Unbounded if skips_nulls => return Some(Bound::Excluded(Value::Null)),
        Bound::Unbounded => return Some(Bound::Unbounded),
        Bound::Included(value) => (value, true),
        Bound::Excluded(value) => (value, false),
    };
    if value.is_null() {
        return None;
    }
    Some(match fit(value, target) {
        Fit::Equal(value) if included => Bound::Included(value),
        Fit::Equal(value) | Fit::After(value) => Bound::Excluded(value),
        Fit::Least => Bound::Excluded(Value::Null),
        Fit::Greatest => return None,
    })
}

/// The upper bound as an index on a column of type `target` takes it, `None` if nothing lies below it.
pub(crate) fn fit_upper(bound: Bound<Value<'_>>, target: ColumnType) -> Option<Bound<Value<'_>>> {
    let (value, included) = match bound {
        Bound::Unbounded => return Some(Bound::Unbounded),
        Bound::Included(value) => (value, true),
        Bound::Excluded(value) => (value, false),
    };
    if value.is_null() {
        return None;
    }
    Some(match fit(value, target) {
        Fit::Equal(value) if !included => Bound::Excluded(value),
        Fit::Equal(value) | Fit::After(value) => Bound::Included(value),
        Fit::Greatest => Bound::Unbounded,
        Fit::Least => return None,
    })
}

/// An end of a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Lower,
    Upper,
}

/// The bound of a row of values as an index takes it, first value and rest, `None` if nothing lies within it.
///
/// The row is as long as its values equal some of their columns' types: one that lies between them decides, and so does
/// NULL, beside which no comparison is true.
pub(crate) fn fit_row<'a>(
    (bound, target): (Bound<Value<'a>>, ColumnType),
    rest: Vec<(ColumnType, Value<'a>)>,
    side: Side,
) -> Option<(Bound<Value<'a>>, Vec<Value<'a>>)> {
    let (first, mut included) = match &bound {
        Bound::Included(value) => (fit_if_known(value, target), true),
        Bound::Excluded(value) => (fit_if_known(value, target), false),
        Bound::Unbounded => (None, false),
    };
    let Some(Fit::Equal(first)) = first else {
        let bound = if side == Side::Lower { fit_lower(bound, target, true) } else { fit_upper(bound, target) };
        return bound.map(|bound| (bound, Vec::new()));
    };
    let mut fitted = Vec::with_capacity(rest.len());
    for (target, value) in rest {
        let fit = fit_if_known(&value, target);
        if let Some(Fit::Equal(value)) = fit {
            fitted.push(value);
            continue;
        }
        // What equals the values so far lies on one side of this one.
        included = side == Side::Upper && matches!(fit, Some(Fit::After(_) | Fit::Greatest));
        match fit {
            Some(Fit::After(value)) => fitted.push(value),
            Some(Fit::Least) if side == Side::Lower => fitted.push(Value::Null),
            _ => {}
        }
        break;
    }
    Some((if included { Bound::Included(first) } else { Bound::Excluded(first) }, fitted))
}

/// The place of a value, `None` for NULL.
fn fit_if_known<'a>(value: &Value<'a>, target: ColumnType) -> Option<Fit<'a>> {
    if value.is_null() { None } else { Some(fit(value.clone(), target)) }
}

/// 2^63, the first real above every integer.
const INTEGER_LIMIT: f64 = 9_223_372_036_854_775_808.0;

/// The place of `value`, which is not NULL, among the values of `target`, by the order of
/// [`compare_values`](crate::evaluate::compare_values).
pub(crate) fn fit(value: Value<'_>, target: ColumnType) -> Fit<'_> {
    match (&value, target) {
        (value_of_type, _) if value_of_type.column_type() == Some(target) => Fit::Equal(value),
        (Value::Boolean(boolean), ColumnType::Integer | ColumnType::Real) => {
            fit(Value::Integer(i64::from(*boolean)), target)
        }
        (Value::Real(real), ColumnType::Integer) => real_among_integers(*real),
        (Value::Integer(integer), ColumnType::Real) => integer_among_reals(*integer),
        (Value::Integer(_) | Value::Real(_), ColumnType::Boolean) => number_among_booleans(&value),
        (Value::Date(days), ColumnType::Timestamp) => {
            Fit::Equal(Value::Timestamp(i64::from(*days).saturating_mul(MICROS_PER_DAY)))
        }
        (Value::Timestamp(micros), ColumnType::Date) => timestamp_among_dates(*micros),
        _ if compare_values(&value, &sample(target)).is_lt() => Fit::Least,
        _ => Fit::Greatest,
    }
}

fn real_among_integers<'a>(real: f64) -> Fit<'a> {
    if real < -INTEGER_LIMIT {
        return Fit::Least;
    }
    if real.is_nan() || real >= INTEGER_LIMIT {
        return Fit::Greatest;
    }
    let floor = Value::Integer(real.floor() as i64);
    if real.fract() == 0.0 { Fit::Equal(floor) } else { Fit::After(floor) }
}

fn integer_among_reals<'a>(integer: i64) -> Fit<'a> {
    let real = integer as f64;
    match compare_integer_real(integer, real) {
        std::cmp::Ordering::Equal => Fit::Equal(Value::Real(real)),
        std::cmp::Ordering::Greater => Fit::After(Value::Real(real)),
        std::cmp::Ordering::Less => Fit::After(Value::Real(real.next_down())),
    }
}

fn number_among_booleans<'a>(number: &Value<'_>) -> Fit<'a> {
    let [to_zero, to_one] = [0, 1].map(|integer| number.compare(&Value::Integer(integer)));
    match (to_zero.is_lt(), to_zero.is_eq(), to_one.is_lt(), to_one.is_eq()) {
        (true, ..) => Fit::Least,
        (_, true, ..) => Fit::Equal(Value::Boolean(false)),
        (_, _, true, _) => Fit::After(Value::Boolean(false)),
        (.., true) => Fit::Equal(Value::Boolean(true)),
        _ => Fit::Greatest,
    }
}

fn timestamp_among_dates<'a>(micros: i64) -> Fit<'a> {
    // 2^63 microseconds are 106,751,991 days, well within a date's 32 bits.
    let day = Value::Date(micros.div_euclid(MICROS_PER_DAY) as i32);
    if micros.rem_euclid(MICROS_PER_DAY) == 0 { Fit::Equal(day) } else { Fit::After(day) }
}

/// Some value of a type: kinds that share no order are ordered by kind, so any will do.
fn sample(column_type: ColumnType) -> Value<'static> {
    match column_type {
        ColumnType::Integer => Value::Integer(0),
        ColumnType::Real => Value::Real(0.0),
        ColumnType::Text => Value::from(""),
        ColumnType::Boolean => Value::Boolean(false),
        ColumnType::Blob => Value::from(&[][..]),
        ColumnType::Date => Value::Date(0),
        ColumnType::Timestamp => Value::Timestamp(0),
    }
}

#[cfg(test)]
mod tests {
    use super::{Fit, fit};
    use manicule_engine::{ColumnType, Value};

    #[test]
    fn values_find_their_place() {
        let big = (1_i64 << 53) + 1;
        for (value, target, expected) in [
            (Value::from(3.0), ColumnType::Integer, Fit::Equal(Value::from(3))),
            (Value::from(3.5), ColumnType::Integer, Fit::After(Value::from(3))),
            (Value::from(-3.5), ColumnType::Integer, Fit::After(Value::from(-4))),
            (Value::from(1e19), ColumnType::Integer, Fit::Greatest),
            (Value::from(f64::NAN), ColumnType::Integer, Fit::Greatest),
            (Value::from(f64::NEG_INFINITY), ColumnType::Integer, Fit::Least),
            (Value::from(big), ColumnType::Real, Fit::After(Value::from((big - 1) as f64))),
            (Value::from("3"), ColumnType::Integer, Fit::Greatest),
            (Value::from(3), ColumnType::Text, Fit::Least),
            (Value::from(true), ColumnType::Integer, Fit::Equal(Value::from(1))),
            (Value::from(0.5), ColumnType::Boolean, Fit::After(Value::from(false))),
            (Value::Timestamp(1), ColumnType::Date, Fit::After(Value::Date(0))),
            (Value::Timestamp(-1), ColumnType::Date, Fit::After(Value::Date(-1))),
        ] {
            assert_eq!(fit(value.clone(), target), expected, "{value} among {target}");
        }
    }
}
