//! Transactions: a snapshot and a private write set.

use std::sync::Arc;

use crate::catalog::{Column, TableSchema};
use crate::commit::Attempt;
use crate::commit_lock::{EndOfWait, WriterPlace};
use crate::database::Inner;
use crate::error::{Error, Result};
use crate::ids::{IndexId, RowId, TableId, Timestamp};
use crate::read_set::ReadSet;
use crate::row::{Row, RowBuf};
use crate::snapshots::OwnedSlot;
use crate::state::{State, TableState};
use crate::value::{ColumnType, Value};
use crate::version::visible;
use crate::view::{View, ViewSource};
use crate::write_set::{IsNew, WriteSet};

/// A transaction. It reads the snapshot it began with, changed by its own writes; nobody else sees those before
/// [`commit`](Self::commit). Dropping it rolls it back.
///
/// The first of two transactions that change the same row commits; the other one gets [`Error::Conflict`] and can be run
/// again, which [`Database::run`](crate::Database::run) does.
#[derive(Debug)]
pub struct Transaction {
    inner: Arc<Inner>,
    /// Where its snapshot is known until it ends.
    _slot: OwnedSlot,
    state: Arc<State>,
    timestamp: Timestamp,
    writes: WriteSet,
    /// What was read, if the commit has to know.
    reads: Option<ReadSet>,
    place: Option<WriterPlace>,
    /// What ends its wait for another's place.
    end_of_wait: Option<EndOfWait>,
}

/// How a transaction begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TransactionOptions {
    /// What the commit promises.
    pub isolation: Isolation,
    /// Whether others may commit before it.
    pub start: Start,
}

/// What a transaction's commit promises beyond being whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Isolation {
    /// All reads are of one moment, and no other transaction has changed the rows that this one changes.
    #[default]
    Snapshot,
    /// As if the serializable transactions had run one after the other, in the order of their commits: none has changed
    /// what this one has read either, rows that would have been found included.
    ///
    /// A read through an index is the key or the range that was asked for; a full scan is the whole table, and any change
    /// of it is a conflict. The commit of a transaction that changes something reads everything a second time; one that
    /// only reads never fails.
    Serializable,
}

/// When a transaction becomes the writer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Start {
    /// At its commit.
    #[default]
    Deferred,
    /// At its begin: until it ends other transactions wait with their commits, some seconds at most, and its own commit
    /// meets no conflict. Readers do not notice.
    Immediate,
}

/// After how many bytes of changes somebody looks whether there is memory for them.
pub(crate) const BYTES_PER_CHECK: usize = 128 << 10;

/// A point of a transaction to go back to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Savepoint(usize);

impl Transaction {
    pub(crate) fn new(
        inner: Arc<Inner>,
        isolation: Isolation,
        place: Option<WriterPlace>,
        end_of_wait: Option<EndOfWait>,
    ) -> Self {
        let slot = inner.snapshots.register();
        let mut state = inner.state.load_full();
        let timestamp = inner.begin_snapshot(&slot, &mut state);
        let reads = (isolation == Isolation::Serializable).then(ReadSet::default);
        Self { inner, _slot: slot, state, timestamp, writes: WriteSet::default(), reads, place, end_of_wait }
    }

    /// The level of isolation that the transaction began with.
    pub fn isolation(&self) -> Isolation {
        if self.reads.is_some() { Isolation::Serializable } else { Isolation::Snapshot }
    }

    /// How the transaction began.
    pub fn start(&self) -> Start {
        if self.place.is_some() { Start::Immediate } else { Start::Deferred }
    }

    /// What the transaction sees: its snapshot and its own changes.
    #[inline]
    pub fn view(&self) -> View<'_> {
        View::new(ViewSource {
            state: &self.state,
            inner: &self.inner,
            timestamp: self.timestamp,
            writes: Some(&self.writes),
            reads: self.reads.as_ref(),
            own_slot: None,
        })
    }

    /// Adds a row; its values come in the order of the columns and have exactly their types.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`], [`Error::ColumnCount`], [`Error::TypeMismatch`], [`Error::NotNullViolation`],
    /// [`Error::MemoryLimit`]. Uniqueness is
    /// checked by [`check_unique`](Self::check_unique) and by [`commit`](Self::commit), on the net effect.
    pub fn insert(&mut self, table: TableId, row: RowBuf) -> Result<RowId> {
        let state = self.table(table)?;
        check_row(&state.schema, &row)?;
        state.table.note_number(&row);
        let row_id = state.table.allocate_row_id();
        self.write(table, row_id, Some(row), IsNew::Yes)?;
        Ok(row_id)
    }

    /// A number for a row that comes without one: greater than `after` and than every number that a row of the table has, has
    /// had or was given since the database was opened, so two transactions never get the same. What is rolled back leaves a gap.
    /// For the column that [`TableSchema::number`](crate::TableSchema::number) names.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`], [`Error::NumbersUsedUp`] if no integer is greater.
    pub fn next_number(&self, table: TableId, after: i64) -> Result<i64> {
        let TableState { schema, table, .. } = self.table(table)?;
        let column = || schema.number().map(|column| schema.columns[column].name.clone()).unwrap_or_default();
        let used_up = || Error::NumbersUsedUp { table: schema.name.clone(), column: column() };
        table.allocate_number(after).ok_or_else(used_up)
    }

    /// Replaces a row that the transaction sees.
    ///
    /// # Errors
    ///
    /// As [`insert`](Self::insert), and [`Error::NotFound`] if the transaction does not see the row.
    pub fn update(&mut self, table: TableId, row_id: RowId, row: RowBuf) -> Result<()> {
        let state = self.table(table)?;
        check_row(&state.schema, &row)?;
        state.table.note_number(&row);
        self.put(table, row_id, Some(row))
    }

    /// Deletes a row that the transaction sees.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] if there is no such table or the transaction does not see the row.
    pub fn delete(&mut self, table: TableId, row_id: RowId) -> Result<()> {
        self.put(table, row_id, None)
    }

    fn put(&mut self, table: TableId, row_id: RowId, row: Option<RowBuf>) -> Result<()> {
        // The commit checks each changed row anyway.
        if !self.sees(self.table(table)?, row_id) {
            return Err(Error::NotFound { what: "row", name: row_id.to_string() });
        }
        self.write(table, row_id, row, IsNew::No)
    }

    /// Whether there is a row, without a view and without counting as a read.
    fn sees(&self, state: &TableState, row_id: RowId) -> bool {
        if let Some(own) = self.writes.table(state.schema.id).and_then(|writes| writes.get(&row_id)) {
            return own.row.is_some();
        }
        let guard = manicule_index::pin();
        let head = state.table.rows.head(row_id.0, &guard);
        head.and_then(|head| visible(head, self.timestamp)).is_some()
    }

    /// Notes a change, and looks from time to time whether all of them have become too much for the memory.
    fn write(&mut self, table: TableId, row_id: RowId, row: Option<RowBuf>, is_new: IsNew) -> Result<()> {
        let before = self.writes.memory_usage();
        self.writes.put(table, row_id, row, is_new);
        let bytes = self.writes.memory_usage();
        match bytes / BYTES_PER_CHECK > before / BYTES_PER_CHECK && self.writes.has_rows() {
            true => self.inner.check_memory(bytes),
            false => Ok(()),
        }
    }

    /// A point to go back to.
    pub fn savepoint(&self) -> Savepoint {
        Savepoint(self.writes.len())
    }

    /// Undoes everything since the savepoint. Savepoints taken after it mean nothing any more.
    pub fn rollback_to(&mut self, savepoint: Savepoint) {
        self.writes.truncate(savepoint.0, &self.state);
    }

    /// Whether every unique key is there once, as far as this transaction sees, with the changes since `since`.
    ///
    /// A statement calls this at its end, so that its error comes at its own place. The binding check is the commit's.
    ///
    /// # Errors
    ///
    /// [`Error::UniqueViolation`].
    pub fn check_unique(&self, since: Savepoint) -> Result<()> {
        let (view, was_unique) = (self.view(), self.writes.was_unique(since.0));
        for (table, row_id, row, is_first) in self.writes.written_since(since.0) {
            let state = self.table(table)?;
            let before = if is_first && was_unique { view.installed(&state.table, row_id) } else { None };
            for index in state.indexes.iter().filter(|index| index.unique) {
                // A row that has kept its key is in nobody's way: who has been given the same is asked for it.
                if before.is_some_and(|before| index.shape.has_same_values(before, row)) {
                    continue;
                }
                let key = index.shape.of_row(row);
                if !key.may_repeat() && view.has_other_holder(state, index, (row_id, &key)) {
                    return Err(unique_violation(state, index.id, row, Holder::Seen));
                }
            }
        }
        self.writes.note_unique(since.0);
        Ok(())
    }

    /// Whether there is anything to commit.
    pub fn has_changes(&self) -> bool {
        !self.writes.is_empty()
    }

    /// Makes all changes visible to everybody at once, and gives the timestamp at which they are.
    ///
    /// # Errors
    ///
    /// [`Error::Conflict`] if somebody changed one of the rows, or their table, since the transaction began, or, if it is
    /// serializable, what it read; [`Error::UniqueViolation`] if a key is there already; [`Error::Busy`] if another
    /// transaction is the writer for long, [`Error::MemoryLimit`]. Nothing is changed then.
    pub fn commit(mut self) -> Result<Timestamp> {
        if self.writes.is_empty() {
            return Ok(self.timestamp);
        }
        let bytes = self.writes.memory_usage();
        if self.writes.has_rows() {
            self.inner.check_memory(bytes)?;
        }
        self.inner.memory_limit.note_commit(bytes);
        let writes = std::mem::take(&mut self.writes);
        let place = self.place.take();
        let reads = self.reads.as_ref();
        let end_of_wait = self.end_of_wait.as_ref();
        self.inner.commit(Attempt { state: &self.state, began: self.timestamp, writes, reads, place, end_of_wait })
    }

    /// Gives all changes up; the same as dropping the transaction.
    pub fn rollback(self) {}

    fn table(&self, table: TableId) -> Result<&TableState> {
        let state = self.state.table(table);
        state.map(Arc::as_ref).ok_or_else(|| Error::NotFound { what: "table", name: table.to_string() })
    }
}

/// Whether a row has the form that its table asks for.
pub(crate) fn check_row(schema: &TableSchema, row: &Row) -> Result<()> {
    if row.column_count() != schema.columns.len() {
        return Err(Error::ColumnCount {
            table: schema.name.clone(),
            expected: schema.columns.len(),
            found: row.column_count(),
        });
    }
    let fits = |(column, found): (&Column, Option<ColumnType>)| match found {
        None => !column.not_null,
        Some(found) => found == column.column_type,
    };
    match schema.columns.iter().zip(row.column_types()).position(|column| !fits(column)) {
        Some(column) => Err(misfit(schema, column, row.get(column))),
        None => Ok(()),
    }
}

/// The error for a value that does not fit its column.
#[cold]
fn misfit(schema: &TableSchema, column: usize, found: Value<'_>) -> Error {
    let Column { name, column_type, .. } = &schema.columns[column];
    let (table, column) = (schema.name.clone(), name.clone());
    match found {
        Value::Null => Error::NotNullViolation { table, column },
        found => Error::TypeMismatch { table, column, expected: *column_type, found: found.into_owned() },
    }
}

/// The row that has a key already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Holder {
    /// The transaction sees it, or it is one of its own.
    Seen,
    /// It was committed after the transaction began.
    Overtook,
}

/// The error for a row whose key in `index` another row has.
pub(crate) fn unique_violation(state: &TableState, index: IndexId, row: &Row, holder: Holder) -> Error {
    let schema = &state.schema;
    let columns: Vec<usize> =
        schema.index(index).into_iter().flat_map(|index| &index.columns).map(|column| column.column).collect();
    Error::UniqueViolation {
        table: schema.name.clone(),
        index: schema.index(index).map(|index| index.name.clone()).unwrap_or_default(),
        columns: columns.iter().filter_map(|column| Some(schema.columns.get(*column)?.name.clone())).collect(),
        key: columns.iter().map(|column| row.get(*column).into_owned()).collect(),
        is_overtaken: holder == Holder::Overtook,
    }
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;

    use crate::{Column, ColumnType, Database, Direction, KeyRange, Result, Row, TableDefinition, Value};

    #[test]
    fn pending_keys_stay_known_after_a_rollback_to_a_savepoint() -> Result<()> {
        let definition = TableDefinition {
            name: "t".into(),
            columns: vec![Column::new("id", ColumnType::Integer)],
            primary_key: vec![0],
            ..TableDefinition::default()
        };
        let database = Database::in_memory();
        let table = database.create_table(definition)?;
        let index = database.catalog().table("t").expect("it was just made").indexes[0].id;
        let mut transaction = database.begin();
        let start = transaction.savepoint();
        for id in 0..100 {
            transaction.insert(table, Row::new(&[Value::Integer(id)]))?;
        }
        transaction.check_unique(start)?;
        let stop = |_, _: &Row| ControlFlow::Break(());
        assert!(transaction.view().range(index, &KeyRange::all(), Direction::Forward, stop).is_break());
        let savepoint = transaction.savepoint();
        transaction.insert(table, Row::new(&[Value::Integer(3)]))?;
        assert!(transaction.check_unique(savepoint).is_err());
        transaction.rollback_to(savepoint);
        assert_eq!(transaction.writes.keys_seen(index), [100, 100]);
        Ok(())
    }
}
