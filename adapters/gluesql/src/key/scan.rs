//! What a comparison with a value asks of an index: keys and spans of keys.

use std::net::IpAddr;
use std::ops::Bound;

use gluesql_core::ast::{DataType, IndexOperator};
use gluesql_core::data::{Interval, Value};
use manicule_index::set::{Key, KeyBytes, KeySpan};

use super::{Class, encode, number};

/// The hexadecimal digits of a UUID.
const UUID_LEN_MIN: usize = 32;

/// One question to an index.
#[derive(Clone, Debug)]
pub(crate) enum Probe {
    /// The rows with a key.
    Key(Key),
    /// The rows with keys in a span.
    Span(KeySpan),
}

/// What an index is asked for the rows whose key compares so with the value, in order of key.
///
/// NULL is the greatest value: GlueSQL's suite wants it among those above any other, and asks for `< NULL` to say IS NOT
/// NULL.
pub(crate) fn probes(comparison: Option<(&IndexOperator, &Value)>) -> Vec<Probe> {
    let Some((operator, value)) = comparison else { return vec![Probe::Span(KeySpan::bytes(..))] };
    let null = [Class::Null as u8];
    if matches!(value, Value::Null) {
        return match operator {
            IndexOperator::Eq | IndexOperator::GtEq => vec![Probe::Key(Key::bytes(&null[..]))],
            IndexOperator::Lt => vec![Probe::Span(span(Bound::Unbounded, Bound::Excluded(&null)))],
            IndexOperator::LtEq => vec![Probe::Span(KeySpan::bytes(..))],
            IndexOperator::Gt => Vec::new(),
        };
    }
    let mut probes: Vec<(u8, Probe)> = readings(value)
        .iter()
        .filter_map(|reading| Some((Class::of(reading) as u8, probe(operator, reading)?)))
        .collect();
    probes.sort_by_key(|(class, _)| *class);
    let mut probes: Vec<Probe> = probes.into_iter().map(|(_, probe)| probe).collect();
    if matches!(operator, IndexOperator::Gt | IndexOperator::GtEq) {
        probes.push(Probe::Key(Key::bytes(&null[..])));
    }
    probes
}

/// The values that a value may stand for in a comparison: GlueSQL reads a text next to a date as a date, and so on.
fn readings(value: &Value) -> Vec<Value> {
    let mut readings = vec![value.clone()];
    match value {
        Value::Str(text) => {
            // To parse what cannot be one takes longer than to look a key up.
            if text.trim_start().starts_with(|first: char| first.is_ascii_digit()) {
                readings.extend(value.cast(&DataType::Time).ok());
                readings.extend(value.cast(&DataType::Timestamp).or_else(|_| value.cast(&DataType::Date)).ok());
            }
            if text.len() >= UUID_LEN_MIN {
                readings.extend(value.cast(&DataType::Uuid).ok());
            }
            if text.contains(['.', ':']) {
                readings.extend(value.cast(&DataType::Inet).ok());
            }
        }
        Value::I64(number) => {
            readings.extend(u32::try_from(*number).ok().map(|address| Value::Inet(IpAddr::V4(address.into()))))
        }
        _ => {}
    }
    readings
}

/// The question about keys of the value's class.
fn probe(operator: &IndexOperator, value: &Value) -> Option<Probe> {
    let is_nan = match value {
        Value::F32(value) => value.is_nan(),
        Value::F64(value) => value.is_nan(),
        _ => false,
    };
    let has_order = !matches!(Class::of(value), Class::List | Class::Map | Class::Point);
    if is_nan || !has_order && *operator != IndexOperator::Eq {
        return None;
    }
    let (first, last) = limits(value);
    let key = encode(value);
    Some(match operator {
        IndexOperator::Eq => Probe::Key(Key::bytes(key)),
        IndexOperator::Gt => Probe::Span(span(Bound::Excluded(&key), Bound::Excluded(&last))),
        IndexOperator::GtEq => Probe::Span(span(Bound::Included(&key), Bound::Excluded(&last))),
        IndexOperator::Lt => Probe::Span(span(Bound::Included(&first), Bound::Excluded(&key))),
        IndexOperator::LtEq => Probe::Span(span(Bound::Included(&first), Bound::Included(&key))),
    })
}

/// The first key that may be compared with the value, and the first after all of them.
fn limits(value: &Value) -> (KeyBytes, KeyBytes) {
    let class = Class::of(value) as u8;
    let kind = match value {
        Value::Interval(Interval::Microsecond(_)) => Some(0),
        Value::Interval(Interval::Month(_)) => Some(1),
        _ => None,
    };
    let mut first = KeyBytes::from(&[class][..]);
    first.extend(kind);
    let last = match Class::of(value) {
        Class::Number => {
            let mut last = first.clone();
            last.extend(number::above_infinity());
            last
        }
        _ => first.prefix_end().unwrap_or_default(),
    };
    (first, last)
}

fn span(start: Bound<&[u8]>, end: Bound<&[u8]>) -> KeySpan {
    KeySpan::bytes((start, end))
}
