//! Ours: the word variant, and the boxed one that takes any key.

use manicule_index::{Guard, IndexKey, TreeIndex, WordTreeIndex, node_memory, pin};

use super::{Met, TreePeer, TreeSession};
use crate::key::Key;
use crate::point::{PointPeer, PointSession};

/// An index and the guard of the thread that reads it.
pub(super) struct Pinned<'a, I> {
    index: &'a I,
    guard: Guard,
}

/// `WordTreeIndex<u64, u64>`: entries inline in the leaves.
pub(super) struct Words(WordTreeIndex<u64, u64>);

impl PointPeer<u64> for Words {
    const NAME: &'static str = "manicule";
    const GUARDED: bool = true;
    type Session<'a> = Pinned<'a, WordTreeIndex<u64, u64>>;

    fn new() -> Self {
        Self(WordTreeIndex::new())
    }

    fn outside_bytes() -> i64 {
        node_memory() as i64
    }

    fn with_session<R>(&self, work: impl FnOnce(&mut Self::Session<'_>) -> R) -> R {
        work(&mut Pinned { index: &self.0, guard: pin() })
    }
}

impl TreePeer<u64> for Words {
    fn bulk_load(entries: Vec<(u64, u64)>) -> Option<Self> {
        Some(Self(WordTreeIndex::from_sorted(entries)))
    }
}

impl PointSession<u64> for Pinned<'_, WordTreeIndex<u64, u64>> {
    fn get(&self, key: &u64) -> Option<u64> {
        self.index.get(key, &self.guard)
    }

    fn get_pinned(&self, key: &u64) -> Option<u64> {
        self.index.get(key, &pin())
    }

    fn get_many(&self, keys: &[u64; 16], values: &mut [Option<u64>; 16]) {
        self.index.get_many(keys, values, &self.guard);
    }

    fn insert(&mut self, key: u64, value: u64) {
        self.index.insert(key, value, &self.guard);
    }

    fn upsert(&mut self, key: u64, value: u64) {
        self.index.insert(key, value, &self.guard);
    }

    fn remove(&mut self, key: &u64) -> bool {
        self.index.remove(key, &self.guard).is_some()
    }

    fn refresh(&mut self) {
        self.guard.repin();
    }
}

impl TreeSession<u64> for Pinned<'_, WordTreeIndex<u64, u64>> {
    fn range(&self, from: &u64, limit: usize) -> Met {
        self.index.range::<u64, _>(from.., &self.guard).take(limit).map(|(_, value)| value).collect()
    }

    fn range_back(&self, from: &u64, limit: usize) -> Met {
        self.index.range_rev::<u64, _>(..=from, &self.guard).take(limit).map(|(_, value)| value).collect()
    }

    fn scan(&self) -> Met {
        self.index.range::<u64, _>(.., &self.guard).map(|(_, value)| value).collect()
    }
}

/// `TreeIndex<K, u64>`: a stable address for each entry. With words as keys it is the second of our two peers.
pub(super) struct Boxed<K: Key + IndexKey>(TreeIndex<K, u64>);

impl<K: Key + IndexKey> PointPeer<K> for Boxed<K> {
    const NAME: &'static str = if K::IS_WORD { "manicule boxed" } else { "manicule" };
    const GUARDED: bool = true;
    type Session<'a> = Pinned<'a, TreeIndex<K, u64>>;

    fn new() -> Self {
        Self(TreeIndex::new())
    }

    fn outside_bytes() -> i64 {
        node_memory() as i64
    }

    fn with_session<R>(&self, work: impl FnOnce(&mut Self::Session<'_>) -> R) -> R {
        work(&mut Pinned { index: &self.0, guard: pin() })
    }
}

impl<K: Key + IndexKey> TreePeer<K> for Boxed<K> {
    fn bulk_load(entries: Vec<(K, u64)>) -> Option<Self> {
        Some(Self(TreeIndex::from_sorted(entries)))
    }
}

impl<K: Key + IndexKey> PointSession<K> for Pinned<'_, TreeIndex<K, u64>> {
    fn get(&self, key: &K) -> Option<u64> {
        self.index.get(key, &self.guard).copied()
    }

    fn get_pinned(&self, key: &K) -> Option<u64> {
        self.index.get(key, &pin()).copied()
    }

    fn get_many(&self, keys: &[K; 16], values: &mut [Option<u64>; 16]) {
        let keys: [&K; 16] = std::array::from_fn(|index| &keys[index]);
        let mut found = [None; 16];
        self.index.get_many(&keys, &mut found, &self.guard);
        for (value, found) in values.iter_mut().zip(found) {
            *value = found.copied();
        }
    }

    fn insert(&mut self, key: K, value: u64) {
        self.index.insert(key, value, &self.guard);
    }

    fn upsert(&mut self, key: K, value: u64) {
        self.index.insert(key, value, &self.guard);
    }

    fn remove(&mut self, key: &K) -> bool {
        self.index.remove(key, &self.guard).is_some()
    }

    fn refresh(&mut self) {
        self.guard.repin();
    }
}

impl<K: Key + IndexKey> TreeSession<K> for Pinned<'_, TreeIndex<K, u64>> {
    fn range(&self, from: &K, limit: usize) -> Met {
        self.index.range::<K, _>(from.., &self.guard).take(limit).map(|(_, value)| *value).collect()
    }

    fn range_back(&self, from: &K, limit: usize) -> Met {
        self.index.range_rev::<K, _>(..=from, &self.guard).take(limit).map(|(_, value)| *value).collect()
    }

    fn scan(&self) -> Met {
        self.index.range::<K, _>(.., &self.guard).map(|(_, value)| *value).collect()
    }
}
