//! Making an index of rows that are there already.
//!
//! An index that commits go on beside is first put into the table's state as one that is *being built*: from there on
//! each commit notes what it would have inserted and removed. Then the chains are walked, by several threads, and each
//! version gives an entry. What was noted is replayed on top, most of it beside further commits, and the rest under the
//! commit lock.

use std::fmt;
use std::ops::{ControlFlow, Range};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use manicule_index::set::{Entries, IndexBuild, LoadedIndex};
use manicule_index::{Guard, Registry};

use super::guess::{Guesses, Trail};
use super::{Index, IndexReader, IndexWriter, definition};
use crate::catalog::IndexSchema;
use crate::error::{Error, Result};
use crate::ids::{IndexId, RowId};
use crate::key::{Key, KeyShape};
use crate::row::Row;
use crate::state::TableState;
use crate::table::Table;
use crate::threads::threads_for;
use crate::transaction::{Holder, unique_violation};
use crate::version;

/// How many row ids a thread takes at a time.
const ROW_IDS_PER_PART: u64 = 4096;
/// How many operations are replayed at a time while commits wait.
const REPLAY_SLICE: usize = 1024;

/// An index that commits write to and nobody reads.
pub(crate) struct BuildingIndex {
    pub(crate) id: IndexId,
    pub(crate) shape: KeyShape,
    schema: IndexSchema,
    build: IndexBuild<RowId>,
    guesses: Arc<Guesses>,
}

/// Says whether a build is not wanted any more.
pub(crate) type IsCancelled<'c> = &'c (dyn Fn() -> bool + Sync);

/// Fails if a build is not wanted any more.
pub(crate) fn check_wanted(is_cancelled: IsCancelled<'_>) -> Result<()> {
    if is_cancelled() { Err(Error::Cancelled) } else { Ok(()) }
}

/// Whether a loaded index lacks what was noted since.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CaughtUp {
    No,
    Yes,
}

impl fmt::Debug for BuildingIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BuildingIndex").field("schema", &self.schema).finish_non_exhaustive()
    }
}

impl BuildingIndex {
    pub(crate) fn new(schema: &IndexSchema, state: &TableState) -> Self {
        let shape = KeyShape::new(&schema.columns, |column| state.schema.columns[column].column_type);
        let guesses = Arc::new(Guesses::new(schema.unique));
        Self { id: schema.id, shape, schema: schema.clone(), build: IndexBuild::default(), guesses }
    }

    /// Notes that a commit inserts an entry.
    pub(crate) fn note_insert(&self, key: &Key, row_id: RowId) {
        self.build.record_insert(key.clone(), row_id);
    }

    /// Notes that a commit removes an entry.
    pub(crate) fn note_remove(&self, key: &Key, row_id: RowId) {
        self.build.record_remove(key.clone(), row_id);
    }

    /// An index with an entry for every version that some snapshot may see, but for what is noted from now on. Commits
    /// go on meanwhile. O(rows · log(rows)), the walk through the rows shared by so many threads at most.
    ///
    /// # Errors
    ///
    /// [`Error::Cancelled`], which is looked for between the parts of the walk.
    pub(crate) fn load(
        &self,
        (table, threads_max): (&Table, usize),
        registry: &Registry,
        is_cancelled: IsCancelled<'_>,
    ) -> Result<LoadedIndex<RowId>> {
        let (limit, next) = (table.rows.limit(), AtomicU64::new(0));
        let walk = || {
            loop {
                // Relaxed: only that each part is drawn once matters.
                let start = next.fetch_add(ROW_IDS_PER_PART, Ordering::Relaxed);
                if start >= limit || is_cancelled() {
                    return;
                }
                self.feed(table, start..limit.min(start + ROW_IDS_PER_PART));
            }
        };
        let threads = threads_for(limit.div_ceil(ROW_IDS_PER_PART)).min(threads_max);
        std::thread::scope(|scope| {
            (1..threads).for_each(|_| drop(scope.spawn(walk)));
            walk();
        });
        check_wanted(is_cancelled)?;
        Ok(self.build.load(definition(&self.schema, &self.shape), registry))
    }

    fn feed(&self, table: &Table, row_ids: Range<u64>) {
        // A pin for each part, so that memory is reclaimed while a large table is walked.
        let guard = manicule_index::pin();
        let mut entries = Entries::new();
        let trail = Trail::default();
        // Two versions may give the same entry: an index is built of each once.
        for row_id in row_ids.map(RowId) {
            for row in rows_of_chain(table, row_id.0, &guard) {
                let key = self.shape.of_row(row);
                self.guesses.note(&key, row_id, &trail, &guard);
                entries.push(key, row_id);
            }
        }
        self.build.feed(entries);
    }

    /// Replays some of what was noted; commits wait for no more than that.
    pub(crate) fn catch_up(&self, loaded: &mut LoadedIndex<RowId>, registry: &Registry) -> CaughtUp {
        let mut batch = registry.begin();
        let guard = manicule_index::pin();
        let mut writer = IndexWriter { guard: &guard, batch: &mut batch };
        let left = loaded.catch_up(&self.build, REPLAY_SLICE, &mut writer);
        batch.commit();
        if left == 0 { CaughtUp::Yes } else { CaughtUp::No }
    }

    /// The index, of which nothing is lacking. The caller holds the commit lock, or nobody commits.
    ///
    /// # Errors
    ///
    /// [`Error::UniqueViolation`](crate::Error::UniqueViolation) if the newest versions of two rows have the same key.
    pub(crate) fn finish(
        &self,
        mut loaded: LoadedIndex<RowId>,
        state: &TableState,
        registry: &Registry,
    ) -> Result<Index> {
        while self.catch_up(&mut loaded, registry) == CaughtUp::No {}
        let (guard, published) = (manicule_index::pin(), registry.lazy_snapshot());
        let reader = IndexReader { guard: &guard, published: &published };
        let holds = |row_id: RowId, key: &Key| newest_has_key(state, &self.shape, (row_id, key), &guard);
        let violation = loaded.violation(reader, holds);
        let index = Index {
            id: self.id,
            shape: self.shape.clone(),
            unique: self.schema.unique,
            entries: loaded.into_index(),
            guesses: Arc::clone(&self.guesses),
            trail: Trail::default(),
            registry: registry.clone(),
            is_dropped: AtomicBool::new(false),
        };
        let Some(key) = violation else { return Ok(index) };
        let mut holder = None;
        let _: ControlFlow<()> = index.candidates(&key, reader, |row_id| {
            let head = state.table.rows.head(row_id.0, &guard);
            holder = head.and_then(version::row).filter(|row| self.shape.matches(row, &key));
            if holder.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        holder.map_or(Ok(()), |row| Err(unique_violation(state, self.id, row, Holder::Seen)))?;
        Ok(index)
    }
}

/// The versions of a row, newest first, tombstones left out.
fn rows_of_chain<'g>(table: &'g Table, row_id: u64, guard: &'g Guard) -> impl Iterator<Item = &'g Row> {
    let chain = std::iter::successors(table.rows.head(row_id, guard), |version| version.next());
    chain.filter_map(version::row)
}

/// Whether the newest version of a row is live and has the key.
fn newest_has_key(state: &TableState, shape: &KeyShape, (row_id, key): (RowId, &Key), guard: &Guard) -> bool {
    let head = state.table.rows.head(row_id.0, guard);
    head.and_then(version::row).is_some_and(|row| shape.matches(row, key))
}

impl Index {
    /// An index with an entry for every version that some snapshot may see, built by this thread: others build others. Nobody
    /// commits meanwhile.
    ///
    /// # Errors
    ///
    /// [`Error::UniqueViolation`](crate::Error::UniqueViolation) if the newest versions of two rows have the same key;
    /// [`Error::Cancelled`].
    pub(crate) fn of_rows(
        schema: &IndexSchema,
        state: &TableState,
        registry: &Registry,
        is_cancelled: IsCancelled<'_>,
    ) -> Result<Self> {
        let building = BuildingIndex::new(schema, state);
        let loaded = building.load((&state.table, 1), registry, is_cancelled)?;
        building.finish(loaded, state, registry)
    }
}
