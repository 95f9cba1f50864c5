//! The index for keys and values that are machine words.

use std::fmt;
use std::hash::BuildHasher;
use std::marker::PhantomData;

use super::cell::{Cell, WordCell, WordImage};
use super::core::{Core, Plan};
use super::pinned::Pinned;
use super::stats::{HashShape, HashStats};
use crate::Guard;
use crate::word::{Word, WordKey};

mod convert;
mod iter;
mod write;

pub use iter::{WordHashIndexIter, WordHashIndexKeys, WordHashIndexValues};

/// Keys that [`WordHashIndex::get_many`] looks up side by side.
const BATCH: usize = 16;

/// A concurrent hash index from one or two machine words to one, whose reads take no lock and write nothing.
///
/// Keys and values lie in the table itself: a lookup touches two cache lines, and what is taken out is gone at once,
/// however long readers stay pinned. Reads give copies. Everything else is as with [`HashIndex`](crate::HashIndex).
///
/// ```
/// use manicule_index::{WordHashIndex, pin};
///
/// let index = WordHashIndex::new();
/// let guard = pin();
/// assert_eq!(index.insert(7_u64, 70_u64, &guard), None);
/// assert_eq!(index.get(&7, &guard), Some(70));
/// assert_eq!(index.compare_exchange(&7, 70, 71, &guard), Ok(70));
/// assert_eq!(index.remove(&7, &guard), Some(71));
/// ```
pub struct WordHashIndex<K: WordKey, V: Word, S = ahash::RandomState> {
    core: Core<WordCell<K::Words>, S>,
    entries: PhantomData<(K, V)>,
}

impl<K: WordKey, V: Word> WordHashIndex<K, V> {
    /// An empty index, whose hasher has random seeds of its own.
    pub fn new() -> Self {
        Self::with_capacity(0)
    }

    /// An empty index that holds `capacity` entries before it grows, and never shrinks below that by itself.
    ///
    /// # Panics
    ///
    /// If no table holds so many: above 3 · 10¹⁰ entries. Without memory for it the process aborts, as with a `Vec`.
    pub fn with_capacity(capacity: usize) -> Self {
        Self::with_capacity_and_hasher(capacity, ahash::RandomState::new())
    }
}

impl<K: WordKey, V: Word, S> WordHashIndex<K, V, S> {
    /// An empty index that hashes by `hasher`.
    pub fn with_hasher(hasher: S) -> Self {
        Self::with_capacity_and_hasher(0, hasher)
    }

    /// An empty index that holds `capacity` entries before it grows, and hashes by `hasher`.
    ///
    /// # Panics
    ///
    /// If no table holds so many: above 3 · 10¹⁰ entries. Without memory for it the process aborts, as with a `Vec`.
    pub fn with_capacity_and_hasher(capacity: usize, hasher: S) -> Self {
        Self { core: Core::new(capacity, hasher), entries: PhantomData }
    }

    /// What the index hashes by.
    pub fn hasher(&self) -> &S {
        &self.core.hasher
    }

    /// The number of entries: exact while nobody writes, otherwise within the number of operations under way. O(1).
    pub fn len(&self) -> usize {
        self.core.counter.sum()
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many entries there may be before the table grows.
    pub fn capacity(&self) -> usize {
        self.core.capacity()
    }

    /// The bytes of the tables, which hold everything.
    pub fn memory_usage(&self) -> usize {
        size_of::<Self>() + self.core.memory_usage()
    }

    /// The shape of the tables.
    pub fn stats(&self) -> HashStats {
        HashStats { memory_bytes: self.memory_usage(), ..self.core.stats() }
    }

    /// How the entries are spread over the groups. O(slots).
    pub fn shape(&self) -> HashShape {
        self.core.shape()
    }

    /// The index with a guard of its own, for `for` loops.
    pub fn pin(&self) -> Pinned<'_, Self> {
        Pinned::new(self)
    }
}

impl<K: WordKey, V: Word, S: BuildHasher> WordHashIndex<K, V, S> {
    #[inline]
    fn hash(&self, words: K::Words) -> u64 {
        // SAFETY: the image of words refers to nothing.
        unsafe { WordCell::hash(WordImage { key: words, value: 0 }, &self.core.hasher) }
    }

    /// The place of a key, for a change.
    fn plan<'g>(&'g self, hash: u64, words: K::Words, guard: &'g Guard) -> Plan<'g, WordCell<K::Words>> {
        self.core.plan(hash, guard, |image| image.key == words)
    }

    /// The value of `key`. Without a lock or a store; O(1). Looks again if, while it looked, the key's slot was given to
    /// another key.
    #[inline]
    pub fn get(&self, key: &K, guard: &Guard) -> Option<V> {
        let words = key.to_words();
        self.core.find(self.hash(words), guard, |image| (image.key == words).then_some(image.value)).map(V::from_word)
    }

    /// Whether there is an entry of `key`.
    #[inline]
    pub fn contains_key(&self, key: &K, guard: &Guard) -> bool {
        self.get(key, guard).is_some()
    }

    /// The values of many keys, each by itself as [`get`](Self::get) would give it. In a table larger than the cache this
    /// is several times faster, since the processor waits for many keys' memory at once.
    ///
    /// # Panics
    ///
    /// Panics if `keys` and `values` differ in length.
    pub fn get_many(&self, keys: &[K], values: &mut [Option<V>], guard: &Guard) {
        assert_eq!(keys.len(), values.len(), "there is one place for each key's value");
        if self.core.is_small(guard) {
            keys.iter().zip(values).for_each(|(key, value)| *value = self.get(key, guard));
            return;
        }
        for (keys, values) in keys.chunks(BATCH).zip(values.chunks_mut(BATCH)) {
            let mut hashes = [0; BATCH];
            for (hash, key) in hashes.iter_mut().zip(keys) {
                *hash = self.hash(key.to_words());
                self.core.prefetch_group(*hash, guard);
            }
            for hash in &hashes[..keys.len()] {
                self.core.prefetch_cell(*hash, guard);
            }
            for ((hash, key), value) in hashes.iter().zip(keys).zip(values) {
                let words = key.to_words();
                let word = self.core.find(*hash, guard, |image| (image.key == words).then_some(image.value));
                *value = word.map(V::from_word);
            }
        }
    }

    /// Makes room for `additional` entries more than there are now. O(n) if the table has to grow; readers and other
    /// writers go on meanwhile.
    ///
    /// # Panics
    ///
    /// If no table holds so many: above 3 · 10¹⁰ entries. Without memory for it the process aborts, as with a `Vec`.
    pub fn reserve(&self, additional: usize, guard: &Guard) {
        self.core.reserve(additional, guard);
    }

    /// Makes room for `additional` entries that are about to come. Unlike what was reserved it is not kept when they go.
    pub(crate) fn make_room(&self, additional: usize, guard: &Guard) {
        self.core.make_room(additional, guard);
    }

    /// Gives back the memory that the entries do not need, presized capacity included. O(n); readers and other writers
    /// go on meanwhile.
    pub fn shrink_to_fit(&self, guard: &Guard) {
        self.core.shrink_to_fit(guard);
    }
}

impl<K: WordKey, V: Word, S: Default> Default for WordHashIndex<K, V, S> {
    fn default() -> Self {
        Self::with_hasher(S::default())
    }
}

impl<K, V, S> fmt::Debug for WordHashIndex<K, V, S>
where
    K: WordKey + fmt::Debug,
    V: Word + fmt::Debug,
    S: BuildHasher,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter(&crate::pin())).finish()
    }
}
