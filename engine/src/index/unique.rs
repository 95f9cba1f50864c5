//! The directories of a unique index: a hash for points, a tree for ranges, or both.
//!
//! An entry maps a key to a row id. While the old holder of a key is still visible to some snapshot and a new row has
//! taken it over, two rows are candidates: the entry then says [`SEVERAL`] and the list is in `several`. Writers put
//! the list there first and take it away last, so a reader that meets `SEVERAL` without a list reads the entry again.

use std::borrow::Borrow;
use std::hash::Hash;
use std::ops::Bound;
use std::ops::ControlFlow;

use manicule_index::{Guard, HashIndex, TreeIndex, WordHashIndex, WordTreeIndex};
use smallvec::SmallVec;

use crate::ids::RowId;
use crate::range::Direction;

/// The entry's value where a key has several candidates. No row id is that large.
const SEVERAL: u64 = u64::MAX;

/// The candidates of a key that has several.
type RowIds = SmallVec<[u64; 4]>;

/// A map from keys to one word, with reads that are lock-free.
pub(crate) trait PointMap<Q: ?Sized> {
    fn empty() -> Self;
    fn get(&self, key: &Q, guard: &Guard) -> Option<u64>;
    fn insert(&self, key: &Q, row_id: u64, guard: &Guard);
    fn remove(&self, key: &Q, guard: &Guard);
    fn len(&self) -> usize;
    fn memory_usage(&self) -> usize;
}

/// A map that is ordered too.
pub(crate) trait OrderedMap<Q: ?Sized>: PointMap<Q> {
    fn range<B>(
        &self,
        bounds: (Bound<&Q>, Bound<&Q>),
        direction: Direction,
        guard: &Guard,
        visit: impl FnMut(&Q, u64) -> ControlFlow<B>,
    ) -> ControlFlow<B>;
    fn estimate_range(&self, bounds: (Bound<&Q>, Bound<&Q>), guard: &Guard) -> u64;
}

/// The directories of a unique index with keys of type `K`, looked up by `Q`.
pub(crate) struct UniqueIndex<K, P, O> {
    pub(super) hash: Option<P>,
    pub(super) tree: Option<O>,
    several: HashIndex<K, RowIds>,
}

/// Which directories an index has.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Directories {
    pub(crate) hash: bool,
    pub(crate) tree: bool,
}

impl<K, P, O> UniqueIndex<K, P, O>
where
    K: Hash + Eq + Send + Sync + 'static,
{
    pub(crate) fn new<Q: ?Sized>(directories: Directories) -> Self
    where
        P: PointMap<Q>,
        O: OrderedMap<Q>,
    {
        Self { hash: directories.hash.then(P::empty), tree: directories.tree.then(O::empty), several: HashIndex::new() }
    }

    /// All rows that may have the key.
    #[inline]
    pub(crate) fn candidates<Q, B>(
        &self,
        key: &Q,
        guard: &Guard,
        mut visit: impl FnMut(RowId) -> ControlFlow<B>,
    ) -> ControlFlow<B>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
        P: PointMap<Q>,
        O: OrderedMap<Q>,
    {
        match self.get(key, guard) {
            None => ControlFlow::Continue(()),
            Some(SEVERAL) => self.list(key, guard).iter().try_for_each(|row_id| visit(RowId(*row_id))),
            Some(row_id) => visit(RowId(row_id)),
        }
    }

    /// The entry, from the hash if there is one.
    #[inline]
    fn get<Q>(&self, key: &Q, guard: &Guard) -> Option<u64>
    where
        Q: ?Sized,
        P: PointMap<Q>,
        O: OrderedMap<Q>,
    {
        match (&self.hash, &self.tree) {
            (Some(hash), _) => hash.get(key, guard),
            (None, Some(tree)) => tree.get(key, guard),
            (None, None) => None,
        }
    }

    /// The candidates of a key whose entry said `SEVERAL`, in order.
    #[cold]
    fn list<Q>(&self, key: &Q, guard: &Guard) -> RowIds
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
        P: PointMap<Q>,
        O: OrderedMap<Q>,
    {
        loop {
            if let Some(list) = self.several.get(key, guard) {
                return list.clone();
            }
            match self.get(key, guard) {
                None => return RowIds::new(),
                // The list is put in place before the entry says so, and taken away after: look again.
                Some(SEVERAL) => {}
                Some(row_id) => return RowIds::from_slice(&[row_id]),
            }
        }
    }

    /// Adds a candidate. Only the commit calls this.
    pub(crate) fn insert<Q>(&self, key: &Q, row_id: RowId, guard: &Guard)
    where
        K: Borrow<Q> + From<Q::Owned>,
        Q: Hash + Eq + ToOwned + ?Sized,
        P: PointMap<Q>,
        O: OrderedMap<Q>,
    {
        let mut list = match self.get(key, guard) {
            None => return self.put(key, row_id.0, guard),
            Some(SEVERAL) => self.list(key, guard),
            Some(other) => RowIds::from_slice(&[other]),
        };
        if !list.contains(&row_id.0) {
            list.push(row_id.0);
            list.sort_unstable();
            self.put_list(key, list, guard);
        }
    }

    /// Takes a candidate away. Only the commit calls this.
    pub(crate) fn remove<Q>(&self, key: &Q, row_id: RowId, guard: &Guard)
    where
        K: Borrow<Q> + From<Q::Owned>,
        Q: Hash + Eq + ToOwned + ?Sized,
        P: PointMap<Q>,
        O: OrderedMap<Q>,
    {
        match self.get(key, guard) {
            Some(SEVERAL) => {
                let mut list = self.list(key, guard);
                list.retain(|other| *other != row_id.0);
                self.put_list(key, list, guard);
            }
            Some(other) if other == row_id.0 => {
                self.hash.iter().for_each(|hash| hash.remove(key, guard));
                self.tree.iter().for_each(|tree| tree.remove(key, guard));
            }
            Some(_) | None => {}
        }
    }

    /// Adds an entry to the tree alone, if there is one: a key with NULL in it, which no equality finds.
    pub(crate) fn insert_in_tree<Q>(&self, key: &Q, row_id: RowId, guard: &Guard)
    where
        Q: ?Sized,
        O: OrderedMap<Q>,
    {
        self.tree.iter().for_each(|tree| tree.insert(key, row_id.0, guard));
    }

    /// Takes an entry out of the tree alone.
    pub(crate) fn remove_from_tree<Q>(&self, key: &Q, guard: &Guard)
    where
        Q: ?Sized,
        O: OrderedMap<Q>,
    {
        self.tree.iter().for_each(|tree| tree.remove(key, guard));
    }

    fn put<Q>(&self, key: &Q, word: u64, guard: &Guard)
    where
        Q: ?Sized,
        P: PointMap<Q>,
        O: OrderedMap<Q>,
    {
        self.hash.iter().for_each(|hash| hash.insert(key, word, guard));
        self.tree.iter().for_each(|tree| tree.insert(key, word, guard));
    }

    fn put_list<Q>(&self, key: &Q, list: RowIds, guard: &Guard)
    where
        K: Borrow<Q> + From<Q::Owned>,
        Q: Hash + Eq + ToOwned + ?Sized,
        P: PointMap<Q>,
        O: OrderedMap<Q>,
    {
        if let [row_id] = list[..] {
            self.put(key, row_id, guard);
            self.several.remove(key, guard);
        } else {
            self.several.insert(K::from(key.to_owned()), list, guard);
            self.put(key, SEVERAL, guard);
        }
    }

    /// All entries with keys in the bounds, in order; the keys' candidates one after the other.
    pub(crate) fn range<Q, B>(
        &self,
        bounds: (Bound<&Q>, Bound<&Q>),
        direction: Direction,
        guard: &Guard,
        mut visit: impl FnMut(&Q, RowId) -> ControlFlow<B>,
    ) -> ControlFlow<B>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
        P: PointMap<Q>,
        O: OrderedMap<Q>,
    {
        let Some(tree) = &self.tree else { return ControlFlow::Continue(()) };
        tree.range(bounds, direction, guard, |key, word| match word {
            SEVERAL => self.list(key, guard).iter().try_for_each(|row_id| visit(key, RowId(*row_id))),
            row_id => visit(key, RowId(row_id)),
        })
    }

    /// About how many entries lie in the bounds.
    pub(crate) fn estimate_range<Q>(&self, bounds: (Bound<&Q>, Bound<&Q>), guard: &Guard) -> u64
    where
        Q: ?Sized,
        P: PointMap<Q>,
        O: OrderedMap<Q>,
    {
        self.tree.as_ref().map_or(0, |tree| tree.estimate_range(bounds, guard))
    }

    /// How many keys there are.
    pub(crate) fn len<Q>(&self) -> usize
    where
        Q: ?Sized,
        P: PointMap<Q>,
        O: OrderedMap<Q>,
    {
        self.hash.as_ref().map(P::len).or(self.tree.as_ref().map(O::len)).unwrap_or(0)
    }

    pub(crate) fn memory_usage<Q>(&self) -> usize
    where
        Q: ?Sized,
        P: PointMap<Q>,
        O: OrderedMap<Q>,
    {
        self.hash.as_ref().map_or(0, P::memory_usage) + self.tree.as_ref().map_or(0, O::memory_usage)
    }
}

impl PointMap<u64> for WordHashIndex<u64, u64> {
    fn empty() -> Self {
        Self::new()
    }
    #[inline]
    fn get(&self, key: &u64, guard: &Guard) -> Option<u64> {
        self.get(key, guard)
    }
    fn insert(&self, key: &u64, row_id: u64, guard: &Guard) {
        self.insert(*key, row_id, guard);
    }
    fn remove(&self, key: &u64, guard: &Guard) {
        self.remove(key, guard);
    }
    fn len(&self) -> usize {
        self.len()
    }
    fn memory_usage(&self) -> usize {
        self.memory_usage()
    }
}

impl PointMap<[u8]> for HashIndex<Box<[u8]>, u64> {
    fn empty() -> Self {
        Self::new()
    }
    #[inline]
    fn get(&self, key: &[u8], guard: &Guard) -> Option<u64> {
        self.get(key, guard).copied()
    }
    fn insert(&self, key: &[u8], row_id: u64, guard: &Guard) {
        self.insert(key.into(), row_id, guard);
    }
    fn remove(&self, key: &[u8], guard: &Guard) {
        self.remove(key, guard);
    }
    fn len(&self) -> usize {
        self.len()
    }
    fn memory_usage(&self) -> usize {
        self.memory_usage()
    }
}

impl PointMap<u64> for WordTreeIndex<u64, u64> {
    fn empty() -> Self {
        Self::new()
    }
    #[inline]
    fn get(&self, key: &u64, guard: &Guard) -> Option<u64> {
        self.get(key, guard)
    }
    fn insert(&self, key: &u64, row_id: u64, guard: &Guard) {
        self.insert(*key, row_id, guard);
    }
    fn remove(&self, key: &u64, guard: &Guard) {
        self.remove(key, guard);
    }
    fn len(&self) -> usize {
        self.len()
    }
    fn memory_usage(&self) -> usize {
        self.memory_usage()
    }
}

impl OrderedMap<u64> for WordTreeIndex<u64, u64> {
    fn range<B>(
        &self,
        (lower, upper): (Bound<&u64>, Bound<&u64>),
        direction: Direction,
        guard: &Guard,
        mut visit: impl FnMut(&u64, u64) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        let bounds = (lower.cloned(), upper.cloned());
        match direction {
            Direction::Forward => self.range::<u64, _>(bounds, guard).try_for_each(|(key, row_id)| visit(&key, row_id)),
            Direction::Backward => {
                self.range_rev::<u64, _>(bounds, guard).try_for_each(|(key, row_id)| visit(&key, row_id))
            }
        }
    }

    fn estimate_range(&self, (lower, upper): (Bound<&u64>, Bound<&u64>), guard: &Guard) -> u64 {
        self.estimate_range::<u64, _>((lower.cloned(), upper.cloned()), guard) as u64
    }
}

impl PointMap<[u8]> for TreeIndex<Box<[u8]>, u64> {
    fn empty() -> Self {
        Self::new()
    }
    #[inline]
    fn get(&self, key: &[u8], guard: &Guard) -> Option<u64> {
        self.get(key, guard).copied()
    }
    fn insert(&self, key: &[u8], row_id: u64, guard: &Guard) {
        self.insert(key.into(), row_id, guard);
    }
    fn remove(&self, key: &[u8], guard: &Guard) {
        self.remove(key, guard);
    }
    fn len(&self) -> usize {
        self.len()
    }
    fn memory_usage(&self) -> usize {
        self.memory_usage()
    }
}

impl OrderedMap<[u8]> for TreeIndex<Box<[u8]>, u64> {
    fn range<B>(
        &self,
        bounds: (Bound<&[u8]>, Bound<&[u8]>),
        direction: Direction,
        guard: &Guard,
        mut visit: impl FnMut(&[u8], u64) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        match direction {
            Direction::Forward => {
                self.range::<[u8], _>(bounds, guard).try_for_each(|(key, row_id)| visit(key, *row_id))
            }
            Direction::Backward => {
                self.range_rev::<[u8], _>(bounds, guard).try_for_each(|(key, row_id)| visit(key, *row_id))
            }
        }
    }

    fn estimate_range(&self, bounds: (Bound<&[u8]>, Bound<&[u8]>), guard: &Guard) -> u64 {
        self.estimate_range::<[u8], _>(bounds, guard) as u64
    }
}
