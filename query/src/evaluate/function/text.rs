//! Functions of texts and bytes. Positions and widths count characters. What a call makes is measured before it is made.

use std::borrow::Cow;

use manicule_engine::Value;

use super::printf;
use crate::error::{Error, Result};
use crate::evaluate::arithmetic::{check_size, integer, text_of};
use crate::expr::TextFunction;

/// The value of a call.
pub(super) fn call<'a>(function: TextFunction, arguments: &[Value<'_>]) -> Result<Value<'a>> {
    let takes_null = matches!(
        function,
        TextFunction::Concat | TextFunction::ConcatWithSeparator | TextFunction::Quote | TextFunction::Printf
    );
    if !takes_null && arguments.iter().any(Value::is_null) {
        return Ok(Value::Null);
    }
    let operation = function.name();
    let text = |position: usize| match arguments.get(position) {
        Some(value) => text_of(operation, value).map(Option::unwrap_or_default),
        None => Ok(Cow::Borrowed(" ")),
    };
    let count = |position: usize| integer(operation, &arguments[position]).map(Option::unwrap_or_default);
    Ok(match function {
        TextFunction::Concat => Value::from(joined(operation, "", arguments)?),
        TextFunction::ConcatWithSeparator | TextFunction::Printf if arguments[0].is_null() => Value::Null,
        TextFunction::ConcatWithSeparator => Value::from(joined(operation, &text(0)?, &arguments[1..])?),
        TextFunction::Printf => Value::from(printf::printf(&text(0)?, &arguments[1..])?),
        TextFunction::Left => Value::from(divided(&text(0)?, count(1)?).0.to_owned()),
        TextFunction::Right => Value::from(match count(1)? {
            0 => String::new(),
            count => divided(&text(0)?, count.saturating_neg()).1.to_owned(),
        }),
        TextFunction::PadLeft | TextFunction::PadRight => padded(function, &text(0)?, count(1)?, &text(2)?)?,
        TextFunction::Reverse => Value::from(text(0)?.chars().rev().collect::<String>()),
        TextFunction::Repeat => {
            let (text, count) = (text(0)?, usize::try_from(count(1)?).unwrap_or(0));
            check_size(text.len().saturating_mul(count))?;
            Value::from(if text.is_empty() { String::new() } else { text.repeat(count) })
        }
        TextFunction::OctetLength => Value::Integer(match &arguments[0] {
            Value::Blob(bytes) => bytes.len() as i64,
            _ => text(0)?.len() as i64,
        }),
        TextFunction::Unicode => first_number(&text(0)?).map_or(Value::Null, Value::Integer),
        TextFunction::Ascii => Value::Integer(first_number(&text(0)?).unwrap_or(0)),
        TextFunction::Char => {
            let character = |value| Ok(character(integer(operation, value)?).unwrap_or(char::REPLACEMENT_CHARACTER));
            Value::from(arguments.iter().map(character).collect::<Result<String>>()?)
        }
        TextFunction::Chr => {
            let found = character(Some(count(0)?)).filter(|character| *character != '\0');
            let expected = "the number of a character";
            Value::from(found.ok_or_else(|| Error::invalid_argument(operation, &arguments[0], expected))?.to_string())
        }
        TextFunction::Quote => quoted(&arguments[0])?,
        TextFunction::SplitPart => split_part(&text(0)?, &text(1)?, (count(2)?, &arguments[2]))?,
        TextFunction::StartsWith => Value::Boolean(text(0)?.starts_with(text(1)?.as_ref())),
        TextFunction::Unhex => unhex(&text(0)?).map_or(Value::Null, Value::from),
        TextFunction::ZeroBlob => {
            let count = usize::try_from(count(0)?).unwrap_or(0);
            check_size(count)?;
            Value::from(vec![0; count])
        }
    })
}

/// All that is not NULL, one after the other.
fn joined(operation: &'static str, separator: &str, values: &[Value<'_>]) -> Result<String> {
    let mut joined = String::new();
    let mut is_first = true;
    for value in values {
        let Some(text) = text_of(operation, value)? else { continue };
        let separator = if std::mem::take(&mut is_first) { "" } else { separator };
        check_size(joined.len() + separator.len() + text.len())?;
        joined.push_str(separator);
        joined.push_str(&text);
    }
    Ok(joined)
}

/// The text before and after so many characters, counted from the end if there are less than none.
fn divided(text: &str, count: i64) -> (&str, &str) {
    let distance = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
    let at = match count {
        0.. => text.char_indices().nth(distance).map_or(text.len(), |(offset, _)| offset),
        _ => text.char_indices().rev().nth(distance - 1).map_or(0, |(offset, _)| offset),
    };
    text.split_at(at)
}

fn padded<'a>(function: TextFunction, text: &str, width: i64, fill: &str) -> Result<Value<'a>> {
    let (kept, _) = divided(text, width.max(0));
    let missing = usize::try_from(width).unwrap_or(0).saturating_sub(kept.chars().count());
    if missing == 0 || fill.is_empty() {
        return Ok(Value::from(kept.to_owned()));
    }
    let fill_count = fill.chars().count();
    check_size(kept.len().saturating_add((missing / fill_count).saturating_mul(fill.len())))?;
    let (rest, _) = divided(fill, (missing % fill_count) as i64);
    let filled = fill.repeat(missing / fill_count) + rest;
    Ok(Value::from(if function == TextFunction::PadLeft { filled + kept } else { kept.to_owned() + &filled }))
}

fn first_number(text: &str) -> Option<i64> {
    text.chars().next().map(|character| i64::from(u32::from(character)))
}

fn character(number: Option<i64>) -> Option<char> {
    number.and_then(|number| u32::try_from(number).ok()).and_then(char::from_u32)
}

fn quoted<'a>(value: &Value<'_>) -> Result<Value<'a>> {
    let quoted = match value {
        Value::Text(text) => format!("'{}'", text.replace('\'', "''")),
        Value::Blob(bytes) => {
            check_size(bytes.len().saturating_mul(2))?;
            value.to_string()
        }
        Value::Date(_) => format!("DATE '{value}'"),
        Value::Timestamp(_) => format!("TIMESTAMP '{value}'"),
        Value::Null | Value::Integer(_) | Value::Real(_) | Value::Boolean(_) => value.to_string(),
    };
    check_size(quoted.len())?;
    Ok(Value::from(quoted))
}

fn split_part<'a>(text: &str, separator: &str, (number, given): (i64, &Value<'_>)) -> Result<Value<'a>> {
    let distance = usize::try_from(number.unsigned_abs()).unwrap_or(usize::MAX);
    let part = match number {
        0 => return Err(Error::invalid_argument("SPLIT_PART", given, "the number of a part, from 1 on")),
        1 | -1 if separator.is_empty() => Some(text),
        _ if separator.is_empty() => None,
        1.. => text.split(separator).nth(distance - 1),
        // Not `rsplit`, which would find other parts of 'aaa' between 'aa'.
        _ => {
            let parts: Vec<&str> = text.split(separator).collect();
            parts.len().checked_sub(distance).map(|position| parts[position])
        }
    };
    Ok(Value::from(part.unwrap_or_default().to_owned()))
}

fn unhex(digits: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let byte = |pair: &[u8]| match pair {
        [high, low] => u8::try_from(digit(*high)? << 4 | digit(*low)?).ok(),
        _ => None,
    };
    digits.as_bytes().chunks(2).map(byte).collect()
}
