#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

// SQL: sessions and what they give.
pub use manicule_sql::{
    Advice, CancellationToken, DivisionByZero, Error, ErrorKind, Estimate, Outcome, OutputColumn, Prepared, Report,
    Result, Routing, RowIter, Rows, Session, Sink, Span, StatementText, Statements, is_complete, limits,
    line_and_column, split_statements,
};

// The engine: rows, schemas, snapshots and transactions without SQL.
pub use manicule_engine::{
    COLUMN_COUNT_MAX, Catalog, Column, ColumnType, Database, Direction, Durability, Error as EngineError, FromValue,
    IndexColumn, IndexDefinition, IndexId, IndexMethod, IndexSchema, IndexStatistics, Isolation, KeyRange, ListShape,
    MemoryUsage, OnDamage, OpenOptions, ROW_BYTES_MAX, Reader, Row, RowBuf, RowId, Savepoint, Snapshot, Start,
    StoreKind, TableDefinition, TableId, TableSchema, Timestamp, Transaction, TransactionOptions, Value, View,
    ViewSchema, store, time,
};

/// The indexes alone, for engines that have their own rows.
pub use manicule_index as index;
/// Plans, the router and the executor, for other front ends.
pub use manicule_query as query;

/// The code in the documents, compiled by the doctests.
#[cfg(doctest)]
mod documents {
    #[doc = include_str!("../docs/architecture.md")]
    mod architecture {}
    #[doc = include_str!("../docs/design.md")]
    mod design {}
    #[doc = include_str!("../docs/dialect.md")]
    mod dialect {}
    #[doc = include_str!("../docs/format.md")]
    mod format {}
    #[doc = include_str!("../docs/style.md")]
    mod style {}
}
