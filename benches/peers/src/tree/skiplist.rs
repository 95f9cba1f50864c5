//! crossbeam's skip list, whose map pins by itself.

use crossbeam_skiplist::SkipMap;

use super::{Met, TreePeer, TreeSession};
use crate::key::Key;
use crate::point::{PointPeer, PointSession};

/// `crossbeam_skiplist::SkipMap`.
pub(super) struct SkipList<K>(SkipMap<K, u64>);

impl<K: Key> PointPeer<K> for SkipList<K> {
    const NAME: &'static str = "SkipMap";
    const IS_SLOW: bool = true;
    type Session<'a> = &'a Self;

    fn new() -> Self {
        Self(SkipMap::new())
    }

    fn with_session<R>(&self, work: impl FnOnce(&mut &Self) -> R) -> R {
        work(&mut &*self)
    }
}

impl<K: Key> TreePeer<K> for SkipList<K> {}

impl<K: Key> PointSession<K> for &SkipList<K> {
    fn get(&self, key: &K) -> Option<u64> {
        self.0.get(key).map(|entry| *entry.value())
    }

    fn insert(&mut self, key: K, value: u64) {
        self.0.insert(key, value);
    }

    fn upsert(&mut self, key: K, value: u64) {
        self.0.insert(key, value);
    }

    fn remove(&mut self, key: &K) -> bool {
        self.0.remove(key).is_some()
    }
}

impl<K: Key> TreeSession<K> for &SkipList<K> {
    fn range(&self, from: &K, limit: usize) -> Met {
        self.0.range::<K, _>(from..).take(limit).map(|entry| *entry.value()).collect()
    }

    fn range_back(&self, from: &K, limit: usize) -> Met {
        self.0.range::<K, _>(..=from).rev().take(limit).map(|entry| *entry.value()).collect()
    }

    fn scan(&self) -> Met {
        self.0.iter().map(|entry| *entry.value()).collect()
    }
}
