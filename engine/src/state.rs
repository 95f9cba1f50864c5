//! The catalog together with the rows and indexes it names: replaced as a whole when the schema changes.

use std::sync::Arc;

use manicule_index::set::Entries;

use crate::catalog::{Catalog, TableSchema};
use crate::ids::{IndexId, RowId, TableId};
use crate::index::{BuildingIndex, Index, IndexWriter};
use crate::key::{Key, KeyShape};
use crate::places::Places;
use crate::table::Table;

/// What a snapshot holds on to besides its timestamp.
#[derive(Clone, Debug, Default)]
pub(crate) struct State {
    pub(crate) catalog: Arc<Catalog>,
    /// By table id.
    tables: Places<Arc<TableState>>,
    /// By index id.
    indexes: Places<IndexPlace>,
}

/// A table and what belongs to it.
#[derive(Clone, Debug)]
pub(crate) struct TableState {
    pub(crate) schema: Arc<TableSchema>,
    pub(crate) table: Arc<Table>,
    /// In the order of the schema's indexes.
    pub(crate) indexes: Vec<Arc<Index>>,
    /// Indexes that the schema does not have yet.
    pub(crate) building: Vec<Arc<BuildingIndex>>,
}

/// An index that a commit writes to.
#[derive(Clone, Copy, Debug)]
pub(crate) enum WrittenIndex<'s> {
    Built(&'s Index),
    Building(&'s BuildingIndex),
}

impl TableState {
    /// A table without indexes.
    pub(crate) fn new(schema: TableSchema, table: Arc<Table>) -> Self {
        Self { schema: Arc::new(schema), table, indexes: Vec::new(), building: Vec::new() }
    }

    /// Whether an index is being built.
    pub(crate) fn is_building(&self, index: IndexId) -> bool {
        self.building.iter().any(|building| building.id == index)
    }

    /// Takes an index out of those that are being built.
    pub(crate) fn stop_building(&mut self, index: IndexId) {
        self.building.retain(|building| building.id != index);
    }

    /// The indexes that a commit writes to, those that are being built last.
    pub(crate) fn written_indexes(&self) -> impl Iterator<Item = WrittenIndex<'_>> {
        let built = self.indexes.iter().map(|index| WrittenIndex::Built(index));
        built.chain(self.building.iter().map(|index| WrittenIndex::Building(index)))
    }
}

impl<'s> WrittenIndex<'s> {
    #[inline]
    pub(crate) fn shape(self) -> &'s KeyShape {
        match self {
            Self::Built(index) => &index.shape,
            Self::Building(index) => &index.shape,
        }
    }

    /// Adds an entry; one that is there already stays as it is.
    pub(crate) fn insert(self, key: &Key, row_id: RowId, writer: &mut IndexWriter<'_>) {
        match self {
            Self::Built(index) => index.insert(key, row_id, writer),
            Self::Building(index) => index.note_insert(key, row_id),
        }
    }

    /// Adds an entry of a row that had none with that key.
    pub(crate) fn insert_new(self, key: &Key, row_id: RowId, writer: &mut IndexWriter<'_>) {
        match self {
            Self::Built(index) => index.insert_new(key, row_id, writer),
            Self::Building(index) => index.note_insert(key, row_id),
        }
    }

    /// Adds entries in order, of rows that had none with those keys.
    pub(crate) fn extend_new(self, entries: Entries<RowId>, writer: &mut IndexWriter<'_>) {
        match self {
            Self::Built(index) => index.extend_new(entries, writer),
            Self::Building(index) => entries.into_iter().for_each(|(key, row_id)| index.note_insert(&key, row_id)),
        }
    }

    /// Takes an entry away, if it is there.
    pub(crate) fn remove(self, key: &Key, row_id: RowId, writer: &mut IndexWriter<'_>) {
        match self {
            Self::Built(index) => index.remove(key, row_id, writer),
            Self::Building(index) => index.note_remove(key, row_id),
        }
    }
}

/// An index and the table that it belongs to, side by side: a lookup begins here.
#[derive(Clone, Debug)]
struct IndexPlace {
    table: Arc<TableState>,
    index: Arc<Index>,
}

impl State {
    /// The state of a catalog whose tables are yet to be put in.
    pub(crate) fn with_catalog(catalog: Catalog) -> Self {
        Self { catalog: Arc::new(catalog), ..Self::default() }
    }

    #[inline]
    pub(crate) fn table(&self, table: TableId) -> Option<&Arc<TableState>> {
        self.tables.get(table.0)
    }

    /// The index and the table that it belongs to.
    #[inline]
    pub(crate) fn index(&self, index: IndexId) -> Option<(&TableState, &Index)> {
        let IndexPlace { table, index } = self.indexes.get(index.0)?;
        Some((table, index))
    }

    pub(crate) fn tables(&self) -> impl Iterator<Item = &Arc<TableState>> {
        self.tables.iter()
    }

    /// Puts a table in its place, in the catalog too.
    pub(crate) fn put_table(&mut self, state: TableState) {
        let id = state.schema.id;
        self.remove_table(id);
        let catalog = Arc::make_mut(&mut self.catalog);
        catalog.tables.insert(state.schema.name.to_ascii_lowercase(), Arc::clone(&state.schema));
        let state = Arc::new(state);
        for index in &state.indexes {
            let entry = IndexPlace { table: Arc::clone(&state), index: Arc::clone(index) };
            self.indexes.insert(index.id.0, entry);
        }
        self.tables.insert(id.0, state);
    }

    /// Takes a table out, and its indexes.
    pub(crate) fn remove_table(&mut self, table: TableId) -> Option<Arc<TableState>> {
        let state = self.tables.remove(table.0)?;
        for index in &state.indexes {
            self.indexes.remove(index.id.0);
        }
        Arc::make_mut(&mut self.catalog).tables.remove(&state.schema.name.to_ascii_lowercase());
        Some(state)
    }
}
