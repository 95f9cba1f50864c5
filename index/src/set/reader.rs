//! Reading an index set: a snapshot keeps what it sees from being vacuumed, a reader looks things up in it.

use std::fmt;
use std::ops::ControlFlow;
use std::sync::Arc;

use super::candidate::{CandidateIndex, EntryReader};
use super::definition::{IndexId, RowId};
use super::error::ReadError;
use super::index_set::{IndexList, IndexSet, Timestamp};
use super::key::{Key, KeyForm, KeyRef, KeySpan};
use super::visibility::{At, Visibility};
use super::write_set::WriteSet;
use crate::guard::Guard;
use crate::key::Direction;
use crate::multi::LazySnapshot;

/// A fixed timestamp to read at. While it is there, vacuum keeps what it sees.
///
/// May be kept as long as is needed, on any thread; it costs the entries that cannot be vacuumed.
pub struct Snapshot<R: RowId, T: Timestamp> {
    set: IndexSet<R, T>,
    timestamp: T,
}

impl<R: RowId, T: Timestamp> Snapshot<R, T> {
    pub(super) fn new(set: IndexSet<R, T>, timestamp: T) -> Self {
        Self { set, timestamp }
    }

    /// Where it reads.
    pub fn timestamp(&self) -> T {
        self.timestamp
    }

    /// Begins to read; `host` says which candidates the snapshot sees.
    pub fn reader<'r, V: Visibility<R, T>>(&'r self, host: &'r V) -> Reader<'r, R, T, V> {
        Reader::new(self, host, None)
    }
}

impl<R: RowId, T: Timestamp> Drop for Snapshot<R, T> {
    fn drop(&mut self) {
        self.set.shared.moments.lock().unpin(self.timestamp);
    }
}

impl<R: RowId, T: Timestamp> fmt::Debug for Snapshot<R, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot").field("timestamp", &self.timestamp).finish_non_exhaustive()
    }
}

/// A pinned reader of a snapshot: for one query, not across a wait.
///
/// It cannot leave its thread, and while it lives memory that others free is not given back.
pub struct Reader<'r, R: RowId, T: Timestamp, V> {
    snapshot: &'r Snapshot<R, T>,
    host: &'r V,
    writes: Option<&'r WriteSet<R>>,
    list: Arc<IndexList<R, T>>,
    guard: Guard,
    published: LazySnapshot<'r>,
}

impl<'r, R: RowId, T: Timestamp, V: Visibility<R, T>> Reader<'r, R, T, V> {
    pub(super) fn new(snapshot: &'r Snapshot<R, T>, host: &'r V, writes: Option<&'r WriteSet<R>>) -> Self {
        let list = snapshot.set.shared.list.load_full();
        let published = snapshot.set.shared.registry.lazy_snapshot();
        Self { snapshot, host, writes, list, guard: crate::pin(), published }
    }

    /// All rows with the key, each once; in order unless they are more than a thousand.
    ///
    /// # Errors
    /// [`ReadError::NotFound`], [`ReadError::SnapshotTooOld`], [`ReadError::WrongForm`].
    #[inline]
    pub fn lookup<B>(
        &self,
        index: IndexId,
        key: &Key,
        mut visit: impl FnMut(R) -> ControlFlow<B>,
    ) -> Result<ControlFlow<B>, ReadError> {
        let entries = self.readable(index, key.form())?;
        if let Some(writes) = self.writes_to(index) {
            return Ok(self.own_and_seen(index, key, entries, writes).into_iter().try_for_each(visit));
        }
        Ok(entries.candidates(key, self.entry_reader(), |row| match self.sees(row, index, key.as_ref()) {
            true => visit(row),
            false => ControlFlow::Continue(()),
        }))
    }

    /// All rows with the key, in a vector: [`lookup`](Self::lookup) where there are few, or all are wanted.
    ///
    /// # Errors
    /// As [`lookup`](Self::lookup).
    pub fn rows(&self, index: IndexId, key: &Key) -> Result<Vec<R>, ReadError> {
        let mut rows = Vec::new();
        let _: ControlFlow<()> = self.lookup(index, key, |row| {
            rows.push(row);
            ControlFlow::Continue(())
        })?;
        Ok(rows)
    }

    /// [`lookup`](Self::lookup) of many keys; `visit` is told the position of the key. In a unique index that is larger
    /// than the cache this is several times as fast as one by one.
    ///
    /// # Errors
    /// As [`lookup`](Self::lookup), for any of the keys.
    pub fn lookup_many<B>(
        &self,
        index: IndexId,
        keys: &[Key],
        mut visit: impl FnMut(usize, R) -> ControlFlow<B>,
    ) -> Result<ControlFlow<B>, ReadError> {
        let Some(first) = keys.first() else { return Ok(ControlFlow::Continue(())) };
        let entries = self.readable(index, first.form())?;
        if keys.iter().any(|key| key.form() != first.form()) {
            return Err(ReadError::WrongForm(index));
        }
        if let Some(writes) = self.writes_to(index) {
            return Ok(keys.iter().enumerate().try_for_each(|(position, key)| {
                self.own_and_seen(index, key, entries, writes).into_iter().try_for_each(|row| visit(position, row))
            }));
        }
        Ok(entries.candidates_many(keys, self.entry_reader(), |position, row| {
            match self.sees(row, index, keys[position].as_ref()) {
                true => visit(position, row),
                false => ControlFlow::Continue(()),
            }
        }))
    }

    /// All rows with keys in the span, in order of key; those with one key in order unless they are more than a thousand.
    ///
    /// # Errors
    /// [`ReadError::NotOrdered`], and as [`lookup`](Self::lookup).
    pub fn range<B>(
        &self,
        index: IndexId,
        span: &KeySpan,
        direction: Direction,
        mut visit: impl FnMut(KeyRef<'_>, R) -> ControlFlow<B>,
    ) -> Result<ControlFlow<B>, ReadError> {
        let entries = self.ordered(index, span)?;
        if let Some(writes) = self.writes_to(index) {
            let found = self.own_and_seen_in(index, span, direction, (entries, writes));
            return Ok(found.into_iter().try_for_each(|(key, row)| visit(key.as_ref(), row)));
        }
        Ok(entries.range(span, direction, self.entry_reader(), |key, row| match self.sees(row, index, key) {
            true => visit(key, row),
            false => ControlFlow::Continue(()),
        }))
    }

    /// The rows of an index that *may* have the key, without asking the host and without the transaction's own: for one
    /// that reads the row anyway, and then has to compare the key itself.
    ///
    /// # Errors
    /// As [`lookup`](Self::lookup).
    pub fn candidates<B>(
        &self,
        index: IndexId,
        key: &Key,
        visit: impl FnMut(R) -> ControlFlow<B>,
    ) -> Result<ControlFlow<B>, ReadError> {
        Ok(self.readable(index, key.form())?.candidates(key, self.entry_reader(), visit))
    }

    /// About how many rows have the key. Constant time.
    ///
    /// # Errors
    /// As [`lookup`](Self::lookup).
    pub fn estimate_lookup(&self, index: IndexId, key: &Key) -> Result<u64, ReadError> {
        Ok(self.readable(index, key.form())?.estimate_lookup(key, self.entry_reader()))
    }

    /// About how many rows lie in the span. O(log n).
    ///
    /// # Errors
    /// As [`range`](Self::range).
    pub fn estimate_range(&self, index: IndexId, span: &KeySpan) -> Result<u64, ReadError> {
        Ok(self.ordered(index, span)?.estimate_range(span, self.entry_reader()))
    }

    /// About how many different keys there are. Constant time.
    ///
    /// # Errors
    /// [`ReadError::NotFound`], [`ReadError::SnapshotTooOld`].
    pub fn distinct_keys(&self, index: IndexId) -> Result<u64, ReadError> {
        Ok(self.built(index)?.distinct_keys(self.entry_reader()))
    }

    /// Whether the snapshot sees the row with that key.
    #[inline]
    fn sees(&self, row: R, index: IndexId, key: KeyRef<'_>) -> bool {
        self.host.has_key(row, At::Snapshot(self.snapshot.timestamp), index, key)
    }

    /// The index, if it is built and was then.
    #[inline]
    fn built(&self, index: IndexId) -> Result<&CandidateIndex<R>, ReadError> {
        let found = self.list.get(index).ok_or(ReadError::NotFound(index))?;
        match (found.readable_from.get(), found.entries.get()) {
            (Some(from), Some(entries)) if *from <= self.snapshot.timestamp => Ok(entries),
            (Some(_), Some(_)) => Err(ReadError::SnapshotTooOld(index)),
            _ => Err(ReadError::NotFound(index)),
        }
    }

    #[inline]
    fn readable(&self, index: IndexId, form: KeyForm) -> Result<&CandidateIndex<R>, ReadError> {
        let entries = self.built(index)?;
        if entries.definition().keys == form { Ok(entries) } else { Err(ReadError::WrongForm(index)) }
    }

    fn ordered(&self, index: IndexId, span: &KeySpan) -> Result<&CandidateIndex<R>, ReadError> {
        let entries = self.built(index)?;
        let definition = entries.definition();
        if !definition.structure.has_tree() {
            return Err(ReadError::NotOrdered(index));
        }
        if span.has_form(definition.keys) { Ok(entries) } else { Err(ReadError::WrongForm(index)) }
    }

    /// The transaction's own changes of an index, if there are any.
    #[inline]
    fn writes_to(&self, index: IndexId) -> Option<&'r WriteSet<R>> {
        self.writes.filter(|writes| !writes.is_untouched(index))
    }

    /// The rows with a key that the snapshot sees and the transaction has not taken it from, and those it has given it to.
    fn own_and_seen(&self, index: IndexId, key: &Key, entries: &CandidateIndex<R>, writes: &WriteSet<R>) -> Vec<R> {
        let mut rows: Vec<R> = writes.gained(index, key).collect();
        let _: ControlFlow<()> = entries.candidates(key, self.entry_reader(), |row| {
            if !writes.has_changed(index, key, row) && self.sees(row, index, key.as_ref()) {
                rows.push(row);
            }
            ControlFlow::Continue(())
        });
        rows.sort_unstable();
        rows
    }

    fn own_and_seen_in(
        &self,
        index: IndexId,
        span: &KeySpan,
        direction: Direction,
        (entries, writes): (&CandidateIndex<R>, &WriteSet<R>),
    ) -> Vec<(Key, R)> {
        let mut found: Vec<(Key, R)> = writes.gained_in(index, span).map(|(key, row)| (key.clone(), row)).collect();
        let _: ControlFlow<()> = entries.range(span, Direction::Ascending, self.entry_reader(), |key, row| {
            let owned = Key::from(key);
            if !writes.has_changed(index, &owned, row) && self.sees(row, index, key) {
                found.push((owned, row));
            }
            ControlFlow::Continue(())
        });
        found.sort_unstable_by(|(left, left_row), (right, right_row)| {
            let by_key = left.cmp(right);
            let by_key = if direction == Direction::Descending { by_key.reverse() } else { by_key };
            by_key.then(left_row.cmp(right_row))
        });
        found
    }

    #[inline]
    fn entry_reader(&self) -> EntryReader<'_> {
        EntryReader { guard: &self.guard, published: &self.published }
    }
}

impl<R: RowId, T: Timestamp, V> fmt::Debug for Reader<'_, R, T, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").field("timestamp", &self.snapshot.timestamp).finish_non_exhaustive()
    }
}
