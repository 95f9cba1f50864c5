//! masstree: byte strings as keys; its own scans with a visitor.

use masstree::{MassTree, RangeBound};
use seize::LocalGuard;

use super::{Met, TreePeer, TreeSession};
use crate::key::Key;
use crate::point::{PointPeer, PointSession};

/// `masstree::MassTree` with inline values.
pub(super) struct Masstree(MassTree<u64>);

/// The tree and the guard of the thread that reads it.
pub(super) struct Pinned<'a> {
    tree: &'a MassTree<u64>,
    guard: LocalGuard<'a>,
}

impl<K: Key> PointPeer<K> for Masstree {
    const NAME: &'static str = "masstree";
    const GUARDED: bool = true;
    type Session<'a> = Pinned<'a>;

    fn new() -> Self {
        Self(MassTree::new())
    }

    fn with_session<R>(&self, work: impl FnOnce(&mut Pinned<'_>) -> R) -> R {
        work(&mut Pinned { tree: &self.0, guard: self.0.guard() })
    }
}

impl<K: Key> TreePeer<K> for Masstree {}

impl<K: Key> PointSession<K> for Pinned<'_> {
    fn get(&self, key: &K) -> Option<u64> {
        self.tree.get_with_guard(key.to_bytes().as_ref(), &self.guard)
    }

    fn get_pinned(&self, key: &K) -> Option<u64> {
        self.tree.get(key.to_bytes().as_ref())
    }

    fn insert(&mut self, key: K, value: u64) {
        self.tree.insert_with_guard(key.to_bytes().as_ref(), value, &self.guard);
    }

    fn upsert(&mut self, key: K, value: u64) {
        self.tree.insert_with_guard(key.to_bytes().as_ref(), value, &self.guard);
    }

    fn remove(&mut self, key: &K) -> bool {
        matches!(self.tree.remove_with_guard(key.to_bytes().as_ref(), &self.guard), Ok(Some(_)))
    }

    fn refresh(&mut self) {
        self.guard = self.tree.guard();
    }
}

impl<K: Key> TreeSession<K> for Pinned<'_> {
    fn range(&self, from: &K, limit: usize) -> Met {
        let mut met = Met::default();
        let visit = |value| {
            met.add(value);
            met.entries < limit
        };
        let bytes = from.to_bytes();
        self.tree.scan_values(RangeBound::Included(bytes.as_ref()), RangeBound::Unbounded, visit, &self.guard);
        met
    }

    fn range_back(&self, from: &K, limit: usize) -> Met {
        let mut met = Met::default();
        let visit = |value| {
            met.add(value);
            met.entries < limit
        };
        let bytes = from.to_bytes();
        self.tree.scan_values_rev(RangeBound::Unbounded, RangeBound::Included(bytes.as_ref()), visit, &self.guard);
        met
    }

    fn scan(&self) -> Met {
        let mut met = Met::default();
        let visit = |value| {
            met.add(value);
            true
        };
        self.tree.scan_values(RangeBound::Unbounded, RangeBound::Unbounded, visit, &self.guard);
        met
    }
}
