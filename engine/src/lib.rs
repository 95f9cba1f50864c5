//! Typed tables, snapshots and transactions over the Manicule indexes.
//!
//! A [`Database`] holds tables of typed rows. Reads go through a [`View`], the state of one moment; changes go through a
//! [`Transaction`], which becomes visible whole, in all tables and indexes at once, when it commits.
//!
//! ```
//! use std::ops::ControlFlow;
//!
//! use manicule_engine::{
//!     Column, ColumnType, Database, IndexColumn, IndexDefinition, IndexMethod, Row, TableDefinition, Value,
//! };
//!
//! let database = Database::in_memory();
//! let columns = vec![Column::new("id", ColumnType::Integer), Column::new("city", ColumnType::Text)];
//! let person = TableDefinition { name: "person".into(), columns, primary_key: vec![0], ..Default::default() };
//! let person = database.create_table(person)?;
//! let columns = vec![IndexColumn { column: 1, descending: false }];
//! let by_city = IndexDefinition { name: "by_city".into(), columns, unique: false, method: IndexMethod::Hash };
//! let by_city = database.create_index(person, by_city)?;
//!
//! // Run again by itself if another transaction was first.
//! database.run(|transaction| {
//!     for (id, city) in [(1, "Oslo"), (2, "Lima"), (3, "Oslo")] {
//!         transaction.insert(person, Row::new(&[Value::from(id), Value::from(city)]))?;
//!     }
//!     Ok(())
//! })?;
//!
//! // A reader sees one state of all tables and indexes for as long as it keeps its view.
//! let mut reader = database.reader();
//! let mut ids = Vec::new();
//! let _ = reader.view().lookup(by_city, &[Value::from("Oslo")], |_row_id, row| {
//!     ids.push(row.integer(0));
//!     ControlFlow::<()>::Continue(())
//! });
//! assert_eq!(ids, [Some(1), Some(3)]);
//! # Ok::<(), manicule_engine::Error>(())
//! ```
//!
//! The chapters: [`version`](self) visibility is in `version.rs`, the commit and vacuum in `commit.rs`, who reads what in
//! `snapshots.rs`, keys in `key.rs`, the way from an index entry to a row in `view.rs`; what is kept on disk in
//! [`store`], how commits get there in `log.rs`, and how they come back in `recovery.rs`.
#![forbid(unsafe_code)]

mod error;
mod ids;
pub mod time;

mod display;
mod from_value;
mod row;
mod value;

mod catalog;
mod index;
mod key;
mod numbering;
mod range;

mod all_visible;
mod snapshots;
mod sync;
mod table;
mod threads;
mod version;

mod backup;
mod commit;
mod commit_lock;
mod database;
mod log;
mod lookahead;
mod memory_limit;
mod places;
mod read_set;
mod recovery;
mod retry;
mod schema_change;
mod state;
mod statistics;
pub mod store;
mod transaction;
mod view;
mod write_set;

#[cfg(all(test, feature = "shuttle", not(loom)))]
mod schedules;

pub use catalog::{Catalog, Column, IndexColumn, IndexMethod, IndexSchema, TableSchema, ViewSchema};
pub use database::{Database, MemoryUsage, Reader, Snapshot};
pub use display::write_real;
pub use error::{Error, Result};
pub use from_value::FromValue;
pub use ids::{IndexId, RowId, TableId, Timestamp};
pub use range::{Direction, KeyRange};
pub use row::{ROW_BYTES_MAX, Row, RowBuf};
pub use schema_change::{COLUMN_COUNT_MAX, IndexDefinition, TableDefinition};
pub use statistics::{IndexStatistics, ListShape};
pub use store::{Durability, OnDamage, OpenOptions, StoreKind};
pub use transaction::{Isolation, Savepoint, Start, Transaction, TransactionOptions};
pub use value::{ColumnType, Value, compare_integer_real, compare_reals};
pub use view::{Covered, IndexKey, RowCount, SoleRow, View, WithNumber};
