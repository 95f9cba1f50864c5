//! bplustree: wide leaves under optimistic locks, walked by a cursor.

use super::{Met, TreePeer, TreeSession};
use crate::key::Key;
use crate::point::{PointPeer, PointSession};

/// `bplustree::BPlusTree`.
pub(super) struct BPlusTree<K: Key>(bplustree::BPlusTree<K, u64>);

impl<K: Key> PointPeer<K> for BPlusTree<K> {
    const NAME: &'static str = "bplustree";
    type Session<'a> = &'a Self;

    fn new() -> Self {
        Self(bplustree::BPlusTree::new())
    }

    fn with_session<R>(&self, work: impl FnOnce(&mut &Self) -> R) -> R {
        work(&mut &*self)
    }
}

impl<K: Key> TreePeer<K> for BPlusTree<K> {}

impl<K: Key> PointSession<K> for &BPlusTree<K> {
    fn get(&self, key: &K) -> Option<u64> {
        self.0.lookup(key, |value| *value)
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

impl<K: Key> TreeSession<K> for &BPlusTree<K> {
    fn range(&self, from: &K, limit: usize) -> Met {
        let mut cursor = self.0.raw_iter();
        cursor.seek(from);
        let mut met = Met::default();
        while met.entries < limit
            && let Some((_, value)) = cursor.next()
        {
            met.add(*value);
        }
        met
    }

    fn range_back(&self, from: &K, limit: usize) -> Met {
        let mut cursor = self.0.raw_iter();
        cursor.seek_for_prev(from);
        let mut met = Met::default();
        while met.entries < limit
            && let Some((_, value)) = cursor.prev()
        {
            met.add(*value);
        }
        met
    }

    fn scan(&self) -> Met {
        let mut cursor = self.0.raw_iter();
        cursor.seek_to_first();
        let mut met = Met::default();
        while let Some((_, value)) = cursor.next() {
            met.add(*value);
        }
        met
    }
}
