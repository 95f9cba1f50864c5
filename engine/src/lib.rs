//! Typed tables, snapshots and transactions over the Manicule indexes.
#![forbid(unsafe_code)]

mod catalog;
mod display;
mod error;
mod ids;
mod range;
mod row;
pub mod time;
mod value;

pub use catalog::{Catalog, Column, IndexColumn, IndexMethod, IndexSchema, TableSchema, ViewSchema};
pub use display::write_real;
pub use error::{Error, Result};
pub use ids::{IndexId, RowId, TableId, Timestamp};
pub use range::{Direction, KeyRange};
pub use row::{ROW_BYTES_MAX, Row};
pub use value::{ColumnType, Value, compare_integer_real, compare_reals};

mod database;
pub use database::{
    Database, IndexDefinition, MemoryUsage, Reader, Savepoint, Snapshot, TableDefinition, Transaction, View,
};
