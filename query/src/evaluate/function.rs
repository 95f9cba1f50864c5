//! The scalar functions. NULL among the arguments gives NULL, except for COALESCE, IIF, TYPEOF, QUOTE, and for CONCAT,
//! CONCAT_WS and PRINTF behind their first argument.

mod math;
mod printf;
mod text;
mod time;

use std::borrow::Cow;
use std::cell::Cell;
use std::hash::{BuildHasher, RandomState};

use manicule_engine::Value;
use smallvec::SmallVec;

pub(crate) use time::check_constants;

use super::arithmetic::{Number, check_size, finite, integer, number, text_of};
use super::{compare_values, equal_values, evaluate, operand_type, truth};
use crate::error::{Error, Result};
use crate::expr::{Expr, Function};
use crate::frame::Frame;

/// The value of a call.
pub(super) fn call<'a, 'v: 'a>(
    function: Function,
    arguments: &'v [Expr],
    frame: &'a Frame<'_, 'v>,
) -> Result<Value<'a>> {
    let argument = |position: usize| {
        arguments.get(position).map_or(Ok(Value::Null), |argument: &'v Expr| evaluate(argument, frame))
    };
    match function {
        Function::Coalesce => coalesce(arguments, frame),
        Function::If => argument(if truth(&argument(0)?)? == Some(true) { 1 } else { 2 }),
        Function::NullIf => {
            let (left, right) = (argument(0)?, argument(1)?);
            let same = !left.is_null() && !right.is_null() && equal_values(&left, &right);
            Ok(if same { Value::Null } else { left })
        }
        Function::TypeOf => Ok(type_of(&argument(0)?)),
        Function::Least | Function::Greatest => extreme(function, arguments, frame),
        Function::Length => length(&argument(0)?),
        Function::Lower | Function::Upper => change_case(function, argument(0)?),
        Function::Hex => hex(&argument(0)?),
        Function::Trim | Function::TrimStart | Function::TrimEnd => {
            let characters = if arguments.len() > 1 { argument(1)? } else { Value::from(" ") };
            trim(function, argument(0)?, &characters)
        }
        Function::Substring => {
            let length = if arguments.len() > 2 { Some(argument(2)?) } else { None };
            substring(argument(0)?, &argument(1)?, length.as_ref())
        }
        Function::Replace => replace(argument(0)?, &argument(1)?, &argument(2)?),
        Function::Instr => instr(&argument(0)?, &argument(1)?),
        Function::Round => {
            let digits = if arguments.len() > 1 { argument(1)? } else { Value::Integer(0) };
            round(&argument(0)?, &digits)
        }
        Function::Power => power(&argument(0)?, &argument(1)?),
        Function::Mod => modulo(&argument(0)?, &argument(1)?, frame),
        Function::Abs | Function::Floor | Function::Ceil | Function::Sqrt | Function::Sign => {
            numeric(function, &argument(0)?)
        }
        Function::Random => Ok(Value::Integer(random())),
        Function::Math(function) => math::call(function, &values(arguments, frame)?),
        Function::Text(function) => text::call(function, &values(arguments, frame)?),
        Function::Time(function) => time::call(function, &values(arguments, frame)?, frame.run.clock),
    }
}

fn values<'a, 'v: 'a>(arguments: &'v [Expr], frame: &'a Frame<'_, 'v>) -> Result<SmallVec<[Value<'a>; 4]>> {
    arguments.iter().map(|argument| evaluate(argument, frame)).collect()
}

/// Any integer; SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators"), seeded for each thread.
fn random() -> i64 {
    thread_local! {
        static STATE: Cell<u64> = Cell::new(RandomState::new().hash_one(()));
    }
    let mut bits = STATE.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
    STATE.set(bits);
    bits = (bits ^ bits >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ bits >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    (bits ^ bits >> 31) as i64
}

fn coalesce<'a, 'v: 'a>(arguments: &'v [Expr], frame: &'a Frame<'_, 'v>) -> Result<Value<'a>> {
    for argument in arguments {
        let value = evaluate(argument, frame)?;
        if !value.is_null() {
            return Ok(value);
        }
    }
    Ok(Value::Null)
}

fn type_of<'a>(value: &Value<'_>) -> Value<'a> {
    Value::from(match value {
        Value::Null => "null",
        Value::Integer(_) => "integer",
        Value::Real(_) => "real",
        Value::Text(_) => "text",
        Value::Boolean(_) => "boolean",
        Value::Blob(_) => "blob",
        Value::Date(_) => "date",
        Value::Timestamp(_) => "timestamp",
    })
}

fn extreme<'a, 'v: 'a>(function: Function, arguments: &'v [Expr], frame: &'a Frame<'_, 'v>) -> Result<Value<'a>> {
    let mut best = Value::Null;
    for (position, argument) in arguments.iter().enumerate() {
        let value = evaluate(argument, frame)?;
        if value.is_null() {
            return Ok(Value::Null);
        }
        let ordering = compare_values(&value, &best);
        // Of equal ones, such as 1 and 1.0, the last is the least and the first the greatest, as in SQLite.
        let better = if function == Function::Least { ordering.is_le() } else { ordering.is_gt() };
        if position == 0 || better {
            best = value;
        }
    }
    Ok(best)
}

/// The functions of one number.
fn numeric<'a>(function: Function, value: &Value<'_>) -> Result<Value<'a>> {
    let operation = function.name();
    let Some(number) = number(operation, value)? else { return Ok(Value::Null) };
    Ok(match (function, number) {
        (Function::Abs, Number::Integer(integer)) => {
            Value::Integer(integer.checked_abs().ok_or(Error::IntegerOverflow { operation })?)
        }
        (Function::Abs, Number::Real(real)) => Value::Real(real.abs()),
        (Function::Floor | Function::Ceil, Number::Integer(integer)) => Value::Integer(integer),
        (Function::Floor, Number::Real(real)) => Value::Real(real.floor()),
        (Function::Ceil, Number::Real(real)) => Value::Real(real.ceil()),
        (Function::Sign, Number::Integer(integer)) => Value::Integer(integer.signum()),
        (Function::Sign, Number::Real(real)) => Value::Integer(i64::from(real > 0.0) - i64::from(real < 0.0)),
        // A square root that is no real number is NULL.
        (_, number) => match number.to_real() {
            negative if negative < 0.0 => Value::Null,
            real => Value::Real(real.sqrt()),
        },
    })
}

fn power<'a>(base: &Value<'_>, exponent: &Value<'_>) -> Result<Value<'a>> {
    let (Some(base), Some(exponent)) = (number("POWER", base)?, number("POWER", exponent)?) else {
        return Ok(Value::Null);
    };
    match base.to_real().powf(exponent.to_real()) {
        result if result.is_nan() => Ok(Value::Null),
        result => finite("POWER", result),
    }
}

fn modulo<'a>(left: &Value<'_>, right: &Value<'_>, frame: &Frame<'_, '_>) -> Result<Value<'a>> {
    use crate::context::DivisionByZero;
    let (Some(left), Some(right)) = (number("MOD", left)?, number("MOD", right)?) else {
        return Ok(Value::Null);
    };
    if right.to_real() == 0.0 {
        return match frame.run.settings.division_by_zero {
            DivisionByZero::Error => Err(Error::DivisionByZero),
            DivisionByZero::Null => Ok(Value::Null),
        };
    }
    Ok(match (left, right) {
        (Number::Integer(left), Number::Integer(right)) => Value::Integer(left.wrapping_rem(right)),
        (left, right) => Value::Real(left.to_real() % right.to_real()),
    })
}

/// `ROUND`: away from zero where two results are equally near; always a real.
fn round<'a>(value: &Value<'_>, digits: &Value<'_>) -> Result<Value<'a>> {
    let (Some(number), Some(digits)) = (number("ROUND", value)?, number("ROUND", digits)?) else {
        return Ok(Value::Null);
    };
    let digits = digits.to_real().clamp(0.0, 30.0) as usize;
    let real = number.to_real();
    // Above 2^52 every real is whole.
    if real.abs() >= 4_503_599_627_370_496.0 || real.is_nan() {
        return Ok(Value::Real(real));
    }
    let scale = 10_f64.powi(digits as i32);
    let scaled = real * scale;
    // Halfway exactly: 0.175 is a little less than it looks, and so is not.
    let tie = scaled.fract().abs() == 0.5 && real.mul_add(scale, -scaled) == 0.0;
    if digits == 0 || tie {
        return Ok(Value::Real(scaled.round() / scale));
    }
    Ok(Value::Real(format!("{real:.digits$}").parse().expect("a printed real is a real")))
}

fn length<'a>(value: &Value<'_>) -> Result<Value<'a>> {
    if let Value::Blob(bytes) = value {
        return Ok(Value::Integer(bytes.len() as i64));
    }
    Ok(text_of("LENGTH", value)?.map_or(Value::Null, |text| Value::Integer(text.chars().count() as i64)))
}

fn change_case(function: Function, value: Value<'_>) -> Result<Value<'_>> {
    let Some(text) = text_of(function.name(), &value)? else { return Ok(Value::Null) };
    let is_lower = function == Function::Lower;
    let changes = |byte: &u8| if is_lower { byte.is_ascii_uppercase() } else { byte.is_ascii_lowercase() };
    if matches!(value, Value::Text(_)) && !text.bytes().any(|byte| changes(&byte)) {
        return Ok(value);
    }
    Ok(Value::Text(Cow::Owned(if is_lower { text.to_ascii_lowercase() } else { text.to_ascii_uppercase() })))
}

fn hex<'a>(value: &Value<'_>) -> Result<Value<'a>> {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let text;
    let bytes = match value {
        Value::Blob(bytes) => bytes.as_ref(),
        other => match text_of("HEX", other)? {
            None => return Ok(Value::Null),
            Some(found) => {
                text = found;
                text.as_bytes()
            }
        },
    };
    check_size(bytes.len().saturating_mul(2))?;
    let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble)]);
    Ok(Value::Text(bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect::<String>().into()))
}

fn trim<'a>(function: Function, value: Value<'a>, characters: &Value<'_>) -> Result<Value<'a>> {
    let operation = function.name();
    let (Some(text), Some(characters)) = (text_of(operation, &value)?, text_of(operation, characters)?) else {
        return Ok(Value::Null);
    };
    let matches = |character: char| characters.contains(character);
    let start = match function {
        Function::TrimEnd => 0,
        _ => text.len() - text.trim_start_matches(matches).len(),
    };
    let end = match function {
        Function::TrimStart => text.len(),
        _ => text.trim_end_matches(matches).len().max(start),
    };
    let whole = start == 0 && end == text.len();
    let cut = text[start..end].to_owned();
    Ok(if whole && matches!(value, Value::Text(_)) { value } else { slice(value, start, end, cut) })
}

/// The part of a text from byte `start` to `end`: borrowed where the text is, else `cut`.
fn slice<'a>(value: Value<'a>, start: usize, end: usize, cut: String) -> Value<'a> {
    match value {
        Value::Text(Cow::Borrowed(text)) => Value::Text(Cow::Borrowed(&text[start..end])),
        _ => Value::Text(Cow::Owned(cut)),
    }
}

/// `SUBSTR(value, start, length)`: positions count from 1, from the end if `start` is negative; a negative length takes
/// the characters before `start`.
fn substring<'a>(value: Value<'a>, start: &Value<'_>, length: Option<&Value<'_>>) -> Result<Value<'a>> {
    let Some(start) = integer("SUBSTR", start)? else { return Ok(Value::Null) };
    let length = match length {
        None => None,
        Some(length) => match integer("SUBSTR", length)? {
            None => return Ok(Value::Null),
            length => length,
        },
    };
    if let Value::Blob(bytes) = &value {
        let (from, to) = window(bytes.len(), start, length);
        return Ok(Value::Blob(Cow::Owned(bytes[from..to].to_vec())));
    }
    let Some(text) = text_of("SUBSTR", &value)? else { return Ok(Value::Null) };
    let (from, to) = window(text.chars().count(), start, length);
    let offset = |position: usize| text.char_indices().nth(position).map_or(text.len(), |(offset, _)| offset);
    let (from, to) = (offset(from), offset(to));
    let cut = text[from..to].to_owned();
    Ok(slice(value, from, to, cut))
}

/// The positions from which to which SUBSTR takes, counted from 0.
fn window(count: usize, start: i64, length: Option<i64>) -> (usize, usize) {
    let count = count as i128;
    let first = match start {
        1.. => i128::from(start) - 1,
        0 => -i128::from(length.is_some()),
        _ => count + i128::from(start),
    };
    let (from, to) = match length.map(i128::from) {
        None => (first, count),
        Some(length) if length >= 0 => (first, first + length),
        Some(length) => (first + length, first),
    };
    let from = from.clamp(0, count);
    (from as usize, to.clamp(from, count) as usize)
}

fn replace<'a>(value: Value<'a>, from: &Value<'_>, to: &Value<'_>) -> Result<Value<'a>> {
    let (Some(text), Some(from), Some(to)) =
        (text_of("REPLACE", &value)?, text_of("REPLACE", from)?, text_of("REPLACE", to)?)
    else {
        return Ok(Value::Null);
    };
    let count = if from.is_empty() { 0 } else { text.matches(from.as_ref()).count() };
    if count == 0 {
        let text = text.into_owned();
        return Ok(if matches!(value, Value::Text(_)) { value } else { Value::Text(Cow::Owned(text)) });
    }
    check_size((text.len() - count * from.len()).saturating_add(count.saturating_mul(to.len())))?;
    Ok(Value::Text(Cow::Owned(text.replace(from.as_ref(), &to))))
}

fn instr<'a>(value: &Value<'_>, wanted: &Value<'_>) -> Result<Value<'a>> {
    if let (Value::Blob(bytes), Value::Blob(wanted)) = (value, wanted) {
        let found = wanted.is_empty().then_some(0);
        let found = found.or_else(|| bytes.windows(wanted.len()).position(|window| window == wanted.as_ref()));
        return Ok(Value::Integer(found.map_or(0, |position| position as i64 + 1)));
    }
    if let (Value::Blob(_), Value::Text(_)) = (value, wanted) {
        return Err(operand_type("INSTR", value));
    }
    let (Some(text), Some(wanted)) = (text_of("INSTR", value)?, text_of("INSTR", wanted)?) else {
        return Ok(Value::Null);
    };
    let found = text.find(wanted.as_ref()).map(|offset| text[..offset].chars().count() as i64 + 1);
    Ok(Value::Integer(found.unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::{round, window};
    use manicule_engine::Value;

    #[test]
    fn substring_counts_from_either_end() {
        for (start, length, expected) in [
            (1, None, (0, 5)),
            (2, Some(2), (1, 3)),
            (-2, None, (3, 5)),
            (-2, Some(1), (3, 4)),
            (0, Some(2), (0, 1)),
            (0, None, (0, 5)),
            (4, Some(-2), (1, 3)),
            (9, Some(2), (5, 5)),
            (i64::MIN, Some(i64::MAX), (0, 4)),
            (i64::MIN, Some(5), (0, 0)),
        ] {
            assert_eq!(window(5, start, length), expected, "SUBSTR('abcde', {start}, {length:?})");
        }
    }

    #[test]
    fn rounding_goes_away_from_zero() {
        for (real, digits, expected) in [
            (2.5, 0, 3.0),
            (-2.5, 0, -3.0),
            (0.125, 2, 0.13),
            (0.175, 2, 0.17),
            (1.005, 2, 1.0),
            (12.34, 1, 12.3),
            (1e300, 2, 1e300),
        ] {
            assert_eq!(round(&Value::from(real), &Value::from(digits)).unwrap(), Value::from(expected), "{real}");
        }
    }
}
