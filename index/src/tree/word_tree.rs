//! The tree of words: exact keys and word values inline.

use std::borrow::Borrow;
use std::ops::RangeBounds;

use super::edit::Edit;
use super::raw::RawTree;
use super::scan::{Backward, Forward, RawRange};
use super::store::Words;
use crate::guard::Guard;
use crate::key::{IndexKey, OrderedWord};
use crate::word::Word;

/// An ordered index of exact keys (integers, floats, short tuples of them) to words such as row ids. Reads give copies.
///
/// The sibling of [`TreeIndex`](super::TreeIndex) without boxes: an entry costs some 26 bytes after random insertions and 20
/// after ordered ones, and a lookup misses the cache once less.
///
/// ```
/// use manicule_index::{WordTreeIndex, pin};
///
/// let index = WordTreeIndex::new();
/// let guard = pin();
/// for id in 0..10_i64 {
///     index.insert(-id, id as u64, &guard);
/// }
/// assert_eq!(index.first(&guard), Some((-9, 9)));
/// assert_eq!(index.range(-2.., &guard).map(|(key, _)| key).collect::<Vec<_>>(), [-2, -1, 0]);
/// ```
pub struct WordTreeIndex<K: OrderedWord, V: Word, const ORDER: usize = 8> {
    pub(super) tree: RawTree<Words<K, V>, ORDER>,
}

impl<K: OrderedWord, V: Word> WordTreeIndex<K, V> {
    /// An empty index. Allocates nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::with_order()
    }
}

impl<K: OrderedWord, V: Word, const ORDER: usize> WordTreeIndex<K, V, ORDER> {
    /// An empty index of another order than 8, from 4 on, for tests.
    ///
    /// # Panics
    ///
    /// Does not compile where the words of `K` are not exact.
    #[must_use]
    pub fn with_order() -> Self {
        const { assert!(K::EXACT, "a word must say everything about its key") };
        Self { tree: RawTree::new() }
    }

    /// The value under `key`.
    #[inline]
    pub fn get<Q>(&self, key: &Q, guard: &Guard) -> Option<V>
    where
        K: Borrow<Q>,
        Q: IndexKey + ?Sized,
    {
        self.tree.get(key, guard).map(V::from_word)
    }

    /// Looks up many keys, whose cache misses overlap: several times as fast as one by one once the index is larger than
    /// the cache. `values[i]` becomes the value under `keys[i]`.
    ///
    /// # Panics
    ///
    /// If there are fewer `values` than `keys`.
    pub fn get_many(&self, keys: &[K], values: &mut [Option<V>], guard: &Guard) {
        assert!(keys.len() <= values.len(), "a place for every value");
        self.tree.get_many(keys.iter(), |index, word| values[index] = word.map(V::from_word), guard);
    }

    /// The number of entries: exact when nobody writes. O(1).
    #[must_use]
    pub fn len(&self) -> usize {
        self.tree.count.get()
    }

    /// Whether there is no entry.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The entry with the smallest key.
    pub fn first(&self, guard: &Guard) -> Option<(K, V)> {
        self.range::<K, _>(.., guard).next()
    }

    /// The entry with the largest key.
    pub fn last(&self, guard: &Guard) -> Option<(K, V)> {
        self.range_rev::<K, _>(.., guard).next()
    }

    /// The entries inside `bounds`, smallest key first. Bounds that are empty or inverted hold none.
    pub fn range<'g, Q, R>(&'g self, bounds: R, guard: &'g Guard) -> WordRange<'g, K, V, Q, R>
    where
        K: Borrow<Q>,
        Q: IndexKey + ?Sized,
        R: RangeBounds<Q>,
    {
        WordRange { raw: RawRange::new(&self.tree, bounds, guard) }
    }

    /// The entries inside `bounds`, largest key first.
    pub fn range_rev<'g, Q, R>(&'g self, bounds: R, guard: &'g Guard) -> WordRangeRev<'g, K, V, Q, R>
    where
        K: Borrow<Q>,
        Q: IndexKey + ?Sized,
        R: RangeBounds<Q>,
    {
        WordRangeRev { raw: RawRange::new(&self.tree, bounds, guard) }
    }

    /// The number of entries inside `bounds`. O(leaves inside).
    pub fn count_range<Q, R>(&self, bounds: R, guard: &Guard) -> usize
    where
        K: Borrow<Q>,
        Q: IndexKey + ?Sized,
        R: RangeBounds<Q>,
    {
        RawRange::<_, Q, R, Forward>::new(&self.tree, bounds, guard).count()
    }

    /// Bytes of the nodes. O(1).
    #[must_use]
    pub fn memory_usage(&self) -> usize {
        self.tree.memory_usage()
    }

    /// Puts `value` under `key` and gives the value that was there. One atomic step: no reader misses the key meanwhile.
    pub fn insert(&self, key: K, value: V, guard: &Guard) -> Option<V> {
        self.tree.edit(&key, |_| Edit::Put(value.to_word()), guard).map(V::from_word)
    }

    /// Puts `value` under `key` if there is none.
    ///
    /// # Errors
    ///
    /// The value that is there.
    pub fn try_insert(&self, key: K, value: V, guard: &Guard) -> Result<(), V> {
        let put = |current: Option<_>| if current.is_some() { Edit::Keep } else { Edit::Put(value.to_word()) };
        self.tree.edit(&key, put, guard).map_or(Ok(()), |current| Err(V::from_word(current)))
    }

    /// Removes the entry of `key` and gives it.
    pub fn remove<Q>(&self, key: &Q, guard: &Guard) -> Option<V>
    where
        K: Borrow<Q>,
        Q: IndexKey + ?Sized,
    {
        let remove = |current: Option<_>| if current.is_some() { Edit::Remove } else { Edit::Keep };
        self.tree.edit(key, remove, guard).map(V::from_word)
    }

    /// Removes every entry that is there when it begins; entries that come meanwhile may stay. O(n).
    pub fn clear(&self, guard: &Guard) {
        self.tree.clear(guard);
    }
}

/// The entries of a [`WordTreeIndex`] between two bounds, smallest key first.
pub struct WordRange<'g, K: OrderedWord, V: Word, Q: ?Sized, R> {
    pub(super) raw: RawRange<'g, Words<K, V>, Q, R, Forward>,
}

/// The entries of a [`WordTreeIndex`] between two bounds, largest key first.
pub struct WordRangeRev<'g, K: OrderedWord, V: Word, Q: ?Sized, R> {
    pub(super) raw: RawRange<'g, Words<K, V>, Q, R, Backward>,
}
