//! The shell: a session, its settings, and where results go.

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::Path;
use std::time::Duration;

use manicule::{Report, Value};

use crate::backend::{Backend, RowSink};
use crate::command;
use crate::error::{Error, Result};
use crate::output::{self, Mode, RowWriter, Target};
use crate::{interrupt, lexer, text};

/// Rows of a table on a terminal.
const TERMINAL_ROWS_MAX: usize = 40;
/// Rows of a table elsewhere.
const TABLE_ROWS_MAX: usize = 10_000;

/// Whether there is more to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flow {
    /// There may be.
    Continue,
    /// The user wants to leave.
    Quit,
}

/// What the user can set.
#[derive(Debug)]
pub(crate) struct Settings {
    /// How results are written.
    pub(crate) mode: Mode,
    /// Whether a line after each statement says how many rows there were and how they were found.
    pub(crate) footer: bool,
    /// Whether it says how long it took.
    pub(crate) timer: bool,
    /// The values of `?` and `$1`, `$2`, …
    pub(crate) parameters: Vec<Value<'static>>,
}

/// Where results go.
enum Output {
    Stdout(BufWriter<io::Stdout>),
    File(BufWriter<File>),
}

/// A session with its settings.
pub(crate) struct Shell {
    pub(crate) backend: Backend,
    pub(crate) settings: Settings,
    output: Output,
    /// How many `.read` files are open one inside the other.
    pub(crate) read_depth: usize,
}

impl Shell {
    /// A shell that writes to standard output.
    pub(crate) fn new(backend: Backend, mode: Mode) -> Self {
        let is_terminal = io::stdout().is_terminal();
        let settings = Settings { mode, footer: is_terminal, timer: is_terminal, parameters: Vec::new() };
        Self { backend, settings, output: Output::Stdout(BufWriter::new(io::stdout())), read_depth: 0 }
    }

    /// Runs a dot command or one of psql's.
    ///
    /// # Errors
    ///
    /// What the command says.
    pub(crate) fn run_command(&mut self, line: &str) -> Result<Flow> {
        interrupt::clear();
        command::run(self, line)
    }

    /// Runs one statement and writes its result.
    ///
    /// # Errors
    ///
    /// The statement's own, or that the result cannot be written.
    pub(crate) fn run_statement(&mut self, sql: &str) -> Result<()> {
        interrupt::clear();
        let parameters = self.parameters_for(sql)?;
        let target = self.output.target();
        let mut result = StatementResult {
            writer: match self.settings.mode {
                Mode::Table if lexer::is_explain(sql) => output::plain(),
                mode => output::writer(mode, target),
            },
            out: self.output.writer(),
            has_columns: false,
            row_count: 0,
        };
        let report = self.backend.run(sql, &parameters, &mut result);
        if report.is_ok() && result.has_columns {
            result.writer.finish(result.out).map_err(Error::Output)?;
        }
        let (has_columns, row_count) = (result.has_columns, result.row_count);
        let (rows_hidden, columns_hidden) = (result.writer.rows_hidden(), result.writer.columns_hidden());
        self.output.writer().flush().map_err(Error::Output)?;
        let report = report?;
        if rows_hidden > 0 {
            note(&format!(
                "{} of {} shown; LIMIT chooses others, .mode csv and .export write all",
                text::grouped(row_count - rows_hidden),
                text::counted(row_count, "row")
            ));
        }
        if columns_hidden > 0 {
            let columns = text::counted(columns_hidden as u64, "column");
            note(&format!("{columns} left out to fit the terminal; name those you want, or .mode line shows all"));
        }
        if !lexer::is_explain(sql) {
            self.write_footer(has_columns.then_some(row_count), &report);
        }
        Ok(())
    }

    /// Writes rows that a command made, in the mode of the results.
    ///
    /// # Errors
    ///
    /// That the result cannot be written.
    pub(crate) fn write_rows(&mut self, names: &[&str], rows: &[Vec<Value<'_>>]) -> Result<()> {
        let mut target = self.output.target();
        (target.table_rows_max, target.table_width_max) = (usize::MAX, usize::MAX);
        let mut writer = output::writer(self.settings.mode, target);
        let out = self.output.writer();
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut write = || -> io::Result<()> {
            writer.columns(&names, out)?;
            rows.iter().try_for_each(|row| writer.row(row, out))?;
            writer.finish(out)?;
            out.flush()
        };
        write().map_err(Error::Output)
    }

    /// Writes text where results go.
    ///
    /// # Errors
    ///
    /// That it cannot be written.
    pub(crate) fn write_text(&mut self, text: &str) -> Result<()> {
        let is_terminal = self.output.target().is_terminal;
        let text = if is_terminal { text::escape_lines(text) } else { text.to_owned() };
        let out = self.output.writer();
        writeln!(out, "{text}").and_then(|()| out.flush()).map_err(Error::Output)
    }

    /// Sends results to a file, or back to standard output.
    ///
    /// # Errors
    ///
    /// A file that cannot be made.
    pub(crate) fn set_output(&mut self, path: Option<&Path>) -> Result<()> {
        self.output = match path {
            None => Output::Stdout(BufWriter::new(io::stdout())),
            Some(path) => {
                let file = File::create(path).map_err(|error| Error::file(path, error))?;
                Output::File(BufWriter::new(file))
            }
        };
        Ok(())
    }

    /// Writes the whole result of a statement to a file: the number of rows.
    ///
    /// # Errors
    ///
    /// The statement's own, or that the file cannot be written. A file that was there stays as it is if the statement fails
    /// before it has many rows.
    pub(crate) fn export(&mut self, path: &Path, mode: Mode, sql: &str) -> Result<u64> {
        let parameters = self.parameters_for(sql)?;
        let mut out = BufWriter::new(FileOnDemand { path, file: None });
        let target =
            Target { is_terminal: false, has_colour: false, table_rows_max: usize::MAX, table_width_max: usize::MAX };
        let mut result =
            StatementResult { writer: output::writer(mode, target), out: &mut out, has_columns: false, row_count: 0 };
        let report = self.backend.run(sql, &parameters, &mut result);
        let row_count = result.row_count;
        let written = match report {
            Ok(_) => result.writer.finish(result.out).and_then(|()| out.flush()),
            Err(Error::Output(error)) => Err(error),
            Err(error) => {
                // What is not in the file yet does not go there.
                drop(out.into_parts());
                return Err(error);
            }
        };
        written.map_err(|error| Error::file(path, error))?;
        Ok(row_count)
    }

    /// The parameters that a statement takes, which is none if it names none.
    fn parameters_for(&self, sql: &str) -> Result<Vec<Value<'static>>> {
        let needed = lexer::parameter_count(sql);
        match self.settings.parameters.get(..needed) {
            Some(parameters) => Ok(parameters.to_vec()),
            None => Err(Error::Command(format!(
                "the statement takes {}, but {} set; .param set N VALUE sets one",
                text::counted(needed as u64, "parameter"),
                match self.settings.parameters.len() {
                    1 => "1 is".to_owned(),
                    count => format!("{count} are"),
                }
            ))),
        }
    }

    fn write_footer(&self, row_count: Option<u64>, report: &Report) {
        let mut parts = Vec::new();
        if self.settings.footer {
            parts.push(match (row_count, report.changed) {
                (Some(count), _) => text::counted(count, "row"),
                (None, Some(count)) => format!("{} changed", text::counted(count, "row")),
                (None, None) => "ok".to_owned(),
            });
        }
        if self.settings.timer {
            parts.push(elapsed(report.elapsed));
        }
        if self.settings.footer && !report.via.is_empty() {
            parts.push(format!("via {}", report.via.trim_start_matches("via ")));
        }
        if !parts.is_empty() {
            note(&parts.join("  "));
        }
    }
}

impl Output {
    fn writer(&mut self) -> &mut dyn Write {
        match self {
            Self::Stdout(out) => out,
            Self::File(out) => out,
        }
    }

    fn target(&self) -> Target {
        let is_terminal = matches!(self, Self::Stdout(_)) && io::stdout().is_terminal();
        let has_colour = is_terminal && anstream::AutoStream::choice(&io::stdout()) != anstream::ColorChoice::Never;
        let table_rows_max = if is_terminal { TERMINAL_ROWS_MAX } else { TABLE_ROWS_MAX };
        let columns = console::Term::stdout().size_checked().filter(|_| is_terminal);
        let table_width_max = columns.map_or(usize::MAX, |(_, columns)| usize::from(columns));
        Target { is_terminal, has_colour, table_rows_max, table_width_max }
    }
}

/// A file that is made, or emptied, when there is something to write.
struct FileOnDemand<'p> {
    path: &'p Path,
    file: Option<File>,
}

impl FileOnDemand<'_> {
    fn file(&mut self) -> io::Result<&mut File> {
        let file = match self.file.take() {
            Some(file) => file,
            None => File::create(self.path)?,
        };
        Ok(self.file.insert(file))
    }
}

impl Write for FileOnDemand<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file()?.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file()?.flush()
    }
}

/// A message to standard error. It may quote data, which must not move the cursor. That nobody reads it is no reason to stop.
pub(crate) fn note(message: &str) {
    let _ = writeln!(anstream::stderr(), "{}", text::escape_lines(message));
}

/// A duration with two or three digits: `0.08 ms`, `12.3 ms`, `1.27 s`.
pub(crate) fn elapsed(duration: Duration) -> String {
    let milliseconds = duration.as_secs_f64() * 1e3;
    match milliseconds {
        _ if milliseconds < 0.1 => format!("{milliseconds:.3} ms"),
        _ if milliseconds < 10.0 => format!("{milliseconds:.2} ms"),
        _ if milliseconds < 1000.0 => format!("{milliseconds:.1} ms"),
        _ => format!("{:.2} s", milliseconds / 1e3),
    }
}

/// Passes the rows of a statement on to the writer of the mode.
struct StatementResult<'o> {
    writer: Box<dyn RowWriter>,
    out: &'o mut dyn Write,
    has_columns: bool,
    row_count: u64,
}

impl RowSink for StatementResult<'_> {
    fn columns(&mut self, names: &[String]) -> io::Result<()> {
        self.has_columns = true;
        self.writer.columns(names, self.out)
    }

    fn row(&mut self, values: &[Value<'_>]) -> io::Result<()> {
        self.row_count += 1;
        self.writer.row(values, self.out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_short() {
        let shown = |micros| elapsed(Duration::from_micros(micros));
        assert_eq!(shown(82), "0.082 ms");
        assert_eq!(shown(820), "0.82 ms");
        assert_eq!(shown(12_345), "12.3 ms");
        assert_eq!(shown(1_270_000), "1.27 s");
    }
}
