//! What can go wrong in the engine, by what the caller can do about it.

use std::fmt;

use crate::value::{ColumnType, Value};

/// An error of the engine. The database is as it was before the failed call.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Error {
    /// Another transaction changed a row first: run the transaction again.
    Conflict {
        /// The table of the row.
        table: String,
    },
    /// Two rows would have the same key: change the key.
    UniqueViolation {
        /// The table.
        table: String,
        /// The index that refuses it.
        index: String,
        /// The columns of the key.
        columns: Vec<String>,
        /// The values of the key.
        key: Vec<Value<'static>>,
    },
    /// NULL in a column that refuses it.
    NotNullViolation {
        /// The table.
        table: String,
        /// The column.
        column: String,
    },
    /// A value of another type than the column's.
    TypeMismatch {
        /// The table.
        table: String,
        /// The column.
        column: String,
        /// What the column takes.
        expected: ColumnType,
        /// What was given.
        found: Value<'static>,
    },
    /// A row with another number of values than the table has columns.
    ColumnCount {
        /// The table.
        table: String,
        /// The columns of the table.
        expected: usize,
        /// The values given.
        found: usize,
    },
    /// A name that is taken.
    AlreadyExists {
        /// `table`, `index`, `view` or `column`.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// A table, index or column that is gone, or never was.
    NotFound {
        /// `table`, `index`, `view` or `column`.
        what: &'static str,
        /// Its name or id.
        name: String,
    },
    /// A change of the schema that cannot be made as things are.
    Refused {
        /// What was asked for and why it cannot be.
        reason: String,
    },
    /// A value, row or table over a limit.
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// The limit, in the unit that `what` says.
        limit: usize,
    },
}

impl Error {
    /// Whether the same transaction may succeed when it is run again.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Conflict { .. })
    }
}

impl std::error::Error for Error {}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Conflict { table } => {
                write!(f, "another transaction changed the same row of table {table} first; run the transaction again")
            }
            Self::UniqueViolation { table, index, columns, key } => {
                write!(f, "duplicate key in {table}: ({}) = (", columns.join(", "))?;
                for (position, value) in key.iter().enumerate() {
                    write!(f, "{}{value}", if position == 0 { "" } else { ", " })?;
                }
                write!(f, ") is already there (unique index {index})")
            }
            Self::NotNullViolation { table, column } => write!(f, "column {table}.{column} takes no NULL"),
            Self::TypeMismatch { table, column, expected, found } => {
                write!(f, "column {table}.{column} takes {expected}, not {found}")
            }
            Self::ColumnCount { table, expected, found } => {
                write!(f, "table {table} has {expected} columns, but {found} values were given")
            }
            Self::AlreadyExists { what, name } => write!(f, "{what} {name} already exists"),
            Self::NotFound { what, name } => write!(f, "there is no {what} {name}"),
            Self::Refused { reason } => f.write_str(reason),
            Self::TooLarge { what, limit } => write!(f, "{what} is over the limit of {limit}"),
        }
    }
}

/// A result of the engine.
pub type Result<T> = std::result::Result<T, Error>;
