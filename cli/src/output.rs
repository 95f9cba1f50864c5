//! Results as text, in the mode that the user chose.
//!
//! Each mode is a [`RowWriter`] in a file of its own. All of them stream but `table`, which needs the widest cell of each
//! column first and so holds rows back, up to a cap.

mod csv;
mod json;
mod line;
mod plain;
mod table;

use std::io::{self, Write};

use manicule::Value;

/// How results are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Mode {
    /// A table with lines, cut at a sensible number of rows.
    Table,
    /// Comma-separated values with a header line; NULL is the empty field, the empty text is `""`.
    Csv,
    /// One JSON array of objects for each statement.
    Json,
    /// One JSON object a line.
    Jsonl,
    /// A table in Markdown.
    Markdown,
    /// One `column = value` a line, an empty line between rows.
    Line,
}

impl Mode {
    /// All modes, as `.help` and errors list them.
    pub(crate) const NAMES: &str = "table, csv, json, jsonl, markdown, line";

    /// The mode of that name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        <Self as clap::ValueEnum>::from_str(name, true).ok()
    }

    /// The mode that a file's extension asks for.
    pub(crate) fn of_extension(extension: &str) -> Option<Self> {
        match extension.to_ascii_lowercase().as_str() {
            "csv" => Some(Self::Csv),
            "json" => Some(Self::Json),
            "jsonl" | "ndjson" => Some(Self::Jsonl),
            "md" => Some(Self::Markdown),
            "txt" => Some(Self::Table),
            _ => None,
        }
    }

    /// Its name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Csv => "csv",
            Self::Json => "json",
            Self::Jsonl => "jsonl",
            Self::Markdown => "markdown",
            Self::Line => "line",
        }
    }
}

/// How the place looks that results go to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target {
    /// Whether it is a terminal, which must not receive control characters.
    pub(crate) is_terminal: bool,
    /// Whether colours may be used.
    pub(crate) has_colour: bool,
    /// How many rows a table shows.
    pub(crate) table_rows_max: usize,
    /// How wide a table with lines may be, in columns of the terminal.
    pub(crate) table_width_max: usize,
}

/// Writes one result.
pub(crate) trait RowWriter {
    /// Called once, before the first row.
    fn columns(&mut self, names: &[String], out: &mut dyn Write) -> io::Result<()>;
    /// Called for each row.
    fn row(&mut self, values: &[Value<'_>], out: &mut dyn Write) -> io::Result<()>;
    /// Called once, after the last row.
    fn finish(&mut self, out: &mut dyn Write) -> io::Result<()>;
    /// Rows that were not shown.
    fn rows_hidden(&self) -> u64 {
        0
    }
    /// Columns that were not shown.
    fn columns_hidden(&self) -> usize {
        0
    }
}

/// The writer of a mode.
pub(crate) fn writer(mode: Mode, target: Target) -> Box<dyn RowWriter> {
    match mode {
        Mode::Table => Box::new(table::Table::new(table::Style::Lines, target)),
        Mode::Markdown => {
            Box::new(table::Table::new(table::Style::Markdown, Target { table_rows_max: usize::MAX, ..target }))
        }
        Mode::Csv => Box::new(csv::Csv::new(target.is_terminal)),
        Mode::Json => Box::new(json::Json::array(target.is_terminal)),
        Mode::Jsonl => Box::new(json::Json::lines(target.is_terminal)),
        Mode::Line => Box::new(line::Lines::default()),
    }
}

/// The writer of a plan, which is lines of text.
pub(crate) fn plain() -> Box<dyn RowWriter> {
    Box::new(plain::Plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text;

    /// What a mode writes of a result with every awkward value.
    fn check(mode: Mode, expected: &str) {
        let target = Target { is_terminal: false, has_colour: false, table_rows_max: 3, table_width_max: usize::MAX };
        let mut writer = writer(mode, target);
        let mut out = Vec::new();
        let names = ["id", "größe", "note"].map(str::to_owned);
        writer.columns(&names, &mut out).unwrap();
        writer.row(&[Value::Integer(1), Value::Real(1.5), Value::text("a \"b\", c")], &mut out).unwrap();
        writer.row(&[Value::Integer(-20), Value::Null, Value::text("x\n|\u{1b}[31m")], &mut out).unwrap();
        writer.row(&[Value::Integer(3), Value::Real(2.0), Value::text("")], &mut out).unwrap();
        writer.finish(&mut out).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn table() {
        let expected = "\
┌─────┬───────┬──────────────┐
│  id │ größe │ note         │
├─────┼───────┼──────────────┤
│   1 │   1.5 │ a \"b\", c     │
│ -20 │  NULL │ x\\n|\\x1b[31m │
│   3 │   2.0 │              │
└─────┴───────┴──────────────┘
";
        check(Mode::Table, expected);
    }

    #[test]
    fn markdown() {
        check(
            Mode::Markdown,
            "| id | größe | note |\n| ---: | ---: | :--- |\n| 1 | 1.5 | a \"b\", c |\n| -20 | NULL | x\\n\\|\\x1b[31m |\n| 3 | 2.0 |  |\n",
        );
    }

    #[test]
    fn csv() {
        check(Mode::Csv, "id,größe,note\n1,1.5,\"a \"\"b\"\", c\"\n-20,,\"x\n|\u{1b}[31m\"\n3,2.0,\"\"\n");
    }

    #[test]
    fn json() {
        check(
            Mode::Json,
            "[\n  {\"id\":1,\"größe\":1.5,\"note\":\"a \\\"b\\\", c\"},\n  {\"id\":-20,\"größe\":null,\"note\":\"x\\n|\\u001b[31m\"},\n  {\"id\":3,\"größe\":2.0,\"note\":\"\"}\n]\n",
        );
    }

    #[test]
    fn jsonl() {
        check(
            Mode::Jsonl,
            "{\"id\":1,\"größe\":1.5,\"note\":\"a \\\"b\\\", c\"}\n{\"id\":-20,\"größe\":null,\"note\":\"x\\n|\\u001b[31m\"}\n{\"id\":3,\"größe\":2.0,\"note\":\"\"}\n",
        );
    }

    #[test]
    fn line() {
        check(
            Mode::Line,
            "   id = 1\ngröße = 1.5\n note = a \"b\", c\n\n   id = -20\ngröße = NULL\n note = x\\n|\\x1b[31m\n\n   id = 3\ngröße = 2.0\n note = \n",
        );
    }

    #[test]
    fn no_control_character_reaches_a_terminal() {
        let target = Target { is_terminal: true, has_colour: false, table_rows_max: 3, table_width_max: usize::MAX };
        for mode in [Mode::Table, Mode::Csv, Mode::Json, Mode::Jsonl, Mode::Markdown, Mode::Line] {
            let mut writer = writer(mode, target);
            let mut out = Vec::new();
            let text = "\u{1b}[31m\u{7f}\u{9b}31m\u{202e}";
            writer.columns(&[text.to_owned()], &mut out).unwrap();
            writer.row(&[Value::text(text)], &mut out).unwrap();
            writer.finish(&mut out).unwrap();
            let shown = String::from_utf8(out).unwrap();
            assert!(!shown.contains(|c| c != '\n' && text::is_control(c)), "{mode:?}: {shown:?}");
            if mode == Mode::Jsonl {
                let read: serde_json::Value = serde_json::from_str(&shown).unwrap();
                assert_eq!(read[text], text);
            }
        }
    }

    #[test]
    fn a_table_over_its_cap_counts_what_it_hides() {
        let target = Target { is_terminal: false, has_colour: false, table_rows_max: 2, table_width_max: usize::MAX };
        let mut writer = writer(Mode::Table, target);
        let mut out = Vec::new();
        writer.columns(&["n".to_owned()], &mut out).unwrap();
        (1..=5).for_each(|n| writer.row(&[Value::Integer(n)], &mut out).unwrap());
        writer.finish(&mut out).unwrap();
        assert_eq!(writer.rows_hidden(), 3);
        assert_eq!(String::from_utf8(out).unwrap().lines().count(), 6);
    }

    #[test]
    fn a_table_that_is_too_wide_leaves_out_columns_in_its_middle() {
        let write = |width: usize| {
            let target = Target { is_terminal: false, has_colour: false, table_rows_max: 2, table_width_max: width };
            let mut writer = writer(Mode::Table, target);
            let mut out = Vec::new();
            writer.columns(&["a", "bb", "ccc", "dddd"].map(str::to_owned), &mut out).unwrap();
            writer.row(&[1, 2, 3, 4].map(Value::Integer), &mut out).unwrap();
            writer.finish(&mut out).unwrap();
            (writer.columns_hidden(), String::from_utf8(out).unwrap())
        };
        let whole = "┌───┬────┬─────┬──────┐\n│ a │ bb │ ccc │ dddd │\n├───┼────┼─────┼──────┤\n│ 1 │  2 │   3 │    4 │\n└───┴────┴─────┴──────┘\n";
        assert_eq!(write(23), (0, whole.to_owned()));
        let less = "┌───┬────┬───┬──────┐\n│ a │ bb │ … │ dddd │\n├───┼────┼───┼──────┤\n│ 1 │  2 │ … │    4 │\n└───┴────┴───┴──────┘\n";
        assert_eq!(write(22), (1, less.to_owned()));
        let least = "┌───┬───┐\n│ a │ … │\n├───┼───┤\n│ 1 │ … │\n└───┴───┘\n";
        assert_eq!(write(15), (3, least.to_owned()));
        // The first column is always there.
        assert_eq!(write(1), (3, least.to_owned()));
    }

    #[test]
    fn every_mode_writes_a_result_without_rows() {
        let target = Target { is_terminal: false, has_colour: false, table_rows_max: 2, table_width_max: usize::MAX };
        let expected = [
            (Mode::Table, "┌───┐\n│ n │\n├───┤\n└───┘\n"),
            (Mode::Csv, "n\n"),
            (Mode::Json, "[]\n"),
            (Mode::Jsonl, ""),
            (Mode::Markdown, "| n |\n| :--- |\n"),
            (Mode::Line, ""),
        ];
        for (mode, text) in expected {
            let mut writer = writer(mode, target);
            let mut out = Vec::new();
            writer.columns(&["n".to_owned()], &mut out).unwrap();
            writer.finish(&mut out).unwrap();
            assert_eq!(String::from_utf8(out).unwrap(), text, "{mode:?}");
        }
    }
}
