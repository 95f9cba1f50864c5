//! What can go wrong in the shell, by what happens next.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// An error of the shell.
#[derive(Debug)]
pub(crate) enum Error {
    /// A statement failed: the message with the place marked in its text.
    Statement(String),
    /// The engine refused what a command asked for.
    Engine(manicule::EngineError),
    /// A CSV file that cannot be taken; nothing of it has been.
    Csv(CsvError),
    /// A command that is not known or was given the wrong words.
    Command(String),
    /// A file that cannot be read or written.
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// Results cannot be written any more.
    Output(io::Error),
    /// The user stopped it.
    Cancelled,
}

/// What is wrong in a CSV file, and where.
#[derive(Debug)]
pub(crate) struct CsvError {
    /// The file.
    pub(crate) path: PathBuf,
    /// The line, counted from one.
    pub(crate) line: u64,
    /// The name of the column, where one value is to blame.
    pub(crate) column: Option<String>,
    /// What is wrong.
    pub(crate) problem: String,
}

impl Error {
    /// An error of a file.
    pub(crate) fn file(path: &Path, error: io::Error) -> Self {
        Self::File { path: path.to_owned(), error }
    }

    /// Whether whoever read the results has gone away, which is no failure.
    pub(crate) fn is_broken_pipe(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Statement(message) | Self::Command(message) => f.write_str(message),
            Self::Engine(error) => error.fmt(f),
            Self::Csv(error) => error.fmt(f),
            Self::File { path, error } => write!(f, "{}: {error}", path.display()),
            Self::Output(error) => write!(f, "cannot write the result: {error}"),
            Self::Cancelled => f.write_str("cancelled"),
        }
    }
}

impl fmt::Display for CsvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: ", self.path.display(), self.line)?;
        if let Some(column) = &self.column {
            write!(f, "column {column}: ")?;
        }
        f.write_str(&self.problem)
    }
}

impl std::error::Error for Error {}

impl From<manicule::EngineError> for Error {
    fn from(error: manicule::EngineError) -> Self {
        Self::Engine(error)
    }
}

impl From<CsvError> for Error {
    fn from(error: CsvError) -> Self {
        Self::Csv(error)
    }
}

/// A result of the shell.
pub(crate) type Result<T> = std::result::Result<T, Error>;
