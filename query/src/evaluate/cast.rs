//! CAST, which refuses what it cannot say exactly enough, and the gentler coercion of values that are stored.

use std::borrow::Cow;

use manicule_engine::time::{MICROS_PER_DAY, parse_date, parse_timestamp};
use manicule_engine::{ColumnType, Value};

use super::operand_type;
use crate::error::{Error, Result};

/// 2^63, the first real above every integer.
const INTEGER_LIMIT: f64 = 9_223_372_036_854_775_808.0;

/// `CAST(value AS target)`. A real loses its fraction on the way to an integer.
///
/// # Errors
///
/// [`Error::InvalidCast`] for a text that does not say such a value, [`Error::OutOfRange`], [`Error::OperandType`] where
/// the types have nothing in common.
pub fn cast(value: Value<'_>, target: ColumnType) -> Result<Value<'_>> {
    if value.is_null() || value.column_type() == Some(target) {
        return Ok(value);
    }
    match target {
        ColumnType::Integer => to_integer(&value).map(Value::Integer),
        ColumnType::Real => to_real(&value).map(Value::Real),
        ColumnType::Text => to_text(value),
        ColumnType::Boolean => to_boolean(&value).map(Value::Boolean),
        ColumnType::Blob => match value {
            Value::Text(text) => Ok(Value::Blob(Cow::Owned(text.into_owned().into_bytes()))),
            other => Err(operand_type("CAST AS BLOB", &other)),
        },
        ColumnType::Date => to_date(&value).map(Value::Date),
        ColumnType::Timestamp => to_timestamp(&value).map(Value::Timestamp),
    }
}

fn to_integer(value: &Value<'_>) -> Result<i64> {
    match value {
        Value::Boolean(boolean) => Ok(i64::from(*boolean)),
        Value::Real(real) => {
            let whole = real.trunc();
            let fits = (-INTEGER_LIMIT..INTEGER_LIMIT).contains(&whole);
            if fits { Ok(whole as i64) } else { Err(Error::out_of_range(value, ColumnType::Integer)) }
        }
        Value::Text(text) => integer_of_text(text.trim()).map_err(|error| match error {
            NotInteger::OutOfRange => Error::out_of_range(value, ColumnType::Integer),
            NotInteger::Malformed => Error::invalid_cast(value, ColumnType::Integer),
        }),
        _ => Err(operand_type("CAST AS INTEGER", value)),
    }
}

enum NotInteger {
    OutOfRange,
    Malformed,
}

fn integer_of_text(text: &str) -> std::result::Result<i64, NotInteger> {
    use std::num::IntErrorKind::{NegOverflow, PosOverflow};
    text.parse::<i64>().map_err(|error| match error.kind() {
        PosOverflow | NegOverflow => NotInteger::OutOfRange,
        _ => NotInteger::Malformed,
    })
}

fn to_real(value: &Value<'_>) -> Result<f64> {
    match value {
        Value::Integer(integer) => Ok(*integer as f64),
        Value::Boolean(boolean) => Ok(f64::from(u8::from(*boolean))),
        Value::Text(text) => {
            let text = text.trim();
            let spelled = text.bytes().any(|byte| byte.is_ascii_alphabetic() && !matches!(byte, b'e' | b'E'));
            if spelled && !text.eq_ignore_ascii_case("nan") {
                return Err(Error::invalid_cast(value, ColumnType::Real));
            }
            let real = text.parse::<f64>().map_err(|_| Error::invalid_cast(value, ColumnType::Real))?;
            if real.is_infinite() { Err(Error::out_of_range(value, ColumnType::Real)) } else { Ok(real) }
        }
        _ => Err(operand_type("CAST AS REAL", value)),
    }
}

fn to_text(value: Value<'_>) -> Result<Value<'_>> {
    match value {
        Value::Blob(bytes) => match std::str::from_utf8(&bytes) {
            Ok(text) => Ok(Value::Text(Cow::Owned(text.to_owned()))),
            Err(_) => Err(Error::invalid_cast(&Value::Blob(bytes), ColumnType::Text)),
        },
        other => Ok(Value::Text(Cow::Owned(other.to_string()))),
    }
}

fn to_boolean(value: &Value<'_>) -> Result<bool> {
    match value {
        Value::Integer(integer) => Ok(*integer != 0),
        Value::Real(real) => Ok(*real != 0.0),
        Value::Text(text) => match text.trim().to_ascii_lowercase().as_str() {
            "true" | "t" | "yes" | "y" | "on" | "1" => Ok(true),
            "false" | "f" | "no" | "n" | "off" | "0" => Ok(false),
            _ => Err(Error::invalid_cast(value, ColumnType::Boolean)),
        },
        _ => Err(operand_type("CAST AS BOOLEAN", value)),
    }
}

fn to_date(value: &Value<'_>) -> Result<i32> {
    match value {
        Value::Text(text) => parse_date(text.trim())
            .or_else(|| parse_timestamp(text.trim()).and_then(day_of))
            .ok_or_else(|| Error::invalid_cast(value, ColumnType::Date)),
        Value::Timestamp(micros) => day_of(*micros).ok_or_else(|| Error::out_of_range(value, ColumnType::Date)),
        _ => Err(operand_type("CAST AS DATE", value)),
    }
}

fn to_timestamp(value: &Value<'_>) -> Result<i64> {
    match value {
        Value::Text(text) => {
            parse_timestamp(text.trim()).ok_or_else(|| Error::invalid_cast(value, ColumnType::Timestamp))
        }
        Value::Date(days) => midnight(*days).ok_or_else(|| Error::out_of_range(value, ColumnType::Timestamp)),
        _ => Err(operand_type("CAST AS TIMESTAMP", value)),
    }
}

/// The first moment of a day, if a timestamp can say it.
fn midnight(days: i32) -> Option<i64> {
    i64::from(days).checked_mul(MICROS_PER_DAY)
}

/// The day that a moment lies in.
fn day_of(micros: i64) -> Option<i32> {
    i32::try_from(micros.div_euclid(MICROS_PER_DAY)).ok()
}

/// What is stored when `value` is put into a column of type `target`: an integer becomes a real, a whole real or a boolean
/// an integer, 0 and 1 become booleans, a number becomes its text, text that says a number, a date or a timestamp becomes
/// it, a date becomes its midnight. All else stays as it is, for the engine to judge.
pub fn coerce_for_storage(value: Value<'_>, target: ColumnType) -> Value<'_> {
    let coerced = match (&value, target) {
        (Value::Integer(integer), ColumnType::Real) => Some(Value::Real(*integer as f64)),
        (Value::Real(real), ColumnType::Integer) => whole(*real).map(Value::Integer),
        (Value::Boolean(boolean), ColumnType::Integer) => Some(Value::Integer(i64::from(*boolean))),
        (Value::Integer(0), ColumnType::Boolean) => Some(Value::Boolean(false)),
        (Value::Integer(1), ColumnType::Boolean) => Some(Value::Boolean(true)),
        (Value::Text(_), ColumnType::Integer) => {
            to_integer(&value).ok().or_else(|| whole(said(&value)?)).map(Value::Integer)
        }
        (Value::Text(_), ColumnType::Real) => said(&value).map(Value::Real),
        (Value::Integer(_) | Value::Real(_), ColumnType::Text) => Some(Value::from(value.to_string())),
        (Value::Text(text), ColumnType::Date) => parse_date(text).map(Value::Date),
        (Value::Text(text), ColumnType::Timestamp) => parse_timestamp(text).map(Value::Timestamp),
        (Value::Date(days), ColumnType::Timestamp) => midnight(*days).map(Value::Timestamp),
        _ => None,
    };
    coerced.unwrap_or(value)
}

/// The number that a text says.
fn said(text: &Value<'_>) -> Option<f64> {
    to_real(text).ok().filter(|real| real.is_finite())
}

/// The integer that a real is, if it is one.
fn whole(real: f64) -> Option<i64> {
    (real.fract() == 0.0 && (-INTEGER_LIMIT..INTEGER_LIMIT).contains(&real)).then_some(real as i64)
}

#[cfg(test)]
mod tests {
    use super::{cast, coerce_for_storage};
    use manicule_engine::{ColumnType, Value};

    #[test]
    fn cast_refuses_malformed_text_and_values_out_of_range() {
        for (value, target, sqlstate) in [
            (Value::from("12abc"), ColumnType::Integer, "22P02"),
            (Value::from(""), ColumnType::Integer, "22P02"),
            (Value::from("9223372036854775808"), ColumnType::Integer, "22003"),
            (Value::from(1e20), ColumnType::Integer, "22003"),
            (Value::from(f64::NAN), ColumnType::Integer, "22003"),
            (Value::from("1e400"), ColumnType::Real, "22003"),
            (Value::from("inf"), ColumnType::Real, "22P02"),
            (Value::from("2013-02-30"), ColumnType::Date, "22P02"),
            (Value::from(5), ColumnType::Date, "42804"),
        ] {
            let error = cast(value.clone(), target).unwrap_err();
            assert_eq!(error.sqlstate(), sqlstate, "{value} as {target}");
        }
    }

    #[test]
    fn cast_keeps_what_the_type_can_hold() {
        for (value, target, expected) in [
            (Value::from(" 12 "), ColumnType::Integer, Value::from(12)),
            (Value::from(-2.9), ColumnType::Integer, Value::from(-2)),
            (Value::from("1.5"), ColumnType::Real, Value::from(1.5)),
            (Value::from(7), ColumnType::Text, Value::from("7")),
            (Value::from("off"), ColumnType::Boolean, Value::from(false)),
            (Value::from("1970-01-02"), ColumnType::Date, Value::Date(1)),
            (Value::Null, ColumnType::Date, Value::Null),
        ] {
            assert_eq!(cast(value.clone(), target).unwrap(), expected, "{value} as {target}");
        }
    }

    #[test]
    fn storage_takes_only_what_loses_nothing() {
        assert!(matches!(coerce_for_storage(Value::from(3.0), ColumnType::Integer), Value::Integer(3)));
        assert!(matches!(coerce_for_storage(Value::from(3.5), ColumnType::Integer), Value::Real(_)));
        assert!(matches!(coerce_for_storage(Value::from(3), ColumnType::Real), Value::Real(_)));
        assert!(matches!(coerce_for_storage(Value::from("x"), ColumnType::Date), Value::Text(_)));
        assert!(matches!(coerce_for_storage(Value::from(2), ColumnType::Boolean), Value::Integer(2)));
    }
}
