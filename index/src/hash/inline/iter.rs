//! Walking over a [`WordHashIndex`].

use std::fmt;
use std::hash::BuildHasher;
use std::iter::FusedIterator;
use std::marker::PhantomData;

use super::{WordCell, WordHashIndex, WordImage};
use crate::Guard;
use crate::hash::core::Core;
use crate::hash::pinned::Pinned;
use crate::hash::scan::Scan;
use crate::word::{Word, WordKey};

/// The entries of an index, by [`WordHashIndex::iter`].
pub struct WordHashIndexIter<'g, K: WordKey, V, S> {
    core: &'g Core<WordCell<K::Words>, S>,
    guard: &'g Guard,
    scan: Scan<WordImage<K::Words>>,
    entries: PhantomData<(K, V)>,
}

/// The keys of an index, by [`WordHashIndex::keys`].
pub struct WordHashIndexKeys<'g, K: WordKey, V, S>(WordHashIndexIter<'g, K, V, S>);

/// The values of an index, by [`WordHashIndex::values`].
pub struct WordHashIndexValues<'g, K: WordKey, V, S>(WordHashIndexIter<'g, K, V, S>);

impl<K: WordKey, V: Word, S: BuildHasher> WordHashIndex<K, V, S> {
    /// All entries, in no particular order. Without a lock or a store, while anybody changes anything: an entry that is
    /// there throughout comes exactly once, others at most once for each time they were inserted.
    pub fn iter<'g>(&'g self, guard: &'g Guard) -> WordHashIndexIter<'g, K, V, S> {
        WordHashIndexIter { core: &self.core, guard, scan: Scan::new(), entries: PhantomData }
    }

    /// All keys; see [`iter`](Self::iter).
    pub fn keys<'g>(&'g self, guard: &'g Guard) -> WordHashIndexKeys<'g, K, V, S> {
        WordHashIndexKeys(self.iter(guard))
    }

    /// All values; see [`iter`](Self::iter).
    pub fn values<'g>(&'g self, guard: &'g Guard) -> WordHashIndexValues<'g, K, V, S> {
        WordHashIndexValues(self.iter(guard))
    }
}

impl<K: WordKey, V: Word, S: BuildHasher> Iterator for WordHashIndexIter<'_, K, V, S> {
    type Item = (K, V);

    fn next(&mut self) -> Option<(K, V)> {
        let image = self.scan.next(self.core, self.guard)?;
        Some((K::from_words(image.key), V::from_word(image.value)))
    }
}

impl<K: WordKey, V: Word, S: BuildHasher> Iterator for WordHashIndexKeys<'_, K, V, S> {
    type Item = K;

    fn next(&mut self) -> Option<K> {
        self.0.next().map(|(key, _)| key)
    }
}

impl<K: WordKey, V: Word, S: BuildHasher> Iterator for WordHashIndexValues<'_, K, V, S> {
    type Item = V;

    fn next(&mut self) -> Option<V> {
        self.0.next().map(|(_, value)| value)
    }
}

impl<K: WordKey, V: Word, S: BuildHasher> FusedIterator for WordHashIndexIter<'_, K, V, S> {}
impl<K: WordKey, V: Word, S: BuildHasher> FusedIterator for WordHashIndexKeys<'_, K, V, S> {}
impl<K: WordKey, V: Word, S: BuildHasher> FusedIterator for WordHashIndexValues<'_, K, V, S> {}

impl<K: WordKey, V, S> fmt::Debug for WordHashIndexIter<'_, K, V, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WordHashIndexIter").finish_non_exhaustive()
    }
}

impl<K: WordKey, V, S> fmt::Debug for WordHashIndexKeys<'_, K, V, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WordHashIndexKeys").finish_non_exhaustive()
    }
}

impl<K: WordKey, V, S> fmt::Debug for WordHashIndexValues<'_, K, V, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WordHashIndexValues").finish_non_exhaustive()
    }
}

impl<'p, K: WordKey, V: Word, S: BuildHasher> IntoIterator for &'p Pinned<'_, WordHashIndex<K, V, S>> {
    type Item = (K, V);
    type IntoIter = WordHashIndexIter<'p, K, V, S>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter(self.guard())
    }
}

impl<K: WordKey, V: Word, S: BuildHasher> IntoIterator for WordHashIndex<K, V, S> {
    type Item = (K, V);
    type IntoIter = std::vec::IntoIter<(K, V)>;

    /// Collects the entries first.
    fn into_iter(self) -> Self::IntoIter {
        self.iter(&crate::pin()).collect::<Vec<_>>().into_iter()
    }
}
