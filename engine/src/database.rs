//! Signatures first; the bodies follow.
#![allow(
    unused_variables,
    clippy::todo,
    clippy::missing_errors_doc,
    clippy::missing_panics_doc,
    missing_docs,
    reason = "bodies follow"
)]

use std::marker::PhantomData;
use std::ops::ControlFlow;
use std::sync::Arc;

use crate::*;

/// What CREATE TABLE makes.
#[derive(Clone, Debug, Default)]
pub struct TableDefinition {
    pub name: String,
    pub columns: Vec<Column>,
    /// Column positions; empty for no primary key. Its columns become NOT NULL. The engine makes the index `NAME_pkey`.
    pub primary_key: Vec<usize>,
    /// UNIQUE constraints; the engine makes an index `NAME_COLUMN_key` for each.
    pub unique: Vec<Vec<usize>>,
    pub checks: Vec<String>,
}

/// What CREATE INDEX makes.
#[derive(Clone, Debug)]
pub struct IndexDefinition {
    pub name: String,
    pub columns: Vec<IndexColumn>,
    pub unique: bool,
    pub method: IndexMethod,
}

/// A database: cheap to clone, shared by all sessions, safe from many threads.
#[derive(Clone, Debug)]
pub struct Database {}

impl Database {
    pub fn in_memory() -> Self {
        todo!()
    }
    /// A transaction at the snapshot of now.
    pub fn begin(&self) -> Transaction {
        todo!()
    }
    /// A reader that a session keeps: each [`Reader::view`] is a snapshot of that moment and allocates nothing.
    pub fn reader(&self) -> Reader {
        todo!()
    }
    /// A snapshot that is kept (Send, 'static): everything read through it is of this moment.
    pub fn snapshot(&self) -> Snapshot {
        todo!()
    }
    pub fn catalog(&self) -> Arc<Catalog> {
        todo!()
    }
    /// The catalog's version; one load.
    pub fn schema_version(&self) -> u64 {
        todo!()
    }
    pub fn create_table(&self, definition: TableDefinition) -> Result<TableId> {
        todo!()
    }
    pub fn drop_table(&self, table: TableId) -> Result<()> {
        todo!()
    }
    /// Reads all rows and makes the index; fails with `UniqueViolation` if a unique key is there twice.
    pub fn create_index(&self, table: TableId, definition: IndexDefinition) -> Result<IndexId> {
        todo!()
    }
    pub fn drop_index(&self, index: IndexId) -> Result<()> {
        todo!()
    }
    pub fn create_view(&self, view: ViewSchema) -> Result<()> {
        todo!()
    }
    pub fn drop_view(&self, name: &str) -> Result<()> {
        todo!()
    }
    pub fn add_column(&self, table: TableId, column: Column) -> Result<()> {
        todo!()
    }
    pub fn drop_column(&self, table: TableId, column: usize) -> Result<()> {
        todo!()
    }
    pub fn rename_column(&self, table: TableId, column: usize, name: &str) -> Result<()> {
        todo!()
    }
    pub fn rename_table(&self, table: TableId, name: &str) -> Result<()> {
        todo!()
    }
    pub fn memory_usage(&self) -> MemoryUsage {
        todo!()
    }
}

/// Bytes held, by table and by index.
#[derive(Clone, Debug, Default)]
pub struct MemoryUsage {
    /// Name and bytes of each table's rows.
    pub tables: Vec<(String, usize)>,
    /// Name and bytes of each index.
    pub indexes: Vec<(String, usize)>,
}

/// A session's reader.
#[derive(Debug)]
pub struct Reader {}

impl Reader {
    pub fn view(&mut self) -> View<'_> {
        todo!()
    }
}

/// A snapshot that is kept.
#[derive(Debug)]
pub struct Snapshot {}

impl Snapshot {
    pub fn view(&self) -> View<'_> {
        todo!()
    }
}

/// A transaction: a snapshot and a private write set. Dropping it rolls it back.
#[derive(Debug)]
pub struct Transaction {}

/// A point of a transaction to go back to.
#[derive(Clone, Copy, Debug)]
pub struct Savepoint(usize);

impl Transaction {
    /// What the transaction sees: its snapshot with its own changes.
    pub fn view(&self) -> View<'_> {
        todo!()
    }
    /// Checks the row's types, NOT NULL and width; the values must have the columns' types exactly.
    pub fn insert(&mut self, table: TableId, row: Row) -> Result<RowId> {
        todo!()
    }
    pub fn update(&mut self, table: TableId, row_id: RowId, row: Row) -> Result<()> {
        todo!()
    }
    pub fn delete(&mut self, table: TableId, row_id: RowId) -> Result<()> {
        todo!()
    }
    pub fn savepoint(&self) -> Savepoint {
        todo!()
    }
    pub fn rollback_to(&mut self, savepoint: Savepoint) {
        todo!()
    }
    /// Called at the end of each statement: whether the changes since `since` leave each unique key once, as far as this
    /// transaction sees. The binding check is made at commit.
    pub fn check_unique(&self, since: Savepoint) -> Result<()> {
        todo!()
    }
    pub fn has_changes(&self) -> bool {
        todo!()
    }
    pub fn commit(self) -> Result<Timestamp> {
        todo!()
    }
    pub fn rollback(self) {}
}

/// What one reader sees at one moment. Rows are handed out by reference and live as long as the view is borrowed.
///
/// An id that the view's catalog does not have has no rows.
#[derive(Debug)]
pub struct View<'s> {
    _source: PhantomData<&'s ()>,
}

impl<'s> View<'s> {
    pub fn timestamp(&self) -> Timestamp {
        todo!()
    }
    pub fn catalog(&self) -> &Arc<Catalog> {
        todo!()
    }
    /// The visible row of that id.
    pub fn row<'v>(&'v self, table: TableId, row_id: RowId) -> Option<&'v Row> {
        todo!()
    }
    /// All visible rows, in order of row id.
    pub fn scan<'v, B>(
        &'v self,
        table: TableId,
        visit: impl FnMut(RowId, &'v Row) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        todo!()
    }
    /// All visible rows whose whole key equals `key` (one value for each column of the index, none NULL unless NULLs are
    /// meant), each once, in order of row id where the list is not too long. The values must be comparable with the columns (an integer
    /// for a REAL column is fine, and so is 3.0 for an INTEGER column; 3.5 finds nothing).
    pub fn lookup<'v, B>(
        &'v self,
        index: IndexId,
        key: &[Value<'_>],
        visit: impl FnMut(RowId, &'v Row) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        todo!()
    }
    /// The same for many keys of a single-column or composite index; `visit` gets the key's position in `keys`. Keys are visited in order.
    pub fn lookup_many<'v, B>(
        &'v self,
        index: IndexId,
        keys: &[Vec<Value<'_>>],
        visit: impl FnMut(usize, RowId, &'v Row) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        todo!()
    }
    /// All visible rows in the range, in key order; rows with equal keys in order of row id.
    pub fn range<'v, B>(
        &'v self,
        index: IndexId,
        range: &KeyRange<'_>,
        direction: Direction,
        visit: impl FnMut(RowId, &'v Row) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        todo!()
    }
    /// About how many rows the table has; constant time.
    pub fn row_count(&self, table: TableId) -> u64 {
        todo!()
    }
    /// About how many rows have that key; for a multi index the length of the list, constant time.
    pub fn estimate_lookup(&self, index: IndexId, key: &[Value<'_>]) -> u64 {
        todo!()
    }
    /// About how many rows lie in the range; cheap (O(log n)).
    pub fn estimate_range(&self, index: IndexId, range: &KeyRange<'_>) -> u64 {
        todo!()
    }
    /// About how many different keys the index has; constant time.
    pub fn distinct_keys(&self, index: IndexId) -> u64 {
        todo!()
    }
}
