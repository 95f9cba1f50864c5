//! Ordered indexes: a B+ tree of order 8 with lock-free reads.
//!
//! ```text
//!                      ┌──────────────┐
//!                      │ ≤ 7 separator│ immutable words, one cache line;
//!                      │ words        │ ≤ 8 children, another
//!                      └┬────┬───────┬┘
//!            ┌──────────┘    │       └──────────┐
//!      ┌─────┴──────┐  ┌─────┴──────┐     ┌─────┴──────┐
//!      │ meta, words│  │ meta, words│  …  │ meta, words│ one word publishes a leaf: which slots are live,
//!      │ slots      │  │ slots      │     │ slots      │ and in which order
//!      └────────────┘  └────────────┘     └────────────┘
//! ```
//!
//! * A **read** goes down immutable words and loads the publishing word of one leaf. It stores nothing, takes no lock, never
//!   starts again, and is sound for every `Ord`: one that lies gets wrong answers only. (`tree/node.rs`, `tree/get.rs`)
//! * A **write** decides by what it found, and publishes it by a compare-exchange of that word. (`tree/edit.rs`)
//! * A **split or merge** builds new nodes aside, freezes the old leaf, and publishes by one store; replaced nodes are
//!   reclaimed when no guard can reach them. (`tree/plan.rs`, `tree/grow.rs`, `tree/merge.rs`)
//! * A **scan** climbs the way that it came; there are no sibling pointers, and both directions are one. (`tree/scan.rs`)
//!
//! Keys and values are never moved once inserted: splits copy pointers.

mod clear;
mod count;
mod edit;
mod estimate;
mod get;
mod grow;
mod lock;
mod merge;
mod meta;
mod node;
mod outcome;
mod plan;
mod raw;
mod scan;
mod slab;
mod store;
mod traits;
mod word_tree;

use std::borrow::Borrow;
use std::ops::RangeBounds;

pub use outcome::{Change, Changed, Occupied, Unexpected};
pub use word_tree::{WordRange, WordRangeRev, WordTreeIndex};

use crate::guard::Guard;
use crate::key::IndexKey;
use edit::Edit;
use raw::RawTree;
use scan::{Backward, Forward, RawRange};
use store::{Boxed, Entry};

/// An ordered index of any keys and values, with references that stay valid as long as the guard.
///
/// For integer keys and word values (row ids) [`WordTreeIndex`] is smaller and faster. Every operation is O(log n) unless it
/// says otherwise. Single operations are linearizable; scans are weakly consistent: an entry that is there throughout is
/// given exactly once, in order.
///
/// ```
/// use manicule_index::{TreeIndex, pin};
///
/// let index = TreeIndex::new();
/// let guard = pin();
/// index.insert("two".to_string(), 2, &guard);
/// index.insert("one".to_string(), 1, &guard);
/// assert_eq!(index.get("one", &guard), Some(&1));
/// let all: Vec<_> = index.range::<str, _>(.., &guard).map(|(_, &value)| value).collect();
/// assert_eq!(all, [1, 2]);
/// ```
pub struct TreeIndex<K: IndexKey + Clone, V, const ORDER: usize = 8> {
    tree: RawTree<Boxed<K, V>, ORDER>,
}

/// A new entry that is not in the tree yet.
struct Pending<K, V> {
    entry: *mut Entry<K, V>,
}

impl<K, V> Pending<K, V> {
    fn new(key: K, value: V) -> Self {
        Self { entry: Box::into_raw(Box::new(Entry { key, value })) }
    }

    /// The tree has it now.
    fn placed(self) {
        std::mem::forget(self);
    }
}

impl<K, V> Drop for Pending<K, V> {
    fn drop(&mut self) {
        // SAFETY: the entry came from a box and was not put in the tree.
        drop(unsafe { Box::from_raw(self.entry) });
    }
}

/// The value of an entry that was read under the guard of `'g`.
///
/// # Safety
///
/// `entry` was read from the tree under a guard that outlives `'g`.
unsafe fn value_of<'g, K, V>(entry: *mut Entry<K, V>) -> &'g V {
    // SAFETY: the caller guarantees that the entry lives that long.
    unsafe { &(*entry).value }
}

/// # Safety
///
/// As [`value_of`].
unsafe fn entry_of<'g, K, V>(entry: *mut Entry<K, V>) -> &'g Entry<K, V> {
    // SAFETY: the caller guarantees that the entry lives that long.
    unsafe { &*entry }
}

impl<K: IndexKey + Clone, V> TreeIndex<K, V> {
    /// An empty index. Allocates nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::with_order()
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
        let entry = self.tree.get(key, guard)?;
        // SAFETY: read under the guard.
        Some(unsafe { value_of(entry) })
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
    pub fn first<'g>(&'g self, guard: &'g Guard) -> Option<(&'g K, &'g V)> {
        self.range::<K, _>(.., guard).next()
    }

    /// The entry with the largest key.
    pub fn last<'g>(&'g self, guard: &'g Guard) -> Option<(&'g K, &'g V)> {
        self.range_rev::<K, _>(.., guard).next()
    }

    /// The entries inside `bounds`, smallest key first. Bounds that are empty or inverted hold none.
    pub fn range<'g, Q, R>(&'g self, bounds: R, guard: &'g Guard) -> Range<'g, K, V, Q, R>
    where
        K: Borrow<Q>,
        Q: IndexKey + ?Sized,
        R: RangeBounds<Q>,
    {
        Range { raw: RawRange::new(&self.tree, bounds, guard) }
    }

    /// The entries inside `bounds`, largest key first.
    pub fn range_rev<'g, Q, R>(&'g self, bounds: R, guard: &'g Guard) -> RangeRev<'g, K, V, Q, R>
    where
        K: Borrow<Q>,
        Q: IndexKey + ?Sized,
        R: RangeBounds<Q>,
    {
        RangeRev { raw: RawRange::new(&self.tree, bounds, guard) }
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

    /// Bytes of the nodes and entries, without what keys and values own elsewhere. O(1).
    #[must_use]
    pub fn memory_usage(&self) -> usize {
        self.tree.memory_usage()
    }
}

impl<K, V, const ORDER: usize> TreeIndex<K, V, ORDER>
where
    K: IndexKey + Clone + Send + Sync + 'static,
    V: Send + Sync + 'static,
{
    /// Puts `value` under `key` and gives the value that was there. One atomic step: no reader misses the key meanwhile.
    pub fn insert<'g>(&'g self, key: K, value: V, guard: &'g Guard) -> Option<&'g V> {
        let pending = Pending::new(key, value);
        // SAFETY: the entry is ours, and lives as long as the guard even if another writer removes it.
        let key = unsafe { &entry_of(pending.entry).key };
        let before = self.tree.edit(key, |_| Edit::Put(pending.entry), guard);
        pending.placed();
        // SAFETY: read under the guard.
        before.map(|entry| unsafe { value_of(entry) })
    }

    /// Puts `value` under `key` if there is none.
    ///
    /// # Errors
    ///
    /// [`Occupied`] gives the value that is there, and key and value back.
    pub fn try_insert<'g>(&'g self, key: K, value: V, guard: &'g Guard) -> Result<&'g V, Occupied<'g, K, V>> {
        let pending = Pending::new(key, value);
        // SAFETY: as in `insert`.
        let key = unsafe { &entry_of(pending.entry).key };
        let keep_or_put = |current: Option<_>| if current.is_some() { Edit::Keep } else { Edit::Put(pending.entry) };
        let current = self.tree.edit(key, keep_or_put, guard);
        let entry = pending.entry;
        pending.placed();
        let Some(current) = current else {
            // SAFETY: as in `insert`.
            return Ok(unsafe { value_of(entry) });
        };
        // SAFETY: the entry came from a box and is not in the tree.
        let Entry { key, value } = *unsafe { Box::from_raw(entry) };
        // SAFETY: read under the guard.
        Err(Occupied { current: unsafe { value_of(current) }, key, value })
    }

    /// Removes the entry of `key` and gives it.
    pub fn remove<'g, Q>(&'g self, key: &Q, guard: &'g Guard) -> Option<(&'g K, &'g V)>
    where
        K: Borrow<Q>,
        Q: IndexKey + ?Sized,
    {
        let remove = |current: Option<_>| if current.is_some() { Edit::Remove } else { Edit::Keep };
        let entry = self.tree.edit(key, remove, guard)?;
        // SAFETY: read under the guard.
        let entry = unsafe { entry_of(entry) };
        Some((&entry.key, &entry.value))
    }

    /// Removes every entry that is there when it begins; entries that come meanwhile may stay. O(n).
    pub fn clear(&self, guard: &Guard) {
        self.tree.clear(guard);
    }
}

/// The entries of a [`TreeIndex`] between two bounds, smallest key first.
pub struct Range<'g, K: IndexKey + Clone, V, Q: ?Sized, R> {
    raw: RawRange<'g, Boxed<K, V>, Q, R, Forward>,
}

/// The entries of a [`TreeIndex`] between two bounds, largest key first.
pub struct RangeRev<'g, K: IndexKey + Clone, V, Q: ?Sized, R> {
    raw: RawRange<'g, Boxed<K, V>, Q, R, Backward>,
}
