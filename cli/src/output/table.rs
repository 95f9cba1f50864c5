//! Tables: with lines for people, with bars for Markdown.
//!
//! A column is as wide as its widest cell and its name, at most [`CELL_WIDTH_MAX`]. Numbers stand to the right. Rows
//! over the cap are counted and dropped, so that a table never holds more than the cap in memory. Of a table that is wider
//! than the terminal columns in the middle are left out.

use std::io::{self, Write};
use std::ops::Range;

use manicule::Value;
use unicode_width::UnicodeWidthChar;

use super::{RowWriter, Target};
use crate::text;

/// The widest cell of a table with lines; what is longer ends in `…`.
const CELL_WIDTH_MAX: usize = 120;
const BOLD: anstyle::Style = anstyle::Style::new().bold();
const DIM: anstyle::Style = anstyle::Style::new().dimmed();

/// What a table is drawn with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// Box-drawing characters.
    Lines,
    /// Markdown.
    Markdown,
}

/// A cell as it is shown.
#[derive(Debug)]
struct Cell {
    text: String,
    is_null: bool,
}

/// Writes a table.
#[derive(Debug)]
pub(crate) struct Table {
    style: Style,
    target: Target,
    names: Vec<String>,
    /// Whether a column has shown nothing but numbers and NULL so far, and at least one number.
    is_number: Vec<Option<bool>>,
    rows: Vec<Vec<Cell>>,
    rows_hidden: u64,
    /// The columns that were left out.
    columns_hidden: Range<usize>,
}

impl Table {
    pub(crate) fn new(style: Style, target: Target) -> Self {
        Self {
            style,
            target,
            names: Vec::new(),
            is_number: Vec::new(),
            rows: Vec::new(),
            rows_hidden: 0,
            columns_hidden: 0..0,
        }
    }

    fn cell(&self, value: &Value<'_>) -> Cell {
        let shown = value.to_string();
        let escaped = text::escape_controls(&shown);
        let text = match self.style {
            Style::Lines => shorten(&escaped, CELL_WIDTH_MAX.min(self.target.table_width_max.saturating_sub(4).max(1))),
            Style::Markdown => escaped.replace('|', "\\|"),
        };
        Cell { text, is_null: value.is_null() }
    }

    fn widths(&self) -> Vec<usize> {
        let mut widths: Vec<usize> = self.names.iter().map(|name| text::width(name)).collect();
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(text::width(&cell.text));
            }
        }
        widths
    }

    fn is_right(&self, column: usize) -> bool {
        self.is_number[column] == Some(true)
    }

    /// The columns to leave out: first and last ones are taken in turn for as long as there is room, at least the first.
    fn columns_to_hide(&self, widths: &[usize]) -> Range<usize> {
        // Beside its text a column takes a line and two blanks, and the table one line more.
        let room = self.target.table_width_max.saturating_sub(1);
        let total: usize = widths.iter().map(|width| width + 3).sum();
        if total <= room {
            return 0..0;
        }
        // The column that stands for those that are not shown.
        let mut room = room.saturating_sub(1 + 3);
        let mut hidden = 0..widths.len();
        let mut is_first = true;
        while !hidden.is_empty() {
            let next = if is_first { hidden.start } else { hidden.end - 1 };
            let width = widths[next] + 3;
            if width > room && hidden.start > 0 {
                break;
            }
            room = room.saturating_sub(width);
            if is_first {
                hidden.start += 1
            } else {
                hidden.end -= 1
            }
            is_first = !is_first;
        }
        hidden
    }

    fn write_lines(&mut self, out: &mut dyn Write) -> io::Result<()> {
        let widths = self.widths();
        self.columns_hidden = self.columns_to_hide(&widths);
        self.write_rule(out, &widths, ['┌', '┬', '┐'])?;
        let header = |column: usize| {
            let name = pad(&self.names[column], widths[column], self.is_right(column));
            self.styled(BOLD, name)
        };
        self.write_cells(out, self.shown(widths.len(), "…", header))?;
        self.write_rule(out, &widths, ['├', '┼', '┤'])?;
        for row in &self.rows {
            let cell = |column: usize| {
                let text = pad(&row[column].text, widths[column], self.is_right(column));
                if row[column].is_null { self.styled(DIM, text) } else { text }
            };
            self.write_cells(out, self.shown(widths.len(), "…", cell))?;
        }
        self.write_rule(out, &widths, ['└', '┴', '┘'])
    }

    /// What stands in each column of a line, and `gap` for those that are left out.
    fn shown(&self, columns: usize, gap: &str, cell: impl Fn(usize) -> String) -> Vec<String> {
        let Range { start, end } = self.columns_hidden;
        let gap = (start < end).then(|| gap.to_owned());
        (0..start).map(&cell).chain(gap).chain((end..columns).map(&cell)).collect()
    }

    fn write_rule(&self, out: &mut dyn Write, widths: &[usize], [left, middle, right]: [char; 3]) -> io::Result<()> {
        let parts = self.shown(widths.len(), "───", |column| "─".repeat(widths[column] + 2));
        writeln!(out, "{left}{}{right}", parts.join(&middle.to_string()))
    }

    fn write_cells(&self, out: &mut dyn Write, cells: Vec<String>) -> io::Result<()> {
        writeln!(out, "│ {} │", cells.join(" │ "))
    }

    fn styled(&self, style: anstyle::Style, text: String) -> String {
        if self.target.has_colour { format!("{style}{text}{style:#}") } else { text }
    }

    fn write_markdown(&self, out: &mut dyn Write) -> io::Result<()> {
        let rules: Vec<&str> =
            (0..self.names.len()).map(|column| if self.is_right(column) { "---:" } else { ":---" }).collect();
        writeln!(out, "| {} |\n| {} |", self.names.join(" | "), rules.join(" | "))?;
        for row in &self.rows {
            let cells: Vec<&str> = row.iter().map(|cell| cell.text.as_str()).collect();
            writeln!(out, "| {} |", cells.join(" | "))?;
        }
        Ok(())
    }
}

impl RowWriter for Table {
    fn columns(&mut self, names: &[String], _out: &mut dyn Write) -> io::Result<()> {
        self.names = names.iter().map(|name| self.cell(&Value::text(name.as_str())).text).collect();
        self.is_number = vec![None; names.len()];
        Ok(())
    }

    fn row(&mut self, values: &[Value<'_>], _out: &mut dyn Write) -> io::Result<()> {
        if self.rows.len() >= self.target.table_rows_max {
            self.rows_hidden += 1;
            return Ok(());
        }
        for (is_number, value) in self.is_number.iter_mut().zip(values) {
            if !value.is_null() {
                let number = matches!(value, Value::Integer(_) | Value::Real(_));
                *is_number = Some(number && is_number.unwrap_or(true));
            }
        }
        let cells = values.iter().map(|value| self.cell(value)).collect();
        self.rows.push(cells);
        Ok(())
    }

    fn finish(&mut self, out: &mut dyn Write) -> io::Result<()> {
        match self.style {
            Style::Lines => self.write_lines(out),
            Style::Markdown => self.write_markdown(out),
        }
    }

    fn rows_hidden(&self) -> u64 {
        self.rows_hidden
    }

    fn columns_hidden(&self) -> usize {
        self.columns_hidden.len()
    }
}

fn pad(text: &str, width: usize, is_right: bool) -> String {
    let space = " ".repeat(width.saturating_sub(text::width(text)));
    if is_right { format!("{space}{text}") } else { format!("{text}{space}") }
}

/// The text, cut to `width_max` with `…` at its end if it is wider.
fn shorten(text: &str, width_max: usize) -> String {
    if text::width(text) <= width_max {
        return text.to_owned();
    }
    let mut shortened = String::new();
    let mut width = 0;
    for character in text.chars() {
        width += character.width().unwrap_or(0);
        if width >= width_max {
            break;
        }
        shortened.push(character);
    }
    shortened.push('…');
    shortened
}
