//! One index: the structures behind it, chosen by its definition, and the way from keys to row ids.
//!
//! # Candidates
//!
//! An entry `(key, row id)` says that *some* version of the row that a live snapshot can see has the key. The index never
//! lacks one (the superset rule); it may have more. So whoever reads asks for the version that the reader sees and
//! compares its key: the entry is a *candidate*.
//!
//! # Structures
//!
//! | index | equality | range and order |
//! |---|---|---|
//! | unique | `WordHashIndex` or `HashIndex` | `WordTreeIndex` or `TreeIndex` |
//! | not unique | `MultiIndex`, hash or ordered | `MultiIndex`, ordered |
//!
//! Keys that may repeat although the index is unique lie beside it in a multi index of their own, and a range merges the
//! two.

use std::fmt;
use std::ops::ControlFlow;
use std::sync::Arc;

use super::definition::{IndexDefinition, RowId};
use super::entries::Entries;
use super::key::{Key, KeyBytes, KeyForm, Repeats};
use super::maps::RowWords;
use super::multi::{MultiEntries, Presence};
use super::unique::{Candidates, SoleCandidate, UniqueEntries};
use crate::guard::Guard;
use crate::multi::{Batch, LazySnapshot, Registry};

type ByteKey = Box<[u8]>;
/// The copies of a multi index, and the operations that wait for one of them, share the bytes of a key.
pub(super) type SharedKey = Arc<[u8]>;

type UniqueWords<R, W> = UniqueEntries<u64, R, <W as RowWords>::WordHash, <W as RowWords>::WordTree>;
pub(super) type UniqueBytes<R, W> = UniqueEntries<ByteKey, R, <W as RowWords>::ByteHash, <W as RowWords>::ByteTree>;

/// One index of candidates: the structures that an [`IndexDefinition`] asks for.
///
/// The ground of [`IndexSet`](super::IndexSet), for a host that has transactions and a commit of its own: it says what is
/// inserted and removed, and when, and checks what it reads. One writer at a time; readers are never waited for.
pub struct CandidateIndex<R: RowId> {
    definition: IndexDefinition,
    store: Store<R>,
}

/// The structures of an index, by uniqueness and by the form of its keys.
pub(super) enum Store<R: RowId> {
    UniqueWords { entries: UniqueWords<R, R::Words>, repeated: MultiEntries<Option<u64>, R> },
    UniqueBytes { entries: UniqueBytes<R, R::Words>, repeated: MultiEntries<SharedKey, R> },
    Words(MultiEntries<Option<u64>, R>),
    Bytes(MultiEntries<SharedKey, R>),
}

/// What a change of an index needs: the batch of the registry that the index was made in.
#[derive(Debug)]
pub struct EntryWriter<'w> {
    /// Keeps memory that a structure gives up from being freed under a reader.
    pub guard: &'w Guard,
    /// Where the changes of multi indexes are staged.
    pub batch: &'w mut Batch,
}

/// What a read of an index needs.
#[derive(Clone, Copy, Debug)]
pub struct EntryReader<'r> {
    /// The proof that the reader is pinned.
    pub guard: &'r Guard,
    /// The multi indexes of the registry that the index was made in, as they are published when the reader first asks for one:
    /// of the reader's snapshot or newer, which is the same to it, because candidates are checked.
    pub published: &'r LazySnapshot<'r>,
}

impl<R: RowId> fmt::Debug for CandidateIndex<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CandidateIndex").field("definition", &self.definition).finish_non_exhaustive()
    }
}

impl<R: RowId> CandidateIndex<R> {
    /// An index without entries. Waits for the registry's writer.
    pub fn new(definition: IndexDefinition, registry: &Registry) -> Self {
        Self::from_entries(definition, Entries::new(), registry, |_| {})
    }

    /// An index of these entries, in whatever order they come; `repeated` is told each key that has several candidates
    /// although it should have one. O(n log n). Waits for the registry's writer only once it is built.
    ///
    /// # Panics
    /// If a key has not the form that the definition says.
    pub fn from_entries(
        definition: IndexDefinition,
        entries: Entries<R>,
        registry: &Registry,
        mut repeated: impl FnMut(Key),
    ) -> Self {
        let structure = definition.structure;
        let Entries { words, others } = entries;
        let store = match (definition.unique, definition.keys) {
            (true, KeyForm::Words) => Store::UniqueWords {
                entries: UniqueEntries::from_entries(structure, words, |word| repeated(Key::Word(*word))),
                repeated: MultiEntries::from_entries(structure, distinct(nulls(others)), registry),
            },
            (false, KeyForm::Words) => {
                // NULLs are before all words.
                let words = distinct(words).into_iter().map(|(word, row)| (Some(word), row));
                let entries = distinct(nulls(others)).into_iter().chain(words).collect();
                Store::Words(MultiEntries::from_entries(structure, entries, registry))
            }
            (_, KeyForm::Bytes) if !words.is_empty() => wrong_form(&Key::Word(words[0].0)),
            (true, KeyForm::Bytes) => {
                let (repeating, single): (Vec<_>, Vec<_>) = others.into_iter().partition(|(key, _)| key.may_repeat());
                Store::UniqueBytes {
                    entries: UniqueEntries::from_entries(structure, with_bytes(single), |key: &[u8]| {
                        repeated(Key::bytes(key));
                    }),
                    repeated: MultiEntries::from_entries(structure, distinct(with_bytes(repeating)), registry),
                }
            }
            (false, KeyForm::Bytes) => {
                Store::Bytes(MultiEntries::from_entries(structure, distinct(with_bytes(others)), registry))
            }
        };
        Self { definition, store }
    }

    /// What the index is.
    pub fn definition(&self) -> IndexDefinition {
        self.definition
    }

    /// Takes the index out of its registry. Whoever has loaded the registry before can still read it.
    pub fn detach(&self, registry: &Registry) {
        match &self.store {
            Store::UniqueWords { repeated, .. } => repeated.detach(registry),
            Store::UniqueBytes { repeated, .. } => repeated.detach(registry),
            Store::Words(multi) => multi.detach(registry),
            Store::Bytes(multi) => multi.detach(registry),
        }
    }

    /// Adds an entry; one that is there already stays as it is. Whether a key that should have one candidate has
    /// [several](Candidates::Several) now: while its former holder is visible to somebody, that is as it should be.
    ///
    /// # Panics
    /// If the key has not the form that the definition says, or the batch is of another registry.
    pub fn insert(&self, key: &Key, row: R, writer: &mut EntryWriter<'_>) -> Candidates {
        self.put(key, row, writer, Presence::Possible)
    }

    /// [`insert`](Self::insert) of an entry that is not there, as that of a row without older versions never is: saves the
    /// look whether it is.
    ///
    /// # Panics
    /// As [`insert`](Self::insert).
    pub fn insert_new(&self, key: &Key, row: R, writer: &mut EntryWriter<'_>) -> Candidates {
        self.put(key, row, writer, Presence::Impossible)
    }

    /// [`insert_new`](Self::insert_new) of many entries, [in order](Entries::sort): several times as fast as one by one where they
    /// are many beside what is there.
    ///
    /// # Panics
    /// As [`insert`](Self::insert).
    pub fn extend_new(&self, entries: Entries<R>, writer: &mut EntryWriter<'_>) {
        let Entries { words, others } = entries;
        match &self.store {
            Store::UniqueWords { entries, repeated } => {
                entries.extend_new(&words, writer.guard);
                repeated.extend_new(nulls(others), writer.batch);
            }
            Store::Words(multi) => {
                // NULLs are before all words.
                let words = words.into_iter().map(|(word, row)| (Some(word), row));
                multi.extend_new(nulls(others).into_iter().chain(words).collect(), writer.batch);
            }
            _ if !words.is_empty() => wrong_form(&Key::Word(words[0].0)),
            Store::UniqueBytes { entries, repeated } => {
                let (repeating, single): (Vec<_>, Vec<_>) = others.into_iter().partition(|(key, _)| key.may_repeat());
                entries.extend_new::<[u8]>(&with_bytes(single), writer.guard);
                repeated.extend_new(with_bytes(repeating), writer.batch);
            }
            Store::Bytes(multi) => multi.extend_new(with_bytes(others), writer.batch),
        }
    }

    fn put(&self, key: &Key, row: R, writer: &mut EntryWriter<'_>, presence: Presence) -> Candidates {
        let guard = writer.guard;
        match (&self.store, key) {
            (Store::UniqueWords { entries, .. }, Key::Word(word)) => return entries.insert(word, row, guard),
            (Store::UniqueBytes { entries, .. }, Key::Bytes(bytes, Repeats::No)) => {
                return entries.insert(&**bytes, row, guard);
            }
            (Store::UniqueWords { repeated, .. }, Key::Null) => repeated.insert(None, row, writer.batch, presence),
            (Store::UniqueBytes { repeated: multi, .. } | Store::Bytes(multi), Key::Bytes(bytes, _)) => {
                multi.insert((**bytes).into(), row, writer.batch, presence);
            }
            (Store::Words(multi), Key::Null) => multi.insert(None, row, writer.batch, presence),
            (Store::Words(multi), Key::Word(word)) => multi.insert(Some(*word), row, writer.batch, presence),
            _ => wrong_form(key),
        }
        Candidates::One
    }

    /// Takes an entry away, if it is there.
    ///
    /// # Panics
    /// If the key has not the form that the definition says, or the batch is of another registry.
    pub fn remove(&self, key: &Key, row: R, writer: &mut EntryWriter<'_>) {
        let guard = writer.guard;
        match (&self.store, key) {
            (Store::UniqueWords { entries, .. }, Key::Word(word)) => entries.remove(word, row, guard),
            (Store::UniqueBytes { entries, .. }, Key::Bytes(bytes, Repeats::No)) => {
                entries.remove(&**bytes, row, guard);
            }
            (Store::UniqueWords { repeated, .. }, Key::Null) => repeated.remove(&None, row, writer.batch),
            (Store::UniqueBytes { repeated: multi, .. } | Store::Bytes(multi), Key::Bytes(bytes, _)) => {
                multi.remove(&**bytes, row, writer.batch);
            }
            (Store::Words(multi), Key::Null) => multi.remove(&None, row, writer.batch),
            (Store::Words(multi), Key::Word(word)) => multi.remove(&Some(*word), row, writer.batch),
            _ => wrong_form(key),
        }
    }

    /// All rows that may have the key, each once; in order if they are not many. A key of another form has none.
    #[inline]
    pub fn candidates<B>(
        &self,
        key: &Key,
        reader: EntryReader<'_>,
        visit: impl FnMut(R) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        let guard = reader.guard;
        match (&self.store, key) {
            (Store::UniqueWords { entries, .. }, Key::Word(word)) => entries.candidates(word, guard, visit),
            (Store::UniqueBytes { entries, .. }, Key::Bytes(bytes, Repeats::No)) => {
                entries.candidates(&**bytes, guard, visit)
            }
            (Store::Words(multi), Key::Word(word)) => multi.candidates(&Some(*word), reader.published, visit),
            (Store::UniqueWords { repeated: multi, .. } | Store::Words(multi), Key::Null) => {
                multi.candidates(&None, reader.published, visit)
            }
            (Store::UniqueBytes { repeated: multi, .. } | Store::Bytes(multi), Key::Bytes(bytes, _)) => {
                multi.candidates(&**bytes, reader.published, visit)
            }
            _ => ControlFlow::Continue(()),
        }
    }

    /// The only row that may have the key, where it is known at once: in a unique index, of a key that may not repeat. Leaner
    /// than [`candidates`](Self::candidates), which answers where this does not.
    #[inline]
    pub fn sole_candidate(&self, key: &Key, guard: &Guard) -> SoleCandidate<R> {
        match (&self.store, key) {
            (Store::UniqueWords { entries, .. }, Key::Word(word)) => entries.sole_candidate(word, guard),
            (Store::UniqueBytes { entries, .. }, Key::Bytes(bytes, Repeats::No)) => {
                entries.sole_candidate(&**bytes, guard)
            }
            _ => SoleCandidate::Unknown,
        }
    }

    /// [`candidates`](Self::candidates) of many keys; `visit` is told the position of the key. In a unique index that is
    /// larger than the cache this is several times as fast as one by one.
    pub fn candidates_many<B>(
        &self,
        keys: &[Key],
        reader: EntryReader<'_>,
        mut visit: impl FnMut(usize, R) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        const CHUNK: usize = 32;
        for (chunk, keys) in keys.chunks(CHUNK).enumerate() {
            let first = chunk * CHUNK;
            let visit = |position: usize, row| visit(first + position, row);
            match &self.store {
                Store::UniqueWords { entries, .. } if keys.iter().all(|key| matches!(key, Key::Word(_))) => {
                    let words: smallvec::SmallVec<[&u64; CHUNK]> = keys.iter().filter_map(word_of).collect();
                    entries.candidates_many(&words, reader.guard, visit)?;
                }
                Store::UniqueBytes { entries, .. } if keys.iter().all(|key| !key.may_repeat()) => {
                    let bytes: smallvec::SmallVec<[&[u8]; CHUNK]> = keys.iter().filter_map(bytes_of).collect();
                    entries.candidates_many(&bytes, reader.guard, visit)?;
                }
                _ => self.candidates_one_by_one(keys, reader, visit)?,
            }
        }
        ControlFlow::Continue(())
    }

    fn candidates_one_by_one<B>(
        &self,
        keys: &[Key],
        reader: EntryReader<'_>,
        mut visit: impl FnMut(usize, R) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        keys.iter().enumerate().try_for_each(|(position, key)| self.candidates(key, reader, |row| visit(position, row)))
    }

    /// About how many entries have the key. Constant time.
    pub fn estimate_lookup(&self, key: &Key, reader: EntryReader<'_>) -> u64 {
        let candidates = match (&self.store, key) {
            (Store::Words(multi), Key::Word(word)) => multi.count(&Some(*word), reader.published),
            (Store::UniqueWords { repeated: multi, .. } | Store::Words(multi), Key::Null) => {
                multi.count(&None, reader.published)
            }
            (Store::Bytes(multi), Key::Bytes(bytes, _))
            | (Store::UniqueBytes { repeated: multi, .. }, Key::Bytes(bytes, Repeats::Yes)) => {
                multi.count(&**bytes, reader.published)
            }
            _ => 1,
        };
        candidates as u64
    }

    pub(super) fn store(&self) -> &Store<R> {
        &self.store
    }

    /// How many different keys there are.
    pub fn distinct_keys(&self, reader: EntryReader<'_>) -> u64 {
        let keys = match &self.store {
            Store::UniqueWords { entries, repeated } => entries.len::<u64>() + repeated.len_keys(reader.published),
            Store::UniqueBytes { entries, repeated } => entries.len::<[u8]>() + repeated.len_keys(reader.published),
            Store::Words(multi) => multi.len_keys(reader.published),
            Store::Bytes(multi) => multi.len_keys(reader.published),
        };
        keys as u64
    }

    /// Bytes of the index, all copies counted. O(keys) where it is not unique.
    pub fn memory_usage(&self) -> usize {
        match &self.store {
            Store::UniqueWords { entries, repeated } => entries.memory_usage::<u64>() + repeated.memory_usage(),
            Store::UniqueBytes { entries, repeated } => entries.memory_usage::<[u8]>() + repeated.memory_usage(),
            Store::Words(multi) => multi.memory_usage(),
            Store::Bytes(multi) => multi.memory_usage(),
        }
    }
}

/// Each entry once: a list keeps what it is given, also twice.
fn distinct<K: Ord, R: Ord>(mut entries: Vec<(K, R)>) -> Vec<(K, R)> {
    entries.sort_unstable();
    entries.dedup();
    entries
}

fn with_bytes<K: From<KeyBytes>, R>(entries: impl IntoIterator<Item = (Key, R)>) -> Vec<(K, R)> {
    entries
        .into_iter()
        .map(|(key, row)| match key {
            Key::Bytes(bytes, _) => (K::from(bytes), row),
            Key::Null | Key::Word(_) => wrong_form(&key),
        })
        .collect()
}

/// The entries of an index of words whose keys are none.
fn nulls<R>(entries: Vec<(Key, R)>) -> Vec<(Option<u64>, R)> {
    entries
        .into_iter()
        .map(|(key, row)| match key {
            Key::Null => (None, row),
            Key::Word(_) | Key::Bytes(..) => wrong_form(&key),
        })
        .collect()
}

fn word_of(key: &Key) -> Option<&u64> {
    match key {
        Key::Word(word) => Some(word),
        Key::Null | Key::Bytes(..) => None,
    }
}

fn bytes_of(key: &Key) -> Option<&[u8]> {
    match key {
        Key::Bytes(bytes, _) => Some(bytes),
        Key::Null | Key::Word(_) => None,
    }
}

#[cold]
fn wrong_form(key: &Key) -> ! {
    panic!("the index has keys of another form than {key:?}")
}
