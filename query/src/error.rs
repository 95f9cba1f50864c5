//! What can go wrong while a statement is planned or runs, by what the caller can do about it.

use std::fmt;

use manicule_engine::{ColumnType, Value};

/// An error of a statement. A change that fails leaves the transaction as it was before the statement.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Error {
    /// The engine refused.
    Engine(Box<manicule_engine::Error>),
    /// A number was divided by zero, or the remainder of it was asked.
    DivisionByZero,
    /// An integer result that 64 bits do not hold.
    IntegerOverflow {
        /// The operation: an operator or a function.
        operation: &'static str,
    },
    /// A real result that is infinite.
    RealOverflow {
        /// The operation: an operator or a function.
        operation: &'static str,
    },
    /// A date before the year 1 or after the year 9999.
    DateOverflow {
        /// The operation: an operator.
        operation: &'static str,
    },
    /// A text that does not say a value of the type.
    InvalidCast {
        /// The value as text, cut after 64 bytes.
        value: Box<str>,
        /// What it should have become.
        target: ColumnType,
    },
    /// A value that the type does not hold.
    OutOfRange {
        /// The value as text, cut after 64 bytes.
        value: Box<str>,
        /// What it should have become.
        target: ColumnType,
    },
    /// An operand of a type that the operation does not take.
    OperandType {
        /// The operation: an operator or a function.
        operation: &'static str,
        /// The type that was found.
        found: ColumnType,
    },
    /// An argument of the right type that the function cannot do anything with.
    InvalidArgument {
        /// The function.
        operation: &'static str,
        /// The argument as text, cut after 64 bytes.
        value: Box<str>,
        /// What it takes.
        expected: &'static str,
    },
    /// A value over the size that a single value may have.
    ValueTooLarge {
        /// The most bytes that it may have.
        bytes_max: usize,
    },
    /// LIMIT or OFFSET that is not a whole number from 0 on.
    InvalidRowCount {
        /// `LIMIT` or `OFFSET`.
        clause: &'static str,
        /// The value as text.
        value: Box<str>,
    },
    /// A row that a CHECK constraint refuses.
    CheckViolation {
        /// The table.
        table: Box<str>,
        /// The text of the constraint.
        sql: Box<str>,
    },
    /// Another number of parameters than the statement has.
    ParameterCount {
        /// The parameters of the statement.
        expected: usize,
        /// The values given.
        found: usize,
    },
    /// The catalog is not the one that the statement was planned with: plan it again.
    CatalogChanged,
    /// A query was asked of a plan that changes rows, or a change of one that reads.
    WrongStatementKind,
    /// The statement holds more memory than its limit allows.
    MemoryLimit {
        /// The limit.
        bytes_max: usize,
    },
    /// The statement's token was cancelled.
    Cancelled,
    /// The statement's deadline has passed.
    TimedOut,
}

impl Error {
    /// The SQLSTATE code that PostgreSQL gives for such an error.
    pub fn sqlstate(&self) -> &'static str {
        match self {
            Self::Engine(error) => engine_sqlstate(error),
            Self::DivisionByZero => "22012",
            Self::IntegerOverflow { .. } | Self::RealOverflow { .. } | Self::OutOfRange { .. } => "22003",
            Self::DateOverflow { .. } => "22008",
            Self::InvalidCast { .. } => "22P02",
            Self::OperandType { .. } => "42804",
            Self::InvalidArgument { .. } => "22023",
            Self::ValueTooLarge { .. } => "54000",
            Self::InvalidRowCount { clause: "OFFSET", .. } => "2201X",
            Self::InvalidRowCount { .. } => "2201W",
            Self::CheckViolation { .. } => "23514",
            Self::ParameterCount { .. } => "08P01",
            Self::CatalogChanged | Self::WrongStatementKind => "0A000",
            Self::MemoryLimit { .. } => "53200",
            Self::Cancelled | Self::TimedOut => "57014",
        }
    }

    /// Whether the same statement may succeed in a new transaction.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Engine(error) if error.is_retryable())
    }

    pub(crate) fn invalid_cast(value: &Value<'_>, target: ColumnType) -> Self {
        Self::InvalidCast { value: excerpt(value), target }
    }

    pub(crate) fn invalid_argument(operation: &'static str, value: &Value<'_>, expected: &'static str) -> Self {
        Self::InvalidArgument { operation, value: excerpt(value), expected }
    }

    pub(crate) fn out_of_range(value: &Value<'_>, target: ColumnType) -> Self {
        Self::OutOfRange { value: excerpt(value), target }
    }
}

fn engine_sqlstate(error: &manicule_engine::Error) -> &'static str {
    use manicule_engine::Error;
    match error {
        Error::Conflict { .. } => "40001",
        Error::Busy => "55P03",
        Error::Cancelled => "57014",
        Error::SchemaChanged => "0A000",
        Error::MemoryLimit { .. } => "53200",
        Error::UniqueViolation { .. } => "23505",
        Error::NotNullViolation { .. } => "23502",
        Error::TypeMismatch { .. } | Error::WrongType { .. } => "42804",
        Error::ColumnCount { .. } => "42601",
        Error::AlreadyExists { what: "table", .. } => "42P07",
        Error::AlreadyExists { what: "column", .. } => "42701",
        Error::AlreadyExists { .. } => "42710",
        Error::NotFound { what: "table", .. } => "42P01",
        Error::NotFound { what: "column", .. } => "42703",
        Error::NotFound { .. } => "42704",
        Error::Refused { .. } | Error::NewerFormat { .. } => "0A000",
        Error::NumbersUsedUp { .. } => "2200H",
        Error::TooLarge { .. } => "54000",
        Error::Io { .. } | Error::Poisoned { .. } => "58030",
        Error::Corrupt { .. } => "XX001",
        Error::Locked { .. } => "55006",
        Error::Closed => "57P01",
        _ => "XX000",
    }
}

/// The value as text, short enough for a message.
fn excerpt(value: &Value<'_>) -> Box<str> {
    const BYTES_MAX: usize = 64;
    let text = match value {
        Value::Text(text) => text.as_ref().to_owned(),
        other => other.to_string(),
    };
    if text.len() <= BYTES_MAX {
        return text.into_boxed_str();
    }
    let end = (0..=BYTES_MAX).rev().find(|&end| text.is_char_boundary(end)).unwrap_or(0);
    format!("{}…", &text[..end]).into_boxed_str()
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Engine(error) => Some(error.as_ref()),
            _ => None,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Engine(error) => error.fmt(f),
            Self::DivisionByZero => f.write_str("division by zero"),
            Self::IntegerOverflow { operation } => write!(f, "the result of {operation} is out of range of INTEGER"),
            Self::RealOverflow { operation } => write!(f, "the result of {operation} is out of range of REAL"),
            Self::DateOverflow { operation } => write!(f, "the result of {operation} is out of range of DATE"),
            Self::InvalidCast { value, target } => write!(f, "'{value}' is not a valid {target}"),
            Self::OutOfRange { value, target } => write!(f, "{value} is out of range of {target}"),
            Self::OperandType { operation, found } => write!(f, "{operation} does not take {found}"),
            Self::InvalidArgument { operation, value, expected } => {
                write!(f, "{operation} does not take '{value}', but {expected}")
            }
            Self::ValueTooLarge { bytes_max } => write!(f, "a value would be larger than {bytes_max} bytes"),
            Self::InvalidRowCount { clause, value } => {
                write!(f, "{clause} takes a whole number that is not negative, not {value}")
            }
            Self::CheckViolation { table, sql } => write!(f, "a row of {table} does not satisfy CHECK ({sql})"),
            Self::ParameterCount { expected, found } => {
                write!(f, "the statement has {expected} parameters, but {found} values were given")
            }
            Self::CatalogChanged => f.write_str("the schema has changed since the statement was planned"),
            Self::WrongStatementKind => f.write_str("the statement is not of the kind that was asked to run"),
            Self::MemoryLimit { bytes_max } => {
                write!(f, "the statement needs more memory than its limit of {bytes_max} bytes")
            }
            Self::Cancelled => f.write_str("the statement was cancelled"),
            Self::TimedOut => f.write_str("the statement ran longer than its time limit"),
        }
    }
}

impl From<manicule_engine::Error> for Error {
    fn from(error: manicule_engine::Error) -> Self {
        Self::Engine(Box::new(error))
    }
}

/// A result of this crate.
pub type Result<T> = std::result::Result<T, Error>;
