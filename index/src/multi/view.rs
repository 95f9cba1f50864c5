//! Reading one version of one index.

use std::borrow::Borrow;
use std::fmt;
use std::ops::{Bound, RangeBounds};

use super::copy::{IndexCopy, ListDirectory};
use super::directory::{Arrangement, Directory, Lookup, Ordered, Stored};
use super::list::{ListValue, PostingList};
use super::ordered::Range;
use crate::IndexKey;
use crate::tree::TreeShape;

/// One index at one version: everything read through it fits together.
///
/// A view is a pointer; copy it freely. It lives as long as the snapshot that it comes from.
pub struct MultiView<'a, K: Stored, V: ListValue, D: Arrangement<K> = super::directory::Hashed> {
    copy: &'a IndexCopy<K, V, D>,
}

/// The entries of a view, from [`MultiView::iter`].
pub type Entries<'a, K, V, D> = <ListDirectory<K, V, D> as Directory<K, PostingList<V>>>::Iter<'a>;

impl<'a, K: Stored, V: ListValue, D: Arrangement<K>> MultiView<'a, K, V, D> {
    pub(super) fn new(copy: &'a IndexCopy<K, V, D>) -> Self {
        Self { copy }
    }

    /// The values under a key; `None` if there are none. One probe of a hash table, or O(log n) in an ordered index.
    #[inline]
    pub fn get<Q: ?Sized>(&self, key: &Q) -> Option<&'a PostingList<V>>
    where
        D: Lookup<K, Q>,
    {
        D::get(&self.copy.directory, key).map(|(_, list)| list)
    }

    /// Some value under a key: the only one, where there is one.
    #[inline]
    pub fn get_one<Q: ?Sized>(&self, key: &Q) -> Option<&'a V>
    where
        D: Lookup<K, Q>,
    {
        self.get(key).and_then(PostingList::first)
    }

    /// The values under each of some keys, in the order of the keys. The lookups do not depend on each other, so their
    /// cache misses overlap.
    pub fn get_many<'q, Q>(
        self,
        keys: impl IntoIterator<Item = &'q Q>,
    ) -> impl Iterator<Item = Option<&'a PostingList<V>>>
    where
        D: Lookup<K, Q>,
        Q: ?Sized + 'q,
    {
        keys.into_iter().map(move |key| self.get(key))
    }

    /// Whether there is a value under the key.
    #[inline]
    pub fn contains<Q: ?Sized>(&self, key: &Q) -> bool
    where
        D: Lookup<K, Q>,
    {
        self.get(key).is_some()
    }

    /// Whether this value is under this key. O(1) however long the list is.
    pub fn contains_value<Q: ?Sized>(&self, key: &Q, value: &V) -> bool
    where
        D: Lookup<K, Q>,
    {
        self.get(key).is_some_and(|list| list.contains(value))
    }

    /// How many values are under the key. O(1) once the key is found.
    #[inline]
    pub fn count<Q: ?Sized>(&self, key: &Q) -> usize
    where
        D: Lookup<K, Q>,
    {
        self.get(key).map_or(0, PostingList::len)
    }

    /// Every key with its values; in key order if the index is ordered.
    pub fn iter(&self) -> Entries<'a, K, V, D> {
        self.copy.directory.iter()
    }

    /// Every key; in order if the index is ordered.
    pub fn keys(self) -> impl Iterator<Item = &'a K> {
        self.iter().map(|(key, _)| key)
    }

    /// Bytes of this version of the index, not of what keys and values own elsewhere. O(keys).
    pub fn memory_usage(&self) -> usize {
        self.copy.directory.memory_usage() + self.iter().map(|(_, list)| list.heap_bytes()).sum::<usize>()
    }

    /// How many keys there are. O(1).
    pub fn len_keys(&self) -> usize {
        self.copy.directory.len()
    }

    /// How many values there are under all keys. O(1).
    pub fn len_values(&self) -> usize {
        self.copy.value_count.0
    }

    /// Whether there is no key. O(1).
    pub fn is_empty(&self) -> bool {
        self.len_keys() == 0
    }
}

impl<'a, K: Stored + IndexKey, V: ListValue> MultiView<'a, K, V, Ordered> {
    /// The keys within bounds with their values, in ascending order or, from the back, in descending order. Bounds that
    /// exclude everything, inverted ones too, give nothing.
    ///
    /// # Examples
    /// ```
    /// use manicule_index::{MultiIndex, Registry};
    ///
    /// let registry = Registry::new();
    /// let index = registry.create_ordered_from((0..10u64).map(|key| (key, key * 100)));
    /// let snapshot = registry.snapshot();
    /// let keys = snapshot.on(&index).range(3..5).map(|(key, _)| *key);
    /// assert_eq!(keys.collect::<Vec<_>>(), [3, 4]);
    /// ```
    pub fn range<Q: IndexKey + ?Sized>(&self, bounds: impl RangeBounds<Q>) -> Range<'a, K, PostingList<V>>
    where
        K: Borrow<Q>,
    {
        self.copy.directory.range(&bounds)
    }

    /// The keys within bounds with their values, in descending order.
    pub fn range_rev<Q: IndexKey + ?Sized>(
        &self,
        bounds: impl RangeBounds<Q>,
    ) -> std::iter::Rev<Range<'a, K, PostingList<V>>>
    where
        K: Borrow<Q>,
    {
        self.range(bounds).rev()
    }

    /// The keys that start with a prefix, with their values, in order: `prefix("ma")` or `prefix(&b"ma"[..])`.
    pub fn prefix<'p, P>(
        &self,
        prefix: &'p P,
    ) -> impl Iterator<Item = (&'a K, &'a PostingList<V>)> + use<'a, 'p, K, V, P>
    where
        K: Borrow<P>,
        P: IndexKey + AsRef<[u8]> + ?Sized,
    {
        let from = (Bound::Included(prefix), Bound::Unbounded);
        self.range::<P>(from).take_while(move |(key, _)| (*key).borrow().as_ref().starts_with(prefix.as_ref()))
    }

    /// The least key with its values. O(log n).
    pub fn first(&self) -> Option<(&'a K, &'a PostingList<V>)> {
        self.iter().next()
    }

    /// The greatest key with its values. O(log n).
    pub fn last(&self) -> Option<(&'a K, &'a PostingList<V>)> {
        self.iter().next_back()
    }

    /// About how many keys are within bounds: exact for some dozens, guessed from the shape of the tree beyond.
    /// O(log n).
    pub fn count_range_keys<Q: IndexKey + ?Sized>(&self, bounds: impl RangeBounds<Q>) -> usize
    where
        K: Borrow<Q>,
    {
        self.copy.directory.estimate(&bounds)
    }

    /// How many keys or children every single node of the tree has. O(nodes), in time and memory.
    pub fn shape(&self) -> TreeShape {
        self.copy.directory.shape()
    }
}

impl<K: Stored, V: ListValue, D: Arrangement<K>> Clone for MultiView<'_, K, V, D> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K: Stored, V: ListValue, D: Arrangement<K>> Copy for MultiView<'_, K, V, D> {}

impl<'a, K: Stored, V: ListValue, D: Arrangement<K>> IntoIterator for MultiView<'a, K, V, D> {
    type Item = (&'a K, &'a PostingList<V>);
    type IntoIter = Entries<'a, K, V, D>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<K: Stored + fmt::Debug, V: ListValue + fmt::Debug, D: Arrangement<K>> fmt::Debug for MultiView<'_, K, V, D> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_map().entries(self.iter()).finish()
    }
}
