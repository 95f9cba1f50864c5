//! What can go wrong in the engine, by what the caller can do about it.

use std::fmt;

use crate::value::{ColumnType, Value};

/// An error of the engine. The database is as it was before the failed call.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Error {
    /// Another transaction first changed a row that this one changes, or the table's definition, or, if this one is
    /// serializable, what it read: run the transaction again.
    Conflict {
        /// The table of the row.
        table: String,
    },
    /// Another transaction has held the writer's place for seconds: try again when it has ended.
    Busy,
    /// The caller did not want it any more.
    Cancelled,
    /// The schema is not the one that a change of it was meant for: look at it again.
    SchemaChanged,
    /// Two rows would have the same key: change the key.
    UniqueViolation {
        /// The table.
        table: String,
        /// The index that refuses it.
        index: String,
        /// The columns of the key.
        columns: Box<[String]>,
        /// The values of the key.
        key: Box<[Value<'static>]>,
        /// Whether the other row was committed after the transaction began: run again, it sees that row.
        is_overtaken: bool,
    },
    /// NULL in a column that refuses it.
    NotNullViolation {
        /// The table.
        table: String,
        /// The column.
        column: String,
    },
    /// No number is left for a row that comes without its primary key: give it one.
    NumbersUsedUp {
        /// The table.
        table: String,
        /// The column with the number.
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
    /// A value was read as a Rust type that it is not of: read it as another, or as an `Option` if it may be NULL.
    WrongType {
        /// The position of its column, from 0.
        column: usize,
        /// The Rust type that was asked for.
        expected: &'static str,
        /// The value.
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
    /// The database would take more memory than it may: delete rows, end long snapshots, or raise the limit.
    MemoryLimit {
        /// The limit.
        bytes_max: usize,
    },
    /// The file system refused something: see to it, then open the database again.
    Io {
        /// What was tried, and on which file.
        what: String,
        /// What the file system said.
        reason: String,
    },
    /// The database is open already, in this process or another one: close it there.
    Locked {
        /// The file that is locked.
        path: String,
    },
    /// What is on disk is not what was written: restore a backup.
    Corrupt {
        /// What is damaged, lost, or other than it was.
        what: String,
    },
    /// A later version of this software made the database: use that one.
    NewerFormat {
        /// The format of the database.
        found: u32,
        /// The newest format that this version reads.
        supported: u32,
    },
    /// The disk failed a write, so no commit is taken any more; reads go on. Whether the commits that got this error
    /// are there is known when the database is opened again.
    Poisoned {
        /// What failed.
        reason: String,
    },
    /// The database was closed: no commit is taken any more.
    Closed,
}

impl Error {
    /// Whether the same transaction may succeed when it is run again.
    pub fn is_retryable(&self) -> bool {
        self.is_overtaken() || matches!(self, Self::Busy)
    }

    /// Whether another transaction was first with something that this one did not see.
    pub(crate) fn is_overtaken(&self) -> bool {
        matches!(self, Self::Conflict { .. } | Self::UniqueViolation { is_overtaken: true, .. })
    }

    pub(crate) fn corrupt(what: impl Into<String>) -> Self {
        Self::Corrupt { what: what.into() }
    }
}

impl std::error::Error for Error {}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Conflict { table } => {
                write!(
                    f,
                    "another transaction was first to change these rows of table {table}, or the table itself; "
                )?;
                f.write_str("run the transaction again")
            }
            Self::Busy => f.write_str("another transaction is the writer and has not ended; try again later"),
            Self::Cancelled => f.write_str("it was cancelled"),
            Self::SchemaChanged => f.write_str("the schema has changed meanwhile; look at it again"),
            Self::UniqueViolation { table, index, columns, key, .. } => {
                write!(f, "duplicate key in {table}: ({}) = (", columns.join(", "))?;
                for (position, value) in key.iter().enumerate() {
                    write!(f, "{}{}", if position == 0 { "" } else { ", " }, Excerpt(value))?;
                }
                write!(f, ") is already there (unique index {index})")
            }
            Self::NotNullViolation { table, column } => write!(f, "column {table}.{column} takes no NULL"),
            Self::NumbersUsedUp { table, column } => {
                write!(f, "the numbers of {table}.{column} have come to {}: give the row one", i64::MAX)
            }
            Self::TypeMismatch { table, column, expected, found } => {
                write!(f, "column {table}.{column} takes {expected}, not {}", WithType(found))
            }
            Self::WrongType { column, expected, found } => {
                write!(f, "column {column} of the row holds {}, which cannot be read as {expected}", WithType(found))
            }
            Self::ColumnCount { table, expected, found } => {
                write!(f, "table {table} has {expected} columns, but {found} values were given")
            }
            Self::AlreadyExists { what, name } => write!(f, "{what} {name} already exists"),
            Self::NotFound { what, name } => write!(f, "there is no {what} {name}"),
            Self::Refused { reason } => f.write_str(reason),
            Self::TooLarge { what, limit } => write!(f, "{what} is over the limit of {limit}"),
            Self::MemoryLimit { bytes_max } => {
                write!(f, "the database would take more than its limit of {bytes_max} bytes")
            }
            Self::Io { what, reason } => write!(f, "{what}: {reason}"),
            Self::Locked { path } => write!(f, "the database is open already: {path} is locked"),
            Self::Corrupt { what } => write!(f, "the database is damaged: {what}"),
            Self::NewerFormat { found, supported } => {
                write!(f, "the database has format {found}, and this version reads formats up to {supported}")
            }
            Self::Poisoned { reason } => {
                write!(f, "no commit is taken after a failed write ({reason}); open the database again")
            }
            Self::Closed => f.write_str("the database is closed"),
        }
    }
}

/// A value behind its type: `TEXT 1` and `INTEGER 1` look alike without it. NULL stands alone.
struct WithType<'e>(&'e Value<'e>);

impl fmt::Display for WithType<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.column_type() {
            Some(column_type) => write!(f, "{column_type} {}", Excerpt(self.0)),
            None => self.0.fmt(f),
        }
    }
}

/// A value, cut after 64 bytes: a message that is logged is no place for a MiB.
struct Excerpt<'e>(&'e Value<'e>);

impl fmt::Display for Excerpt<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const BYTES_MAX: usize = 64;
        let text = self.0.to_string();
        match text.len() <= BYTES_MAX {
            true => f.write_str(&text),
            false => write!(f, "{}…", &text[..text.floor_char_boundary(BYTES_MAX)]),
        }
    }
}

/// A result of the engine.
pub type Result<T> = std::result::Result<T, Error>;
