//! Comma-separated values after RFC 4180, with `\n` at the end of each line.
//!
//! NULL is the empty field and the empty text is `""`, so that the two can be told apart. So is `"NA"` from NA, which many
//! readers, `.import` among them, take for NULL.

use std::io::{self, Write};

use manicule::Value;

use super::RowWriter;
use crate::text;

/// Writes CSV.
#[derive(Debug)]
pub(crate) struct Csv {
    /// Whether control characters become escapes, as they must on a terminal.
    escapes: bool,
}

impl Csv {
    pub(crate) fn new(escapes: bool) -> Self {
        Self { escapes }
    }

    fn write_field(&self, field: &str, out: &mut dyn Write) -> io::Result<()> {
        let escaped;
        let field = if self.escapes {
            escaped = text::escape_controls(field);
            &*escaped
        } else {
            field
        };
        if matches!(field, "" | "NA") || field.contains([',', '"', '\n', '\r']) {
            write!(out, "\"{}\"", field.replace('"', "\"\""))
        } else {
            out.write_all(field.as_bytes())
        }
    }
}

impl RowWriter for Csv {
    fn columns(&mut self, names: &[String], out: &mut dyn Write) -> io::Result<()> {
        for (position, name) in names.iter().enumerate() {
            out.write_all(if position == 0 { b"" } else { b"," })?;
            self.write_field(name, out)?;
        }
        out.write_all(b"\n")
    }

    fn row(&mut self, values: &[Value<'_>], out: &mut dyn Write) -> io::Result<()> {
        for (position, value) in values.iter().enumerate() {
            out.write_all(if position == 0 { b"" } else { b"," })?;
            match value {
                Value::Null => {}
                Value::Text(text) => self.write_field(text, out)?,
                _ => write!(out, "{value}")?,
            }
        }
        out.write_all(b"\n")
    }

    fn finish(&mut self, _out: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }
}
