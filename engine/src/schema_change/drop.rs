//! Dropping tables, indexes and views.

use std::sync::Arc;

use super::Change;
use crate::database::Database;
use crate::error::{Error, Result};
use crate::ids::{IndexId, TableId};
use crate::index::Index;

impl Database {
    /// Takes tables and their indexes out, all of them or none. Snapshots that have them go on reading them. Their memory is
    /// free when the last snapshot or transaction that has them is gone, and each [`Reader`](crate::Reader), so each session,
    /// that has read before has read again, or is gone too.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`].
    pub fn drop_tables(&self, tables: &[TableId]) -> Result<()> {
        let mut change = Change::begin(self)?;
        for table in tables {
            change.table(*table)?;
            change.state.remove_table(*table);
        }
        change.finish()
    }

    /// [`drop_tables`](Self::drop_tables) of one.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`].
    pub fn drop_table(&self, table: TableId) -> Result<()> {
        self.drop_tables(&[table])
    }

    /// Takes indexes out, all of them or none.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`]; [`Error::Refused`] if a constraint made one.
    pub fn drop_indexes(&self, indexes: &[IndexId]) -> Result<()> {
        let mut change = Change::begin(self)?;
        let removed: Vec<Arc<Index>> =
            indexes.iter().map(|index| change.remove_index(*index)).collect::<Result<_>>()?;
        removed.iter().for_each(|index| index.note_dropped());
        change.finish()
    }

    /// [`drop_indexes`](Self::drop_indexes) of one.
    ///
    /// # Errors
    ///
    /// As [`drop_indexes`](Self::drop_indexes).
    pub fn drop_index(&self, index: IndexId) -> Result<()> {
        self.drop_indexes(&[index])
    }

    /// Takes views out, all of them or none.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`].
    pub fn drop_views(&self, names: &[impl AsRef<str>]) -> Result<()> {
        let mut change = Change::begin(self)?;
        let catalog = Arc::make_mut(&mut change.state.catalog);
        for name in names.iter().map(AsRef::as_ref) {
            if catalog.views.remove(&name.to_ascii_lowercase()).is_none() {
                return Err(Error::NotFound { what: "view", name: name.to_owned() });
            }
        }
        change.finish()
    }

    /// [`drop_views`](Self::drop_views) of one.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`].
    pub fn drop_view(&self, name: &str) -> Result<()> {
        self.drop_views(&[name])
    }
}

impl Change<'_> {
    /// Takes an index out of the state.
    fn remove_index(&mut self, index: IndexId) -> Result<Arc<Index>> {
        let not_found = || Error::NotFound { what: "index", name: index.to_string() };
        let table = self.state.index(index).ok_or_else(not_found)?.0.schema.id;
        let mut state = self.table(table)?;
        let position = state.indexes.iter().position(|other| other.id == index).ok_or_else(not_found)?;
        let schema = Arc::make_mut(&mut state.schema);
        if schema.indexes[position].constraint {
            let reason = format!("index {} belongs to a constraint of {}", schema.indexes[position].name, schema.name);
            return Err(Error::Refused { reason });
        }
        schema.indexes.remove(position);
        let removed = state.indexes.remove(position);
        self.state.put_table(state);
        Ok(removed)
    }
}
