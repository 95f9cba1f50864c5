#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub use manicule_engine::{
    Catalog, Column, ColumnType, Database, Direction, Error as EngineError, IndexColumn, IndexDefinition, IndexId,
    IndexMethod, IndexSchema, KeyRange, MemoryUsage, Reader, Row, RowId, Snapshot, TableDefinition, TableId,
    TableSchema, Timestamp, Transaction, Value, View, ViewSchema, time, write_real,
};
