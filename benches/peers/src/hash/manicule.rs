//! Ours: the word variant, and the boxed one that takes any key.

use manicule_index::{Guard, HashIndex, WordHashIndex, pin, table_memory};

use crate::key::Key;
use crate::point::{PointPeer, PointSession};

/// An index and the guard of the thread that reads it.
pub(super) struct Pinned<'a, I> {
    index: &'a I,
    guard: Guard,
}

/// `WordHashIndex<u64, u64>`: entries inline in the table.
pub(super) struct Words(WordHashIndex<u64, u64>);

impl PointPeer<u64> for Words {
    const NAME: &'static str = "manicule";
    const GUARDED: bool = true;
    type Session<'a> = Pinned<'a, WordHashIndex<u64, u64>>;

    fn new() -> Self {
        Self(WordHashIndex::new())
    }

    fn outside_bytes() -> i64 {
        table_memory() as i64
    }

    fn with_session<R>(&self, work: impl FnOnce(&mut Self::Session<'_>) -> R) -> R {
        work(&mut Pinned { index: &self.0, guard: pin() })
    }
}

impl PointSession<u64> for Pinned<'_, WordHashIndex<u64, u64>> {
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

/// `HashIndex<K, u64>`: a stable address for each entry. With words as keys it is the second of our two peers.
pub(super) struct Boxed<K>(HashIndex<K, u64>);

impl<K: Key> PointPeer<K> for Boxed<K> {
    const NAME: &'static str = if K::IS_WORD { "manicule boxed" } else { "manicule" };
    const GUARDED: bool = true;
    type Session<'a> = Pinned<'a, HashIndex<K, u64>>;

    fn new() -> Self {
        Self(HashIndex::new())
    }

    fn outside_bytes() -> i64 {
        table_memory() as i64
    }

    fn with_session<R>(&self, work: impl FnOnce(&mut Self::Session<'_>) -> R) -> R {
        work(&mut Pinned { index: &self.0, guard: pin() })
    }
}

impl<K: Key> PointSession<K> for Pinned<'_, HashIndex<K, u64>> {
    fn get(&self, key: &K) -> Option<u64> {
        self.index.get(key, &self.guard).copied()
    }

    fn get_pinned(&self, key: &K) -> Option<u64> {
        self.index.get(key, &pin()).copied()
    }

    fn get_many(&self, keys: &[K; 16], values: &mut [Option<u64>; 16]) {
        let mut found = [None; 16];
        self.index.get_many(&keys.each_ref(), &mut found, &self.guard);
        *values = found.map(Option::<&u64>::copied);
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
