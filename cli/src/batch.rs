//! Statements and commands from a text, one after the other, until one fails.

use std::io::{BufRead, Read};

use crate::backend;
use crate::error::{Error, Result};
use crate::shell::{Flow, Shell};

/// The most text that waits for the end of its statement.
const PENDING_BYTES_MAX: u64 = 64 << 20;

/// A failure and where it happened: the name of the text and a line, where there is one.
#[derive(Debug)]
pub(crate) struct Failure {
    /// `NAME:LINE`, or nothing.
    pub(crate) place: Option<String>,
    /// What happened.
    pub(crate) error: Error,
}

/// Reads lines; hands whole statements and commands to the shell.
struct Batch<'b> {
    shell: &'b mut Shell,
    /// How errors name the text, if it has lines to be named.
    name: Option<&'b str>,
    pending: String,
    /// The line of the first byte of `pending`.
    pending_line: usize,
}

/// Runs a whole text.
///
/// # Errors
///
/// The first statement or command that failed; those after it have not run.
pub(crate) fn run(shell: &mut Shell, name: Option<&str>, input: impl BufRead) -> std::result::Result<Flow, Failure> {
    Batch { shell, name, pending: String::new(), pending_line: 1 }.run(input)
}

/// Runs a text that is whole, as the prompt gives it.
///
/// # Errors
///
/// The first statement that failed; those after it have not run.
pub(crate) fn run_text(shell: &mut Shell, text: &str) -> Result<Flow> {
    if is_command(text) {
        return shell.run_command(text.trim());
    }
    for statement in backend::split(text) {
        shell.run_statement(statement?.text)?;
    }
    Ok(Flow::Continue)
}

impl Batch<'_> {
    fn run(mut self, mut input: impl BufRead) -> std::result::Result<Flow, Failure> {
        let mut line_number = 0;
        loop {
            line_number += 1;
            let line = read_line(&mut input, line_number == 1).map_err(|error| self.failure(line_number, error))?;
            let Some(line) = line else {
                return self.run_pending();
            };
            if self.pending.is_empty() {
                self.pending_line = line_number;
                if is_command(&line) {
                    let flow = self.shell.run_command(line.trim());
                    match flow.map_err(|error| self.failure(line_number, error))? {
                        Flow::Quit => return Ok(Flow::Quit),
                        Flow::Continue => continue,
                    }
                }
                if line.trim().is_empty() {
                    continue;
                }
            }
            self.pending.push_str(&line);
            if self.pending.len() as u64 > PENDING_BYTES_MAX {
                let message = format!("a statement of more than {} MiB", PENDING_BYTES_MAX >> 20);
                return Err(self.failure(self.pending_line, Error::Statement(message)));
            }
            if may_end_statement(&line) && backend::is_complete(&self.pending) {
                self.run_pending()?;
            }
        }
    }

    /// Runs what has been gathered; at the end of the text the last semicolon may be missing.
    fn run_pending(&mut self) -> std::result::Result<Flow, Failure> {
        let text = std::mem::take(&mut self.pending);
        for statement in backend::split(&text) {
            let statement = statement.map_err(|error| self.failure(self.pending_line, error))?;
            let line = self.pending_line + text[..statement.offset].matches('\n').count();
            self.shell.run_statement(statement.text).map_err(|error| self.failure(line, error))?;
        }
        Ok(Flow::Continue)
    }

    fn failure(&self, line: usize, error: Error) -> Failure {
        Failure { place: self.name.map(|name| format!("{name}:{line}")), error }
    }
}

/// Whether a line is worth asking for the end of a statement, so that a statement of many lines is not looked at as often:
/// it has a semicolon, or ends a comment, after which a command may stand.
fn may_end_statement(line: &str) -> bool {
    line.contains(';') || line.contains("*/") || line.trim_start().starts_with("--")
}

/// Whether the text is a command and not SQL.
pub(crate) fn is_command(text: &str) -> bool {
    text.trim_start().starts_with(['.', '\\'])
}

/// The next line with its line break; `None` at the end.
fn read_line(input: &mut impl BufRead, is_first: bool) -> Result<Option<String>> {
    let mut bytes = Vec::new();
    let count = input
        .by_ref()
        .take(PENDING_BYTES_MAX + 1)
        .read_until(b'\n', &mut bytes)
        .map_err(|error| Error::Command(format!("cannot be read: {error}")))?;
    if count == 0 {
        return Ok(None);
    }
    let line = String::from_utf8(bytes).map_err(|error| {
        let bytes = error.as_bytes();
        let byte = bytes[error.utf8_error().valid_up_to()];
        Error::Statement(format!("error: the byte 0x{byte:02x} is not UTF-8"))
    })?;
    Ok(Some(match line.strip_prefix('\u{feff}') {
        Some(rest) if is_first => rest.to_owned(),
        _ => line,
    }))
}
