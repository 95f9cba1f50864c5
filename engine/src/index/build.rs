//! Making an index of rows that are there already.
//!
//! Entries of an index that is not unique are gathered and handed over at once, so that its lists are packed and no
//! other index of the registry waits meanwhile. A unique index takes entries one by one and finds a second holder of a
//! key on the way.

use std::cell::OnceCell;
use std::ops::ControlFlow;

use manicule_index::{Guard, Registry};
use smallvec::SmallVec;

use super::multi::{MultiEntries, MultiKey};
use super::unique::Directories;
use super::{Index, IndexReader, IndexWriter, Store};
use crate::catalog::IndexSchema;
use crate::error::Result;
use crate::ids::RowId;
use crate::key::{Key, KeyShape};
use crate::row::Row;
use crate::state::TableState;
use crate::transaction::unique_violation;
use crate::version;

impl Index {
    /// An index with an entry for every version that some snapshot may see. O(rows) for a hash, O(rows · log(rows)) for
    /// a tree.
    ///
    /// # Errors
    ///
    /// [`Error::UniqueViolation`](crate::Error::UniqueViolation) if the newest versions of two rows have the same key.
    pub(crate) fn of_rows(schema: &IndexSchema, state: &TableState, registry: &Registry) -> Result<Self> {
        let guard = manicule_index::pin();
        let shape = KeyShape::new(&schema.columns, |column| state.schema.columns[column].column_type);
        if schema.unique {
            let index = Self::new(schema, shape, registry);
            index.fill_unique(state, &guard)?;
            return Ok(index);
        }
        let directories = Directories { hash: schema.has_hash(), tree: schema.has_tree() };
        let store = match shape.has_words() {
            true => Store::Words(entries_of(state, &shape, &guard, word).into_index(directories, registry)),
            false => Store::Bytes(entries_of(state, &shape, &guard, bytes).into_index(directories, registry)),
        };
        Ok(Self { id: schema.id, shape, unique: false, store, registry: registry.clone() })
    }

    fn fill_unique(&self, state: &TableState, guard: &Guard) -> Result<()> {
        // A unique index is in no registry; this one stands in for it.
        let (registry, published) = (Registry::new(), OnceCell::new());
        let mut writer = IndexWriter { guard, batch: &mut registry.begin() };
        let reader = IndexReader { guard, registry: &registry, published: &published };
        for (row_id, head) in state.table.rows.iter(guard) {
            let row_id = RowId(row_id);
            if let Some(row) = version::row(head)
                && self.has_other_holder(state, row_id, row, reader)
            {
                return Err(unique_violation(state, self.id, row));
            }
            for key in keys_of_chain(state, &self.shape, row_id, guard) {
                self.insert(&key, row_id, &mut writer);
            }
        }
        Ok(())
    }

    /// Whether a row that is in the index has the key of this one too.
    fn has_other_holder(&self, state: &TableState, row_id: RowId, row: &Row, reader: IndexReader<'_>) -> bool {
        let key = self.shape.of_row(row);
        let is_holder = |other: RowId| {
            let head = state.table.rows.head(other.0, reader.guard);
            other != row_id && head.and_then(version::row).is_some_and(|row| self.shape.matches(row, &key))
        };
        !key.has_null()
            && self
                .candidates(&key, reader, |other| match is_holder(other) {
                    true => ControlFlow::Break(()),
                    false => ControlFlow::Continue(()),
                })
                .is_break()
    }
}

/// The entries of an index that is not unique.
struct Entries<K>(Vec<(K, u64)>);

impl<K: MultiKey> Entries<K> {
    fn into_index(self, directories: Directories, registry: &Registry) -> MultiEntries<K> {
        match directories.tree {
            true => MultiEntries::Ordered(registry.create_ordered_from(self.0)),
            false => MultiEntries::Hash(registry.create_hash_from(self.0)),
        }
    }
}

fn entries_of<K>(state: &TableState, shape: &KeyShape, guard: &Guard, form: impl Fn(Key) -> K) -> Entries<K> {
    let mut entries = Vec::with_capacity(usize::try_from(state.table.live_rows()).unwrap_or(0));
    for (row_id, _) in state.table.rows.iter(guard) {
        let keys = keys_of_chain(state, shape, RowId(row_id), guard);
        entries.extend(keys.into_iter().map(|key| (form(key), row_id)));
    }
    Entries(entries)
}

/// The keys of all versions of a row, each once.
fn keys_of_chain(state: &TableState, shape: &KeyShape, row_id: RowId, guard: &Guard) -> SmallVec<[Key; 1]> {
    let mut keys = SmallVec::new();
    let mut link = state.table.rows.head(row_id.0, guard);
    while let Some(version) = link {
        if let Some(row) = version::row(version) {
            let key = shape.of_row(row);
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
        link = version.next();
    }
    keys
}

fn word(key: Key) -> Option<u64> {
    match key {
        Key::Word(word) => Some(word),
        Key::NullWord => None,
        Key::Bytes(..) => unreachable!("keys have the form of their index's shape"),
    }
}

fn bytes(key: Key) -> Box<[u8]> {
    match key {
        Key::Bytes(bytes, _) => bytes.into_vec().into_boxed_slice(),
        Key::Word(_) | Key::NullWord => unreachable!("keys have the form of their index's shape"),
    }
}
