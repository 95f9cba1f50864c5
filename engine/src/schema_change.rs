//! Changes of the schema: each takes the commit lock, makes a new state beside the old one, and puts it in its place.
//!
//! A writer that has its place is waited for, for seconds or as [`Database::waiting_until`] says, and commits in flight; and the new state is in the log before anybody sees it.
//!
//! Snapshots that began before keep the state they have. A change that gives rows another form makes a new table with
//! the newest version of each row; the old one lives on with the snapshots that read it.

mod columns;
mod drop;
mod online_index;

use std::sync::Arc;

use crate::catalog::{Column, ID_LIMIT, IndexColumn, IndexMethod, IndexSchema, TableSchema, ViewSchema};
use crate::commit::Committer;
use crate::database::{Database, Inner};
use crate::error::{Error, Result};
use crate::ids::{IndexId, RowId, TableId, Timestamp};
use crate::index::{Index, IsCancelled, check_wanted};
use crate::log::Log;
use crate::recovery::clear_storage;
use crate::row::{Row, RowBuf};
use crate::state::{State, TableState};
use crate::store::{GroupWrite, StorageId};
use crate::sync::MutexGuard;
use crate::table::Table;
use crate::transaction::{BYTES_PER_CHECK, check_row};
use crate::version::{self, bytes_taken, version_of};

/// The most columns that a table may have.
pub const COLUMN_COUNT_MAX: usize = 1024;

/// How many rows of a table that is rewritten go to the log at a time.
const REWRITTEN_ROWS_PER_GROUP: usize = 4096;

/// After how many rows of a table that is filled it is looked whether it is wanted still.
const ROWS_PER_CHECK: usize = 1024;

/// What CREATE TABLE makes.
#[derive(Clone, Debug, Default)]
pub struct TableDefinition {
    /// The table's name.
    pub name: String,
    /// Its columns.
    pub columns: Vec<Column>,
    /// The positions of the primary key's columns, empty for none. They become NOT NULL; the index is `NAME_pkey`,
    /// or `NAME_pkey1` and so on if an index has that name.
    pub primary_key: Vec<usize>,
    /// The positions of each UNIQUE constraint's columns; the index is `NAME_COLUMN_key`, or with a number.
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
    /// Whether the change is not wanted any more.
    is_cancelled: IsCancelled<'d>,
}

impl<'d> Change<'d> {
    /// Waits for the writer's place for as long as the handle says, and sees that the schema is the one that it says.
    fn begin(database: &'d Database) -> Result<Self> {
        let inner = &*database.inner;
        let committer = match &database.end_of_wait {
            Some(end) => inner.commit_lock.lock_patiently(&*end.0)?,
            None => inner.commit_lock.lock(None, None)?,
        };
        let change = Self::under(database, committer)?;
        match database.expected_schema {
            Some(expected) if expected != change.state.catalog.version() => Err(Error::SchemaChanged),
            _ => Ok(change),
        }
    }

    /// Waits for the writer's place however long that takes, unless it is cancelled.
    fn begin_patiently(database: &'d Database, is_cancelled: &dyn Fn() -> bool) -> Result<Self> {
        Self::under(database, database.inner.commit_lock.lock_patiently(is_cancelled)?)
    }

    fn under(database: &'d Database, committer: MutexGuard<'d, Committer>) -> Result<Self> {
        let inner = &*database.inner;
        inner.finish_commits(&committer)?;
        let state = State::clone(&inner.state.load());
        let is_cancelled: IsCancelled<'d> = match &database.end_of_wait {
            Some(end) => &*end.0,
            None => &|| false,
        };
        Ok(Self { inner, state, committer, is_cancelled })
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

    /// The name for a constraint's index of a new table, with a number behind it if some index has it.
    fn free_index_name(&self, new: &TableSchema, name: String) -> String {
        let is_free = |name: &String| {
            let is_of_new = new.indexes.iter().any(|index| index.name.eq_ignore_ascii_case(name));
            self.state.catalog.index(name).is_none() && !is_of_new
        };
        let numbered = (1_u32..).map(|number| format!("{name}{number}"));
        std::iter::once(name.clone()).chain(numbered).find(is_free).unwrap_or(name)
    }

    fn next_index_id(&mut self) -> Result<IndexId> {
        next_id(&mut Arc::make_mut(&mut self.state.catalog).next_index).map(IndexId)
    }

    fn next_table_id(&mut self) -> Result<TableId> {
        next_id(&mut Arc::make_mut(&mut self.state.catalog).next_table).map(TableId)
    }

    /// A place for the rows of a table, in the store too if there is one.
    fn new_table(&mut self, schema: &TableSchema) -> Result<Table> {
        let storage = next_id(&mut Arc::make_mut(&mut self.state.catalog).next_storage)?;
        Ok(Table::new(schema, StorageId(storage)))
    }

    /// Gives a table another schema and other rows, with all its indexes made anew.
    fn replace_rows(&mut self, old: &TableState, schema: TableSchema, reform: impl Fn(&Row) -> RowBuf) -> Result<()> {
        let table = self.new_table(&schema)?;
        let guard = manicule_index::pin();
        let rows = old.table.rows.iter(&guard).filter_map(|(_, head)| version::row(head));
        self.put_table(TableState::new(schema, Arc::new(table)), rows.map(|row| Ok(reform(row))))
    }

    /// Adds a table that nobody has seen yet, with these rows and its indexes.
    fn put_table(&mut self, mut state: TableState, rows: impl Iterator<Item = Result<RowBuf>>) -> Result<()> {
        let table = &*state.table;
        let mut writer = RewriteLog::new(self.inner.log.as_deref(), table.storage());
        for (count, row) in rows.enumerate() {
            if count.is_multiple_of(ROWS_PER_CHECK) {
                check_wanted(self.is_cancelled)?;
            }
            let (row_id, row) = (table.allocate_row_id(), row?);
            table.count_installed(row_id, Some(&row), false);
            writer.put(table, row_id, &row)?;
            table.rows.writer().push(row_id.0, version_of(Some(row), Timestamp(0)));
        }
        writer.write_group()?;
        for schema in &state.schema.indexes {
            let index = Index::of_rows(schema, &state, &self.inner.registry, self.is_cancelled)?;
            state.indexes.push(Arc::new(index));
        }
        writer.keep();
        self.state.put_table(state);
        Ok(())
    }
}

fn next_id(next: &mut u32) -> Result<u32> {
    if *next >= ID_LIMIT {
        return Err(Error::TooLarge { what: "the number of tables and indexes ever made", limit: ID_LIMIT as usize });
    }
    *next += 1;
    Ok(*next - 1)
}

/// Writes the rows of a new table to a storage that no catalog names yet, a few thousand at a time. Unless they are kept they
/// are removed again: if there is no such table in the end, the next new one has its storage.
struct RewriteLog<'l> {
    log: Option<&'l Log>,
    storage: StorageId,
    group: GroupWrite,
    /// Whether rows are written that are not to be kept.
    is_started: bool,
}

impl<'l> RewriteLog<'l> {
    fn new(log: Option<&'l Log>, storage: StorageId) -> Self {
        Self { log, storage, group: GroupWrite::default(), is_started: false }
    }

    fn put(&mut self, table: &Table, row_id: RowId, row: &Row) -> Result<()> {
        if self.log.is_none() {
            return Ok(());
        }
        table.hash_installed(row_id, Some(row), None);
        self.group.put_row(self.storage, row_id, row);
        if self.group.record_count() < REWRITTEN_ROWS_PER_GROUP { Ok(()) } else { self.write_group() }
    }

    fn write_group(&mut self) -> Result<()> {
        let group = std::mem::take(&mut self.group);
        if group.record_count() == 0 {
            return Ok(());
        }
        self.is_started = true;
        self.log.map_or(Ok(()), |log| log.write_now(group))
    }

    /// The table will be there.
    fn keep(mut self) {
        self.is_started = false;
    }
}

impl Drop for RewriteLog<'_> {
    fn drop(&mut self) {
        if let Some(log) = self.log.filter(|_| self.is_started) {
            // If it fails nothing commits any more, and they are removed when the database is opened again.
            let _ = clear_storage(log.store(), self.storage, |group| log.write_now(group));
        }
    }
}

impl Database {
    /// Makes a table.
    ///
    /// # Errors
    ///
    /// [`Error::AlreadyExists`] for a table's, a view's or a column's name that is taken, [`Error::Refused`] without a
    /// column, [`Error::TooLarge`] with more than [`COLUMN_COUNT_MAX`], [`Error::NotFound`] for a constraint on a column
    /// that is not there, [`Error::TypeMismatch`] for a default of another type than its column's.
    pub fn create_table(&self, definition: TableDefinition) -> Result<TableId> {
        self.create_table_with_rows(definition, [])
    }

    /// Makes a table that has these rows from its first moment; their values are as [`Transaction::insert`] wants them. O(rows).
    ///
    /// # Errors
    ///
    /// As [`create_table`](Self::create_table), and for the rows as `insert` and [`Transaction::commit`]. There is no table
    /// then.
    ///
    /// [`Transaction::insert`]: crate::Transaction::insert
    /// [`Transaction::commit`]: crate::Transaction::commit
    pub fn create_table_with_rows(
        &self,
        definition: TableDefinition,
        rows: impl IntoIterator<Item = RowBuf>,
    ) -> Result<TableId> {
        let mut change = Change::begin(self)?;
        change.check_free(&definition.name)?;
        check_columns(&definition)?;
        let id = change.next_table_id()?;
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
            let name = change.free_index_name(&schema, format!("{}_pkey", schema.name));
            let index = constraint_index(change.next_index_id()?, name, &schema.primary_key);
            schema.indexes.push(index);
        }
        for columns in definition.unique {
            let names: Vec<&str> = columns.iter().map(|column| schema.columns[*column].name.as_str()).collect();
            let name = change.free_index_name(&schema, format!("{}_{}_key", schema.name, names.join("_")));
            let index = constraint_index(change.next_index_id()?, name, &columns);
            schema.indexes.push(index);
        }
        let table = Arc::new(change.new_table(&schema)?);
        let state = TableState::new(schema, table);
        let filled = state.clone();
        // So that the first row is followed by a look.
        let mut unchecked_bytes = BYTES_PER_CHECK;
        let checked = rows.into_iter().map(|row| {
            check_row(&filled.schema, &row)?;
            unchecked_bytes += bytes_taken(Some(&row));
            if unchecked_bytes >= BYTES_PER_CHECK {
                unchecked_bytes = 0;
                self.inner.check_memory_as_it_is(filled.table.memory_usage() + bytes_taken(Some(&row)))?;
            }
            Ok(row)
        });
        change.put_table(state, checked)?;
        change.finish()?;
        Ok(id)
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
    columns.iter().try_for_each(|column| check_default(&definition.name, column))?;
    let constrained = definition.primary_key.iter().chain(definition.unique.iter().flatten()).copied();
    check_positions(&definition.name, columns.len(), constrained)
}

/// Refuses a default of another type than its column's; NULL is that there is none.
fn check_default(table: &str, column: &Column) -> Result<()> {
    match column.default.column_type() {
        Some(found) if found != column.column_type => Err(Error::TypeMismatch {
            table: table.to_owned(),
            column: column.name.clone(),
            expected: column.column_type,
            found: column.default.clone(),
        }),
        _ => Ok(()),
    }
}

fn check_positions(table: &str, columns: usize, positions: impl IntoIterator<Item = usize>) -> Result<()> {
    match positions.into_iter().find(|position| *position >= columns) {
        Some(position) => Err(Error::NotFound { what: "column", name: format!("{} of {table}", position + 1) }),
        None => Ok(()),
    }
}
