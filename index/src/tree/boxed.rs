//! The tree of any keys and values: reads.

use std::borrow::Borrow;
use std::ops::{Bound, ControlFlow, RangeBounds, RangeFull};

use super::entry::Entry;
use super::range::RawRange;
use super::raw::RawTree;
use super::scan::{Backward, Forward};
use super::shape::{FromPrefix, PrefixKey, TreeShape, TreeStats};
use super::store::Boxed;
use crate::guard::Guard;
use crate::key::IndexKey;

/// An ordered index of any keys and values, with references that stay valid as long as the guard.
///
/// For integer keys and word values (row ids) [`WordTreeIndex`](crate::WordTreeIndex) is smaller and faster. Every operation
/// is O(log n) unless it says otherwise. Single operations are linearizable; scans are weakly consistent: an entry that is
/// there throughout is given exactly once, in order, and so is one whose value is replaced meanwhile.
///
/// ```
/// use manicule_index::{TreeIndex, pin};
///
/// let index = TreeIndex::new();
/// let guard = pin();
/// index.insert("two".to_string(), 2, &guard);
/// index.insert("one".to_string(), 1, &guard);
/// assert_eq!(index.get("one", &guard), Some(&1));
/// let all: Vec<_> = index.iter(&guard).map(|(_, &value)| value).collect();
/// assert_eq!(all, [1, 2]);
/// ```
///
/// What a read gives cannot outlive the guard:
///
/// ```compile_fail
/// # use manicule_index::{TreeIndex, pin};
/// let index = TreeIndex::<u64, u64>::new();
/// let value = index.get(&1, &pin());
/// println!("{value:?}");
/// ```
pub struct TreeIndex<K: IndexKey + Clone, V, const ORDER: usize = 8> {
    pub(super) tree: RawTree<Boxed<K, V>, ORDER>,
}

/// The entry behind a pointer that was read from a tree.
///
/// # Safety
///
/// `entry` was read under a guard that outlives `'g`, or is an entry that its owner lends for `'g`.
pub(super) unsafe fn entry_of<'g, K, V>(entry: *mut Entry<K, V>) -> &'g Entry<K, V> {
    // SAFETY: the caller guarantees that the entry lives that long.
    unsafe { &*entry }
}

impl<K: IndexKey + Clone, V> TreeIndex<K, V> {
    /// An empty index. Allocates nothing.
    #[cfg(not(any(loom, feature = "shuttle")))]
    #[must_use]
    pub const fn new() -> Self {
        Self { tree: RawTree::new() }
    }

    /// An empty index. Allocates nothing.
    #[cfg(any(loom, feature = "shuttle"))]
    #[must_use]
    pub fn new() -> Self {
        Self { tree: RawTree::new() }
    }
}

impl<K: IndexKey + Clone, V, const ORDER: usize> TreeIndex<K, V, ORDER> {
    /// An empty index of another order than 8, from 4 on, for tests.
    #[must_use]
    pub fn with_order() -> Self {
        Self { tree: RawTree::new() }
    }

    /// The value under `key`.
    #[inline]
    pub fn get<'g, Q>(&'g self, key: &Q, guard: &'g Guard) -> Option<&'g V>
    where
        K: Borrow<Q>,
        Q: IndexKey + ?Sized,
    {
        self.get_key_value(key, guard).map(|(_, value)| value)
    }

    /// The entry of `key`, with the key as it is stored.
    #[inline]
    pub fn get_key_value<'g, Q>(&'g self, key: &Q, guard: &'g Guard) -> Option<(&'g K, &'g V)>
    where
        K: Borrow<Q>,
        Q: IndexKey + ?Sized,
    {
        let entry = self.tree.get(key, guard)?;
        // SAFETY: read under the guard.
        let Entry { key, value } = unsafe { entry_of(entry) };
        Some((key, value))
    }

    /// Whether there is an entry of `key`.
    pub fn contains_key<Q>(&self, key: &Q, guard: &Guard) -> bool
    where
        K: Borrow<Q>,
        Q: IndexKey + ?Sized,
    {
        self.tree.get(key, guard).is_some()
    }

    /// Looks up many keys, whose cache misses overlap: several times as fast as one by one once the index is larger than
    /// the cache. `values[i]` becomes the value under `keys[i]`.
    ///
    /// # Panics
    ///
    /// If there are fewer `values` than `keys`.
    pub fn get_many<'g, Q>(&'g self, keys: &[&Q], values: &mut [Option<&'g V>], guard: &'g Guard)
    where
        K: Borrow<Q>,
        Q: IndexKey + ?Sized,
    {
        assert!(keys.len() <= values.len(), "a place for every value");
        let found = |index: usize, entry: Option<*mut Entry<K, V>>| {
            // SAFETY: read under the guard.
            values[index] = entry.map(|entry| unsafe { &entry_of(entry).value });
        };
        self.tree.get_many(keys.iter().copied(), found, guard);
    }

    /// The number of entries: exact when nobody writes. O(1).
    #[must_use]
    pub fn len(&self) -> usize {
        self.tree.count.get()
    }

    /// Whether there is no entry. O(1).
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The entry with the smallest key.
    pub fn first<'g>(&'g self, guard: &'g Guard) -> Option<(&'g K, &'g V)> {
        self.iter(guard).next()
    }

    /// The entry with the largest key.
    pub fn last<'g>(&'g self, guard: &'g Guard) -> Option<(&'g K, &'g V)> {
        self.range_rev::<K, _>(.., guard).next()
    }

    /// All entries, smallest key first.
    pub fn iter<'g>(&'g self, guard: &'g Guard) -> Range<'g, K, V, K, RangeFull> {
        self.range(.., guard)
    }

    /// The entries inside `bounds`, smallest key first. Bounds that are empty or inverted hold none.
    ///
    /// The iterator is double-ended: both ends see writers' changes as they go, and meet where their keys do, so that an
    /// entry that is there throughout is given once. The first call of `next_back` descends the tree again and allocates.
    pub fn range<'g, Q, R>(&'g self, bounds: R, guard: &'g Guard) -> Range<'g, K, V, Q, R>
    where
        K: Borrow<Q>,
        Q: IndexKey + ?Sized,
        R: RangeBounds<Q>,
    {
        Range { raw: RawRange::new(&self.tree, bounds, guard) }
    }

    /// The entries inside `bounds`, largest key first. Bounds that are empty or inverted hold none.
    pub fn range_rev<'g, Q, R>(&'g self, bounds: R, guard: &'g Guard) -> RangeRev<'g, K, V, Q, R>
    where
        K: Borrow<Q>,
        Q: IndexKey + ?Sized,
        R: RangeBounds<Q>,
    {
        RangeRev { raw: RawRange::new(&self.tree, bounds, guard) }
    }

    /// The entries whose keys start with `prefix`, smallest key first.
    ///
    /// ```
    /// use manicule_index::{TreeIndex, pin};
    ///
    /// let index: TreeIndex<String, ()> = ["ann", "anna", "bob"].map(|name| (name.to_string(), ())).into_iter().collect();
    /// let guard = pin();
    /// assert_eq!(index.prefix("ann", &guard).map(|(name, ())| name.as_str()).collect::<Vec<_>>(), ["ann", "anna"]);
    /// ```
    pub fn prefix<'g, 'q, Q>(&'g self, prefix: &'q Q, guard: &'g Guard) -> Prefix<'g, 'q, K, V, Q>
    where
        K: Borrow<Q>,
        Q: PrefixKey + ?Sized,
    {
        let bounds = (Bound::Included(prefix), Bound::Unbounded);
        Prefix { range: self.range(bounds, guard), prefix: Some(prefix) }
    }

    /// Calls `visit` with the entries inside `bounds`, smallest key first, those of one leaf or of some neighbouring ones at a
    /// time: at most 56, and never none.
    pub fn for_each_leaf<'g, Q, R>(&'g self, bounds: R, visit: impl FnMut(&[(&'g K, &'g V)]), guard: &'g Guard)
    where
        K: Borrow<Q>,
        Q: IndexKey + ?Sized,
        R: RangeBounds<Q>,
    {
        self.tree.for_each_leaf(bounds, visit, guard);
    }

    /// The number of entries inside `bounds`. Exact when nobody writes. O(leaves inside).
    pub fn count_range<Q, R>(&self, bounds: R, guard: &Guard) -> usize
    where
        K: Borrow<Q>,
        Q: IndexKey + ?Sized,
        R: RangeBounds<Q>,
    {
        RawRange::<_, Q, R, Forward>::new(&self.tree, bounds, guard).count()
    }

    /// [`count_range`](Self::count_range) for who may have enough of it: `go_on` is asked after each leaf.
    pub fn try_count_range<Q, R, B>(
        &self,
        bounds: R,
        guard: &Guard,
        go_on: impl FnMut() -> ControlFlow<B>,
    ) -> ControlFlow<B, usize>
    where
        K: Borrow<Q>,
        Q: IndexKey + ?Sized,
        R: RangeBounds<Q>,
    {
        RawRange::<_, Q, R, Forward>::new(&self.tree, bounds, guard).try_count(go_on)
    }

    /// Keys, at most `parts - 1` and ascending, that cut the index into parts of about equal size, for parallel scans.
    /// O(parts).
    pub fn split_points<'g>(&'g self, parts: usize, guard: &'g Guard) -> Vec<&'g K> {
        self.tree.split_points(parts, guard).into_iter().map(|(key, _)| key).collect()
    }

    /// The number of levels, that of the leaves included; 0 if nothing was ever inserted. O(1).
    pub fn depth(&self, guard: &Guard) -> usize {
        self.tree.depth(guard)
    }

    /// Nodes and fill of every level. O(nodes).
    pub fn stats(&self, guard: &Guard) -> TreeStats {
        self.tree.stats(guard)
    }

    /// How many entries or children every single node has. O(nodes), in time and memory.
    pub fn shape(&self, guard: &Guard) -> TreeShape {
        self.tree.shape(guard)
    }

    /// Bytes of the nodes and entries, without what keys and values own elsewhere. O(1).
    #[must_use]
    pub fn memory_usage(&self) -> usize {
        self.tree.memory_usage()
    }
}

/// The entries of a [`TreeIndex`] between two bounds, smallest key first.
#[must_use = "iterators do nothing unless they are asked"]
pub struct Range<'g, K: IndexKey + Clone, V, Q: ?Sized, R> {
    pub(super) raw: RawRange<'g, Boxed<K, V>, Q, R, Forward>,
}

/// The entries of a [`TreeIndex`] between two bounds, largest key first.
#[must_use = "iterators do nothing unless they are asked"]
pub struct RangeRev<'g, K: IndexKey + Clone, V, Q: ?Sized, R> {
    pub(super) raw: RawRange<'g, Boxed<K, V>, Q, R, Backward>,
}

/// The entries of a [`TreeIndex`] whose keys start with a prefix, smallest key first.
#[must_use = "iterators do nothing unless they are asked"]
pub struct Prefix<'g, 'q, K: IndexKey + Clone, V, Q: ?Sized> {
    pub(super) range: Range<'g, K, V, Q, FromPrefix<'q, Q>>,
    /// None once a key did not start with it.
    pub(super) prefix: Option<&'q Q>,
}
