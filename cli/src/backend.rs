//! The one place where the shell meets the database.

use std::time::Duration;

use manicule::{Database, Value};

use crate::error::{Error, Result};

/// Receives the rows of a statement.
pub(crate) trait Sink {
    /// The names of the columns, once, before the first row.
    fn columns(&mut self, names: &[String]) -> Result<()>;
    /// A row.
    fn row(&mut self, values: &[Value<'_>]) -> Result<()>;
}

/// What a statement did.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// How many rows it changed, if it changes rows.
    pub(crate) changed: Option<u64>,
    /// How the rows were found.
    pub(crate) via: String,
    /// How long it took.
    pub(crate) elapsed: Duration,
}

/// A statement of a text.
#[derive(Debug)]
pub(crate) struct StatementText<'t> {
    pub(crate) text: &'t str,
    pub(crate) offset: usize,
}

/// The database and a session on it.
#[derive(Debug)]
pub(crate) struct Backend {
    database: Database,
}

impl Backend {
    pub(crate) fn new(database: Database) -> Self {
        Self { database }
    }

    pub(crate) fn database(&self) -> &Database {
        &self.database
    }

    pub(crate) fn run(&mut self, _sql: &str, _parameters: &[Value<'static>], _sink: &mut dyn Sink) -> Result<Report> {
        Err(Error::Statement("not there yet".to_owned()))
    }

    pub(crate) fn is_in_transaction(&self) -> bool {
        false
    }

    pub(crate) fn cancel_handle(&self) -> impl Fn() + Send + 'static {
        || {}
    }
}

pub(crate) fn split(text: &str) -> impl Iterator<Item = Result<StatementText<'_>>> {
    std::iter::once(Ok(StatementText { text, offset: 0 }))
}

pub(crate) fn is_complete(text: &str) -> bool {
    text.trim_end().ends_with(';')
}
