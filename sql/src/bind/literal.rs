//! Constants and the names of types.

use manicule_engine::time::{parse_date, parse_timestamp};
use manicule_engine::{ColumnType, Value};
use sqlparser::ast::{self, DataType};

use crate::error::{Error, Result};

/// The value of a constant as it is written.
pub(super) fn literal(value: &ast::Value) -> Result<Value<'static>> {
    use ast::Value as Ast;
    match value {
        Ast::Number(digits, _) => number(digits),
        Ast::SingleQuotedString(text) | Ast::NationalStringLiteral(text) => Ok(Value::from(text.clone())),
        Ast::HexStringLiteral(digits) => blob(digits),
        Ast::Boolean(boolean) => Ok(Value::Boolean(*boolean)),
        Ast::Null => Ok(Value::Null),
        other => Err(Error::not_supported(format!("the constant {other}"))),
    }
}

/// An integer if it is written as one, and then it must fit; otherwise a real.
pub(super) fn number(digits: &str) -> Result<Value<'static>> {
    let digits = if digits.contains('_') { &digits.replace('_', "") } else { digits };
    if digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-') {
        return digits.parse().map(Value::Integer).map_err(|_| out_of_range(digits, "INTEGER"));
    }
    match digits.parse::<f64>() {
        Ok(real) if real.is_finite() => Ok(Value::Real(real)),
        Ok(_) => Err(out_of_range(digits, "REAL")),
        Err(_) => Err(Error::syntax(format!("{digits} is not a number"))),
    }
}

fn out_of_range(digits: &str, name: &str) -> Error {
    let shown: String = digits.chars().take(40).collect();
    Error::invalid(format!("{shown} is out of range of {name}"), "22003")
}

fn blob(digits: &str) -> Result<Value<'static>> {
    let pairs = digits.as_bytes().chunks(2);
    let bytes: Option<Vec<u8>> = pairs
        .map(|pair| match pair {
            [high, low] => Some(hex_digit(*high)? << 4 | hex_digit(*low)?),
            _ => None,
        })
        .collect();
    bytes.map(Value::from).ok_or_else(|| Error::syntax("a blob is written as pairs of hexadecimal digits: x'0aff'"))
}

fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

/// The months, days and microseconds of `INTERVAL '1 month 3 days'` or `INTERVAL '3' DAY`.
pub(super) fn interval(interval: &ast::Interval) -> Result<[i64; 3]> {
    let text = match interval.value.as_ref() {
        ast::Expr::Value(value) => match &value.value {
            ast::Value::SingleQuotedString(text) | ast::Value::Number(text, _) => text.as_str(),
            _ => return Err(Error::not_supported("an INTERVAL that is not written out")),
        },
        _ => return Err(Error::not_supported("an INTERVAL that is not written out")),
    };
    if interval.last_field.is_some() || interval.leading_precision.is_some() {
        return Err(Error::not_supported("an INTERVAL of several fields"));
    }
    let parts = match &interval.leading_field {
        Some(field) => interval_parts(&format!("{text} {field}")),
        None => interval_parts(text),
    };
    parts.ok_or_else(|| {
        let shown: String = text.chars().take(40).collect();
        Error::invalid(format!("'{shown}' is not a valid INTERVAL"), "22007")
            .with_hint("numbers and units: '1 month 3 days', '-90 minutes', '1.5 seconds'")
    })
}

/// Numbers and units; `None` if it is anything else, or too long. Only the time of day has fractions.
fn interval_parts(text: &str) -> Option<[i64; 3]> {
    let mut parts = [0_i64; 3];
    let mut rest = text.trim();
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let (number, behind) = rest.split_at(rest.find(|c: char| !matches!(c, '0'..='9' | '+' | '-' | '.'))?);
        let behind = behind.trim_start();
        let (unit, behind) = behind.split_at(behind.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(behind.len()));
        let unit = unit.to_ascii_lowercase();
        let (part, scale) = match unit.strip_suffix('s').unwrap_or(&unit) {
            "year" => (0, 12),
            "month" | "mon" => (0, 1),
            "week" => (1, 7),
            "day" => (1, 1),
            "hour" => (2, 3_600_000_000),
            "minute" | "min" => (2, 60_000_000),
            "second" | "sec" => (2, 1_000_000),
            _ => return None,
        };
        let length = match number.parse::<i64>() {
            Ok(whole) => whole.checked_mul(scale)?,
            Err(_) if part == 2 && number.contains('.') => rounded(number.parse::<f64>().ok()? * scale as f64)?,
            Err(_) => return None,
        };
        parts[part] = parts[part].checked_add(length)?;
        rest = behind.trim_start();
    }
    // Each can be turned around.
    (!parts.contains(&i64::MIN)).then_some(parts)
}

/// The nearest integer, if 64 bits hold it.
fn rounded(real: f64) -> Option<i64> {
    let whole = real.round();
    (whole.abs() < 9.2e18).then_some(whole as i64)
}

/// The type that a name stands for, by SQLite's rules where the name is not one of SQL's.
pub(super) fn column_type(data_type: &DataType) -> Result<ColumnType> {
    let text = data_type.to_string();
    if matches!(data_type, DataType::Unspecified) {
        return Err(Error::not_supported("a column without a type"));
    }
    let name: String = text.chars().take_while(|c| *c != '(').collect::<String>().trim().to_ascii_uppercase();
    let has = |part: &str| name.contains(part);
    Ok(match name.as_str() {
        "BOOL" | "BOOLEAN" => ColumnType::Boolean,
        "DATE" => ColumnType::Date,
        "TIMESTAMP" | "DATETIME" | "TIMESTAMP WITHOUT TIME ZONE" => ColumnType::Timestamp,
        "BYTEA" | "VARBINARY" | "BINARY" | "BYTES" => ColumnType::Blob,
        "SIGNED" | "UNSIGNED" | "SERIAL" | "BIGSERIAL" => ColumnType::Integer,
        "POINT" | "INTERVAL" => return Err(unknown_type(&name)),
        "STRING" => ColumnType::Text,
        _ if has("INT") => ColumnType::Integer,
        _ if has("CHAR") || has("CLOB") || has("TEXT") => ColumnType::Text,
        _ if has("BLOB") => ColumnType::Blob,
        _ if has("REAL") || has("FLOA") || has("DOUB") || has("NUMERIC") || has("DEC") => ColumnType::Real,
        _ => return Err(unknown_type(&name)),
    })
}

fn unknown_type(name: &str) -> Error {
    const NAMES: [&str; 9] = ["INTEGER", "REAL", "TEXT", "BOOLEAN", "BLOB", "DATE", "TIMESTAMP", "VARCHAR", "NUMERIC"];
    let error = Error::unknown("type", name).suggesting(name, NAMES);
    match error.hint() {
        Some(_) => error,
        None => error.with_hint("the types are INTEGER, REAL, TEXT, BOOLEAN, BLOB, DATE and TIMESTAMP"),
    }
}

/// A constant as it is compared with a column of that type: a text that says a number becomes one beside a number, a
/// number becomes its text beside a text, a text that says a day or a moment becomes one beside those.
pub(super) fn for_comparison(value: Value<'static>, target: ColumnType) -> Result<Value<'static>> {
    Ok(match (&value, target) {
        (Value::Text(text), ColumnType::Integer | ColumnType::Real) => numeric(text).unwrap_or(value),
        (Value::Integer(_) | Value::Real(_), ColumnType::Text) => Value::from(value.to_string()),
        (Value::Text(text), ColumnType::Date) => match parse_date(text) {
            Some(days) => Value::Date(days),
            // A moment is compared as one.
            None => parse_timestamp(text).map(Value::Timestamp).ok_or_else(|| not_a(text, target))?,
        },
        (Value::Text(text), ColumnType::Timestamp) => {
            parse_timestamp(text).map(Value::Timestamp).ok_or_else(|| not_a(text, target))?
        }
        (Value::Text(text), ColumnType::Boolean) => match text.to_ascii_lowercase().as_str() {
            "true" | "t" => Value::Boolean(true),
            "false" | "f" => Value::Boolean(false),
            _ => return Err(not_a(text, target)),
        },
        _ => value,
    })
}

fn not_a(text: &str, target: ColumnType) -> Error {
    let shown: String = text.chars().take(40).collect();
    Error::invalid(format!("'{shown}' is not a valid {target}"), "22P02")
}

fn numeric(text: &str) -> Option<Value<'static>> {
    let text = text.trim();
    if let Ok(integer) = text.parse() {
        return Some(Value::Integer(integer));
    }
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
    text.parse::<f64>().ok().filter(|real| is_number && real.is_finite()).map(Value::Real)
}

/// A parameter's value as it is compared with, or put into, a column of that type; borrowed where nothing changes.
pub(crate) fn fit_parameter(value: Value<'_>, target: ColumnType) -> Result<Value<'_>> {
    match (&value, target) {
        (Value::Text(_), ColumnType::Text | ColumnType::Blob) | (Value::Null, _) => Ok(value),
        (Value::Text(_), _) | (Value::Integer(_) | Value::Real(_), ColumnType::Text) => {
            for_comparison(value.into_owned(), target)
        }
        _ => Ok(value),
    }
}
