//! scc's two hash tables.

use ahash::RandomState;
use scc::Guard;

use crate::key::Key;
use crate::point::{PointPeer, PointSession};

/// `scc::HashIndex`: lock-free reads under a guard.
pub(super) struct HashIndex<K: Key>(scc::HashIndex<K, u64, RandomState>);

/// A table and the guard of the thread that reads it.
pub(super) struct Pinned<'a, K: Key> {
    index: &'a scc::HashIndex<K, u64, RandomState>,
    guard: Guard,
}

impl<K: Key> PointPeer<K> for HashIndex<K> {
    const NAME: &'static str = "scc::HashIndex";
    const GUARDED: bool = true;
    type Session<'a> = Pinned<'a, K>;

    fn new() -> Self {
        Self(scc::HashIndex::default())
    }

    fn with_session<R>(&self, work: impl FnOnce(&mut Pinned<'_, K>) -> R) -> R {
        work(&mut Pinned { index: &self.0, guard: Guard::new() })
    }
}

impl<K: Key> PointSession<K> for Pinned<'_, K> {
    fn get(&self, key: &K) -> Option<u64> {
        self.index.peek(key, &self.guard).copied()
    }

    fn get_pinned(&self, key: &K) -> Option<u64> {
        self.index.peek_with(key, |_, value| *value)
    }

    fn insert(&mut self, key: K, value: u64) {
        let inserted = self.index.insert_sync(key, value);
        debug_assert!(inserted.is_ok(), "the suite inserts absent keys");
    }

    fn upsert(&mut self, key: K, value: u64) {
        if let Some(mut entry) = self.index.get_sync(&key) {
            entry.update(value);
        }
    }

    fn remove(&mut self, key: &K) -> bool {
        self.index.remove_sync(key)
    }

    fn refresh(&mut self) {
        self.guard = Guard::new();
    }
}

/// `scc::HashMap`: reads lock a bucket.
pub(super) struct HashMap<K: Key>(scc::HashMap<K, u64, RandomState>);

impl<K: Key> PointPeer<K> for HashMap<K> {
    const NAME: &'static str = "scc::HashMap";
    type Session<'a> = &'a Self;

    fn new() -> Self {
        Self(scc::HashMap::default())
    }

    fn with_session<R>(&self, work: impl FnOnce(&mut &Self) -> R) -> R {
        work(&mut &*self)
    }
}

impl<K: Key> PointSession<K> for &HashMap<K> {
    fn get(&self, key: &K) -> Option<u64> {
        self.0.read_sync(key, |_, value| *value)
    }

    fn insert(&mut self, key: K, value: u64) {
        let inserted = self.0.insert_sync(key, value);
        debug_assert!(inserted.is_ok(), "the suite inserts absent keys");
    }

    fn upsert(&mut self, key: K, value: u64) {
        self.0.upsert_sync(key, value);
    }

    fn remove(&mut self, key: &K) -> bool {
        self.0.remove_sync(key).is_some()
    }
}
