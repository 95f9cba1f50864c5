//! JSON: an array of objects, or one object a line.
//!
//! Integers and finite reals are numbers, booleans and NULL are themselves, everything else is a string: dates and
//! timestamps as they are written in SQL, blobs in hexadecimal digits. On a terminal no control character stays as it is.

use std::io::{self, Write};

use manicule::Value;

use super::RowWriter;
use crate::text;

/// Writes JSON.
#[derive(Debug)]
pub(crate) struct Json {
    is_array: bool,
    /// Whether control characters beyond those that JSON forbids become escapes, as they must on a terminal.
    escapes: bool,
    /// The names with their quotes and colons.
    keys: Vec<String>,
    row_count: u64,
}

impl Json {
    /// One array for each result.
    pub(crate) fn array(escapes: bool) -> Self {
        Self { is_array: true, escapes, keys: Vec::new(), row_count: 0 }
    }

    /// One object a line.
    pub(crate) fn lines(escapes: bool) -> Self {
        Self { is_array: false, escapes, keys: Vec::new(), row_count: 0 }
    }
}

impl RowWriter for Json {
    fn columns(&mut self, names: &[String], _out: &mut dyn Write) -> io::Result<()> {
        self.keys = names.iter().map(|name| Ok(string(name, self.escapes)? + ":")).collect::<io::Result<_>>()?;
        Ok(())
    }

    fn row(&mut self, values: &[Value<'_>], out: &mut dyn Write) -> io::Result<()> {
        if self.is_array {
            out.write_all(if self.row_count == 0 { b"[\n  " } else { b",\n  " })?;
        }
        self.row_count += 1;
        out.write_all(b"{")?;
        for (position, (key, value)) in self.keys.iter().zip(values).enumerate() {
            out.write_all(if position == 0 { b"" } else { b"," })?;
            out.write_all(key.as_bytes())?;
            write_value(value, self.escapes, out)?;
        }
        out.write_all(if self.is_array { b"}" } else { b"}\n" })
    }

    fn finish(&mut self, out: &mut dyn Write) -> io::Result<()> {
        match (self.is_array, self.row_count) {
            (false, _) => Ok(()),
            (true, 0) => out.write_all(b"[]\n"),
            (true, _) => out.write_all(b"\n]\n"),
        }
    }
}

fn write_value(value: &Value<'_>, escapes: bool, out: &mut dyn Write) -> io::Result<()> {
    match value {
        Value::Null => out.write_all(b"null"),
        Value::Integer(integer) => write!(out, "{integer}"),
        Value::Boolean(boolean) => write!(out, "{boolean}"),
        Value::Real(real) => write!(out, "{}", serde_json::Value::from(*real)),
        Value::Text(text) => out.write_all(string(text, escapes)?.as_bytes()),
        Value::Blob(bytes) => {
            out.write_all(b"\"")?;
            bytes.iter().try_for_each(|byte| write!(out, "{byte:02x}"))?;
            out.write_all(b"\"")
        }
        Value::Date(_) | Value::Timestamp(_) => write!(out, "\"{value}\""),
    }
}

/// A text as JSON has it.
fn string(text: &str, escapes: bool) -> io::Result<String> {
    let string = serde_json::to_string(text)?;
    if !escapes || !string.contains(text::is_control) {
        return Ok(string);
    }
    let escaped = |c: char| if text::is_control(c) { format!("\\u{:04x}", c as u32) } else { c.to_string() };
    Ok(string.chars().map(escaped).collect())
}
