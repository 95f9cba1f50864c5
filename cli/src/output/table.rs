//! Tables: with lines for people, with bars for Markdown.
//!
//! A column is as wide as its widest cell and its name, at most [`CELL_WIDTH_MAX`]. Numbers stand to the right. Rows
//! over the cap are counted and dropped, so that a table never holds more than the cap in memory.

use std::io::{self, Write};

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
}

impl Table {
    pub(crate) fn new(style: Style, target: Target) -> Self {
        Self { style, target, names: Vec::new(), is_number: Vec::new(), rows: Vec::new(), rows_hidden: 0 }
    }

    fn cell(&self, value: &Value<'_>) -> Cell {
        let shown = value.to_string();
        let escaped = text::escape_controls(&shown);
        let text = match self.style {
            Style::Lines => shorten(&escaped, CELL_WIDTH_MAX),
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

    fn write_lines(&self, out: &mut dyn Write) -> io::Result<()> {
        let widths = self.widths();
        self.write_rule(out, &widths, ['┌', '┬', '┐'])?;
        let header: Vec<String> = (0..widths.len())
            .map(|column| {
                let name = pad(&self.names[column], widths[column], self.is_right(column));
                self.styled(BOLD, name)
            })
            .collect();
        self.write_cells(out, &header)?;
        self.write_rule(out, &widths, ['├', '┼', '┤'])?;
        for row in &self.rows {
            let cells: Vec<String> = row
                .iter()
                .enumerate()
                .map(|(column, cell)| {
                    let text = pad(&cell.text, widths[column], self.is_right(column));
                    if cell.is_null { self.styled(DIM, text) } else { text }
                })
                .collect();
            self.write_cells(out, &cells)?;
        }
        self.write_rule(out, &widths, ['└', '┴', '┘'])
    }

    fn write_rule(&self, out: &mut dyn Write, widths: &[usize], [left, middle, right]: [char; 3]) -> io::Result<()> {
        let parts: Vec<String> = widths.iter().map(|width| "─".repeat(width + 2)).collect();
        writeln!(out, "{left}{}{right}", parts.join(&middle.to_string()))
    }

    fn write_cells(&self, out: &mut dyn Write, cells: &[String]) -> io::Result<()> {
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
