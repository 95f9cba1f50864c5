//! The index for keys and values of any type.

use std::fmt;
use std::hash::{BuildHasher, Hash};

use super::cell::{BoxedCell, Cell, Entry, spread};
use super::core::{Core, Plan};
use super::equivalent::Equivalent;
use super::pinned::Pinned;
use super::stats::{HashShape, HashStats};
use crate::Guard;
use crate::reclaim;

mod convert;
mod iter;
mod write;

pub use iter::{HashIndexIntoIter, HashIndexIter, HashIndexKeys, HashIndexValues};

/// Keys that [`HashIndex::get_many`] looks up side by side.
const BATCH: usize = 16;

/// A concurrent hash index for keys and values of any type, whose reads take no lock and write nothing.
///
/// A read gives a reference that lives as long as the guard. It never waits, whatever writers do, a resize included. A
/// writer waits only for another writer that is changing the same group of sixteen slots at that moment. An entry never
/// changes and never moves; replacing a value makes a new entry. Entries taken out are dropped some time after the last
/// guard that could have seen them.
///
/// Keys and values that are integers or row ids are faster and smaller in a
/// [`WordHashIndex`](crate::WordHashIndex).
///
/// ```
/// use manicule_index::{HashIndex, pin};
///
/// let index = HashIndex::new();
/// let guard = pin();
/// assert_eq!(index.insert("one".to_string(), 1, &guard), None);
/// assert_eq!(index.get("one", &guard), Some(&1));
/// assert_eq!(index.insert("one".to_string(), 2, &guard), Some(&1));
/// assert_eq!(index.remove("one", &guard), Some((&"one".to_string(), &2)));
/// ```
///
/// A reference does not outlive the guard:
///
/// ```compile_fail,E0505
/// use manicule_index::{HashIndex, pin};
///
/// let index = HashIndex::<u64, u64>::new();
/// let guard = pin();
/// let value = index.get(&1, &guard);
/// drop(guard);
/// assert_eq!(value, None);
/// ```
pub struct HashIndex<K, V, S = ahash::RandomState> {
    core: Core<BoxedCell<K, V>, S>,
}

/// The entry behind a pointer from a slot.
///
/// # Safety
///
/// `entry` was loaded from a slot under a guard that lives as long as `'g`, or is a draft that lives as long.
#[inline]
unsafe fn read<'g, K, V>(entry: *mut Entry<K, V>) -> &'g Entry<K, V> {
    // SAFETY: an entry is retired through a guard after it left its slot, and published entries are never written.
    unsafe { &*entry }
}

impl<K, V> HashIndex<K, V> {
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

impl<K, V, S> HashIndex<K, V, S> {
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
        Self { core: Core::new(capacity, hasher) }
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

    /// The bytes of the tables and of the entries, without what the allocator adds and what keys and values own
    /// elsewhere.
    pub fn memory_usage(&self) -> usize {
        size_of::<Self>() + self.core.memory_usage() + self.len() * size_of::<Entry<K, V>>()
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

impl<K, V, S> HashIndex<K, V, S>
where
    K: Hash + Eq + Send + Sync + 'static,
    V: Send + Sync + 'static,
    S: BuildHasher,
{
    #[inline]
    fn hash<Q: Hash + ?Sized>(&self, key: &Q) -> u64 {
        spread(self.core.hasher.hash_one(key))
    }

    #[inline]
    fn find<'g, Q>(&'g self, key: &Q, guard: &'g Guard) -> Option<&'g Entry<K, V>>
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        self.find_hashed(self.hash(key), key, guard)
    }

    #[inline]
    fn find_hashed<'g, Q>(&'g self, hash: u64, key: &Q, guard: &'g Guard) -> Option<&'g Entry<K, V>>
    where
        Q: Equivalent<K> + ?Sized,
    {
        self.core.find(hash, guard, |entry| {
            // SAFETY: `find` loaded it from a slot under `guard`.
            let entry: &'g Entry<K, V> = unsafe { read(entry) };
            (entry.hash == hash && key.equivalent(&entry.key)).then_some(entry)
        })
    }

    /// The place of a key, for a change.
    fn plan<'g, Q>(&'g self, hash: u64, key: &Q, guard: &'g Guard) -> Plan<'g, BoxedCell<K, V>>
    where
        Q: Equivalent<K> + ?Sized,
    {
        reclaim::collect(guard);
        self.core.plan(hash, guard, |entry| {
            // SAFETY: `plan` loaded it from a slot under `guard`.
            let entry: &Entry<K, V> = unsafe { read(entry) };
            entry.hash == hash && key.equivalent(&entry.key)
        })
    }

    /// The value of `key`. Lock-free, without a store; O(1).
    #[inline]
    pub fn get<'g, Q>(&'g self, key: &Q, guard: &'g Guard) -> Option<&'g V>
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        self.find(key, guard).map(|entry| &entry.value)
    }

    /// The key as it is stored, and its value.
    #[inline]
    pub fn get_key_value<'g, Q>(&'g self, key: &Q, guard: &'g Guard) -> Option<(&'g K, &'g V)>
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        self.find(key, guard).map(|entry| (&entry.key, &entry.value))
    }

    /// Whether there is an entry of `key`.
    #[inline]
    pub fn contains_key<Q>(&self, key: &Q, guard: &Guard) -> bool
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        self.find(key, guard).is_some()
    }

    /// The values of many keys, each by itself as [`get`](Self::get) would give it. In a table larger than the cache this
    /// is several times faster, since the processor waits for many keys' memory at once.
    ///
    /// # Panics
    ///
    /// Panics if `keys` and `values` differ in length.
    pub fn get_many<'g, Q>(&'g self, keys: &[&Q], values: &mut [Option<&'g V>], guard: &'g Guard)
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        assert_eq!(keys.len(), values.len(), "there is one place for each key's value");
        for (keys, values) in keys.chunks(BATCH).zip(values.chunks_mut(BATCH)) {
            let mut hashes = [0; BATCH];
            for (hash, key) in hashes.iter_mut().zip(keys) {
                *hash = self.hash(*key);
                self.core.prefetch_group(*hash, guard);
            }
            let hashes = &hashes[..keys.len()];
            let mut cells = [None; BATCH];
            for (cell, hash) in cells.iter_mut().zip(hashes) {
                *cell = self.core.prefetch_cell(*hash, guard);
            }
            for cell in cells.into_iter().flatten() {
                BoxedCell::prefetch(cell.load());
            }
            for ((hash, key), value) in hashes.iter().zip(keys).zip(values) {
                *value = self.find_hashed(*hash, *key, guard).map(|entry| &entry.value);
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

impl<K, V, S> Default for HashIndex<K, V, S>
where
    S: Default,
{
    fn default() -> Self {
        Self::with_hasher(S::default())
    }
}

impl<K, V, S> fmt::Debug for HashIndex<K, V, S>
where
    K: Hash + Eq + Send + Sync + fmt::Debug + 'static,
    V: Send + Sync + fmt::Debug + 'static,
    S: BuildHasher,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter(&crate::pin())).finish()
    }
}
