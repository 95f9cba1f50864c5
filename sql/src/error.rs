//! What can go wrong between SQL text and its result, by what the caller can do about it.
//!
//! An [`Error`] is a kind with its data, the place in the text that it speaks of, and a hint where there is one to give.
//! [`Display`](fmt::Display) is one line; [`Error::render`] shows the text with a caret below the place.

use std::fmt;
use std::ops::Range;

/// A place in SQL text, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The first byte.
    pub start: usize,
    /// The byte after the last one.
    pub end: usize,
}

impl Span {
    /// The place from `start` to before `end`.
    pub fn new(start: usize, end: usize) -> Self {
        Self { start, end: end.max(start) }
    }

    /// The bytes as a range.
    pub fn range(self) -> Range<usize> {
        self.start..self.end
    }

    pub(crate) fn shifted(self, offset: usize) -> Self {
        Self { start: self.start + offset, end: self.end + offset }
    }
}

/// An error of a statement. The database is as it was before the statement.
#[derive(Clone, Debug)]
pub struct Error {
    kind: Box<ErrorKind>,
    span: Option<Span>,
    hint: Option<Box<str>>,
}

/// What went wrong.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Text that is not SQL.
    Syntax {
        /// What was expected and what was found.
        message: Box<str>,
    },
    /// Text that ends inside a string, a quoted name or a comment: more text may complete it.
    Unterminated {
        /// What it ends in.
        what: &'static str,
    },
    /// A statement over a limit of size or depth.
    TooComplex {
        /// What there is too much of.
        what: &'static str,
        /// How much there may be.
        limit: usize,
    },
    /// SQL that Manicule does not answer.
    NotSupported {
        /// What was asked for.
        what: Box<str>,
    },
    /// A name that nothing has.
    Unknown {
        /// `table`, `column`, `function`, `index`, `view`, `type`, `savepoint`, `setting`.
        what: &'static str,
        /// The name.
        name: Box<str>,
    },
    /// A name that is there already.
    Duplicate {
        /// `table`, `column`, `index`, `view`.
        what: &'static str,
        /// The name.
        name: Box<str>,
    },
    /// A column name that more than one table has.
    Ambiguous {
        /// The name.
        name: Box<str>,
    },
    /// A column that is neither grouped by nor aggregated, or an aggregate where none can be.
    Grouping {
        /// What is wrong with it.
        message: Box<str>,
    },
    /// A function called with a number of arguments that it does not take.
    ArgumentCount {
        /// The function.
        function: Box<str>,
        /// How many it takes.
        expected: &'static str,
        /// How many were given.
        found: usize,
    },
    /// Rows or lists whose widths do not match.
    ColumnCount {
        /// The columns that are asked for.
        expected: usize,
        /// The columns given.
        found: usize,
    },
    /// Something that parses but makes no sense where it stands.
    Invalid {
        /// What is wrong with it.
        message: Box<str>,
        /// Its SQLSTATE.
        sqlstate: &'static str,
    },
    /// A statement that the state of the transaction does not allow.
    TransactionState {
        /// What is wrong with it.
        message: &'static str,
        /// Its SQLSTATE.
        sqlstate: &'static str,
    },
    /// Planning or running failed.
    Query(manicule_query::Error),
}

/// A result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    pub(crate) fn new(kind: ErrorKind) -> Self {
        Self { kind: Box::new(kind), span: None, hint: None }
    }

    pub(crate) fn syntax(message: impl Into<Box<str>>) -> Self {
        Self::new(ErrorKind::Syntax { message: message.into() })
    }

    pub(crate) fn not_supported(what: impl Into<Box<str>>) -> Self {
        Self::new(ErrorKind::NotSupported { what: what.into() })
    }

    pub(crate) fn unknown(what: &'static str, name: &str) -> Self {
        Self::new(ErrorKind::Unknown { what, name: name.into() })
    }

    pub(crate) fn duplicate(what: &'static str, name: &str) -> Self {
        Self::new(ErrorKind::Duplicate { what, name: name.into() })
    }

    pub(crate) fn grouping(message: impl Into<Box<str>>) -> Self {
        Self::new(ErrorKind::Grouping { message: message.into() })
    }

    pub(crate) fn invalid(message: impl Into<Box<str>>, sqlstate: &'static str) -> Self {
        Self::new(ErrorKind::Invalid { message: message.into(), sqlstate })
    }

    pub(crate) fn transaction_state(message: &'static str, sqlstate: &'static str) -> Self {
        Self::new(ErrorKind::TransactionState { message, sqlstate })
    }

    /// The same error at a place, unless it has one already.
    pub(crate) fn at(mut self, span: Option<Span>) -> Self {
        self.span = self.span.or(span);
        self
    }

    /// The same error, its place counted from the start of a longer text.
    pub(crate) fn shifted(mut self, offset: usize) -> Self {
        self.span = self.span.map(|span| span.shifted(offset));
        self
    }

    /// Whether a change of the schema was overtaken by another one; a build of an index ends in a conflict then.
    pub(crate) fn is_overtaken(&self) -> bool {
        use manicule_engine::Error;
        matches!(*self.kind, ErrorKind::Query(manicule_query::Error::CatalogChanged))
            || matches!(self.engine(), Some(Error::SchemaChanged | Error::Conflict { .. }))
    }

    pub(crate) fn without_span(mut self) -> Self {
        self.span = None;
        self
    }

    pub(crate) fn with_hint(mut self, hint: impl Into<Box<str>>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same error with the candidate that is nearest to `name` as a hint, if one is near.
    pub(crate) fn suggesting<'c>(self, name: &str, candidates: impl IntoIterator<Item = &'c str>) -> Self {
        match nearest(name, candidates) {
            Some(candidate) => self.with_hint(format!("did you mean {candidate}?")),
            None => self,
        }
    }

    /// What went wrong.
    pub fn kind(&self) -> &ErrorKind {
        &self.kind
    }

    /// The error of the engine, if it is one: a key that is there already, a conflict, a limit, the disk.
    ///
    /// ```
    /// use manicule_engine::{Database, Error as EngineError};
    /// # use manicule_sql::Session;
    ///
    /// let mut session = Session::new(&Database::in_memory());
    /// session.execute("CREATE TABLE city (name TEXT PRIMARY KEY); INSERT INTO city VALUES ('Oslo')")?;
    /// let error = session.execute("INSERT INTO city VALUES ('Oslo')").unwrap_err();
    /// let Some(EngineError::UniqueViolation { columns, .. }) = error.engine() else { return Err(error) };
    /// assert_eq!(**columns, ["name"]);
    /// # Ok::<(), manicule_sql::Error>(())
    /// ```
    pub fn engine(&self) -> Option<&manicule_engine::Error> {
        match self.kind.as_ref() {
            ErrorKind::Query(manicule_query::Error::Engine(error)) => Some(error),
            _ => None,
        }
    }

    /// The place in the text that was given, where there is one.
    pub fn span(&self) -> Option<Span> {
        self.span
    }

    /// What to try instead, where there is something to say.
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// The five characters that PostgreSQL gives for such an error.
    pub fn sqlstate(&self) -> &'static str {
        match self.kind.as_ref() {
            ErrorKind::Syntax { .. } | ErrorKind::Unterminated { .. } | ErrorKind::ColumnCount { .. } => "42601",
            ErrorKind::TooComplex { .. } => "54001",
            ErrorKind::NotSupported { .. } => "0A000",
            ErrorKind::Unknown { what, .. } => match *what {
                "table" | "view" => "42P01",
                "column" => "42703",
                "function" => "42883",
                "savepoint" => "3B001",
                "parameter" => "42P02",
                _ => "42704",
            },
            ErrorKind::Duplicate { what, .. } => match *what {
                "table" | "view" => "42P07",
                "column" => "42701",
                _ => "42710",
            },
            ErrorKind::Ambiguous { .. } => "42702",
            ErrorKind::Grouping { .. } => "42803",
            ErrorKind::ArgumentCount { .. } => "42883",
            ErrorKind::Invalid { sqlstate, .. } | ErrorKind::TransactionState { sqlstate, .. } => sqlstate,
            ErrorKind::Query(error) => error.sqlstate(),
        }
    }

    /// Whether the same transaction may succeed when it is run again.
    pub fn is_retryable(&self) -> bool {
        matches!(self.kind.as_ref(), ErrorKind::Query(error) if error.is_retryable())
    }

    /// Whether more text may make the statement complete.
    pub fn is_incomplete(&self) -> bool {
        matches!(self.kind.as_ref(), ErrorKind::Unterminated { .. })
    }

    /// The error with the line of `sql` that it speaks of, a caret below the place, and the hint. `sql` is the text that
    /// was given.
    pub fn render(&self, sql: &str) -> String {
        let mut out = format!("error[{}]: {}", self.sqlstate(), Message(self));
        if let Some(span) = self.span.filter(|span| span.start <= sql.len()) {
            render_place(&mut out, sql, span);
        }
        if let Some(hint) = &self.hint {
            out.push_str("\n  hint: ");
            out.push_str(hint);
        }
        out
    }
}

/// Appends `line:column`, the line and the carets.
fn render_place(out: &mut String, sql: &str, span: Span) {
    /// How much of a long line is shown on either side of the place.
    const AROUND: usize = 60;
    let (line, column) = line_and_column(sql, span.start);
    let line_start = floor_boundary(sql, sql[..floor_boundary(sql, span.start)].rfind('\n').map_or(0, |at| at + 1));
    let start = floor_boundary(sql, span.start.clamp(line_start, sql.len()));
    let line_end = sql[start..].find('\n').map_or(sql.len(), |at| start + at);
    let end = floor_boundary(sql, span.end.clamp(start, line_end));
    let from = floor_boundary(sql, start.saturating_sub(AROUND).max(line_start));
    let until = floor_boundary(sql, (end.min(start + AROUND) + AROUND).min(line_end));
    let shown: String = sql[from..until].chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let before = sql[from..start].chars().count();
    let width = sql[start..end.min(until)].chars().count().max(1);
    out.push_str(&format!("\n  --> {line}:{column}\n  | {shown}\n  | {}{}", " ".repeat(before), "^".repeat(width)));
}

/// The last character boundary at or before `at`.
fn floor_boundary(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0)
}

/// Line and column of a byte of `text`, both from 1; columns are characters.
pub fn line_and_column(text: &str, offset: usize) -> (usize, usize) {
    let before = &text[..floor_boundary(text, offset)];
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

/// The error without its place and hint.
struct Message<'e>(&'e Error);

impl fmt::Display for Message<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.kind.as_ref() {
            ErrorKind::Syntax { message } => write!(f, "syntax error: {message}"),
            ErrorKind::Unterminated { what } => write!(f, "the text ends inside a {what}"),
            ErrorKind::TooComplex { what, limit } => write!(f, "the statement has {what} (limit {limit})"),
            ErrorKind::NotSupported { what } => write!(f, "{what} is not supported"),
            ErrorKind::Unknown { what, name } => write!(f, "there is no {what} {name}"),
            ErrorKind::Duplicate { what, name } => write!(f, "{what} {name} already exists"),
            ErrorKind::Ambiguous { name } => write!(f, "column {name} is in more than one table"),
            ErrorKind::Grouping { message } | ErrorKind::Invalid { message, .. } => f.write_str(message),
            ErrorKind::ArgumentCount { function, expected, found } => {
                write!(f, "{function} takes {expected}, but {found} were given")
            }
            ErrorKind::ColumnCount { expected, found } => {
                write!(f, "{expected} columns are expected, but {found} were given")
            }
            ErrorKind::TransactionState { message, .. } => f.write_str(message),
            ErrorKind::Query(error) => error.fmt(f),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Message(self).fmt(f)?;
        match &self.hint {
            Some(hint) => write!(f, " ({hint})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self.kind.as_ref() {
            ErrorKind::Query(error) => Some(error),
            _ => None,
        }
    }
}

impl From<manicule_query::Error> for Error {
    fn from(error: manicule_query::Error) -> Self {
        Self::new(ErrorKind::Query(error))
    }
}

impl From<manicule_engine::Error> for Error {
    fn from(error: manicule_engine::Error) -> Self {
        manicule_query::Error::from(error).into()
    }
}

/// The candidate with the fewest edits from `name`, if they are few for its length; case does not count.
pub(crate) fn nearest<'c>(name: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    let allowed = match name.chars().count() {
        0..=2 => 1,
        3..=5 => 2,
        _ => 3,
    };
    candidates
        .into_iter()
        .map(|candidate| (edit_distance(name, candidate), candidate))
        .filter(|&(distance, candidate)| distance <= allowed && distance < candidate.chars().count())
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, candidate)| candidate)
}

/// Insertions, removals, replacements and swaps of neighbours between two names, without regard to ASCII case
/// (the optimal string alignment distance).
fn edit_distance(left: &str, right: &str) -> usize {
    let left: Vec<char> = left.chars().map(|c| c.to_ascii_lowercase()).collect();
    let right: Vec<char> = right.chars().map(|c| c.to_ascii_lowercase()).collect();
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=right.len()).collect();
    for (row, &of_left) in left.iter().enumerate() {
        let mut current = Vec::with_capacity(last.len());
        current.push(row + 1);
        for (column, &of_right) in right.iter().enumerate() {
            let replaced = last[column] + usize::from(of_left != of_right);
            let mut best = replaced.min(last[column + 1] + 1).min(current[column] + 1);
            if row > 0 && column > 0 && of_left == right[column - 1] && left[row - 1] == of_right {
                best = best.min(before_last[column - 1] + 1);
            }
            current.push(best);
        }
        before_last = std::mem::replace(&mut last, current);
    }
    last[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suggestions_are_near() {
        assert_eq!(nearest("tailnumm", ["tailnum", "dest"]), Some("tailnum"));
        assert_eq!(nearest("FLIHGTS", ["flights", "planes"]), Some("flights"));
        assert_eq!(nearest("xyz", ["flights", "planes"]), None);
        assert_eq!(nearest("a", ["b"]), None);
    }

    #[test]
    fn places_are_rendered_below_their_line() {
        let sql = "SELECT 1,\n  nmae FROM t";
        let error = Error::unknown("column", "nmae").at(Some(Span::new(12, 16))).suggesting("nmae", ["name"]);
        assert_eq!(
            error.render(sql),
            "error[42703]: there is no column nmae\n  --> 2:3\n  |   nmae FROM t\n  |   ^^^^\n  hint: did you mean name?"
        );
    }

    #[test]
    fn rendering_survives_any_span() {
        for (start, end) in [(0, 0), (3, 100), (100, 200), (1, 2)] {
            let error = Error::syntax("x").at(Some(Span::new(start, end)));
            assert!(error.render("é\u{301}\nabc").contains("syntax error"));
        }
    }
}
