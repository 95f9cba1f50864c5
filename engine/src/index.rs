//! One index of a table: the way from values to keys, over the [candidates](CandidateIndex) of `manicule-index`, which
//! chooses the structures.
//!
//! An entry `(key, row id)` says that *some* version of the row that a live snapshot can see has the key. It never lacks
//! one (the superset rule), it may be stale, so a reader asks for the visible version of each candidate and compares its
//! key again: [`KeyShape::matches`]. The commit alone adds and removes entries.

mod build;
mod guess;

use std::fmt;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

pub(crate) use build::{BuildingIndex, CaughtUp, IsCancelled, check_wanted};
pub(crate) use manicule_index::set::SoleCandidate;
use manicule_index::set::{CandidateIndex, Entries, IndexDefinition, IndexStatistics, KeyRef, Structure};
pub(crate) use manicule_index::set::{EntryReader as IndexReader, EntryWriter as IndexWriter};
use manicule_index::{Guard, Registry};

use crate::catalog::{IndexMethod, IndexSchema};
use crate::ids::{IndexId, RowId};
use crate::key::{Key, KeyShape, KeySpan};
use crate::range::Direction;
use guess::{Guesses, Trail};

/// An index.
pub(crate) struct Index {
    pub(crate) id: IndexId,
    pub(crate) shape: KeyShape,
    pub(crate) unique: bool,
    entries: CandidateIndex<RowId>,
    guesses: Arc<Guesses>,
    trail: Trail,
    registry: Registry,
    is_dropped: AtomicBool,
}

impl fmt::Debug for Index {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Index").field("id", &self.id).field("shape", &self.shape).finish_non_exhaustive()
    }
}

/// Which structures an index of the catalog asks for.
fn definition(schema: &IndexSchema, shape: &KeyShape) -> IndexDefinition {
    IndexDefinition {
        unique: schema.unique,
        keys: shape.form(),
        structure: match schema.method {
            IndexMethod::Hash => Structure::Hash,
            IndexMethod::Tree => Structure::Tree,
            IndexMethod::HashAndTree => Structure::HashAndTree,
        },
    }
}

impl Index {
    /// Adds an entry; one that is there already stays as it is.
    pub(crate) fn insert(&self, key: &Key, row_id: RowId, writer: &mut IndexWriter<'_>) {
        self.entries.insert(key, row_id, writer);
    }

    /// Adds an entry of a row that had none with that key.
    pub(crate) fn insert_new(&self, key: &Key, row_id: RowId, writer: &mut IndexWriter<'_>) {
        self.guesses.note(key, row_id, &self.trail, writer.guard);
        self.entries.insert_new(key, row_id, writer);
    }

    /// Adds entries in order, of rows that had none with those keys.
    pub(crate) fn extend_new(&self, entries: Entries<RowId>, writer: &mut IndexWriter<'_>) {
        let words = entries.words().iter();
        words.for_each(|(word, row_id)| self.guesses.note(&Key::Word(*word), *row_id, &self.trail, writer.guard));
        self.entries.extend_new(entries, writer);
    }

    /// Takes an entry away, if it is there.
    pub(crate) fn remove(&self, key: &Key, row_id: RowId, writer: &mut IndexWriter<'_>) {
        self.entries.remove(key, row_id, writer);
    }

    /// Notes that commits and vacuum do not write to it any more. The caller holds the commit lock.
    pub(crate) fn note_dropped(&self) {
        // Relaxed: see `is_dropped`.
        self.is_dropped.store(true, Ordering::Relaxed);
    }

    /// Whether it may have entries that vacuum has taken from other indexes.
    pub(crate) fn is_dropped(&self) -> bool {
        // Relaxed: who has seen, with acquire, what a commit or a vacuum after the drop has stored sees the drop too, by the
        // commit lock; and for all others it makes no difference.
        self.is_dropped.load(Ordering::Relaxed)
    }

    /// All rows that may have the key, each once; in order if they are not many.
    #[inline]
    pub(crate) fn candidates<B>(
        &self,
        key: &Key,
        reader: IndexReader<'_>,
        visit: impl FnMut(RowId) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        self.entries.candidates(key, reader, visit)
    }

    /// The row that probably has the key of a unique index, before the index is asked. A visible version with the key is proof.
    #[inline]
    pub(crate) fn guess(&self, word: u64, guard: &Guard) -> Option<RowId> {
        self.guesses.guess(word, guard)
    }

    /// The only row that may have the key, where an index knows it at once.
    #[inline]
    pub(crate) fn sole_candidate(&self, key: &Key, guard: &Guard) -> SoleCandidate<RowId> {
        self.entries.sole_candidate(key, guard)
    }

    /// [`candidates`](Self::candidates) of many keys; `visit` is told the position of the key.
    pub(crate) fn candidates_many<B>(
        &self,
        keys: &[Key],
        reader: IndexReader<'_>,
        visit: impl FnMut(usize, RowId) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        self.entries.candidates_many(keys, reader, visit)
    }

    /// All entries with keys in the span, in order of key.
    #[inline]
    pub(crate) fn range<B>(
        &self,
        span: &KeySpan,
        direction: Direction,
        reader: IndexReader<'_>,
        visit: impl FnMut(KeyRef<'_>, RowId) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        let direction = match direction {
            Direction::Forward => manicule_index::Direction::Ascending,
            Direction::Backward => manicule_index::Direction::Descending,
        };
        self.entries.range(span, direction, reader, visit)
    }

    /// How many entries have the key, exactly while nobody writes.
    pub(crate) fn count(&self, key: &Key, reader: IndexReader<'_>) -> u64 {
        self.entries.count(key, reader)
    }

    /// How many entries lie in the span, exactly while nobody writes; asks every few entries whether to go on.
    pub(crate) fn count_range<B>(
        &self,
        span: &KeySpan,
        reader: IndexReader<'_>,
        go_on: impl FnMut() -> ControlFlow<B>,
    ) -> ControlFlow<B, u64> {
        self.entries.count_range(span, reader, go_on)
    }

    /// About how many entries have the key.
    pub(crate) fn estimate_lookup(&self, key: &Key, reader: IndexReader<'_>) -> u64 {
        self.entries.estimate_lookup(key, reader)
    }

    /// About how many entries lie in the span.
    pub(crate) fn estimate_range(&self, span: &KeySpan, reader: IndexReader<'_>) -> u64 {
        self.entries.estimate_range(span, reader)
    }

    /// How many different keys there are.
    pub(crate) fn distinct_keys(&self, reader: IndexReader<'_>) -> u64 {
        self.entries.distinct_keys(reader)
    }

    /// What the structures look like.
    pub(crate) fn statistics(&self, reader: IndexReader<'_>) -> IndexStatistics {
        self.entries.statistics(reader)
    }

    /// Bytes of the index, all copies counted.
    pub(crate) fn memory_usage(&self) -> usize {
        self.entries.memory_usage() + self.guesses.memory_usage()
    }
}

/// The registry keeps an index as long as any state has it: a snapshot may read it with the roots of any later moment.
/// No batch is open where a state is let go of.
impl Drop for Index {
    fn drop(&mut self) {
        self.entries.detach(&self.registry);
    }
}
