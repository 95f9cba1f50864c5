//! The tree of words: exact keys and word values inline.

use std::borrow::Borrow;
use std::ops::{ControlFlow, RangeBounds, RangeFull};

use super::append::Batch;
use super::bulk::Builder;
use super::edit::Edit;
use super::range::RawRange;
use super::raw::RawTree;
use super::scan::{Backward, Forward};
use super::shape::{TreeShape, TreeStats};
use super::store::Words;
use super::sweep::Broom;
use crate::guard::Guard;
use crate::key::{IndexKey, OrderedWord};
use crate::outcome::{Change, Changed};
use crate::word::Word;

/// An ordered index of exact keys (integers, floats, short tuples of them) to words such as row ids. Reads give copies.
///
/// The sibling of [`TreeIndex`](crate::TreeIndex) without boxes, with the same guarantees: an entry costs some 30 bytes after
/// random insertions and 21 after ordered ones, and a lookup misses the cache once less.
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
    pub fn get_many(&self, keys: &[K], values: &mut [Option<V>], guard: &Guard) {
        assert!(keys.len() <= values.len(), "a place for every value");
        self.tree.get_many(keys.iter(), |index, word| values[index] = word.map(V::from_word), guard);
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
    pub fn first(&self, guard: &Guard) -> Option<(K, V)> {
        self.iter(guard).next()
    }

    /// The entry with the largest key.
    pub fn last(&self, guard: &Guard) -> Option<(K, V)> {
        self.range_rev::<K, _>(.., guard).next()
    }

    /// All entries, smallest key first.
    pub fn iter<'g>(&'g self, guard: &'g Guard) -> WordRange<'g, K, V, K, RangeFull> {
        self.range(.., guard)
    }

    /// The entries inside `bounds`, smallest key first. Bounds that are empty or inverted hold none.
    ///
    /// The iterator is double-ended: both ends see writers' changes as they go, and meet where their keys do, so that an
    /// entry that is there throughout is given once. The first call of `next_back` descends the tree again and allocates.
    pub fn range<'g, Q, R>(&'g self, bounds: R, guard: &'g Guard) -> WordRange<'g, K, V, Q, R>
    where
        K: Borrow<Q>,
        Q: IndexKey + ?Sized,
        R: RangeBounds<Q>,
    {
        WordRange { raw: RawRange::new(&self.tree, bounds, guard) }
    }

    /// The entries inside `bounds`, largest key first. Bounds that are empty or inverted hold none.
    pub fn range_rev<'g, Q, R>(&'g self, bounds: R, guard: &'g Guard) -> WordRangeRev<'g, K, V, Q, R>
    where
        K: Borrow<Q>,
        Q: IndexKey + ?Sized,
        R: RangeBounds<Q>,
    {
        WordRangeRev { raw: RawRange::new(&self.tree, bounds, guard) }
    }

    /// Calls `visit` with the entries inside `bounds`, smallest key first, those of one leaf or of some neighbouring ones at a
    /// time: at most 56, and never none.
    pub fn for_each_leaf<Q, R>(&self, bounds: R, visit: impl FnMut(&[(K, V)]), guard: &Guard)
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
    pub fn split_points(&self, parts: usize, guard: &Guard) -> Vec<K> {
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

    /// The value under `key`, which `make` makes if there is none.
    pub fn get_or_insert_with(&self, key: K, make: impl FnOnce() -> V, guard: &Guard) -> V {
        if let Some(value) = self.get(&key, guard) {
            return value;
        }
        let value = make();
        self.try_insert(key, value, guard).map_or_else(|current| current, |()| value)
    }

    /// Puts under `key` what `value` makes of the value it has, or of `None`.
    ///
    /// `value` may run more than once when other threads change the key; what its last run gave is what happened.
    pub fn upsert(&self, key: K, mut value: impl FnMut(Option<V>) -> V, guard: &Guard) -> Changed<V> {
        self.compute(key, |before| Change::Put(value(before)), guard)
    }

    /// Replaces the value of `key`, if it has one, by what `value` makes of it.
    ///
    /// `value` may run more than once, as in [`upsert`](Self::upsert).
    pub fn update(&self, key: &K, mut value: impl FnMut(V) -> V, guard: &Guard) -> Changed<V> {
        self.compute(*key, |before| before.map_or(Change::Keep, |before| Change::Put(value(before))), guard)
    }

    /// Lets `change` decide what becomes of `key`, given the value it has.
    ///
    /// `change` may run more than once when other threads change the key; what its last run asked for is what happened.
    /// No lock is held while it runs, so it may use the index; but if it changes `key` each time, it runs for ever.
    pub fn compute(&self, key: K, mut change: impl FnMut(Option<V>) -> Change<V>, guard: &Guard) -> Changed<V> {
        let mut last = Change::Keep;
        let decide = |current: Option<u64>| {
            last = change(current.map(V::from_word));
            match last {
                Change::Keep => Edit::Keep,
                Change::Put(value) => Edit::Put(value.to_word()),
                Change::Remove => Edit::Remove,
            }
        };
        let before = self.tree.edit(&key, decide, guard).map(V::from_word);
        let after = match last {
            Change::Keep => before,
            Change::Put(value) => Some(value),
            Change::Remove => None,
        };
        Changed { before, after }
    }

    /// Puts `new` in the place of `current`, if the words of what is there and of `current` are equal; gives the value
    /// replaced.
    ///
    /// # Errors
    ///
    /// Gives the value that is there, if any.
    pub fn compare_exchange(&self, key: &K, current: V, new: V, guard: &Guard) -> Result<V, Option<V>> {
        let expected = Some(current.to_word());
        let exchange = |found| if found == expected { Edit::Put(new.to_word()) } else { Edit::Keep };
        let found = self.tree.edit(key, exchange, guard);
        match found.map(V::from_word) {
            Some(replaced) if found == expected => Ok(replaced),
            found => Err(found),
        }
    }

    /// Removes the entry of `key` and gives its value.
    pub fn remove<Q>(&self, key: &Q, guard: &Guard) -> Option<V>
    where
        K: Borrow<Q>,
        Q: IndexKey + ?Sized,
    {
        self.remove_if(key, |_| true, guard)
    }

    /// Removes the entry of `key` if `condition` holds for its value; gives the value if it went.
    ///
    /// `condition` may run more than once when other threads change the key.
    pub fn remove_if<Q>(&self, key: &Q, mut condition: impl FnMut(V) -> bool, guard: &Guard) -> Option<V>
    where
        K: Borrow<Q>,
        Q: IndexKey + ?Sized,
    {
        let mut removed = false;
        let decide = |current: Option<u64>| {
            removed = current.is_some_and(|word| condition(V::from_word(word)));
            if removed { Edit::Remove } else { Edit::Keep }
        };
        let before = self.tree.edit(key, decide, guard);
        before.filter(|_| removed).map(V::from_word)
    }

    /// Removes the entries inside `bounds` and gives their number. Each leaf is one atomic step, the whole is not: entries
    /// that come meanwhile may stay. O(entries inside).
    pub fn remove_range<Q, R>(&self, bounds: R, guard: &Guard) -> usize
    where
        K: Borrow<Q>,
        Q: IndexKey + ?Sized,
        R: RangeBounds<Q>,
    {
        self.tree.sweep(bounds, &mut Sweep { doomed: |_: K, _: V| true }, guard)
    }

    /// Removes every entry for which `keep` does not hold. O(n).
    ///
    /// Entries inserted meanwhile may or may not be asked about. An entry whose value is replaced meanwhile is asked about
    /// again before it goes.
    pub fn retain(&self, mut keep: impl FnMut(K, V) -> bool, guard: &Guard) {
        let doomed = |key: K, value: V| !keep(key, value);
        self.tree.sweep::<K, _, _>(.., &mut Sweep { doomed }, guard);
    }

    /// Removes the entry with the smallest key and gives it. A smaller key that is inserted meanwhile may stay.
    pub fn pop_first(&self, guard: &Guard) -> Option<(K, V)> {
        loop {
            let (key, _) = self.first(guard)?;
            if let Some(value) = self.remove(&key, guard) {
                return Some((key, value));
            }
        }
    }

    /// Removes the entry with the largest key and gives it. A larger key that is inserted meanwhile may stay.
    pub fn pop_last(&self, guard: &Guard) -> Option<(K, V)> {
        loop {
            let (key, _) = self.last(guard)?;
            if let Some(value) = self.remove(&key, guard) {
                return Some((key, value));
            }
        }
    }

    /// Removes every entry that is there when it begins; entries that come meanwhile may stay. O(n).
    pub fn clear(&self, guard: &Guard) {
        self.tree.clear(guard);
    }

    /// Builds an index from entries in ascending order, many times as fast as by insertions and with full leaves. Of
    /// entries with equal keys the last one counts. O(n).
    ///
    /// # Panics
    ///
    /// If a key is smaller than the one before.
    pub fn from_sorted(entries: impl IntoIterator<Item = (K, V)>) -> Self {
        let mut builder = Builder::<Words<K, V>, ORDER>::new();
        let mut last = None;
        for (key, value) in entries {
            let word = key.word(0);
            assert!(last <= Some(word), "the entries must be sorted by key");
            if last == Some(word) {
                builder.replace_last(value.to_word());
            } else {
                builder.push(word, value.to_word());
            }
            last = Some(word);
        }
        let mut index = Self::with_order();
        builder.finish(&mut index.tree);
        index
    }

    /// Inserts entries in the order in which they come. Those that ascend beyond the largest key go in some fifty at a time:
    /// they fill one leaf after the other to the brim and cost little more than in [`from_sorted`](Self::from_sorted). Others
    /// are inserted one by one; of entries with equal keys the last one counts.
    ///
    /// Whoever sees an entry finds from then on those that came before it. Up to some fifty entries that the iterator gave
    /// are not inserted yet when it is asked for the next one, and are dropped if it panics.
    pub fn append_sorted(&self, entries: impl IntoIterator<Item = (K, V)>, guard: &Guard) {
        let mut batch = Batch::new(&self.tree, guard);
        let key = |word, _| K::from_key_word(word);
        for (next, value) in entries {
            let word = next.word(0);
            if batch.is_full() || batch.last().is_some_and(|(last, _)| last >= word) {
                batch.insert(key);
            }
            batch.push(word, value.to_word());
        }
        batch.insert(key);
    }
}

/// Takes what `doomed` says.
struct Sweep<F> {
    doomed: F,
}

impl<K: OrderedWord, V: Word, F: FnMut(K, V) -> bool> Broom<Words<K, V>> for Sweep<F> {
    type Key = K;

    fn takes(&mut self, word: u64, slot: u64) -> bool {
        (self.doomed)(K::from_key_word(word), V::from_word(slot))
    }

    fn key(&self, word: u64, _slot: u64) -> K {
        K::from_key_word(word)
    }
}

/// The entries of a [`WordTreeIndex`] between two bounds, smallest key first.
#[must_use = "iterators do nothing unless they are asked"]
pub struct WordRange<'g, K: OrderedWord, V: Word, Q: ?Sized, R> {
    pub(super) raw: RawRange<'g, Words<K, V>, Q, R, Forward>,
}

/// The entries of a [`WordTreeIndex`] between two bounds, largest key first.
#[must_use = "iterators do nothing unless they are asked"]
pub struct WordRangeRev<'g, K: OrderedWord, V: Word, Q: ?Sized, R> {
    pub(super) raw: RawRange<'g, Words<K, V>, Q, R, Backward>,
}
