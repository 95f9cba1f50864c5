//! Walking over a [`HashIndex`].

use std::fmt;
use std::hash::{BuildHasher, Hash};
use std::iter::FusedIterator;

use super::{BoxedCell, Entry, HashIndex, read};
use crate::Guard;
use crate::hash::cell::Cell;
use crate::hash::core::Core;
use crate::hash::pinned::Pinned;
use crate::hash::scan::Scan;

/// The entries of an index, by [`HashIndex::iter`].
pub struct HashIndexIter<'g, K, V, S> {
    core: &'g Core<BoxedCell<K, V>, S>,
    guard: &'g Guard,
    scan: Scan<*mut Entry<K, V>>,
}

/// The keys of an index, by [`HashIndex::keys`].
pub struct HashIndexKeys<'g, K, V, S>(HashIndexIter<'g, K, V, S>);

/// The values of an index, by [`HashIndex::values`].
pub struct HashIndexValues<'g, K, V, S>(HashIndexIter<'g, K, V, S>);

impl<K, V, S> HashIndex<K, V, S>
where
    K: Hash + Eq + Send + Sync + 'static,
    V: Send + Sync + 'static,
    S: BuildHasher,
{
    /// All entries, in no particular order. Lock-free, without a store, while anybody changes anything: an entry that is
    /// there throughout comes exactly once, others at most once for each time they were inserted.
    pub fn iter<'g>(&'g self, guard: &'g Guard) -> HashIndexIter<'g, K, V, S> {
        HashIndexIter { core: &self.core, guard, scan: Scan::new() }
    }

    /// All keys; see [`iter`](Self::iter).
    pub fn keys<'g>(&'g self, guard: &'g Guard) -> HashIndexKeys<'g, K, V, S> {
        HashIndexKeys(self.iter(guard))
    }

    /// All values; see [`iter`](Self::iter).
    pub fn values<'g>(&'g self, guard: &'g Guard) -> HashIndexValues<'g, K, V, S> {
        HashIndexValues(self.iter(guard))
    }

    /// The entries with their hashes.
    pub(super) fn entries<'g>(&'g self, guard: &'g Guard) -> impl Iterator<Item = &'g Entry<K, V>> {
        let mut iter = self.iter(guard);
        std::iter::from_fn(move || iter.next_entry())
    }
}

impl<'g, K, V, S: BuildHasher> HashIndexIter<'g, K, V, S> {
    fn next_entry(&mut self) -> Option<&'g Entry<K, V>> {
        let entry = self.scan.next(self.core, self.guard)?;
        // SAFETY: the scan loaded it from a slot under the guard of `'g`.
        Some(unsafe { read(entry) })
    }
}

impl<'g, K, V, S: BuildHasher> Iterator for HashIndexIter<'g, K, V, S> {
    type Item = (&'g K, &'g V);

    fn next(&mut self) -> Option<Self::Item> {
        self.next_entry().map(|entry| (&entry.key, &entry.value))
    }
}

impl<'g, K, V, S: BuildHasher> Iterator for HashIndexKeys<'g, K, V, S> {
    type Item = &'g K;

    fn next(&mut self) -> Option<&'g K> {
        self.0.next().map(|(key, _)| key)
    }
}

impl<'g, K, V, S: BuildHasher> Iterator for HashIndexValues<'g, K, V, S> {
    type Item = &'g V;

    fn next(&mut self) -> Option<&'g V> {
        self.0.next().map(|(_, value)| value)
    }
}

impl<K, V, S: BuildHasher> FusedIterator for HashIndexIter<'_, K, V, S> {}
impl<K, V, S: BuildHasher> FusedIterator for HashIndexKeys<'_, K, V, S> {}
impl<K, V, S: BuildHasher> FusedIterator for HashIndexValues<'_, K, V, S> {}

impl<K, V, S> fmt::Debug for HashIndexIter<'_, K, V, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HashIndexIter").finish_non_exhaustive()
    }
}

impl<K, V, S> fmt::Debug for HashIndexKeys<'_, K, V, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HashIndexKeys").finish_non_exhaustive()
    }
}

impl<K, V, S> fmt::Debug for HashIndexValues<'_, K, V, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HashIndexValues").finish_non_exhaustive()
    }
}

impl<'p, K, V, S> IntoIterator for &'p Pinned<'_, HashIndex<K, V, S>>
where
    K: Hash + Eq + Send + Sync + 'static,
    V: Send + Sync + 'static,
    S: BuildHasher,
{
    type Item = (&'p K, &'p V);
    type IntoIter = HashIndexIter<'p, K, V, S>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter(self.guard())
    }
}

/// The entries of an index that is used up, by `into_iter`.
pub struct HashIndexIntoIter<K, V, S> {
    index: HashIndex<K, V, S>,
    /// The lowest hash whose group is still to come.
    position: Option<u64>,
    /// Entries that were taken out of the index and not handed out yet.
    taken: Vec<*mut Entry<K, V>>,
}

// SAFETY: the entries in `taken` belong to the iterator as those of the index belong to the index.
unsafe impl<K: Send + Sync, V: Send + Sync, S: Send> Send for HashIndexIntoIter<K, V, S> {}
// SAFETY: as above; nothing is done through a shared reference.
unsafe impl<K: Send + Sync, V: Send + Sync, S: Sync> Sync for HashIndexIntoIter<K, V, S> {}

impl<K, V, S> IntoIterator for HashIndex<K, V, S>
where
    K: Send + Sync + 'static,
    V: Send + Sync + 'static,
    S: BuildHasher,
{
    type Item = (K, V);
    type IntoIter = HashIndexIntoIter<K, V, S>;

    fn into_iter(self) -> HashIndexIntoIter<K, V, S> {
        HashIndexIntoIter { index: self, position: Some(0), taken: Vec::new() }
    }
}

impl<K, V, S: BuildHasher> Iterator for HashIndexIntoIter<K, V, S> {
    type Item = (K, V);

    fn next(&mut self) -> Option<(K, V)> {
        loop {
            if let Some(entry) = self.taken.pop() {
                // SAFETY: `take_group` took it out of its slot, and the index is ours alone: nobody refers to it.
                let entry = unsafe { Box::from_raw(entry) };
                return Some((entry.key, entry.value));
            }
            self.position = self.index.core.take_group(self.position?, &mut self.taken, &crate::pin());
        }
    }
}

impl<K, V, S: BuildHasher> FusedIterator for HashIndexIntoIter<K, V, S> {}

impl<K, V, S> Drop for HashIndexIntoIter<K, V, S> {
    fn drop(&mut self) {
        for entry in self.taken.drain(..) {
            // SAFETY: as in `next`.
            unsafe { BoxedCell::release(entry) };
        }
    }
}

impl<K, V, S> fmt::Debug for HashIndexIntoIter<K, V, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HashIndexIntoIter").finish_non_exhaustive()
    }
}
