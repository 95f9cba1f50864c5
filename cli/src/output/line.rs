//! One value a line, for rows that are wider than the terminal.

use std::io::{self, Write};

use manicule::Value;

use super::RowWriter;
use crate::text;

/// Writes `column = value` lines.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    /// The names, filled up on their left to the width of the widest.
    names: Vec<String>,
    row_count: u64,
}

impl RowWriter for Lines {
    fn columns(&mut self, names: &[String], _out: &mut dyn Write) -> io::Result<()> {
        let names: Vec<_> = names.iter().map(|name| text::escape_controls(name)).collect();
        let width = names.iter().map(|name| text::width(name)).max().unwrap_or(0);
        self.names = names.iter().map(|name| format!("{}{name}", " ".repeat(width - text::width(name)))).collect();
        Ok(())
    }

    fn row(&mut self, values: &[Value<'_>], out: &mut dyn Write) -> io::Result<()> {
        if self.row_count > 0 {
            out.write_all(b"\n")?;
        }
        self.row_count += 1;
        for (name, value) in self.names.iter().zip(values) {
            writeln!(out, "{name} = {}", text::escape_controls(&value.to_string()))?;
        }
        Ok(())
    }

    fn finish(&mut self, _out: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }
}
