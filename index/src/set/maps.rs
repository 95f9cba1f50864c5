//! The structures of this crate as the maps of a unique index.

use std::borrow::Borrow;
use std::hash::Hash;
use std::ops::{Bound, ControlFlow};

use smallvec::SmallVec;

use crate::guard::Guard;
use crate::hash::{Equivalent, HashIndex, HashShape, WordHashIndex};
use crate::key::{Direction, IndexKey};
use crate::tree::{TreeIndex, TreeShape, WordTreeIndex};
use crate::word::Words;

/// The words of a row id, and the structures that map keys to them: inline where one word is enough.
pub trait RowWords: Words {
    /// An entry's value where a key has several candidates.
    const SEVERAL: Self;
    /// From word keys, hashed.
    type WordHash: PointMap<u64, Self>;
    /// From word keys, ordered.
    type WordTree: OrderedMap<u64, Self>;
    /// From byte keys, hashed.
    type ByteHash: PointMap<[u8], Self>;
    /// From byte keys, ordered.
    type ByteTree: OrderedMap<[u8], Self>;
}

impl RowWords for [u64; 1] {
    const SEVERAL: Self = [u64::MAX];
    type WordHash = WordHashIndex<u64, u64>;
    type WordTree = WordTreeIndex<u64, u64>;
    type ByteHash = HashIndex<Box<[u8]>, [u64; 1]>;
    type ByteTree = TreeIndex<Box<[u8]>, [u64; 1]>;
}

impl RowWords for [u64; 2] {
    const SEVERAL: Self = [u64::MAX; 2];
    type WordHash = HashIndex<u64, [u64; 2]>;
    type WordTree = TreeIndex<u64, [u64; 2]>;
    type ByteHash = HashIndex<Box<[u8]>, [u64; 2]>;
    type ByteTree = TreeIndex<Box<[u8]>, [u64; 2]>;
}

/// A map from keys to the words of a row id, with reads that are lock-free.
pub trait PointMap<Q: ToOwned + ?Sized, W>: Send + Sync + 'static {
    /// An empty map with room for so many keys.
    fn with_capacity(capacity: usize) -> Self;
    /// The words under a key.
    fn get(&self, key: &Q, guard: &Guard) -> Option<W>;
    /// The words under each of some keys; misses overlap.
    fn get_many(&self, keys: &[&Q], words: &mut [Option<W>], guard: &Guard);
    /// Makes room for so many keys that are about to come, if that spares it growing step by step.
    fn make_room(&self, additional: usize, guard: &Guard) {
        let _ = (additional, guard);
    }
    /// Puts words under a key.
    fn insert(&self, key: &Q, words: W, guard: &Guard);
    /// Puts words under a key that has none, or says which it has.
    fn try_insert(&self, key: &Q, words: W, guard: &Guard) -> Result<(), W>;
    /// Takes a key away.
    fn remove(&self, key: &Q, guard: &Guard);
    /// How many keys there are.
    fn len(&self) -> usize;
    /// Bytes of the map.
    fn memory_usage(&self) -> usize;
    /// What it looks like, if it is a hash.
    fn hash_shape(&self) -> Option<HashShape> {
        None
    }
    /// What it looks like, if it is a tree.
    fn tree_shape(&self, guard: &Guard) -> Option<TreeShape> {
        let _ = guard;
        None
    }
}

/// A map that is ordered too.
pub trait OrderedMap<Q: ToOwned + ?Sized, W>: PointMap<Q, W> {
    /// A map of entries that come in order of key.
    fn from_sorted<'k>(entries: impl Iterator<Item = (&'k Q, W)>) -> Self
    where
        Q: 'k;
    /// Puts words under keys that come in order, behind all that are there.
    fn append_sorted<'k>(&self, entries: impl Iterator<Item = (&'k Q, W)>, guard: &Guard)
    where
        Q: 'k;
    /// The entries within bounds, in order.
    fn range<B>(
        &self,
        bounds: (Bound<&Q>, Bound<&Q>),
        direction: Direction,
        guard: &Guard,
        visit: impl FnMut(&Q, W) -> ControlFlow<B>,
    ) -> ControlFlow<B>;
    /// How many entries lie within bounds, exactly while nobody writes; asks now and then whether to go on.
    fn count_range<B>(
        &self,
        bounds: (Bound<&Q>, Bound<&Q>),
        guard: &Guard,
        go_on: impl FnMut() -> ControlFlow<B>,
    ) -> ControlFlow<B, u64>;
    /// About how many entries lie within bounds.
    fn estimate_range(&self, bounds: (Bound<&Q>, Bound<&Q>), guard: &Guard) -> u64;
}

/// What the two structures of plain words have in common.
macro_rules! word_map {
    ($map:ident) => {
        #[inline]
        fn get(&self, key: &u64, guard: &Guard) -> Option<[u64; 1]> {
            $map::get(self, key, guard).map(|word| [word])
        }
        fn get_many(&self, keys: &[&u64], words: &mut [Option<[u64; 1]>], guard: &Guard) {
            let keys: SmallVec<[u64; 32]> = keys.iter().map(|key| **key).collect();
            let mut found: SmallVec<[Option<u64>; 32]> = SmallVec::from_elem(None, keys.len());
            $map::get_many(self, &keys, &mut found, guard);
            words.iter_mut().zip(found).for_each(|(words, found)| *words = found.map(|word| [word]));
        }
        fn insert(&self, key: &u64, [word]: [u64; 1], guard: &Guard) {
            $map::insert(self, *key, word, guard);
        }
        fn try_insert(&self, key: &u64, [word]: [u64; 1], guard: &Guard) -> Result<(), [u64; 1]> {
            $map::try_insert(self, *key, word, guard).map_err(|word| [word])
        }
        fn remove(&self, key: &u64, guard: &Guard) {
            $map::remove(self, key, guard);
        }
        fn len(&self) -> usize {
            $map::len(self)
        }
        fn memory_usage(&self) -> usize {
            $map::memory_usage(self)
        }
    };
}

/// What the two structures of boxed entries have in common.
macro_rules! boxed_map {
    ($map:ident) => {
        #[inline]
        fn get(&self, key: &Q, guard: &Guard) -> Option<W> {
            $map::get(self, key, guard).copied()
        }
        fn get_many(&self, keys: &[&Q], words: &mut [Option<W>], guard: &Guard) {
            let mut found: SmallVec<[Option<&W>; 32]> = SmallVec::from_elem(None, keys.len());
            $map::get_many(self, keys, &mut found, guard);
            words.iter_mut().zip(found).for_each(|(words, found)| *words = found.copied());
        }
        fn insert(&self, key: &Q, words: W, guard: &Guard) {
            $map::insert(self, K::from(key.to_owned()), words, guard);
        }
        fn try_insert(&self, key: &Q, words: W, guard: &Guard) -> Result<(), W> {
            let inserted = $map::try_insert(self, K::from(key.to_owned()), words, guard);
            inserted.map(drop).map_err(|occupied| *occupied.current)
        }
        fn remove(&self, key: &Q, guard: &Guard) {
            $map::remove(self, key, guard);
        }
        fn len(&self) -> usize {
            $map::len(self)
        }
        fn memory_usage(&self) -> usize {
            $map::memory_usage(self)
        }
    };
}

impl PointMap<u64, [u64; 1]> for WordHashIndex<u64, u64> {
    fn with_capacity(capacity: usize) -> Self {
        Self::with_capacity(capacity)
    }
    fn make_room(&self, additional: usize, guard: &Guard) {
        Self::make_room(self, additional, guard);
    }
    fn hash_shape(&self) -> Option<HashShape> {
        Some(self.shape())
    }
    word_map!(WordHashIndex);
}

impl PointMap<u64, [u64; 1]> for WordTreeIndex<u64, u64> {
    fn with_capacity(_capacity: usize) -> Self {
        Self::new()
    }
    fn tree_shape(&self, guard: &Guard) -> Option<TreeShape> {
        Some(self.shape(guard))
    }
    word_map!(WordTreeIndex);
}

impl OrderedMap<u64, [u64; 1]> for WordTreeIndex<u64, u64> {
    fn from_sorted<'k>(entries: impl Iterator<Item = (&'k u64, [u64; 1])>) -> Self {
        Self::from_sorted(entries.map(|(key, [word])| (*key, word)))
    }

    fn append_sorted<'k>(&self, entries: impl Iterator<Item = (&'k u64, [u64; 1])>, guard: &Guard) {
        Self::append_sorted(self, entries.map(|(key, [word])| (*key, word)), guard);
    }

    fn range<B>(
        &self,
        (lower, upper): (Bound<&u64>, Bound<&u64>),
        direction: Direction,
        guard: &Guard,
        mut visit: impl FnMut(&u64, [u64; 1]) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        let bounds = (lower.cloned(), upper.cloned());
        let mut each = |(key, word)| visit(&key, [word]);
        match direction {
            Direction::Ascending => self.range::<u64, _>(bounds, guard).try_for_each(&mut each),
            Direction::Descending => self.range_rev::<u64, _>(bounds, guard).try_for_each(&mut each),
        }
    }

    fn count_range<B>(
        &self,
        (lower, upper): (Bound<&u64>, Bound<&u64>),
        guard: &Guard,
        go_on: impl FnMut() -> ControlFlow<B>,
    ) -> ControlFlow<B, u64> {
        self.try_count_range::<u64, _, B>((lower.cloned(), upper.cloned()), guard, go_on)
            .map_continue(|count| count as u64)
    }

    fn estimate_range(&self, (lower, upper): (Bound<&u64>, Bound<&u64>), guard: &Guard) -> u64 {
        self.estimate_range::<u64, _>((lower.cloned(), upper.cloned()), guard) as u64
    }
}

impl<K, Q, W> PointMap<Q, W> for HashIndex<K, W>
where
    K: Hash + Eq + From<Q::Owned> + Send + Sync + 'static,
    Q: Hash + Equivalent<K> + ToOwned + ?Sized,
    W: Copy + Send + Sync + 'static,
{
    fn with_capacity(capacity: usize) -> Self {
        Self::with_capacity(capacity)
    }
    fn make_room(&self, additional: usize, guard: &Guard) {
        Self::make_room(self, additional, guard);
    }
    fn hash_shape(&self) -> Option<HashShape> {
        Some(self.shape())
    }
    boxed_map!(HashIndex);
}

impl<K, Q, W> PointMap<Q, W> for TreeIndex<K, W>
where
    K: IndexKey + Clone + Borrow<Q> + From<Q::Owned> + Send + Sync + 'static,
    Q: IndexKey + ToOwned + ?Sized,
    W: Copy + Send + Sync + 'static,
{
    fn with_capacity(_capacity: usize) -> Self {
        Self::new()
    }
    fn tree_shape(&self, guard: &Guard) -> Option<TreeShape> {
        Some(self.shape(guard))
    }
    boxed_map!(TreeIndex);
}

impl<K, Q, W> OrderedMap<Q, W> for TreeIndex<K, W>
where
    K: IndexKey + Clone + Borrow<Q> + From<Q::Owned> + Send + Sync + 'static,
    Q: IndexKey + ToOwned + ?Sized,
    W: Copy + Send + Sync + 'static,
{
    fn from_sorted<'k>(entries: impl Iterator<Item = (&'k Q, W)>) -> Self
    where
        Q: 'k,
    {
        Self::from_sorted(entries.map(|(key, words)| (K::from(key.to_owned()), words)))
    }

    fn append_sorted<'k>(&self, entries: impl Iterator<Item = (&'k Q, W)>, guard: &Guard)
    where
        Q: 'k,
    {
        Self::append_sorted(self, entries.map(|(key, words)| (K::from(key.to_owned()), words)), guard);
    }

    fn range<B>(
        &self,
        bounds: (Bound<&Q>, Bound<&Q>),
        direction: Direction,
        guard: &Guard,
        mut visit: impl FnMut(&Q, W) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        let mut each = |(key, words): (&K, &W)| visit(key.borrow(), *words);
        match direction {
            Direction::Ascending => self.range::<Q, _>(bounds, guard).try_for_each(&mut each),
            Direction::Descending => self.range_rev::<Q, _>(bounds, guard).try_for_each(&mut each),
        }
    }

    fn count_range<B>(
        &self,
        bounds: (Bound<&Q>, Bound<&Q>),
        guard: &Guard,
        go_on: impl FnMut() -> ControlFlow<B>,
    ) -> ControlFlow<B, u64> {
        self.try_count_range::<Q, _, B>(bounds, guard, go_on).map_continue(|count| count as u64)
    }

    fn estimate_range(&self, bounds: (Bound<&Q>, Bound<&Q>), guard: &Guard) -> u64 {
        self.estimate_range::<Q, _>(bounds, guard) as u64
    }
}
