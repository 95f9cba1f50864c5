//! From the values of GlueSQL to keys: bytes whose order is the order of the values.
//!
//! ```text
//! key   = class · payload           NULL is the last class, as GlueSQL sorts it
//! class = boolean | number | text | bytes | address | moment | time | interval | uuid | list | map | point | NULL
//! ```
//!
//! Values that GlueSQL compares are of one class, and their payloads compare as it compares them: all integers, floats and
//! decimals are numbers, a date is the moment at which it begins. Where GlueSQL rounds an integer to compare it with a
//! float, keys do not; and two floats are equal if they are, not if they are near. Lists, maps and points have no order:
//! theirs is only there so that equal ones have equal keys.

mod number;
mod scan;
#[cfg(test)]
mod tests;

use std::net::IpAddr;

use gluesql_core::chrono::{Datelike, NaiveDate, NaiveDateTime, NaiveTime, Timelike};
use gluesql_core::data::{Interval, Value};
use manicule_index::set::KeyBytes;

pub(crate) use scan::{Probe, probes};

/// The first byte of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Class {
    Bool = 1,
    Number = 2,
    Text = 3,
    Bytes = 4,
    Address = 5,
    Moment = 6,
    Time = 7,
    Interval = 8,
    Uuid = 9,
    List = 10,
    Map = 11,
    Point = 12,
    Null = 255,
}

impl Class {
    fn of(value: &Value) -> Self {
        match value {
            Value::Bool(_) => Self::Bool,
            Value::I8(_) | Value::I16(_) | Value::I32(_) | Value::I64(_) | Value::I128(_) => Self::Number,
            Value::U8(_) | Value::U16(_) | Value::U32(_) | Value::U64(_) | Value::U128(_) => Self::Number,
            Value::F32(_) | Value::F64(_) | Value::Decimal(_) => Self::Number,
            Value::Str(_) => Self::Text,
            Value::Bytea(_) => Self::Bytes,
            Value::Inet(_) => Self::Address,
            Value::Date(_) | Value::Timestamp(_) => Self::Moment,
            Value::Time(_) => Self::Time,
            Value::Interval(_) => Self::Interval,
            Value::Uuid(_) => Self::Uuid,
            Value::List(_) => Self::List,
            Value::Map(_) => Self::Map,
            Value::Point(_) => Self::Point,
            Value::Null => Self::Null,
        }
    }
}

/// The key of a value.
pub(crate) fn encode(value: &Value) -> KeyBytes {
    let mut bytes = KeyBytes::new();
    append(value, &mut bytes);
    bytes
}

fn append(value: &Value, out: &mut KeyBytes) {
    out.extend_from_slice(&[Class::of(value) as u8]);
    match value {
        Value::Bool(value) => out.extend([u8::from(*value)]),
        Value::I8(value) => number::integer(i128::from(*value), out),
        Value::I16(value) => number::integer(i128::from(*value), out),
        Value::I32(value) => number::integer(i128::from(*value), out),
        Value::I64(value) => number::integer(i128::from(*value), out),
        Value::I128(value) => number::integer(*value, out),
        Value::U8(value) => number::integer(i128::from(*value), out),
        Value::U16(value) => number::integer(i128::from(*value), out),
        Value::U32(value) => number::integer(i128::from(*value), out),
        Value::U64(value) => number::integer(i128::from(*value), out),
        Value::U128(value) => number::unsigned(*value, out),
        Value::F32(value) => number::float(f64::from(*value), out),
        Value::F64(value) => number::float(*value, out),
        Value::Decimal(value) => number::decimal((value.mantissa(), value.scale()), &value.to_string(), out),
        Value::Str(value) => out.extend_from_slice(value.as_bytes()),
        Value::Bytea(value) => out.extend_from_slice(value),
        Value::Inet(IpAddr::V4(value)) => out.extend([4].into_iter().chain(value.octets())),
        Value::Inet(IpAddr::V6(value)) => out.extend([6].into_iter().chain(value.octets())),
        Value::Date(value) => moment(&NaiveDateTime::new(*value, NaiveTime::MIN), out),
        Value::Timestamp(value) => moment(value, out),
        Value::Time(value) => time(value, out),
        Value::Interval(Interval::Microsecond(value)) => out.extend([0].into_iter().chain(signed(*value))),
        Value::Interval(Interval::Month(value)) => out.extend([1].into_iter().chain(signed(i64::from(*value)))),
        Value::Uuid(value) => out.extend_from_slice(&value.to_be_bytes()),
        Value::List(values) => values.iter().for_each(|value| element(value, out)),
        Value::Map(entries) => entries.iter().for_each(|(name, value)| {
            element(&Value::Str(name.clone()), out);
            element(value, out);
        }),
        Value::Point(point) => {
            number::float(point.x, out);
            number::float(point.y, out);
        }
        Value::Null => {}
    }
}

/// A value within a list or a map, where those of two types are never equal.
fn element(value: &Value, out: &mut KeyBytes) {
    let bytes = encode(value);
    out.extend_from_slice(&(bytes.len() as u64).to_be_bytes());
    out.extend_from_slice(&bytes);
    out.extend(value.get_type().into_iter().flat_map(|data_type| data_type.to_string().into_bytes()));
}

fn signed(value: i64) -> [u8; 8] {
    (value ^ i64::MIN).to_be_bytes()
}

fn day(value: &NaiveDate) -> [u8; 4] {
    (value.num_days_from_ce() ^ i32::MIN).to_be_bytes()
}

fn moment(value: &NaiveDateTime, out: &mut KeyBytes) {
    out.extend(day(&value.date()));
    time(&value.time(), out);
}

fn time(value: &NaiveTime, out: &mut KeyBytes) {
    out.extend(value.num_seconds_from_midnight().to_be_bytes());
    out.extend(value.nanosecond().to_be_bytes());
}
