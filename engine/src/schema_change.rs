//! Changes of the schema: each takes the commit lock, makes a new state beside the old one, and puts it in its place.
//!
//! A writer that has its place is waited for, for seconds or as [`Database::waiting_until`] says, and commits in flight; and the new state is in the log before anybody sees it.
//!
//! Snapshots that began before keep the state they have. A change that gives rows another form makes a new table with
//! the newest version of each row; the old one lives on with the snapshots that read it.

mod online_index;

use std::sync::Arc;

use crate::catalog::{Column, IndexColumn, IndexMethod, IndexSchema, TableSchema, ViewSchema};
use crate::commit::Committer;
use crate::database::{Database, Inner};
use crate::error::{Error, Result};
use crate::ids::{IndexId, RowId, TableId, Timestamp};
use crate::index::Index;
use crate::log::Log;
use crate::recovery::clear_storage;
use crate::row::{Row, RowBuf};
use crate::state::{State, TableState};
use crate::store::{GroupWrite, StorageId};
use crate::sync::MutexGuard;
use crate::table::Table;
use crate::value::Value;
use crate::version::{self, version_of};

/// The most columns that a table may have.
pub const COLUMN_COUNT_MAX: usize = 1024;

/// How many rows of a table that is rewritten go to the log at a time.
const REWRITTEN_ROWS_PER_GROUP: usize = 4096;

/// What CREATE TABLE makes.
#[derive(Clone, Debug, Default)]
pub struct TableDefinition {
    /// The table's name.
    pub name: String,
    /// Its columns.
    pub columns: Vec<Column>,
    /// The positions of the primary key's columns, empty for none. They become NOT NULL; the index is `NAME_pkey`.
    pub primary_key: Vec<usize>,
    /// The positions of each UNIQUE constraint's columns; the index is `NAME_COLUMN_key`.
    pub unique: Vec<Vec<usize>>,
    /// CHECK constraints, as text.
    pub checks: Vec<String>,
}

/// What CREATE INDEX makes.
#[derive(Clone, Debug)]
pub struct IndexDefinition {
    /// The index's name; no other index of the database has it.
    pub name: String,
    /// The columns of its key.
    pub columns: Vec<IndexColumn>,
    /// Whether two rows with the same key are refused.
    pub unique: bool,
    /// Which questions it answers.
    pub method: IndexMethod,
}

/// A change of the schema under way: the commit lock, and the state that is being made.
struct Change<'d> {
    inner: &'d Inner,
    state: State,
    committer: MutexGuard<'d, Committer>,
}

impl<'d> Change<'d> {
    /// Waits for the writer's place for as long as the handle says.
    fn begin(database: &'d Database) -> Result<Self> {
        let inner = &*database.inner;
        let committer = match &database.is_cancelled {
            Some(is_cancelled) => inner.commit_lock.lock_patiently(&**is_cancelled)?,
            None => inner.commit_lock.lock(None)?,
        };
        Self::under(inner, committer)
    }

    /// Waits for the writer's place however long that takes, unless it is cancelled.
    fn begin_patiently(database: &'d Database, is_cancelled: &dyn Fn() -> bool) -> Result<Self> {
        let inner = &*database.inner;
        Self::under(inner, inner.commit_lock.lock_patiently(is_cancelled)?)
    }

    fn under(inner: &'d Inner, committer: MutexGuard<'d, Committer>) -> Result<Self> {
        inner.finish_commits(&committer)?;
        let state = State::clone(&inner.state.load());
        Ok(Self { inner, state, committer })
    }

    /// Puts the new state in the place of the old one, then clears the store of rows that the old one had alone.
    fn finish(mut self) -> Result<()> {
        let before = self.inner.state.load_full();
        let changed = self.inner.change_schema(&mut self.committer, self.state);
        drop(self.committer);
        changed?;
        let after = self.inner.state.load_full();
        for old in before.tables() {
            let new = after.table(old.schema.id);
            if let Some(log) = &self.inner.log
                && new.is_none_or(|new| new.table.storage() != old.table.storage())
            {
                // What stays after a failure is removed when the database is opened again.
                let _ = clear_storage(log.store(), old.table.storage(), |group| log.write_now(group));
            }
        }
        Ok(())
    }

    /// Puts the new state in the place of the old one where no schema has changed.
    fn finish_unseen(self) {
        self.inner.state.store(Arc::new(self.state));
    }

    fn table(&self, table: TableId) -> Result<TableState> {
        let state = self.state.table(table).map(|state| TableState::clone(state));
        state.ok_or_else(|| Error::NotFound { what: "table", name: table.to_string() })
    }

    /// Refuses a name that a table or a view has.
    fn check_free(&self, name: &str) -> Result<()> {
        let catalog = &self.state.catalog;
        let what = match (catalog.table(name), catalog.view(name)) {
            (Some(_), _) => "table",
            (None, Some(_)) => "view",
            (None, None) => return Ok(()),
        };
        Err(Error::AlreadyExists { what, name: name.to_owned() })
    }

    /// Refuses a name that an index has.
    fn check_index_free(&self, name: &str) -> Result<()> {
        match self.state.catalog.index(name) {
            Some(_) => Err(Error::AlreadyExists { what: "index", name: name.to_owned() }),
            None => Ok(()),
        }
    }

    fn next_index_id(&mut self) -> IndexId {
        let catalog = Arc::make_mut(&mut self.state.catalog);
        catalog.next_index += 1;
        IndexId(catalog.next_index - 1)
    }

    fn next_table_id(&mut self) -> TableId {
        let catalog = Arc::make_mut(&mut self.state.catalog);
        catalog.next_table += 1;
        TableId(catalog.next_table - 1)
    }

    /// A place for the rows of a table, in the store too if there is one.
    fn new_table(&mut self) -> Table {
        let catalog = Arc::make_mut(&mut self.state.catalog);
        catalog.next_storage += 1;
        Table::new(StorageId(catalog.next_storage - 1))
    }

    /// Gives a table another schema and other rows, with all its indexes made anew.
    fn replace_rows(&mut self, old: &TableState, schema: TableSchema, reform: impl Fn(&Row) -> RowBuf) -> Result<()> {
        let table = self.new_table();
        let guard = manicule_index::pin();
        let mut writer = RewriteLog { log: self.inner.log.as_deref(), group: GroupWrite::default() };
        for (_, head) in old.table.rows.iter(&guard) {
            let Some(row) = version::row(head) else { continue };
            let (row_id, row) = (table.allocate_row_id(), reform(row));
            table.count_installed(Some(&row), false);
            writer.put(&table, row_id, &row)?;
            table.rows.writer().push(row_id.0, version_of(Some(row), Timestamp(0)));
        }
        writer.finish()?;
        let mut state = TableState::new(schema, Arc::new(table));
        for schema in &state.schema.indexes {
            let index = Index::of_rows(schema, &state, &self.inner.registry)?;
            state.indexes.push(Arc::new(index));
        }
        self.state.put_table(state);
        Ok(())
    }
}

/// Writes the rows of a table in another form to a storage that no catalog names yet, a few thousand at a time.
struct RewriteLog<'l> {
    log: Option<&'l Log>,
    group: GroupWrite,
}

impl RewriteLog<'_> {
    fn put(&mut self, table: &Table, row_id: RowId, row: &Row) -> Result<()> {
        if self.log.is_none() {
            return Ok(());
        }
        table.hash_installed(row_id, Some(row), None);
        self.group.put_row(table.storage(), row_id, row);
        if self.group.record_count() < REWRITTEN_ROWS_PER_GROUP { Ok(()) } else { self.finish() }
    }

    fn finish(&mut self) -> Result<()> {
        let group = std::mem::take(&mut self.group);
        self.log.map_or(Ok(()), |log| log.write_now(group))
    }
}

impl Database {
    /// Makes a table.
    ///
    /// # Errors
    ///
    /// [`Error::AlreadyExists`] for a table's, a view's or a column's name that is taken, [`Error::Refused`] without a
    /// column, [`Error::TooLarge`] with more than [`COLUMN_COUNT_MAX`], [`Error::NotFound`] for a constraint on a column
    /// that is not there.
    pub fn create_table(&self, definition: TableDefinition) -> Result<TableId> {
        let mut change = Change::begin(self)?;
        change.check_free(&definition.name)?;
        check_columns(&definition)?;
        let id = change.next_table_id();
        let mut schema = TableSchema {
            id,
            name: definition.name,
            columns: definition.columns,
            primary_key: definition.primary_key,
            checks: definition.checks,
            indexes: Vec::new(),
        };
        for column in schema.primary_key.clone() {
            schema.columns[column].not_null = true;
        }
        if !schema.primary_key.is_empty() {
            let name = format!("{}_pkey", schema.name);
            let index = constraint_index(change.next_index_id(), name, &schema.primary_key);
            schema.indexes.push(index);
        }
        for columns in definition.unique {
            let names: Vec<&str> = columns.iter().map(|column| schema.columns[*column].name.as_str()).collect();
            let name = format!("{}_{}_key", schema.name, names.join("_"));
            let index = constraint_index(change.next_index_id(), name, &columns);
            schema.indexes.push(index);
        }
        let table = Arc::new(change.new_table());
        let mut state = TableState::new(schema, table);
        for schema in &state.schema.indexes {
            state.indexes.push(Arc::new(Index::of_rows(schema, &state, &self.inner.registry)?));
        }
        change.state.put_table(state);
        change.finish()?;
        Ok(id)
    }

    /// Takes a table and its indexes out. Snapshots that have it go on reading it.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`].
    pub fn drop_table(&self, table: TableId) -> Result<()> {
        let mut change = Change::begin(self)?;
        change.table(table)?;
        change.state.remove_table(table);
        change.finish()
    }

    /// Takes an index out.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`]; [`Error::Refused`] if a constraint made it.
    pub fn drop_index(&self, index: IndexId) -> Result<()> {
        let mut change = Change::begin(self)?;
        let not_found = || Error::NotFound { what: "index", name: index.to_string() };
        let table = change.state.index(index).ok_or_else(not_found)?.0.schema.id;
        let mut state = change.table(table)?;
        let position = state.indexes.iter().position(|other| other.id == index).ok_or_else(not_found)?;
        let schema = Arc::make_mut(&mut state.schema);
        if schema.indexes[position].constraint {
            let reason = format!("index {} belongs to a constraint of {}", schema.indexes[position].name, schema.name);
            return Err(Error::Refused { reason });
        }
        schema.indexes.remove(position);
        state.indexes.remove(position).note_dropped();
        change.state.put_table(state);
        change.finish()
    }

    /// Gives a query a name.
    ///
    /// # Errors
    ///
    /// [`Error::AlreadyExists`].
    pub fn create_view(&self, view: ViewSchema) -> Result<()> {
        let mut change = Change::begin(self)?;
        change.check_free(&view.name)?;
        let catalog = Arc::make_mut(&mut change.state.catalog);
        catalog.views.insert(view.name.to_ascii_lowercase(), Arc::new(view));
        change.finish()
    }

    /// Takes a view out.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`].
    pub fn drop_view(&self, name: &str) -> Result<()> {
        let mut change = Change::begin(self)?;
        let catalog = Arc::make_mut(&mut change.state.catalog);
        if catalog.views.remove(&name.to_ascii_lowercase()).is_none() {
            return Err(Error::NotFound { what: "view", name: name.to_owned() });
        }
        change.finish()
    }

    /// Adds a column; the rows that are there get its default. O(rows).
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`], [`Error::AlreadyExists`], [`Error::TooLarge`]; [`Error::Refused`] for a NOT NULL column
    /// without a default while there are rows.
    pub fn add_column(&self, table: TableId, column: Column) -> Result<()> {
        let mut change = Change::begin(self)?;
        let old = change.table(table)?;
        let mut schema = TableSchema::clone(&old.schema);
        if schema.column_index(&column.name).is_some() {
            return Err(Error::AlreadyExists { what: "column", name: column.name });
        }
        if schema.columns.len() == COLUMN_COUNT_MAX {
            return Err(Error::TooLarge { what: "the number of columns", limit: COLUMN_COUNT_MAX });
        }
        if column.not_null && column.default.is_null() && old.table.live_rows() > 0 {
            let reason = format!("column {} is NOT NULL, has no default, and {} has rows", column.name, schema.name);
            return Err(Error::Refused { reason });
        }
        let default = column.default.clone();
        schema.columns.push(column);
        change.replace_rows(&old, schema, |row| {
            Row::new(&row.values().chain([default.as_borrowed()]).collect::<Vec<_>>())
        })?;
        change.finish()
    }

    /// Takes a column out. O(rows).
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`]; [`Error::Refused`] for the only column, or one that an index uses.
    pub fn drop_column(&self, table: TableId, column: usize) -> Result<()> {
        let mut change = Change::begin(self)?;
        let old = change.table(table)?;
        let mut schema = TableSchema::clone(&old.schema);
        check_positions(&schema.name, schema.columns.len(), [column])?;
        let name = schema.columns[column].name.clone();
        let user = schema.indexes.iter().find(|index| index.columns.iter().any(|key| key.column == column));
        if let Some(index) = user {
            let reason = format!("column {name} is part of index {}; drop the index first", index.name);
            return Err(Error::Refused { reason });
        }
        if schema.columns.len() == 1 {
            return Err(Error::Refused { reason: format!("{name} is the only column of {}", schema.name) });
        }
        schema.columns.remove(column);
        schema.primary_key.iter_mut().for_each(|key| *key -= usize::from(*key > column));
        for key in schema.indexes.iter_mut().flat_map(|index| &mut index.columns) {
            key.column -= usize::from(key.column > column);
        }
        change.replace_rows(&old, schema, |row| {
            let values: Vec<Value<'_>> =
                row.values().enumerate().filter(|(position, _)| *position != column).map(|(_, value)| value).collect();
            Row::new(&values)
        })?;
        change.finish()
    }

    /// Gives a column another name.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`], [`Error::AlreadyExists`].
    pub fn rename_column(&self, table: TableId, column: usize, name: &str) -> Result<()> {
        let mut change = Change::begin(self)?;
        let mut state = change.table(table)?;
        let schema = Arc::make_mut(&mut state.schema);
        check_positions(&schema.name, schema.columns.len(), [column])?;
        if schema.column_index(name).is_some_and(|other| other != column) {
            return Err(Error::AlreadyExists { what: "column", name: name.to_owned() });
        }
        schema.columns[column].name = name.to_owned();
        change.state.put_table(state);
        change.finish()
    }

    /// Gives a table another name.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`], [`Error::AlreadyExists`].
    pub fn rename_table(&self, table: TableId, name: &str) -> Result<()> {
        let mut change = Change::begin(self)?;
        let mut state = change.table(table)?;
        if !state.schema.name.eq_ignore_ascii_case(name) {
            change.check_free(name)?;
        }
        change.state.remove_table(table);
        Arc::make_mut(&mut state.schema).name = name.to_owned();
        change.state.put_table(state);
        change.finish()
    }
}

/// The index behind a primary key or a UNIQUE constraint.
fn constraint_index(id: IndexId, name: String, columns: &[usize]) -> IndexSchema {
    IndexSchema {
        id,
        name,
        columns: columns.iter().map(|column| IndexColumn { column: *column, descending: false }).collect(),
        unique: true,
        method: IndexMethod::HashAndTree,
        constraint: true,
    }
}

fn check_columns(definition: &TableDefinition) -> Result<()> {
    let columns = &definition.columns;
    if columns.is_empty() {
        return Err(Error::Refused { reason: format!("table {} needs a column", definition.name) });
    }
    if columns.len() > COLUMN_COUNT_MAX {
        return Err(Error::TooLarge { what: "the number of columns", limit: COLUMN_COUNT_MAX });
    }
    let mut names: Vec<String> = columns.iter().map(|column| column.name.to_ascii_lowercase()).collect();
    names.sort_unstable();
    if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(Error::AlreadyExists { what: "column", name: pair[0].clone() });
    }
    let constrained = definition.primary_key.iter().chain(definition.unique.iter().flatten()).copied();
    check_positions(&definition.name, columns.len(), constrained)
}

fn check_positions(table: &str, columns: usize, positions: impl IntoIterator<Item = usize>) -> Result<()> {
    match positions.into_iter().find(|position| *position >= columns) {
        Some(position) => Err(Error::NotFound { what: "column", name: format!("{} of {table}", position + 1) }),
        None => Ok(()),
    }
}
