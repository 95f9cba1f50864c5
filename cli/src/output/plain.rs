//! Lines of text as they are: a plan is read best without a box around it.

use std::io::{self, Write};

use manicule::Value;

use super::RowWriter;
use crate::text;

/// Writes the first value of each row.
#[derive(Debug)]
pub(crate) struct Plain;

impl RowWriter for Plain {
    fn columns(&mut self, _names: &[String], _out: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }

    fn row(&mut self, values: &[Value<'_>], out: &mut dyn Write) -> io::Result<()> {
        let shown = values.first().map(Value::to_string).unwrap_or_default();
        shown.lines().try_for_each(|line| writeln!(out, "{}", text::escape_controls(line)))
    }

    fn finish(&mut self, _out: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }
}
