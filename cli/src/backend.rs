//! The one place where the shell meets a session of the database.

use std::io;
use std::ops::ControlFlow;

use manicule::{Advice, CancellationToken, Database, OutputColumn, Report, Session, StatementText, Value};

use crate::error::{Error, Result};

pub(crate) use manicule::is_complete;

/// Receives the rows of a statement.
pub(crate) trait RowSink {
    /// The names of the columns, once, before the first row.
    fn columns(&mut self, names: &[String]) -> io::Result<()>;
    /// A row.
    fn row(&mut self, values: &[Value<'_>]) -> io::Result<()>;
}

/// The database and a session on it.
#[derive(Debug)]
pub(crate) struct Backend {
    database: Database,
    session: Session,
}

impl Backend {
    /// A session on the database, whose statements hold so many bytes for themselves at most.
    ///
    /// # Errors
    ///
    /// None of a size that the database takes.
    pub(crate) fn new(database: Database, memory_bytes_max: Option<usize>) -> Result<Self> {
        let mut session = Session::new(&database);
        if let Some(bytes) = memory_bytes_max {
            let sql = format!("SET memory_limit = {bytes}");
            session.execute(&sql).map_err(|error| Error::Statement(error.render(&sql)))?;
        }
        Ok(Self { session, database })
    }

    /// The database.
    pub(crate) fn database(&self) -> &Database {
        &self.database
    }

    /// Runs one statement and hands its rows to `sink` as they come.
    ///
    /// # Errors
    ///
    /// The statement's own, with its place in the text, or that of the sink, which ends the statement.
    pub(crate) fn run(&mut self, sql: &str, parameters: &[Value<'_>], sink: &mut dyn RowSink) -> Result<Report> {
        let mut adapter = Adapter { sink, failure: None };
        let report = self.session.run(sql, parameters, &mut adapter);
        if let Some(error) = adapter.failure {
            return Err(Error::Output(error));
        }
        report.map_err(|error| Error::Statement(error.render(sql)))
    }

    /// The indexes that would help a statement.
    ///
    /// # Errors
    ///
    /// The statement's own, with its place in the text.
    pub(crate) fn advise(&mut self, sql: &str) -> Result<Advice> {
        self.session.advise(sql).map_err(|error| Error::Statement(error.render(sql)))
    }

    /// Whether a transaction is open.
    pub(crate) fn is_in_transaction(&self) -> bool {
        self.session.is_in_transaction()
    }

    /// What cancels the statement that runs.
    pub(crate) fn cancel_handle(&self) -> CancellationToken {
        self.session.cancel_handle()
    }
}

/// The statements of a text. One that cannot be told from what follows is the last.
pub(crate) fn split(text: &str) -> impl Iterator<Item = Result<StatementText<'_>>> {
    manicule::split_statements(text)
        .map(move |statement| statement.map_err(|error| Error::Statement(error.render(text))))
}

/// A sink whose failures end the statement.
struct Adapter<'s> {
    sink: &'s mut dyn RowSink,
    failure: Option<io::Error>,
}

impl Adapter<'_> {
    fn flow(&mut self, result: io::Result<()>) -> ControlFlow<()> {
        match result {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                self.failure = Some(error);
                ControlFlow::Break(())
            }
        }
    }
}

impl manicule::Sink for Adapter<'_> {
    fn columns(&mut self, columns: &[OutputColumn]) -> ControlFlow<()> {
        let names: Vec<String> = columns.iter().map(|column| column.name.clone()).collect();
        let result = self.sink.columns(&names);
        self.flow(result)
    }

    fn row(&mut self, row: &[Value<'_>]) -> ControlFlow<()> {
        let result = self.sink.row(row);
        self.flow(result)
    }
}
