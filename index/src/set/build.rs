//! Building an index from rows that are there already, while writers go on.
//!
//! ```text
//! builder                                   writers, one at a time
//! feeds entries of the rows, in any order   record what they insert and remove
//! loads them into the structures            …
//! replays what was recorded, in slices      …
//! replays the rest under the writers' lock  (wait for no more than that)
//!                                           write to the structures themselves
//! ```
//!
//! A row that is written while the index is built may be fed as it was before or as it is after: either way the last
//! operation recorded for a key and row says whether the entry stays. A row that is not written is fed as it is.

use std::collections::{HashSet, VecDeque};
use std::ops::ControlFlow;

use parking_lot::Mutex;

use super::candidate::{CandidateIndex, EntryReader, EntryWriter};
use super::definition::{IndexDefinition, RowId};
use super::entries::Entries;
use super::key::Key;
use super::unique::Candidates;
use crate::multi::Registry;

/// An index that is being built: what it was fed, and what was changed meanwhile.
#[derive(Debug)]
pub struct IndexBuild<R> {
    fed: Mutex<Entries<R>>,
    recorded: Mutex<VecDeque<Recorded<R>>>,
}

/// A change that waits for the index.
#[derive(Debug)]
enum Recorded<R> {
    Insert(Key, R),
    Remove(Key, R),
}

impl<R: RowId> Default for IndexBuild<R> {
    fn default() -> Self {
        Self { fed: Mutex::default(), recorded: Mutex::default() }
    }
}

impl<R: RowId> IndexBuild<R> {
    /// Takes entries of the rows; from any number of threads at once, some thousands at a time.
    pub fn feed(&self, entries: Entries<R>) {
        self.fed.lock().append(entries);
    }

    /// Notes an entry that a writer inserts.
    pub fn record_insert(&self, key: Key, row: R) {
        self.recorded.lock().push_back(Recorded::Insert(key, row));
    }

    /// Notes an entry that a writer removes.
    pub fn record_remove(&self, key: Key, row: R) {
        self.recorded.lock().push_back(Recorded::Remove(key, row));
    }

    /// Makes the structures of what was fed. O(n log n), without anybody waiting.
    ///
    /// # Panics
    /// If a key has not the form that the definition says.
    pub fn load(&self, definition: IndexDefinition, registry: &Registry) -> LoadedIndex<R> {
        let fed = std::mem::take(&mut *self.fed.lock());
        let mut repeated = HashSet::new();
        let index = CandidateIndex::from_entries(definition, fed, registry, |key| {
            repeated.insert(key);
        });
        LoadedIndex { index, repeated }
    }
}

/// An index that has what it was fed, and lacks what was recorded.
#[derive(Debug)]
pub struct LoadedIndex<R: RowId> {
    index: CandidateIndex<R>,
    /// The keys that have had several candidates at some moment.
    repeated: HashSet<Key>,
}

impl<R: RowId> LoadedIndex<R> {
    /// Replays no more than `limit` of the recorded operations. How many are left.
    ///
    /// # Panics
    /// If a key has not the form that the definition says.
    pub fn catch_up(&mut self, build: &IndexBuild<R>, limit: usize, writer: &mut EntryWriter<'_>) -> usize {
        let (slice, left) = {
            let mut recorded = build.recorded.lock();
            let len = limit.min(recorded.len());
            let slice: Vec<_> = recorded.drain(..len).collect();
            (slice, recorded.len())
        };
        for change in slice {
            match change {
                Recorded::Insert(key, row) => {
                    if self.index.insert(&key, row, writer) == Candidates::Several {
                        self.repeated.insert(key);
                    }
                }
                Recorded::Remove(key, row) => self.index.remove(&key, row, writer),
            }
        }
        left
    }

    /// A key that two rows have; `is_holder` says whether the newest version of a row has a key. To be asked once all
    /// is replayed, while nobody writes.
    pub fn violation(&self, reader: EntryReader<'_>, is_holder: impl Fn(R, &Key) -> bool) -> Option<Key> {
        let has_two_holders = |key: &&Key| {
            let mut holders = 0;
            let _: ControlFlow<()> = self.index.candidates(key, reader, |row| {
                holders += usize::from(is_holder(row, key));
                ControlFlow::Continue(())
            });
            holders > 1
        };
        self.repeated.iter().find(has_two_holders).cloned()
    }

    /// The index.
    pub fn into_index(self) -> CandidateIndex<R> {
        self.index
    }
}
