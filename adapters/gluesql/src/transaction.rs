//! An open transaction: what it sees, and what it has changed.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;
use std::sync::{Arc, OnceLock};

use gluesql_core::data::{Key, Schema, SchemaIndex, Value};
use gluesql_core::error::{Error, Result};
use manicule_index::set::{IndexId, IndexTransaction};
use ref_cast::RefCast;

use crate::catalog::{Catalog, Index, Table};
use crate::commit::Shared;
use crate::row_key::RowKey;
use crate::rows::{ByRowId, Change, Row, RowsId, TableRows};
use crate::view::{TableScan, View};

/// What a reader without a transaction has changed.
pub(crate) const NO_CHANGES: &BTreeMap<RowKey, Change> = &BTreeMap::new();

/// A transaction of a handle. Dropping it is a rollback.
pub(crate) struct Open {
    pub(crate) autocommit: bool,
    pub(crate) view: View,
    /// The catalog that it began with.
    pub(crate) base: Arc<Catalog>,
    pub(crate) entries: IndexTransaction<u64, u64>,
    pub(crate) changes: BTreeMap<RowsId, TableChanges>,
    pub(crate) made: MadeIndexes,
}

/// The changes of a table's rows.
#[derive(Debug)]
pub(crate) struct TableChanges {
    pub(crate) rows: Arc<TableRows>,
    pub(crate) by_key: BTreeMap<RowKey, Change>,
    /// Made when an index is first read, kept up from then on: most transactions only write.
    keys: OnceLock<ByRowId<RowKey>>,
}

impl TableChanges {
    fn new(rows: &Arc<TableRows>) -> Self {
        Self { rows: Arc::clone(rows), by_key: BTreeMap::new(), keys: OnceLock::new() }
    }

    pub(crate) fn by_row_id(&self, row_id: u64) -> Option<(&RowKey, &Change)> {
        let keys = || self.by_key.iter().map(|(key, change)| (change.row_id, key.clone())).collect();
        self.by_key.get_key_value(self.keys.get_or_init(keys).get(&row_id)?)
    }

    /// Gives a row of the table new values, or none, and changes its index entries. The key, and what had become of the row
    /// before in this transaction; nothing if nothing has changed.
    fn write(
        &mut self,
        table: &Table,
        (key, new): (RowKey, Option<Row>),
        (entries, timestamp): (&mut IndexTransaction<u64, u64>, u64),
    ) -> Result<Option<(RowKey, Option<Change>)>> {
        let place = self.by_key.entry(key);
        let (row_id, old) = match &place {
            Entry::Occupied(own) => (own.get().row_id, own.get().values.clone()),
            Entry::Vacant(vacant) => match (table.rows.find(&vacant.key().0, timestamp), &new) {
                ((_, None), None) => return Ok(None),
                (found, _) => found,
            },
        };
        for index in table.indexes.values() {
            let key_of = |row: &Option<Row>| row.as_deref().map(|values| index.key(values)).transpose();
            match (key_of(&old)?, key_of(&new)?) {
                (Some(old), Some(new)) => entries.update(index.id, row_id, old, new),
                (Some(old), None) => entries.remove(index.id, old, row_id),
                (None, Some(new)) => entries.insert(index.id, new, row_id),
                (None, None) => {}
            }
        }
        let change = Change { row_id, values: new };
        let key = place.key().clone();
        if let Some(keys) = self.keys.get_mut() {
            keys.insert(row_id, key.clone());
        }
        let before = match place {
            Entry::Occupied(mut own) => Some(own.insert(change)),
            Entry::Vacant(vacant) => {
                vacant.insert(change);
                None
            }
        };
        Ok(Some((key, before)))
    }

    fn restore(&mut self, before: Vec<(RowKey, Option<Change>)>) {
        for (key, change) in before.into_iter().rev() {
            match change {
                Some(change) => self.by_key.insert(key, change),
                None => self.by_key.remove(&key),
            };
        }
    }
}

/// The indexes that a transaction has made; they go with it unless it is committed.
pub(crate) struct MadeIndexes {
    shared: Arc<Shared>,
    pub(crate) ids: Vec<IndexId>,
}

impl MadeIndexes {
    /// Leaves the indexes where they are.
    pub(crate) fn keep(mut self) {
        self.ids.clear();
    }
}

impl Drop for MadeIndexes {
    fn drop(&mut self) {
        self.ids.iter().for_each(|id| self.shared.forget_index(*id));
    }
}

impl Open {
    pub(crate) fn new(shared: &Arc<Shared>, autocommit: bool) -> Self {
        let view = shared.view();
        Self {
            autocommit,
            base: Arc::clone(&view.catalog),
            view,
            entries: shared.indexes.begin(),
            changes: BTreeMap::new(),
            made: MadeIndexes { shared: Arc::clone(shared), ids: Vec::new() },
        }
    }

    /// Whether there is nothing to commit.
    pub(crate) fn is_unchanged(&self) -> bool {
        self.changes.is_empty() && Arc::ptr_eq(&self.base, &self.view.catalog)
    }

    /// The changes of a table's rows, if there are any.
    pub(crate) fn changes(&self, rows: RowsId) -> Option<&TableChanges> {
        self.changes.get(&rows)
    }

    pub(crate) fn table(&self, name: &str) -> Option<&Arc<Table>> {
        self.view.catalog.tables.get(name)
    }

    /// The catalog, to be changed.
    pub(crate) fn catalog(&mut self) -> &mut Catalog {
        Arc::make_mut(&mut self.view.catalog)
    }

    /// Puts a definition in place of the one with its name.
    pub(crate) fn define(&mut self, table: Table) {
        self.catalog().tables.insert(table.schema.table_name.clone(), Arc::new(table));
    }

    /// A row as the transaction sees it.
    pub(crate) fn get(&self, rows: &TableRows, key: &Key) -> Option<Row> {
        match self.changes(rows.id()).and_then(|changes| changes.by_key.get(RowKey::ref_cast(key))) {
            Some(change) => change.values.clone(),
            None => rows.get(key, self.view.timestamp()),
        }
    }

    /// The rows of a table as the transaction sees them, in order of key.
    pub(crate) fn scan(&self, rows: &Arc<TableRows>) -> TableScan<'_> {
        let own = self.changes(rows.id()).map_or(NO_CHANGES, |changes| &changes.by_key);
        TableScan::new(self.view.clone(), Arc::clone(rows), own)
    }

    /// Gives rows new values, or none. If it fails for one of them, nothing has happened.
    ///
    /// # Errors
    /// That of an index whose expression has no value for a row.
    pub(crate) fn write(&mut self, table: &Table, rows: Vec<(Key, Option<Vec<Value>>)>) -> Result<()> {
        let (savepoint, id) = (self.entries.savepoint(), table.rows.id());
        let timestamp = self.view.timestamp();
        let changes = self.changes.entry(id).or_insert_with(|| TableChanges::new(&table.rows));
        let mut before = Vec::with_capacity(rows.len());
        self.entries.reserve(rows.len() * table.indexes.len());
        let written = rows.into_iter().try_for_each(|(key, values)| {
            let row = (RowKey(key), values.map(Row::from));
            before.extend(changes.write(table, row, (&mut self.entries, timestamp))?);
            Ok(())
        });
        if written.is_err() {
            self.entries.rollback_to(savepoint);
            changes.restore(before);
        }
        if changes.by_key.is_empty() {
            self.changes.remove(&id);
        }
        written
    }

    /// Makes the table of a schema, with its indexes and without rows, in place of one with its name.
    pub(crate) fn create_table(&mut self, mut schema: Schema) -> Result<()> {
        let indexes = std::mem::take(&mut schema.indexes);
        let rows = Arc::new(TableRows::new(self.made.shared.new_rows_id()));
        let created = gluesql_core::chrono::Utc::now().naive_utc();
        let name = schema.table_name.clone();
        self.define(Table { schema, created, rows, indexes: BTreeMap::new() });
        indexes.into_iter().try_for_each(|index| self.create_index(&name, index))
    }

    /// Moves a table to new rows under a new schema, each row changed by `change`.
    pub(crate) fn rebuild_table(
        &mut self,
        table: &Table,
        mut schema: Schema,
        change: impl Fn(&mut Vec<Value>),
    ) -> Result<()> {
        let indexes = std::mem::take(&mut schema.indexes);
        let rows = self.scan(&table.rows).map(|(key, values)| {
            let mut values = values.to_vec();
            change(&mut values);
            (key, Some(values))
        });
        let rows: Vec<_> = rows.collect();
        let place = Arc::new(table.rows.successor(self.made.shared.new_rows_id()));
        let name = schema.table_name.clone();
        self.define(Table { schema, created: table.created, rows: place, indexes: BTreeMap::new() });
        indexes.into_iter().try_for_each(|index| self.create_index(&name, index))?;
        let moved = self.table(&name).cloned();
        moved.map_or(Ok(()), |table| self.write(&table, rows))
    }

    /// Makes an index of a table and feeds it with the rows.
    ///
    /// Others do not know of it before the commit, and so do not write to it; but then this transaction is refused.
    pub(crate) fn create_index(&mut self, table: &str, index: SchemaIndex) -> Result<()> {
        let Some(mut table) = self.table(table).map(|table| Table::clone(table)) else {
            return Err(Error::StorageMsg(format!("there is no table {table}")));
        };
        let shared = Arc::clone(&self.made.shared);
        let made = Index::build(&shared.indexes, &table, index.expr.clone(), self.view.timestamp())?;
        self.made.ids.push(made.id);
        self.insert_own(&table, &made)?;
        let made = Arc::new(made);
        shared.know_index(&made);
        table.schema.indexes.push(index.clone());
        table.indexes.insert(index.name, made);
        self.define(table);
        Ok(())
    }

    /// Tells a new index of the rows that this transaction has changed.
    fn insert_own(&mut self, table: &Table, index: &Index) -> Result<()> {
        let Some(changes) = self.changes.get(&table.rows.id()) else { return Ok(()) };
        for (RowKey(key), change) in &changes.by_key {
            if let Some(old) = table.rows.get(key, self.view.timestamp()) {
                self.entries.remove(index.id, index.key(&old)?, change.row_id);
            }
            if let Some(new) = &change.values {
                self.entries.insert(index.id, index.key(new)?, change.row_id);
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Open {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Open").field("view", &self.view).field("entries", &self.entries).finish_non_exhaustive()
    }
}
