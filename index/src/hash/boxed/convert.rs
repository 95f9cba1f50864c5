//! Making a [`HashIndex`] of other things, copying and comparing it.

use std::hash::{BuildHasher, Hash};

use super::HashIndex;
use crate::pin;

impl<K, V, S> FromIterator<(K, V)> for HashIndex<K, V, S>
where
    K: Hash + Eq + Send + Sync + 'static,
    V: Send + Sync + 'static,
    S: BuildHasher + Default,
{
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let entries = entries.into_iter();
        let mut index = Self::with_capacity_and_hasher(entries.size_hint().0, S::default());
        index.extend(entries);
        index
    }
}

impl<K, V, S> Extend<(K, V)> for HashIndex<K, V, S>
where
    K: Hash + Eq + Send + Sync + 'static,
    V: Send + Sync + 'static,
    S: BuildHasher,
{
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, entries: I) {
        (&*self).extend(entries);
    }
}

impl<K, V, S> Extend<(K, V)> for &HashIndex<K, V, S>
where
    K: Hash + Eq + Send + Sync + 'static,
    V: Send + Sync + 'static,
    S: BuildHasher,
{
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, entries: I) {
        for (key, value) in entries {
            self.insert(key, value, &pin());
        }
    }
}

impl<K, V, S> Clone for HashIndex<K, V, S>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
    S: BuildHasher + Clone,
{
    fn clone(&self) -> Self {
        let clone = Self::with_capacity_and_hasher(self.len(), self.hasher().clone());
        let guard = pin();
        for (key, value) in self.iter(&guard) {
            clone.insert(key.clone(), value.clone(), &guard);
        }
        clone
    }
}

impl<K, V, S> PartialEq for HashIndex<K, V, S>
where
    K: Hash + Eq + Send + Sync + 'static,
    V: PartialEq + Send + Sync + 'static,
    S: BuildHasher,
{
    /// Whether both have the same entries; meaningful only while nobody writes.
    fn eq(&self, other: &Self) -> bool {
        let guard = pin();
        self.len() == other.len() && self.iter(&guard).all(|(key, value)| other.get(key, &guard) == Some(value))
    }
}

impl<K, V, S> Eq for HashIndex<K, V, S>
where
    K: Hash + Eq + Send + Sync + 'static,
    V: Eq + Send + Sync + 'static,
    S: BuildHasher,
{
}
