//! Making an index of a set.

use std::fmt;
use std::sync::Arc;

use super::build::LoadedIndex;
use super::candidate::{EntryReader, EntryWriter};
use super::definition::{IndexId, RowId};
use super::entries::Entries;
use super::error::{BuildError, UniqueViolation};
use super::index_set::{IndexSet, SetIndex, Timestamp};
use super::key::Key;
use super::visibility::{At, Visibility};
use crate::multi::Registry;

/// How many operations are replayed at a time while writers wait.
const REPLAY_SLICE: usize = 1024;

/// An index that is being made. Dropping it leaves nothing behind.
///
/// 1. [`IndexSet::create_index`] makes it: from there on every commit is noted for it.
/// 2. The host takes a timestamp and [feeds](Self::feed) the keys of the rows as a snapshot at it sees them, from as many
///    threads as it likes. (A host that wants older snapshots to read the index too feeds the keys of all versions that
///    they see.)
/// 3. [`finish`](Self::finish) makes the index visible.
#[must_use = "an index that is not finished is dropped"]
pub struct IndexBuilder<R: RowId, T: Timestamp> {
    set: IndexSet<R, T>,
    index: Arc<SetIndex<R, T>>,
    is_finished: bool,
}

impl<R: RowId, T: Timestamp> IndexBuilder<R, T> {
    pub(super) fn new(set: IndexSet<R, T>, index: Arc<SetIndex<R, T>>) -> Self {
        Self { set, index, is_finished: false }
    }

    /// The index that it will be, for transactions to write to from now on.
    pub fn id(&self) -> IndexId {
        self.index.id
    }

    /// Takes keys of rows that are there already, in any order; some thousands at a time.
    ///
    /// # Errors
    /// [`BuildError::WrongForm`]; nothing was taken then.
    pub fn feed(&self, entries: impl IntoIterator<Item = (Key, R)>) -> Result<(), BuildError> {
        let form = self.index.definition.keys;
        let entries = entries.into_iter().map(|(key, row)| (key.form() == form).then_some((key, row)));
        let entries: Entries<R> = entries.collect::<Option<_>>().ok_or(BuildError::WrongForm(self.index.id))?;
        self.index.build.feed(entries);
        Ok(())
    }

    /// Builds the index of what it was fed and of what was committed meanwhile, and makes it visible to readers at
    /// `readable_from` and later. O(n log n); writers wait for a thousand operations at a time.
    ///
    /// # Errors
    /// [`BuildError::UniqueViolation`] if the newest versions of two rows have the same key, [`BuildError::Dropped`] if the index was
    /// dropped meanwhile. Nothing is left behind.
    pub fn finish(mut self, readable_from: T, host: &impl Visibility<R, T>) -> Result<IndexId, BuildError> {
        let registry = &self.set.shared.registry;
        let loaded = self.index.build.load(self.index.definition, registry);
        self.catch_up(Attached { loaded: Some(loaded), registry }, host)?;
        // Published before, so that whoever sees the timestamp sees the entries.
        let _ = self.index.readable_from.set(readable_from);
        self.is_finished = true;
        Ok(self.index.id)
    }

    /// Replays what was recorded, lets writers write to the index, and publishes it.
    fn catch_up(&self, mut attached: Attached<'_, R>, host: &impl Visibility<R, T>) -> Result<(), BuildError> {
        let registry = attached.registry;
        let index = self.index.id;
        while let Some(loaded) = &mut attached.loaded {
            let mut batch = registry.begin();
            let guard = crate::pin();
            let mut writer = EntryWriter { guard: &guard, batch: &mut batch };
            if loaded.catch_up(&self.index.build, REPLAY_SLICE, &mut writer) > 0 {
                batch.commit();
                continue;
            }
            // Nobody drops it while the batch is there.
            if self.set.shared.list.load().get(index).is_none() {
                return Err(BuildError::Dropped(index));
            }
            let published = registry.lazy_snapshot();
            let reader = EntryReader { guard: &guard, published: &published };
            let is_holder = |row, key: &Key| host.has_key(row, At::Newest, index, key.as_ref());
            if let Some(key) = loaded.violation(reader, is_holder) {
                return Err(BuildError::UniqueViolation(UniqueViolation { index, key }));
            }
            if let Some(loaded) = attached.loaded.take() {
                let _ = self.index.entries.set(loaded.into_index());
            }
            batch.commit();
        }
        Ok(())
    }
}

/// An index that is loaded, and goes from the registry again unless it is taken: also where the host panics.
struct Attached<'r, R: RowId> {
    loaded: Option<LoadedIndex<R>>,
    registry: &'r Registry,
}

impl<R: RowId> Drop for Attached<'_, R> {
    fn drop(&mut self) {
        if let Some(refused) = self.loaded.take() {
            refused.into_index().detach(self.registry);
        }
    }
}

impl<R: RowId, T: Timestamp> Drop for IndexBuilder<R, T> {
    fn drop(&mut self) {
        if !self.is_finished {
            self.set.drop_index(self.index.id);
        }
    }
}

impl<R: RowId, T: Timestamp> fmt::Debug for IndexBuilder<R, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IndexBuilder").field("index", &self.index.id).finish_non_exhaustive()
    }
}
