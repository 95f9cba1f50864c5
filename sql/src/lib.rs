//! SQL for Manicule: text in, rows out.
//!
//! ```
//! use manicule_engine::{Database, Value};
//! use manicule_sql::Session;
//!
//! let database = Database::in_memory();
//! let mut session = Session::new(&database);
//! session.execute("CREATE TABLE city (name TEXT PRIMARY KEY, country TEXT); CREATE INDEX ON city (country);")?;
//! session.execute("INSERT INTO city VALUES ('Paris', 'FR'), ('Lyon', 'FR'), ('Oslo', 'NO')")?;
//! let rows = session.query("SELECT name FROM city WHERE country = ? ORDER BY name", &[Value::from("FR")])?;
//! assert_eq!(rows.value(0, 0), Value::from("Lyon"));
//! # Ok::<(), manicule_sql::Error>(())
//! ```
//!
//! # From text to rows
//!
//! 1. [`split_statements`] cuts the text at its semicolons and measures each statement against the [`limits`], before
//!    anything as deep as the text is nested can come to be.
//! 2. sqlparser makes a syntax tree of one statement; `parse.rs` turns its errors into ours, with places.
//! 3. The binder turns names into slots, columns and ids; behind it no name and no text is needed.
//! 4. [`manicule_query`] plans and runs what was bound, over a view of [`manicule_engine`].
//! 5. [`Session`] holds it together: transactions, settings, plans that are kept.
#![forbid(unsafe_code)]

pub mod limits;

mod error;
mod split;

mod dialect;
mod parse;
mod stack;

mod bind;

mod session;

pub use error::{Error, ErrorKind, Result, Span, line_and_column};
pub use manicule_query::plan::OutputColumn;
pub use manicule_query::{CancellationToken, DivisionByZero, Routing};
pub use session::{Advice, Estimate, Outcome, Prepared, Report, RowIter, Rows, Session, Sink};
pub use split::{StatementText, Statements, is_complete, split_statements};
