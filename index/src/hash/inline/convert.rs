//! Making a [`WordHashIndex`] of other things, copying and comparing it.

use std::hash::BuildHasher;

use super::WordHashIndex;
use crate::pin;
use crate::word::{Word, WordKey};

impl<K: WordKey, V: Word, S: BuildHasher + Default> FromIterator<(K, V)> for WordHashIndex<K, V, S> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let entries = entries.into_iter();
        let mut index = Self::with_capacity_and_hasher(entries.size_hint().0, S::default());
        index.extend(entries);
        index
    }
}

impl<K: WordKey, V: Word, S: BuildHasher> Extend<(K, V)> for WordHashIndex<K, V, S> {
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, entries: I) {
        (&*self).extend(entries);
    }
}

impl<K: WordKey, V: Word, S: BuildHasher> Extend<(K, V)> for &WordHashIndex<K, V, S> {
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, entries: I) {
        for (key, value) in entries {
            self.insert(key, value, &pin());
        }
    }
}

impl<K: WordKey, V: Word, S: BuildHasher + Clone> Clone for WordHashIndex<K, V, S> {
    fn clone(&self) -> Self {
        let clone = Self::with_capacity_and_hasher(self.len(), self.hasher().clone());
        let guard = pin();
        for (key, value) in self.iter(&guard) {
            clone.insert(key, value, &guard);
        }
        clone
    }
}

impl<K: WordKey, V: Word + PartialEq, S: BuildHasher> PartialEq for WordHashIndex<K, V, S> {
    /// Whether both have the same entries; meaningful only while nobody writes.
    fn eq(&self, other: &Self) -> bool {
        let guard = pin();
        self.len() == other.len() && self.iter(&guard).all(|(key, value)| other.get(&key, &guard) == Some(value))
    }
}

impl<K: WordKey, V: Word + Eq, S: BuildHasher> Eq for WordHashIndex<K, V, S> {}
