//! The directories of a unique index: a hash for points, a tree for ranges, or both.
//!
//! An entry maps a key to a row id. While the old holder of a key is still visible to some snapshot and a new row has
//! taken it over, two rows are candidates: the entry then says [`SEVERAL`](RowWords::SEVERAL) and the list is in
//! `several`. Writers put the list there first and take it away last, so a reader that meets `SEVERAL` without a list
//! reads the entry again. (A row id whose own words are those of `SEVERAL` is kept in a list of one.)

use std::borrow::Borrow;
use std::hash::Hash;
use std::ops::{Bound, ControlFlow};

use smallvec::SmallVec;

use super::definition::{RowId, Structure};
use super::maps::{OrderedMap, PointMap, RowWords};
use crate::guard::Guard;
use crate::hash::{HashIndex, HashShape};
use crate::key::Direction;
use crate::tree::TreeShape;

/// The candidates of a key that has several, in order.
type RowIds<R> = SmallVec<[R; 4]>;

/// How many rows are candidates under a key, now that one was added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Candidates {
    /// The row that was added is the only one.
    One,
    /// There are others.
    Several,
}

/// What a unique index knows at once of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SoleCandidate<R> {
    /// No row has the key.
    None,
    /// This row alone may have it.
    Row(R),
    /// There may be several: [`candidates`](super::CandidateIndex::candidates) are to be asked for.
    Unknown,
}

/// The directories of a unique index with keys of type `K`, whose borrowed form is a key of `P` and `O`.
pub(super) struct UniqueEntries<K, R, P, O> {
    hash: Option<P>,
    tree: Option<O>,
    several: HashIndex<K, RowIds<R>>,
}

impl<K, R, P, O> UniqueEntries<K, R, P, O>
where
    K: Hash + Eq + Send + Sync + 'static,
    R: RowId,
{
    /// The directories of entries in whatever order; `repeated` is told each key that has several candidates.
    pub(super) fn from_entries<Q>(structure: Structure, mut entries: Vec<(K, R)>, mut repeated: impl FnMut(&Q)) -> Self
    where
        K: Ord + Borrow<Q> + From<Q::Owned>,
        Q: Hash + Eq + ToOwned + ?Sized,
        P: PointMap<Q, R::Words>,
        O: OrderedMap<Q, R::Words>,
    {
        let guard = crate::pin();
        entries.sort_unstable();
        entries.dedup();
        let several: HashIndex<K, RowIds<R>> = HashIndex::new();
        let mut words: Vec<(&Q, R::Words)> = Vec::with_capacity(entries.len());
        for same in entries.chunk_by(|(left, _), (right, _)| left == right) {
            let (key, row) = (same[0].0.borrow(), same[0].1);
            if same.len() > 1 {
                repeated(key);
            }
            if same.len() > 1 || row.to_words() == R::Words::SEVERAL {
                several.insert(K::from(key.to_owned()), same.iter().map(|(_, row)| *row).collect(), &guard);
                words.push((key, R::Words::SEVERAL));
            } else {
                words.push((key, row.to_words()));
            }
        }
        let hash = structure.has_hash().then(|| {
            let hash = P::with_capacity(words.len());
            words.iter().for_each(|(key, words)| hash.insert(key, *words, &guard));
            hash
        });
        let tree = structure.has_tree().then(|| O::from_sorted(words.into_iter()));
        Self { hash, tree, several }
    }

    /// The only row that may have the key, if it is known at once.
    #[inline]
    pub(super) fn sole_candidate<Q>(&self, key: &Q, guard: &Guard) -> SoleCandidate<R>
    where
        Q: ToOwned + ?Sized,
        P: PointMap<Q, R::Words>,
        O: OrderedMap<Q, R::Words>,
    {
        match self.get(key, guard) {
            None => SoleCandidate::None,
            Some(words) if words == R::Words::SEVERAL => SoleCandidate::Unknown,
            Some(words) => SoleCandidate::Row(R::from_words(words)),
        }
    }

    /// All rows that may have the key.
    #[inline]
    pub(super) fn candidates<Q, B>(
        &self,
        key: &Q,
        guard: &Guard,
        mut visit: impl FnMut(R) -> ControlFlow<B>,
    ) -> ControlFlow<B>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToOwned + ?Sized,
        P: PointMap<Q, R::Words>,
        O: OrderedMap<Q, R::Words>,
    {
        match self.get(key, guard) {
            None => ControlFlow::Continue(()),
            Some(words) if words == R::Words::SEVERAL => self.list(key, guard).into_iter().try_for_each(visit),
            Some(words) => visit(R::from_words(words)),
        }
    }

    /// All rows that may have each of the keys, whose misses overlap; `visit` is told the position of the key.
    pub(super) fn candidates_many<Q, B>(
        &self,
        keys: &[&Q],
        guard: &Guard,
        mut visit: impl FnMut(usize, R) -> ControlFlow<B>,
    ) -> ControlFlow<B>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToOwned + ?Sized,
        P: PointMap<Q, R::Words>,
        O: OrderedMap<Q, R::Words>,
    {
        let mut found: SmallVec<[Option<R::Words>; 32]> = SmallVec::from_elem(None, keys.len());
        match (&self.hash, &self.tree) {
            (Some(hash), _) => hash.get_many(keys, &mut found, guard),
            (None, Some(tree)) => tree.get_many(keys, &mut found, guard),
            (None, None) => {}
        }
        for (position, words) in found.into_iter().enumerate() {
            match words {
                None => {}
                Some(words) if words == R::Words::SEVERAL => {
                    self.list(keys[position], guard).into_iter().try_for_each(|row| visit(position, row))?;
                }
                Some(words) => visit(position, R::from_words(words))?,
            }
        }
        ControlFlow::Continue(())
    }

    /// The entry, from the hash if there is one.
    #[inline]
    fn get<Q>(&self, key: &Q, guard: &Guard) -> Option<R::Words>
    where
        Q: ToOwned + ?Sized,
        P: PointMap<Q, R::Words>,
        O: OrderedMap<Q, R::Words>,
    {
        match (&self.hash, &self.tree) {
            (Some(hash), _) => hash.get(key, guard),
            (None, Some(tree)) => tree.get(key, guard),
            (None, None) => None,
        }
    }

    /// The candidates of a key whose entry said `SEVERAL`.
    #[cold]
    fn list<Q>(&self, key: &Q, guard: &Guard) -> RowIds<R>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToOwned + ?Sized,
        P: PointMap<Q, R::Words>,
        O: OrderedMap<Q, R::Words>,
    {
        loop {
            if let Some(list) = self.several.get(key, guard) {
                return list.clone();
            }
            match self.get(key, guard) {
                None => return RowIds::new(),
                // The list is put in place before the entry says so, and taken away after: look again.
                Some(words) if words == R::Words::SEVERAL => {}
                Some(words) => return RowIds::from_slice(&[R::from_words(words)]),
            }
        }
    }

    /// Adds a candidate. There is one writer at a time.
    pub(super) fn insert<Q>(&self, key: &Q, row: R, guard: &Guard) -> Candidates
    where
        K: Borrow<Q> + From<Q::Owned>,
        Q: Hash + Eq + ToOwned + ?Sized,
        P: PointMap<Q, R::Words>,
        O: OrderedMap<Q, R::Words>,
    {
        let words = row.to_words();
        let mut list = if words == R::Words::SEVERAL {
            self.get(key, guard).map_or_else(RowIds::new, |words| self.rows(key, words, guard))
        } else {
            // One search where the key is new, which is the rule.
            match self.try_put(key, words, guard) {
                Ok(()) => return Candidates::One,
                Err(words) => self.rows(key, words, guard),
            }
        };
        if let Err(position) = list.binary_search(&row) {
            list.insert(position, row);
            self.put_list(key, &list, guard);
        }
        if list.len() > 1 { Candidates::Several } else { Candidates::One }
    }

    /// [`insert`](Self::insert) of many entries in order of key. Those behind all keys of the tree are appended.
    pub(super) fn extend_new<Q>(&self, entries: &[(K, R)], guard: &Guard)
    where
        K: Borrow<Q> + From<Q::Owned>,
        Q: Hash + Ord + ToOwned + ?Sized,
        P: PointMap<Q, R::Words>,
        O: OrderedMap<Q, R::Words>,
    {
        // Where they are few beside what is there, growing step by step stalls nobody.
        let is_growing = |hash: &&P| entries.len() > hash.len();
        self.hash.iter().filter(is_growing).for_each(|hash| hash.make_room(entries.len(), guard));
        let (among, behind) = entries.split_at(self.first_behind(entries, guard));
        among.iter().for_each(|(key, row)| _ = self.insert(key.borrow(), *row, guard));
        let behind = behind.iter().map(|(key, row)| (key.borrow(), row.to_words()));
        self.hash.iter().for_each(|hash| behind.clone().for_each(|(key, words)| hash.insert(key, words, guard)));
        self.tree.iter().for_each(|tree| tree.append_sorted(behind.clone(), guard));
    }

    /// The first of some entries in order from which on all have keys behind those of the tree, and one row for each.
    fn first_behind<Q>(&self, entries: &[(K, R)], guard: &Guard) -> usize
    where
        K: Borrow<Q>,
        Q: Hash + Ord + ToOwned + ?Sized,
        P: PointMap<Q, R::Words>,
        O: OrderedMap<Q, R::Words>,
    {
        let Some(tree) = &self.tree else { return entries.len() };
        let repeats = entries.windows(2).any(|pair| pair[0].0 == pair[1].0);
        if repeats || entries.iter().any(|(_, row)| row.to_words() == R::Words::SEVERAL) {
            return entries.len();
        }
        let behind = |last: &Q, _| ControlFlow::Break(entries.partition_point(|(key, _)| key.borrow() <= last));
        let all = (Bound::Unbounded, Bound::Unbounded);
        tree.range(all, Direction::Descending, guard, behind).break_value().unwrap_or(0)
    }

    /// The candidates that an entry's words stand for.
    fn rows<Q>(&self, key: &Q, words: R::Words, guard: &Guard) -> RowIds<R>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToOwned + ?Sized,
        P: PointMap<Q, R::Words>,
        O: OrderedMap<Q, R::Words>,
    {
        if words == R::Words::SEVERAL { self.list(key, guard) } else { RowIds::from_slice(&[R::from_words(words)]) }
    }

    /// Takes a candidate away. There is one writer at a time.
    pub(super) fn remove<Q>(&self, key: &Q, row: R, guard: &Guard)
    where
        K: Borrow<Q> + From<Q::Owned>,
        Q: Hash + Eq + ToOwned + ?Sized,
        P: PointMap<Q, R::Words>,
        O: OrderedMap<Q, R::Words>,
    {
        match self.get(key, guard) {
            Some(words) if words == R::Words::SEVERAL => {
                let mut list = self.list(key, guard);
                list.retain(|other| *other != row);
                self.put_list(key, &list, guard);
            }
            Some(words) if words == row.to_words() => self.put_list(key, &RowIds::new(), guard),
            Some(_) | None => {}
        }
    }

    fn put_list<Q>(&self, key: &Q, list: &RowIds<R>, guard: &Guard)
    where
        K: Borrow<Q> + From<Q::Owned>,
        Q: Hash + Eq + ToOwned + ?Sized,
        P: PointMap<Q, R::Words>,
        O: OrderedMap<Q, R::Words>,
    {
        match list[..] {
            [] => {
                self.hash.iter().for_each(|hash| hash.remove(key, guard));
                self.tree.iter().for_each(|tree| tree.remove(key, guard));
                self.several.remove(key, guard);
            }
            [row] if row.to_words() != R::Words::SEVERAL => {
                self.put(key, row.to_words(), guard);
                self.several.remove(key, guard);
            }
            _ => {
                self.several.insert(K::from(key.to_owned()), list.clone(), guard);
                self.put(key, R::Words::SEVERAL, guard);
            }
        }
    }

    fn put<Q>(&self, key: &Q, words: R::Words, guard: &Guard)
    where
        Q: ToOwned + ?Sized,
        P: PointMap<Q, R::Words>,
        O: OrderedMap<Q, R::Words>,
    {
        self.hash.iter().for_each(|hash| hash.insert(key, words, guard));
        self.tree.iter().for_each(|tree| tree.insert(key, words, guard));
    }

    /// Puts words under a key that has none, or says which it has.
    fn try_put<Q>(&self, key: &Q, words: R::Words, guard: &Guard) -> Result<(), R::Words>
    where
        Q: ToOwned + ?Sized,
        P: PointMap<Q, R::Words>,
        O: OrderedMap<Q, R::Words>,
    {
        match (&self.hash, &self.tree) {
            (Some(hash), tree) => {
                hash.try_insert(key, words, guard)?;
                tree.iter().for_each(|tree| tree.insert(key, words, guard));
                Ok(())
            }
            (None, Some(tree)) => tree.try_insert(key, words, guard),
            (None, None) => Ok(()),
        }
    }

    /// All entries with keys in the bounds, in order; the keys' candidates one after the other.
    pub(super) fn range<Q, B>(
        &self,
        bounds: (Bound<&Q>, Bound<&Q>),
        direction: Direction,
        guard: &Guard,
        mut visit: impl FnMut(&Q, R) -> ControlFlow<B>,
    ) -> ControlFlow<B>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToOwned + ?Sized,
        P: PointMap<Q, R::Words>,
        O: OrderedMap<Q, R::Words>,
    {
        let Some(tree) = &self.tree else { return ControlFlow::Continue(()) };
        tree.range(bounds, direction, guard, |key, words| {
            if words == R::Words::SEVERAL {
                self.list(key, guard).into_iter().try_for_each(|row| visit(key, row))
            } else {
                visit(key, R::from_words(words))
            }
        })
    }

    /// How many entries lie in the bounds, exactly while nobody writes; asks after each leaf or entry whether to go on.
    /// O(leaves), unless some key has several candidates.
    pub(super) fn count_range<Q, B>(
        &self,
        bounds: (Bound<&Q>, Bound<&Q>),
        guard: &Guard,
        mut go_on: impl FnMut() -> ControlFlow<B>,
    ) -> ControlFlow<B, u64>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToOwned + ?Sized,
        P: PointMap<Q, R::Words>,
        O: OrderedMap<Q, R::Words>,
    {
        let Some(tree) = &self.tree else { return ControlFlow::Continue(0) };
        if self.several.is_empty() {
            return tree.count_range(bounds, guard, go_on);
        }
        let mut count = 0;
        self.range(bounds, Direction::Ascending, guard, |_, _| {
            count += 1;
            go_on()
        })?;
        ControlFlow::Continue(count)
    }

    /// About how many entries lie in the bounds.
    pub(super) fn estimate_range<Q>(&self, bounds: (Bound<&Q>, Bound<&Q>), guard: &Guard) -> u64
    where
        Q: ToOwned + ?Sized,
        P: PointMap<Q, R::Words>,
        O: OrderedMap<Q, R::Words>,
    {
        self.tree.as_ref().map_or(0, |tree| tree.estimate_range(bounds, guard))
    }

    pub(super) fn hash_shape<Q>(&self) -> Option<HashShape>
    where
        Q: ToOwned + ?Sized,
        P: PointMap<Q, R::Words>,
    {
        self.hash.as_ref().and_then(P::hash_shape)
    }

    pub(super) fn tree_shape<Q>(&self, guard: &Guard) -> Option<TreeShape>
    where
        Q: ToOwned + ?Sized,
        O: PointMap<Q, R::Words>,
    {
        self.tree.as_ref().and_then(|tree| tree.tree_shape(guard))
    }

    /// How many keys there are.
    pub(super) fn len<Q>(&self) -> usize
    where
        Q: ToOwned + ?Sized,
        P: PointMap<Q, R::Words>,
        O: OrderedMap<Q, R::Words>,
    {
        self.hash.as_ref().map(P::len).or(self.tree.as_ref().map(O::len)).unwrap_or(0)
    }

    pub(super) fn memory_usage<Q>(&self) -> usize
    where
        Q: ToOwned + ?Sized,
        P: PointMap<Q, R::Words>,
        O: OrderedMap<Q, R::Words>,
    {
        self.hash.as_ref().map_or(0, P::memory_usage) + self.tree.as_ref().map_or(0, O::memory_usage)
    }
}
