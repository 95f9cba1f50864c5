//! [`MemoryStore`]: a store for tests, which loses what was not synced when it is told to.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use parking_lot::Mutex;

use super::{Durability, GroupWrite, RecordKey, RowStore, Visit};
use crate::error::Result;

/// A store in memory, to test what survives. Clones share their records, so one that is kept can be opened again after
/// the database with the other is gone.
///
/// ```
/// use manicule_engine::{Column, ColumnType, Database, OpenOptions, TableDefinition, store::MemoryStore};
///
/// let store = MemoryStore::default();
/// let database = Database::open_store(Box::new(store.clone()), &OpenOptions::default())?;
/// database.create_table(TableDefinition {
///     name: "city".into(),
///     columns: vec![Column::new("name", ColumnType::Text)],
///     ..TableDefinition::default()
/// })?;
/// store.lose_unsynced();
/// let database = Database::open_store(Box::new(store), &OpenOptions::default())?;
/// assert!(database.catalog().table("city").is_some(), "the change of the schema was synced");
/// # Ok::<(), manicule_engine::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct MemoryStore {
    images: Arc<Mutex<Images>>,
}

type Image = BTreeMap<RecordKey, Vec<u8>>;

#[derive(Debug, Default)]
struct Images {
    /// What a reader finds.
    written: Image,
    /// What would be left if the power failed now.
    synced: Image,
    /// Changed since the last sync.
    unsynced: Vec<RecordKey>,
}

impl MemoryStore {
    /// Makes the store what it would be after the loss of power.
    pub fn lose_unsynced(&self) {
        let mut images = self.images.lock();
        images.written = images.synced.clone();
        images.unsynced.clear();
    }
}

impl Images {
    fn sync(&mut self) {
        for key in std::mem::take(&mut self.unsynced) {
            match self.written.get(&key) {
                Some(value) => self.synced.insert(key, value.clone()),
                None => self.synced.remove(&key),
            };
        }
    }
}

impl RowStore for MemoryStore {
    fn apply(&self, group: &GroupWrite, durability: Durability) -> Result<()> {
        let mut images = self.images.lock();
        for (key, value) in group.records() {
            match value {
                Some(value) => images.written.insert(key, value.to_vec()),
                None => images.written.remove(&key),
            };
            images.unsynced.push(key);
        }
        if durability == Durability::Sync {
            images.sync();
        }
        Ok(())
    }

    fn sync(&self) -> Result<()> {
        self.images.lock().sync();
        Ok(())
    }

    fn scan(&self, keys: Range<RecordKey>, visit: Visit<'_>) -> Result<()> {
        let images = self.images.lock();
        let _ = images.written.range(keys).try_for_each(|(key, value)| visit(*key, value));
        Ok(())
    }

    fn close(&self) -> Result<()> {
        self.sync()
    }
}
