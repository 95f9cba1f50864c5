//! The commands that change a setting.

use std::path::Path;

use manicule::{ColumnType, Value};

use super::{first_word, usage};
use crate::error::{Error, Result};
use crate::import::parse_value;
use crate::output::Mode;
use crate::shell::{Flow, Shell};

/// The most parameters that can be set.
const PARAMETERS_MAX: usize = 1000;

pub(super) fn mode(shell: &mut Shell, arguments: &str) -> Result<Flow> {
    if arguments.is_empty() {
        let name = shell.settings.mode.name();
        shell.write_text(name)?;
        return Ok(Flow::Continue);
    }
    shell.settings.mode = Mode::named(arguments)
        .ok_or_else(|| Error::Command(format!("there is no mode {arguments}; there are {}", Mode::NAMES)))?;
    Ok(Flow::Continue)
}

pub(super) fn footer(shell: &mut Shell, arguments: &str) -> Result<Flow> {
    shell.settings.footer = on_or_off(arguments).ok_or_else(|| usage(".footer"))?;
    Ok(Flow::Continue)
}

pub(super) fn timer(shell: &mut Shell, arguments: &str) -> Result<Flow> {
    shell.settings.timer = on_or_off(arguments).ok_or_else(|| usage(".timer"))?;
    Ok(Flow::Continue)
}

pub(super) fn output(shell: &mut Shell, arguments: &str) -> Result<Flow> {
    match first_word(arguments) {
        None if arguments.is_empty() => shell.set_output(None)?,
        Some((file, "")) => shell.set_output(Some(Path::new(file)))?,
        _ => return Err(usage(".output")),
    }
    Ok(Flow::Continue)
}

pub(super) fn param(shell: &mut Shell, arguments: &str) -> Result<Flow> {
    match first_word(arguments) {
        None => list(shell)?,
        Some(("clear", "")) => shell.settings.parameters.clear(),
        Some(("set", rest)) => set(shell, rest)?,
        Some(_) => return Err(usage(".param")),
    }
    Ok(Flow::Continue)
}

fn list(shell: &mut Shell) -> Result<()> {
    let parameters = shell.settings.parameters.clone();
    let number = |position: usize| Value::text(format!("${}", position + 1));
    let rows: Vec<_> =
        parameters.into_iter().enumerate().map(|(position, value)| vec![number(position), value]).collect();
    shell.write_rows(&["parameter", "value"], &rows)
}

/// `N VALUE`, where `N` may be written as `1`, `?1` or `$1`. Parameters that were passed over are NULL.
fn set(shell: &mut Shell, arguments: &str) -> Result<()> {
    let (name, value) = arguments.split_once(char::is_whitespace).ok_or_else(|| usage(".param"))?;
    let number: usize = name.trim_start_matches(['?', '$']).parse().map_err(|_| usage(".param"))?;
    if !(1..=PARAMETERS_MAX).contains(&number) {
        return Err(Error::Command(format!("parameters are numbered from 1 to {PARAMETERS_MAX}")));
    }
    let parameters = &mut shell.settings.parameters;
    if parameters.len() < number {
        parameters.resize(number, Value::Null);
    }
    parameters[number - 1] = value_of(value.trim());
    Ok(())
}

/// The value that a word stands for: a number, a boolean, NULL, `DATE '…'`, `TIMESTAMP '…'`, `x'…'`, or text with quotes
/// or without.
fn value_of(word: &str) -> Value<'static> {
    let quoted = |text: &str| {
        let inner = text.trim().strip_prefix('\'').and_then(|rest| rest.strip_suffix('\''))?;
        Some(inner.replace("''", "'"))
    };
    let typed = |keyword: &str, column_type| {
        let (head, rest) = word.split_at_checked(keyword.len())?;
        let text = head.eq_ignore_ascii_case(keyword).then(|| quoted(rest))??;
        parse_value(&text, column_type).map(Value::into_owned)
    };
    if word.eq_ignore_ascii_case("NULL") {
        return Value::Null;
    }
    typed("DATE", ColumnType::Date)
        .or_else(|| typed("TIMESTAMP", ColumnType::Timestamp))
        .or_else(|| typed("x", ColumnType::Blob))
        .or_else(|| quoted(word).map(Value::from))
        .or_else(|| parse_value(word, ColumnType::Integer).map(Value::into_owned))
        .or_else(|| parse_value(word, ColumnType::Real).map(Value::into_owned))
        .or_else(|| parse_value(word, ColumnType::Boolean).map(Value::into_owned))
        .unwrap_or_else(|| Value::from(word.to_owned()))
}

fn on_or_off(word: &str) -> Option<bool> {
    match word {
        "on" => Some(true),
        "off" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_become_values() {
        assert_eq!(value_of("42"), Value::Integer(42));
        assert_eq!(value_of("-1.5"), Value::Real(-1.5));
        assert_eq!(value_of("'it''s'"), Value::text("it's"));
        assert_eq!(value_of("N14228"), Value::text("N14228"));
        assert_eq!(value_of("'42'"), Value::text("42"));
        assert_eq!(value_of("true"), Value::Boolean(true));
        assert_eq!(value_of("date '1970-01-02'"), Value::Date(1));
        assert_eq!(value_of("X'00ff'"), Value::blob(vec![0, 255]));
        assert!(value_of("null").is_null());
    }
}
