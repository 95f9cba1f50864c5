//! The set: its indexes, its snapshots, and what it has to remove.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, OnceLock};

use arc_swap::ArcSwap;
use parking_lot::Mutex;

use super::build::IndexBuild;
use super::builder::IndexBuilder;
use super::candidate::{CandidateIndex, EntryWriter};
use super::definition::{IndexDefinition, IndexId, RowId};
use super::error::SnapshotTooOld;
use super::garbage::{Entry, Garbage, Moments, Removed};
use super::key::Key;
use super::reader::Snapshot;
use super::transaction::IndexTransaction;
use super::visibility::{At, Visibility};
use crate::multi::Registry;

/// How many entries a vacuum removes before it lets a writer in.
const VACUUM_SLICE: usize = 1024;

/// When something was committed: the host's own timestamp. `()` where nobody reads the past.
pub trait Timestamp: Copy + Ord + fmt::Debug + Send + Sync + 'static {}

impl<T: Copy + Ord + fmt::Debug + Send + Sync + 'static> Timestamp for T {}

/// The secondary indexes over the rows of a host; how it is used stands [above](super).
///
/// A handle, cheap to clone; all clones are the same set.
pub struct IndexSet<R: RowId, T> {
    pub(super) shared: Arc<Shared<R, T>>,
}

/// What all handles share.
pub(super) struct Shared<R: RowId, T> {
    pub(super) registry: Registry,
    /// Changed by whoever has the registry's batch.
    pub(super) list: ArcSwap<IndexList<R, T>>,
    pub(super) moments: Mutex<Moments<T>>,
    /// Changed by whoever has the registry's batch.
    pub(super) garbage: Mutex<Garbage<R, T>>,
    /// Indexes that are in no list any more, but may be in one that a reader holds.
    dropped: Mutex<Vec<Arc<SetIndex<R, T>>>>,
}

/// The indexes at one moment, in order of id.
pub(super) struct IndexList<R: RowId, T> {
    pub(super) indexes: Vec<Arc<SetIndex<R, T>>>,
    pub(super) next_id: u32,
}

/// An index of a set.
pub(super) struct SetIndex<R: RowId, T> {
    pub(super) id: IndexId,
    pub(super) definition: IndexDefinition,
    /// What there is until the entries are.
    pub(super) build: IndexBuild<R>,
    /// Where writers write, once the index is built.
    pub(super) entries: OnceLock<CandidateIndex<R>>,
    /// The first timestamp whose rows are all in the index; there once readers may read it.
    pub(super) readable_from: OnceLock<T>,
}

impl<R: RowId, T> IndexList<R, T> {
    pub(super) fn get(&self, index: IndexId) -> Option<&Arc<SetIndex<R, T>>> {
        let position = self.indexes.binary_search_by_key(&index, |index| index.id).ok()?;
        Some(&self.indexes[position])
    }
}

impl<R: RowId, T> SetIndex<R, T> {
    /// Adds an entry, now or when the index is built.
    pub(super) fn insert(&self, key: &Key, row: R, writer: &mut EntryWriter<'_>) {
        match self.entries.get() {
            Some(entries) => {
                entries.insert(key, row, writer);
            }
            None => self.build.record_insert(key.clone(), row),
        }
    }

    /// Takes an entry away, now or when the index is built.
    fn remove(&self, key: &Key, row: R, writer: &mut EntryWriter<'_>) {
        match self.entries.get() {
            Some(entries) => entries.remove(key, row, writer),
            None => self.build.record_remove(key.clone(), row),
        }
    }
}

impl<R: RowId, T: Timestamp> IndexSet<R, T> {
    /// A set without indexes.
    pub fn new() -> Self {
        Self {
            shared: Arc::new(Shared {
                registry: Registry::new(),
                list: ArcSwap::from_pointee(IndexList { indexes: Vec::new(), next_id: 0 }),
                moments: Mutex::new(Moments::new()),
                garbage: Mutex::new(Garbage::new()),
                dropped: Mutex::new(Vec::new()),
            }),
        }
    }

    /// Begins to make an index. From here on every commit is noted for it; feed the [builder](IndexBuilder) with the rows
    /// that are there already, if there are any, and [finish](IndexBuilder::finish) it. Waits for a prepared transaction.
    ///
    /// A host whose writers go on meanwhile has to know the index before the first of them is told of it: see
    /// [`create_index_then`](Self::create_index_then).
    pub fn create_index(&self, definition: IndexDefinition) -> IndexBuilder<R, T> {
        self.create_index_then(definition, |_| {})
    }

    /// As [`create_index`](Self::create_index); first runs `register`, which notes in the host's catalog what the index is
    /// over. A transaction that began before `register` has returned is told of the index when it is prepared; one that
    /// began later is not told, because its host has known the index from its first write on.
    ///
    /// `register` must not prepare, vacuum, create or drop: it would wait for itself.
    pub fn create_index_then(&self, definition: IndexDefinition, register: impl FnOnce(IndexId)) -> IndexBuilder<R, T> {
        let batch = self.shared.registry.begin();
        let list = self.shared.list.load();
        let index = Arc::new(SetIndex {
            id: IndexId(list.next_id),
            definition,
            build: IndexBuild::default(),
            entries: OnceLock::new(),
            readable_from: OnceLock::new(),
        });
        let mut indexes = list.indexes.clone();
        indexes.push(Arc::clone(&index));
        // Before the list has it: a transaction that begins with the new list will not be told of the index any more.
        register(index.id);
        self.shared.list.store(Arc::new(IndexList { indexes, next_id: list.next_id + 1 }));
        drop(batch);
        IndexBuilder::new(self.clone(), index)
    }

    /// Takes an index out, built or being built; whether it was there. Readers that have it go on reading it. Waits for a
    /// prepared transaction.
    pub fn drop_index(&self, index: IndexId) -> bool {
        let batch = self.shared.registry.begin();
        let list = self.shared.list.load_full();
        let Some(dropped) = list.get(index) else { return false };
        let indexes = list.indexes.iter().filter(|other| other.id != index).cloned().collect();
        self.shared.list.store(Arc::new(IndexList { indexes, next_id: list.next_id }));
        drop(batch);
        self.shared.dropped.lock().push(Arc::clone(dropped));
        drop(list);
        self.release_dropped();
        true
    }

    /// Takes indexes that nobody can read any more out of the registry.
    fn release_dropped(&self) {
        let unreachable: Vec<_> =
            self.shared.dropped.lock().extract_if(.., |index| Arc::strong_count(index) == 1).collect();
        for entries in unreachable.iter().filter_map(|index| index.entries.get()) {
            entries.detach(&self.shared.registry);
        }
    }

    /// The indexes that are built, with their definitions, in order of their making.
    pub fn indexes(&self) -> Vec<(IndexId, IndexDefinition)> {
        let list = self.shared.list.load();
        let built = list.indexes.iter().filter(|index| index.readable_from.get().is_some());
        built.map(|index| (index.id, index.definition)).collect()
    }

    /// Begins to change entries. Nobody sees any of it before it is committed.
    pub fn begin(&self) -> IndexTransaction<R, T> {
        IndexTransaction::new(self.clone())
    }

    /// Keeps what a snapshot at this timestamp sees from being vacuumed, until the [`Snapshot`] is dropped.
    ///
    /// # Errors
    /// [`SnapshotTooOld`] if some of it was vacuumed already: if a [vacuum](Self::vacuum) was given a later watermark. A
    /// host whose vacuum races with new readers takes a newer timestamp and asks again.
    pub fn snapshot(&self, timestamp: T) -> Result<Snapshot<R, T>, SnapshotTooOld> {
        self.shared.moments.lock().pin(timestamp)?;
        Ok(Snapshot::new(self.clone(), timestamp))
    }

    /// Moves the watermark up to `newest`, or to the oldest [`Snapshot`] that is there, and says where it is now. From here
    /// on no snapshot before it is given out, so a host may remove versions of its own that only such a one would see:
    /// after a [`vacuum`](Self::vacuum) up to it, if it relies on every entry having its version.
    pub fn watermark(&self, newest: T) -> T {
        self.shared.moments.lock().retire(newest)
    }

    /// Removes entries that no snapshot needs any more: no [`Snapshot`] that is there, and none at `watermark` or later.
    /// How many were removed. Writers wait for a thousand entries at a time, readers never.
    ///
    /// `host` is asked whether a row has had the key [since](At::Since) then; what it says yes to is kept for the next
    /// time. Call it now and then: it costs time in proportion to the entries that were removed since. If the host panics,
    /// what was not removed is kept for the next time.
    pub fn vacuum(&self, watermark: T, host: &impl Visibility<R, T>) -> usize {
        self.release_dropped();
        let watermark = self.shared.moments.lock().retire(watermark);
        let mut removed = 0;
        let mut left = self.shared.garbage.lock().len();
        while left > 0 {
            let slice = left.min(VACUUM_SLICE);
            left -= slice;
            match self.vacuum_slice(watermark, slice, host) {
                Some(count) => removed += count,
                None => break,
            }
        }
        removed
    }

    /// Looks at some of the garbage; `None` if no more of it is old enough.
    fn vacuum_slice(&self, watermark: T, slice: usize, host: &impl Visibility<R, T>) -> Option<usize> {
        let mut batch = self.shared.registry.begin();
        let list = self.shared.list.load_full();
        let guard = crate::pin();
        let mut writer = EntryWriter { guard: &guard, batch: &mut batch };
        let mut garbage = self.shared.garbage.lock();
        let taken: Vec<_> = (0..slice).map_while(|_| garbage.pop(watermark)).collect();
        let is_at_end = taken.len() < slice;
        let is_needed = |Removed { entry: Entry { index, key, row }, .. }: &Removed<R, T>| {
            list.get(*index).is_some() && host.has_key(*row, At::Since(watermark), *index, key.as_ref())
        };
        let needed = catch_unwind(AssertUnwindSafe(|| taken.iter().map(is_needed).collect::<Vec<_>>()));
        let needed = needed.unwrap_or_else(|panic| {
            taken.iter().for_each(|removed| garbage.push(removed.since, removed.entry.clone()));
            resume_unwind(panic)
        });
        let mut removed = 0;
        for (Removed { since, entry, .. }, is_needed) in taken.into_iter().zip(needed) {
            if is_needed {
                garbage.push(since, entry);
            } else if let Some(index) = list.get(entry.index) {
                index.remove(&entry.key, entry.row, &mut writer);
                removed += 1;
            }
        }
        drop(garbage);
        batch.commit();
        (!is_at_end || removed > 0).then_some(removed)
    }

    /// Bytes of all indexes that are built. O(keys) of those that are not unique.
    pub fn memory_usage(&self) -> usize {
        let list = self.shared.list.load();
        list.indexes.iter().filter_map(|index| index.entries.get()).map(CandidateIndex::memory_usage).sum()
    }
}

impl<R: RowId, T: Timestamp> Default for IndexSet<R, T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<R: RowId, T> Clone for IndexSet<R, T> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<R: RowId, T> fmt::Debug for IndexSet<R, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IndexSet").field("indexes", &self.shared.list.load().indexes.len()).finish_non_exhaustive()
    }
}
