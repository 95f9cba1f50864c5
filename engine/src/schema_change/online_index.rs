//! CREATE INDEX beside the commits that go on; `index/build.rs` says how.

use std::sync::Arc;

use manicule_index::set::LoadedIndex;

use super::{Change, IndexDefinition, check_positions};
use crate::catalog::IndexSchema;
use crate::database::Database;
use crate::error::{Error, Result};
use crate::ids::{IndexId, RowId, TableId};
use crate::index::{BuildingIndex, CaughtUp, IsCancelled, check_wanted};
use crate::state::{State, TableState};
use crate::table::Table;

/// An index that is being built beside the commits that go on. When it goes, so does what was built.
struct Construction<'d> {
    database: &'d Database,
    /// The table as it was when the index was begun.
    table: Arc<Table>,
    table_id: TableId,
    schema: IndexSchema,
    building: Arc<BuildingIndex>,
    is_finished: bool,
}

impl<'d> Construction<'d> {
    /// From here on commits note what they change in the index.
    fn begin(
        (database, mut change): (&'d Database, Change<'d>),
        table_id: TableId,
        definition: IndexDefinition,
    ) -> Result<Self> {
        let mut state = change.table(table_id)?;
        change.check_index_free(&definition.name)?;
        check_positions(&state.schema.name, state.schema.columns.len(), definition.columns.iter().map(|c| c.column))?;
        let schema = IndexSchema {
            id: change.next_index_id()?,
            name: definition.name,
            columns: definition.columns,
            unique: definition.unique,
            method: definition.method,
            constraint: false,
        };
        let building = Arc::new(BuildingIndex::new(&schema, &state));
        let table = Arc::clone(&state.table);
        state.building.push(Arc::clone(&building));
        change.state.put_table(state);
        change.finish_unseen();
        Ok(Self { database, table, table_id, schema, building, is_finished: false })
    }

    /// Walks through the rows, and through most of what is committed meanwhile, and puts the index in the schema. Commits
    /// wait for the rest of it.
    fn finish(mut self, is_cancelled: IsCancelled<'_>) -> Result<IndexId> {
        let registry = &self.database.inner.registry;
        let mut loaded = Some(self.building.load((&self.table, usize::MAX), registry, is_cancelled)?);
        let finished = self.put_in_schema(&mut loaded, is_cancelled);
        if let Some(refused) = loaded {
            refused.into_index().detach(&self.database.inner.registry);
        }
        self.is_finished = finished.is_ok();
        finished
    }

    fn put_in_schema(&self, loaded: &mut Option<LoadedIndex<RowId>>, is_cancelled: IsCancelled<'_>) -> Result<IndexId> {
        if let Some(loaded) = loaded {
            while self.building.catch_up(loaded, &self.database.inner.registry) == CaughtUp::No {
                check_wanted(is_cancelled)?;
            }
        }
        let mut change = Change::begin_patiently(self.database, is_cancelled)?;
        change.check_index_free(&self.schema.name)?;
        let mut state = change.table(self.table_id)?;
        let Some(loaded) = loaded.take_if(|_| state.is_building(self.schema.id)) else {
            return Err(Error::Conflict { table: state.schema.name.clone() });
        };
        state.stop_building(self.schema.id);
        Arc::make_mut(&mut state.schema).indexes.push(self.schema.clone());
        let index = self.building.finish(loaded, &state, &self.database.inner.registry)?;
        state.indexes.push(Arc::new(index));
        change.state.put_table(state);
        change.finish()?;
        Ok(self.schema.id)
    }
}

impl Drop for Construction<'_> {
    fn drop(&mut self) {
        if self.is_finished {
            return;
        }
        // Whoever has the writer's place does not mind, and a database whose log has failed is tidied up too.
        let inner = &*self.database.inner;
        let _committer = inner.commit_lock.lock_beside_writer();
        let mut state = State::clone(&inner.state.load());
        let table = state.table(self.table_id).map(|table| TableState::clone(table));
        if let Some(mut table) = table.filter(|table| table.is_building(self.schema.id)) {
            table.stop_building(self.schema.id);
            state.put_table(table);
            inner.state.store(Arc::new(state));
        }
    }
}

impl Database {
    /// Makes an index of the rows that are there, on all processors, and of what is committed meanwhile. Commits go on;
    /// at the end they wait for the last of it. A writer that has its place then is waited for, however long it takes.
    /// O(rows · log(rows)).
    ///
    /// # Errors
    ///
    /// [`Error::UniqueViolation`] if two rows have the same key of a unique index; [`Error::AlreadyExists`],
    /// [`Error::NotFound`], [`Error::Refused`]; [`Error::Conflict`] if the table's columns were changed meanwhile;
    /// [`Error::Busy`] if a writer has its place for seconds at the begin; [`Error::Cancelled`], only with
    /// [`waiting_until`](Self::waiting_until).
    pub fn create_index(&self, table: TableId, definition: IndexDefinition) -> Result<IndexId> {
        let construction = Construction::begin((self, Change::begin(self)?), table, definition)?;
        construction.finish(&|| self.end_of_wait.as_ref().is_some_and(|end| (end.0)()))
    }
}

#[cfg(all(test, not(loom), not(feature = "shuttle")))]
mod tests {
    use super::*;
    use crate::{Column, ColumnType, IndexColumn, IndexMethod, Row, TableDefinition, Value};

    #[test]
    fn nothing_is_noted_any_more_for_a_build_that_has_ended() -> Result<()> {
        let database = Database::in_memory();
        let columns = vec![Column::new("a", ColumnType::Integer)];
        let definition = TableDefinition { name: "t".into(), columns, ..TableDefinition::default() };
        let table = database.create_table_with_rows(definition, [7, 7].map(|a| Row::new(&[Value::Integer(a)])))?;
        let index_on_a = |unique| IndexDefinition {
            name: "t_a".into(),
            columns: vec![IndexColumn { column: 0, descending: false }],
            unique,
            method: IndexMethod::Tree,
        };
        assert!(matches!(database.create_index(table, index_on_a(true)), Err(Error::UniqueViolation { .. })));
        let cancelled = database.waiting_until(|| true).create_index(table, index_on_a(false));
        assert!(matches!(cancelled, Err(Error::Cancelled)));
        assert!(database.inner.state.load().tables().all(|state| state.building.is_empty()));
        database.create_index(table, index_on_a(false))?;
        assert!(database.inner.state.load().tables().all(|state| state.building.is_empty()));
        Ok(())
    }
}
