//! One index of a table: the structures behind it, and the way from values to row ids.
//!
//! # Candidates
//!
//! An entry `(key, row id)` says that *some* version of the row that a live snapshot can see has the key. It never lacks
//! one (the superset rule), it may be stale, so a reader asks for the visible version of each candidate and compares its
//! key again: [`KeyShape::matches`]. The commit alone adds and removes entries.
//!
//! # Structures
//!
//! | index | equality | range and order |
//! |---|---|---|
//! | unique | `WordHashIndex` or `HashIndex` | `WordTreeIndex` or `TreeIndex` |
//! | not unique | `MultiIndex`, hash or ordered | `MultiIndex`, ordered |
//!
//! In a unique index of words NULLs are kept apart, in an ordered set of row ids; in one of bytes the tree has them under
//! the key with the row id behind it. The hash has none: no key equals NULL.

mod build;
mod multi;
mod unique;

use std::cell::OnceCell;
use std::fmt;
use std::ops::{Bound, ControlFlow};

use manicule_index::{Batch, BorrowedSnapshot, Guard, HashIndex, Registry, TreeIndex, WordHashIndex, WordTreeIndex};
use smallvec::SmallVec;

use crate::catalog::IndexSchema;
use crate::ids::{IndexId, RowId};
use crate::key::{Key, KeyShape, KeySpan};
use crate::range::Direction;
use crate::row::Row;
use crate::statistics::IndexStatistics;
use multi::MultiEntries;
use unique::{Directories, UniqueIndex};

type ByteKey = Box<[u8]>;

/// An index.
pub(crate) struct Index {
    pub(crate) id: IndexId,
    pub(crate) shape: KeyShape,
    pub(crate) unique: bool,
    store: Store,
    registry: Registry,
}

/// The structures of an index, by uniqueness and by the form of its keys.
#[expect(clippy::large_enum_variant, reason = "there is one for each index, and a box would be a miss in each lookup")]
enum Store {
    UniqueWords {
        entries: UniqueIndex<u64, WordHashIndex<u64, u64>, WordTreeIndex<u64, u64>>,
        nulls: WordTreeIndex<u64, u64>,
    },
    UniqueBytes(UniqueIndex<ByteKey, HashIndex<ByteKey, u64>, TreeIndex<ByteKey, u64>>),
    Words(MultiEntries<Option<u64>>),
    Bytes(MultiEntries<ByteKey>),
}

/// What a change of an index needs.
pub(crate) struct IndexWriter<'w> {
    pub(crate) guard: &'w Guard,
    pub(crate) batch: &'w mut Batch,
}

/// What a read of an index needs.
#[derive(Clone, Copy)]
pub(crate) struct IndexReader<'r> {
    pub(crate) guard: &'r Guard,
    pub(crate) registry: &'r Registry,
    /// The multi indexes as they were published when the reader first asked for one; of the snapshot or newer, which is
    /// the same to it, because candidates are checked.
    pub(crate) published: &'r OnceCell<BorrowedSnapshot>,
}

impl<'r> IndexReader<'r> {
    #[inline]
    fn published(self) -> &'r BorrowedSnapshot {
        self.published.get_or_init(|| self.registry.load())
    }
}

impl fmt::Debug for Index {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Index").field("id", &self.id).field("shape", &self.shape).finish_non_exhaustive()
    }
}

impl Index {
    pub(crate) fn new(schema: &IndexSchema, shape: KeyShape, registry: &Registry) -> Self {
        let directories = Directories { hash: schema.has_hash(), tree: schema.has_tree() };
        let store = match (schema.unique, shape.has_words()) {
            (true, true) => {
                Store::UniqueWords { entries: UniqueIndex::new::<u64>(directories), nulls: WordTreeIndex::new() }
            }
            (true, false) => Store::UniqueBytes(UniqueIndex::new::<[u8]>(directories)),
            (false, true) => Store::Words(MultiEntries::new(directories, registry)),
            (false, false) => Store::Bytes(MultiEntries::new(directories, registry)),
        };
        Self { id: schema.id, shape, unique: schema.unique, store, registry: registry.clone() }
    }

    /// Adds an entry; one that is there already stays as it is.
    pub(crate) fn insert(&self, key: &Key, row_id: RowId, writer: &mut IndexWriter<'_>) {
        let guard = writer.guard;
        match (&self.store, key) {
            (Store::UniqueWords { nulls, .. }, Key::NullWord) => {
                nulls.insert(row_id.0, row_id.0, guard);
            }
            (Store::UniqueWords { entries, .. }, Key::Word(word)) => entries.insert(word, row_id, guard),
            (Store::UniqueBytes(entries), Key::Bytes(bytes, _)) if key.has_null() => {
                entries.insert_in_tree(&null_key(bytes, row_id), row_id, guard);
            }
            (Store::UniqueBytes(entries), Key::Bytes(bytes, _)) => entries.insert(bytes, row_id, guard),
            (Store::Words(multi), Key::NullWord) => multi.insert(None, row_id, writer.batch),
            (Store::Words(multi), Key::Word(word)) => multi.insert(Some(*word), row_id, writer.batch),
            (Store::Bytes(multi), Key::Bytes(bytes, _)) => {
                multi.insert(bytes.to_vec().into_boxed_slice(), row_id, writer.batch);
            }
            _ => unreachable!("keys have the form of their index's shape"),
        }
    }

    /// Takes an entry away, if it is there.
    pub(crate) fn remove(&self, key: &Key, row_id: RowId, writer: &mut IndexWriter<'_>) {
        let guard = writer.guard;
        match (&self.store, key) {
            (Store::UniqueWords { nulls, .. }, Key::NullWord) => {
                nulls.remove(&row_id.0, guard);
            }
            (Store::UniqueWords { entries, .. }, Key::Word(word)) => entries.remove(word, row_id, guard),
            (Store::UniqueBytes(entries), Key::Bytes(bytes, _)) if key.has_null() => {
                entries.remove_from_tree(&null_key(bytes, row_id), guard);
            }
            (Store::UniqueBytes(entries), Key::Bytes(bytes, _)) => entries.remove(&**bytes, row_id, guard),
            (Store::Words(multi), Key::NullWord) => multi.remove(&None, row_id, writer.batch),
            (Store::Words(multi), Key::Word(word)) => multi.remove(&Some(*word), row_id, writer.batch),
            (Store::Bytes(multi), Key::Bytes(bytes, _)) => multi.remove(&**bytes, row_id, writer.batch),
            _ => unreachable!("keys have the form of their index's shape"),
        }
    }

    /// All rows that may have the key, each once; in order if they are not many.
    #[inline]
    pub(crate) fn candidates<B>(
        &self,
        key: &Key,
        reader: IndexReader<'_>,
        mut visit: impl FnMut(RowId) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        let guard = reader.guard;
        match (&self.store, key) {
            (Store::UniqueWords { entries, .. }, Key::Word(word)) => entries.candidates(word, guard, visit),
            (Store::UniqueWords { nulls, .. }, Key::NullWord) => {
                nulls.range::<u64, _>(.., guard).try_for_each(|(row_id, _)| visit(RowId(row_id)))
            }
            (Store::UniqueBytes(entries), Key::Bytes(bytes, _)) if key.has_null() => {
                let end = manicule_index::prefix_end(bytes);
                let bounds = (Bound::Included(&**bytes), end.as_deref().map_or(Bound::Unbounded, Bound::Excluded));
                entries.range(bounds, Direction::Forward, guard, |_, row_id| visit(row_id))
            }
            (Store::UniqueBytes(entries), Key::Bytes(bytes, _)) => entries.candidates(&**bytes, guard, visit),
            (Store::Words(multi), Key::Word(word)) => multi.candidates(&Some(*word), reader.published(), visit),
            (Store::Words(multi), Key::NullWord) => multi.candidates(&None, reader.published(), visit),
            (Store::Bytes(multi), Key::Bytes(bytes, _)) => multi.candidates(&**bytes, reader.published(), visit),
            _ => ControlFlow::Continue(()),
        }
    }

    /// All entries with keys in the span, in order of key; `matches` tells whether a row's key is the entry's.
    pub(crate) fn range<B>(
        &self,
        span: &KeySpan,
        direction: Direction,
        reader: IndexReader<'_>,
        mut visit: impl FnMut(EntryKey<'_>, RowId) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        match (&self.store, span) {
            (Store::UniqueWords { entries, nulls }, KeySpan::Words { nulls: with_nulls, words }) => {
                let guard = reader.guard;
                let visit_nulls = |visit: &mut dyn FnMut(EntryKey<'_>, RowId) -> ControlFlow<B>| {
                    nulls
                        .range::<u64, _>(.., guard)
                        .try_for_each(|(row_id, _)| visit(EntryKey::Word(None), RowId(row_id)))
                };
                if *with_nulls && direction == Direction::Forward {
                    visit_nulls(&mut visit)?;
                }
                if let Some((lower, upper)) = words {
                    let bounds = (lower.as_ref(), upper.as_ref());
                    entries
                        .range(bounds, direction, guard, |word, row_id| visit(EntryKey::Word(Some(*word)), row_id))?;
                }
                if *with_nulls && direction == Direction::Backward {
                    visit_nulls(&mut visit)?;
                }
                ControlFlow::Continue(())
            }
            (Store::UniqueBytes(entries), KeySpan::Bytes { start, end }) => {
                entries.range(byte_bounds(start, end.as_deref()), direction, reader.guard, |bytes, row_id| {
                    visit(EntryKey::Bytes(bytes), row_id)
                })
            }
            (Store::Words(multi), KeySpan::Words { nulls, words }) => {
                let Some(bounds) = optional_words(*nulls, *words) else { return ControlFlow::Continue(()) };
                let bounds = (bounds.0.as_ref(), bounds.1.as_ref());
                multi.range(bounds, direction, reader.published(), |key, row_id| visit(EntryKey::Word(*key), row_id))
            }
            (Store::Bytes(multi), KeySpan::Bytes { start, end }) => {
                let bounds = byte_bounds(start, end.as_deref());
                multi.range(bounds, direction, reader.published(), |key, row_id| visit(EntryKey::Bytes(key), row_id))
            }
            _ => ControlFlow::Continue(()),
        }
    }

    /// About how many entries have the key.
    pub(crate) fn estimate_lookup(&self, key: &Key, reader: IndexReader<'_>) -> u64 {
        let list_len = match (&self.store, key) {
            (Store::Words(multi), Key::Word(word)) => multi.count(&Some(*word), reader.published()),
            (Store::Words(multi), Key::NullWord) => multi.count(&None, reader.published()),
            (Store::Bytes(multi), Key::Bytes(bytes, _)) => multi.count(&**bytes, reader.published()),
            (Store::UniqueWords { nulls, .. }, Key::NullWord) => nulls.len(),
            _ => 1,
        };
        list_len as u64
    }

    /// About how many entries lie in the span.
    pub(crate) fn estimate_range(&self, span: &KeySpan, reader: IndexReader<'_>) -> u64 {
        match (&self.store, span) {
            (Store::UniqueWords { entries, nulls }, KeySpan::Words { nulls: with_nulls, words }) => {
                let null_entries = if *with_nulls { nulls.len() as u64 } else { 0 };
                null_entries
                    + words.as_ref().map_or(0, |(lower, upper)| {
                        entries.estimate_range((lower.as_ref(), upper.as_ref()), reader.guard)
                    })
            }
            (Store::UniqueBytes(entries), KeySpan::Bytes { start, end }) => {
                entries.estimate_range(byte_bounds(start, end.as_deref()), reader.guard)
            }
            (Store::Words(multi), KeySpan::Words { nulls, words }) => {
                let Some((lower, upper)) = optional_words(*nulls, *words) else { return 0 };
                multi.estimate_range((lower.as_ref(), upper.as_ref()), reader.published())
            }
            (Store::Bytes(multi), KeySpan::Bytes { start, end }) => {
                multi.estimate_range(byte_bounds(start, end.as_deref()), reader.published())
            }
            _ => 0,
        }
    }

    /// How many different keys there are.
    pub(crate) fn distinct_keys(&self, reader: IndexReader<'_>) -> u64 {
        let keys = match &self.store {
            Store::UniqueWords { entries, nulls } => entries.len() + usize::from(!nulls.is_empty()),
            Store::UniqueBytes(entries) => entries.len(),
            Store::Words(multi) => multi.len_keys(reader.published()),
            Store::Bytes(multi) => multi.len_keys(reader.published()),
        };
        keys as u64
    }

    /// What the structures look like.
    pub(crate) fn statistics(&self, reader: IndexReader<'_>) -> IndexStatistics {
        let guard = reader.guard;
        let mut statistics = match &self.store {
            Store::UniqueWords { entries, nulls } => IndexStatistics {
                entries: (entries.len() + nulls.len()) as u64,
                hash: entries.hash.as_ref().map(WordHashIndex::shape),
                tree: entries.tree.as_ref().map(|tree| tree.shape(guard)),
                ..IndexStatistics::default()
            },
            Store::UniqueBytes(entries) => IndexStatistics {
                entries: entries.len() as u64,
                hash: entries.hash.as_ref().map(HashIndex::shape),
                tree: entries.tree.as_ref().map(|tree| tree.shape(guard)),
                ..IndexStatistics::default()
            },
            Store::Words(multi) => IndexStatistics::of_lists(multi.shape(reader.published())),
            Store::Bytes(multi) => IndexStatistics::of_lists(multi.shape(reader.published())),
        };
        statistics.keys = self.distinct_keys(reader);
        statistics.memory_bytes = self.memory_usage();
        statistics
    }

    /// Bytes of the index, all copies counted.
    pub(crate) fn memory_usage(&self) -> usize {
        match &self.store {
            Store::UniqueWords { entries, nulls } => entries.memory_usage() + nulls.memory_usage(),
            Store::UniqueBytes(entries) => entries.memory_usage(),
            Store::Words(multi) => multi.memory_usage(),
            Store::Bytes(multi) => multi.memory_usage(),
        }
    }
}

/// The registry keeps an index as long as any state has it: a snapshot may read it with the roots of any later moment.
/// No batch is open where a state is let go of.
impl Drop for Index {
    fn drop(&mut self) {
        match &self.store {
            Store::UniqueWords { .. } | Store::UniqueBytes(_) => {}
            Store::Words(multi) => multi.detach(&self.registry),
            Store::Bytes(multi) => multi.detach(&self.registry),
        }
    }
}

/// The key of an entry that a range scan meets.
#[derive(Clone, Copy, Debug)]
pub(crate) enum EntryKey<'k> {
    Word(Option<u64>),
    /// With the row id behind it where NULL is in it.
    Bytes(&'k [u8]),
}

impl EntryKey<'_> {
    /// Whether a row has the key of this entry.
    #[inline]
    pub(crate) fn is_of(self, row: &Row, shape: &KeyShape) -> bool {
        match self {
            Self::Word(word) => shape.word_of_row(row) == word,
            Self::Bytes(_) => self.is(&shape.of_row(row)),
        }
    }

    /// Whether the key of a row is this entry's.
    #[inline]
    pub(crate) fn is(self, key: &Key) -> bool {
        match (self, key) {
            (Self::Word(None), Key::NullWord) => true,
            (Self::Word(Some(entry)), Key::Word(word)) => entry == *word,
            (Self::Bytes(entry), Key::Bytes(bytes, _)) if key.has_null() => entry.starts_with(bytes),
            (Self::Bytes(entry), Key::Bytes(bytes, _)) => entry == &**bytes,
            _ => false,
        }
    }
}

/// The key under which a unique tree keeps a key with NULL in it: the row id makes it differ from every other.
fn null_key(bytes: &[u8], row_id: RowId) -> SmallVec<[u8; 48]> {
    let mut key = SmallVec::from_slice(bytes);
    key.extend_from_slice(&row_id.0.to_be_bytes());
    key
}

/// Bounds of a byte span.
fn byte_bounds<'b>(start: &'b [u8], end: Option<&'b [u8]>) -> (Bound<&'b [u8]>, Bound<&'b [u8]>) {
    (Bound::Included(start), end.map_or(Bound::Unbounded, Bound::Excluded))
}

/// A word span's bounds where NULL is a key before all words; `None` if nothing is in it.
fn optional_words(nulls: bool, words: Option<(Bound<u64>, Bound<u64>)>) -> Option<OptionalWords> {
    let Some((lower, upper)) = words else {
        return nulls.then_some((Bound::Included(None), Bound::Included(None)));
    };
    let lower = match lower {
        Bound::Unbounded if nulls => Bound::Unbounded,
        Bound::Unbounded => Bound::Excluded(None),
        lower => lower.map(Some),
    };
    Some((lower, upper.map(Some)))
}

type OptionalWords = (Bound<Option<u64>>, Bound<Option<u64>>);
