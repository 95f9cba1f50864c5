//! The standard library's B-tree, behind a lock and without one.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};

use super::{Met, TreePeer, TreeSession};
use crate::key::Key;
use crate::point::{PointPeer, PointSession};

/// `RwLock<BTreeMap>`: every operation locks.
pub(super) struct Locked<K>(RwLock<BTreeMap<K, u64>>);

impl<K: Key> Locked<K> {
    fn read(&self) -> RwLockReadGuard<'_, BTreeMap<K, u64>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Key> PointPeer<K> for Locked<K> {
    const NAME: &'static str = "RwLock<BTreeMap>";
    type Session<'a> = &'a Self;

    fn new() -> Self {
        Self(RwLock::default())
    }

    fn with_session<R>(&self, work: impl FnOnce(&mut &Self) -> R) -> R {
        work(&mut &*self)
    }
}

impl<K: Key> TreePeer<K> for Locked<K> {
    fn bulk_load(entries: Vec<(K, u64)>) -> Option<Self> {
        Some(Self(RwLock::new(entries.into_iter().collect())))
    }
}

impl<K: Key> PointSession<K> for &Locked<K> {
    fn get(&self, key: &K) -> Option<u64> {
        self.read().get(key).copied()
    }

    fn insert(&mut self, key: K, value: u64) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(key, value);
    }

    fn upsert(&mut self, key: K, value: u64) {
        self.insert(key, value);
    }

    fn remove(&mut self, key: &K) -> bool {
        self.0.write().unwrap_or_else(PoisonError::into_inner).remove(key).is_some()
    }
}

impl<K: Key> TreeSession<K> for &Locked<K> {
    fn range(&self, from: &K, limit: usize) -> Met {
        self.read().range(from..).take(limit).map(|(_, value)| *value).collect()
    }

    fn range_back(&self, from: &K, limit: usize) -> Met {
        self.read().range(..=from).rev().take(limit).map(|(_, value)| *value).collect()
    }

    fn scan(&self) -> Met {
        self.read().values().copied().collect()
    }
}

/// `BTreeMap` on one thread, with no synchronisation at all: the lock is taken once for a whole pass.
pub(super) struct Alone<K>(Mutex<BTreeMap<K, u64>>);

impl<K: Key> PointPeer<K> for Alone<K> {
    const NAME: &'static str = "~BTreeMap";
    const THREADS_MAX: usize = 1;
    type Session<'a> = MutexGuard<'a, BTreeMap<K, u64>>;

    fn new() -> Self {
        Self(Mutex::default())
    }

    fn with_session<R>(&self, work: impl FnOnce(&mut Self::Session<'_>) -> R) -> R {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<K: Key> TreePeer<K> for Alone<K> {
    fn bulk_load(entries: Vec<(K, u64)>) -> Option<Self> {
        Some(Self(Mutex::new(entries.into_iter().collect())))
    }
}

impl<K: Key> PointSession<K> for MutexGuard<'_, BTreeMap<K, u64>> {
    fn get(&self, key: &K) -> Option<u64> {
        BTreeMap::get(self, key).copied()
    }

    fn insert(&mut self, key: K, value: u64) {
        BTreeMap::insert(self, key, value);
    }

    fn upsert(&mut self, key: K, value: u64) {
        BTreeMap::insert(self, key, value);
    }

    fn remove(&mut self, key: &K) -> bool {
        BTreeMap::remove(self, key).is_some()
    }
}

impl<K: Key> TreeSession<K> for MutexGuard<'_, BTreeMap<K, u64>> {
    fn range(&self, from: &K, limit: usize) -> Met {
        BTreeMap::range(self, from..).take(limit).map(|(_, value)| *value).collect()
    }

    fn range_back(&self, from: &K, limit: usize) -> Met {
        BTreeMap::range(self, ..=from).rev().take(limit).map(|(_, value)| *value).collect()
    }

    fn scan(&self) -> Met {
        self.values().copied().collect()
    }
}
