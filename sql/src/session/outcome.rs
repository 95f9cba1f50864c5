//! What a statement gives.

use std::ops::ControlFlow;
use std::time::Duration;

use manicule_engine::{Row, RowBuf, Value};
use manicule_query::plan::OutputColumn;

/// Receives the rows of a statement as they come.
pub trait Sink {
    /// The columns, once, before the first row; of a statement with rows, even if there is none. `Break` ends the
    /// statement without an error.
    fn columns(&mut self, columns: &[OutputColumn]) -> ControlFlow<()>;

    /// A row. Its values are borrowed and are gone when this returns. `Break` ends the statement without an error.
    fn row(&mut self, row: &[Value<'_>]) -> ControlFlow<()>;
}

/// What a statement did, besides its rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// How many rows it changed, if it changes rows.
    pub changed: Option<u64>,
    /// How the rows were found, in a few words; empty of a statement that finds none.
    pub via: String,
    /// From text to last row.
    pub elapsed: Duration,
}

/// What a statement gave.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// Rows: SELECT, EXPLAIN, a change with RETURNING.
    Rows(Rows),
    /// The number of rows that INSERT, UPDATE or DELETE changed.
    Changed(u64),
    /// Nothing: the statement was run.
    Done,
}

impl Outcome {
    /// The rows; none of a statement that has none.
    pub fn into_rows(self) -> Rows {
        match self {
            Self::Rows(rows) => rows,
            Self::Changed(_) | Self::Done => Rows::default(),
        }
    }

    /// How many rows INSERT, UPDATE or DELETE changed. Of a change with RETURNING, how many it returned.
    pub fn changed(&self) -> u64 {
        match self {
            Self::Rows(rows) => rows.len() as u64,
            Self::Changed(changed) => *changed,
            Self::Done => 0,
        }
    }
}

/// The rows of a result, all of them.
///
/// ```
/// # use manicule_engine::{Database, Error};
/// # use manicule_sql::Session;
/// # let mut session = Session::new(&Database::in_memory());
/// session.execute("CREATE TABLE city (name TEXT, people INTEGER); INSERT INTO city VALUES ('Oslo', 717710)")?;
/// let rows = session.query("SELECT name, people FROM city", &[])?;
/// let people = rows.column_index("people").expect("it was asked for");
/// for row in &rows {
///     assert_eq!((row.read::<&str>(0)?, row.read::<u32>(people)?), ("Oslo", 717_710));
/// }
/// # Ok::<(), manicule_sql::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rows {
    columns: Vec<OutputColumn>,
    rows: Vec<RowBuf>,
}

impl Rows {
    /// The columns.
    pub fn columns(&self) -> &[OutputColumn] {
        &self.columns
    }

    /// The position of the first column of that name, in whatever case.
    pub fn column_index(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name.eq_ignore_ascii_case(name))
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The rows, in their order.
    pub fn iter(&self) -> RowIter<'_> {
        self.rows.iter().map(|row| row)
    }

    /// A row, by its position; `None` if there are not so many.
    pub fn get(&self, row: usize) -> Option<&Row> {
        self.rows.get(row).map(|row| &**row)
    }

    /// A value; NULL if there is no such row or column.
    pub fn value(&self, row: usize, column: usize) -> Value<'_> {
        let row = self.rows.get(row).filter(|_| column < self.columns.len());
        row.map_or(Value::Null, |row| row.get(column))
    }
}

/// The rows of a result, in their order.
pub type RowIter<'r> = std::iter::Map<std::slice::Iter<'r, RowBuf>, fn(&'r RowBuf) -> &'r Row>;

impl<'r> IntoIterator for &'r Rows {
    type Item = &'r Row;
    type IntoIter = RowIter<'r>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// Keeps the rows.
#[derive(Debug, Default)]
pub(super) struct Collector {
    rows: Rows,
    has_columns: bool,
}

impl Collector {
    pub(super) fn rows(self) -> Rows {
        self.rows
    }

    pub(super) fn outcome(self, report: &Report) -> Outcome {
        match report.changed {
            _ if self.has_columns => Outcome::Rows(self.rows),
            Some(changed) => Outcome::Changed(changed),
            None => Outcome::Done,
        }
    }
}

impl Sink for Collector {
    fn columns(&mut self, columns: &[OutputColumn]) -> ControlFlow<()> {
        self.has_columns = true;
        self.rows.columns = columns.to_vec();
        ControlFlow::Continue(())
    }

    fn row(&mut self, row: &[Value<'_>]) -> ControlFlow<()> {
        self.rows.rows.push(Row::new(row));
        ControlFlow::Continue(())
    }
}
