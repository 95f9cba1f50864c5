//! ferntree, through its optimistic gets.

use std::ops::Bound;

use ferntree::{OptimisticRead, Tree};

use super::{Met, TreePeer, TreeSession};
use crate::key::Key;
use crate::point::{PointPeer, PointSession};

/// `ferntree::Tree`.
pub(super) struct Ferntree<K: Key + OptimisticRead>(Tree<K, u64>);

impl<K: Key + OptimisticRead> PointPeer<K> for Ferntree<K> {
    const NAME: &'static str = "ferntree";
    type Session<'a> = &'a Self;

    fn new() -> Self {
        Self(Tree::new())
    }

    fn with_session<R>(&self, work: impl FnOnce(&mut &Self) -> R) -> R {
        work(&mut &*self)
    }
}

impl<K: Key + OptimisticRead> TreePeer<K> for Ferntree<K> {}

impl<K: Key + OptimisticRead> PointSession<K> for &Ferntree<K> {
    fn get(&self, key: &K) -> Option<u64> {
        self.0.get_optimistic(key)
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

impl<K: Key + OptimisticRead> TreeSession<K> for &Ferntree<K> {
    fn range(&self, from: &K, limit: usize) -> Met {
        let mut range = self.0.range(Bound::Included(from), Bound::Unbounded);
        let mut met = Met::default();
        while met.entries < limit
            && let Some((_, value)) = range.next()
        {
            met.add(*value);
        }
        met
    }

    fn range_back(&self, from: &K, limit: usize) -> Met {
        let mut range = self.0.range_rev(Bound::Unbounded, Bound::Included(from));
        let mut met = Met::default();
        while met.entries < limit
            && let Some((_, value)) = range.next()
        {
            met.add(*value);
        }
        met
    }

    fn scan(&self) -> Met {
        let mut cursor = self.0.raw_iter();
        cursor.seek_to_first();
        let mut met = Met::default();
        loop {
            let more = cursor.for_each_in_leaf(|_, value| met.add(*value));
            if !more {
                return met;
            }
            // Only `next` steps over to the next leaf, and it takes an entry on the way.
            let Some((_, value)) = cursor.next() else { return met };
            met.add(*value);
        }
    }
}
