//! `scc::TreeIndex`.

use scc::Guard;

use super::{Met, TreePeer, TreeSession};
use crate::key::Key;
use crate::point::{PointPeer, PointSession};

/// `scc::TreeIndex`: lock-free reads under a guard.
pub(super) struct TreeIndex<K: Key>(scc::TreeIndex<K, u64>);

/// The tree and the guard of the thread that reads it.
pub(super) struct Pinned<'a, K: Key> {
    tree: &'a scc::TreeIndex<K, u64>,
    guard: Guard,
}

impl<K: Key> PointPeer<K> for TreeIndex<K> {
    const NAME: &'static str = "scc::TreeIndex";
    const GUARDED: bool = true;
    type Session<'a> = Pinned<'a, K>;

    fn new() -> Self {
        Self(scc::TreeIndex::new())
    }

    fn with_session<R>(&self, work: impl FnOnce(&mut Pinned<'_, K>) -> R) -> R {
        work(&mut Pinned { tree: &self.0, guard: Guard::new() })
    }
}

impl<K: Key> TreePeer<K> for TreeIndex<K> {}

impl<K: Key> PointSession<K> for Pinned<'_, K> {
    fn get(&self, key: &K) -> Option<u64> {
        self.tree.peek(key, &self.guard).copied()
    }

    fn get_pinned(&self, key: &K) -> Option<u64> {
        self.tree.peek_with(key, |_, value| *value)
    }

    fn insert(&mut self, key: K, value: u64) {
        let inserted = self.tree.insert_sync(key, value);
        debug_assert!(inserted.is_ok(), "the suite inserts absent keys");
    }

    fn upsert(&mut self, key: K, value: u64) {
        self.tree.upsert_sync(key, value);
    }

    fn remove(&mut self, key: &K) -> bool {
        self.tree.remove_sync(key)
    }

    fn refresh(&mut self) {
        self.guard = Guard::new();
    }
}

impl<K: Key> TreeSession<K> for Pinned<'_, K> {
    fn range(&self, from: &K, limit: usize) -> Met {
        self.tree.range::<K, _>(from.., &self.guard).take(limit).map(|(_, value)| *value).collect()
    }

    fn range_back(&self, from: &K, limit: usize) -> Met {
        self.tree.range::<K, _>(..=from, &self.guard).rev().take(limit).map(|(_, value)| *value).collect()
    }

    fn scan(&self) -> Met {
        self.tree.iter(&self.guard).map(|(_, value)| *value).collect()
    }
}
