//! Standard maps of vectors: behind a lock, and without one.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use ahash::RandomState;

use super::{MultiPeer, MultiSession};

/// Takes `value` out of an unordered list.
pub(super) fn take_out(values: &mut Vec<u64>, value: u64) {
    if let Some(place) = values.iter().position(|other| *other == value) {
        values.swap_remove(place);
    }
}

/// `RwLock<HashMap<u64, Vec<u64>>>`: every operation locks.
pub(crate) struct Locked(RwLock<HashMap<u64, Vec<u64>, RandomState>>);

impl Locked {
    fn read(&self) -> RwLockReadGuard<'_, HashMap<u64, Vec<u64>, RandomState>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, HashMap<u64, Vec<u64>, RandomState>> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl MultiPeer for Locked {
    const NAME: &'static str = "RwLock<HashMap<Vec>>";
    type Session<'a> = &'a Self;

    fn new() -> Self {
        Self(RwLock::default())
    }

    fn with_session<R>(&self, work: impl FnOnce(&mut &Self) -> R) -> R {
        work(&mut &*self)
    }
}

impl MultiSession for &Locked {
    fn count(&self, key: u64) -> usize {
        self.read().get(&key).map_or(0, Vec::len)
    }

    fn sum(&self, key: u64) -> u64 {
        self.read().get(&key).map_or(0, |values| values.iter().sum())
    }

    fn sum_range(&self, _from: u64, _keys: usize) -> u64 {
        unreachable!("a HashMap has no order of keys")
    }

    fn add(&mut self, key: u64, value: u64) {
        self.write().entry(key).or_default().push(value);
    }

    fn remove(&mut self, key: u64, value: u64) {
        if let Some(values) = self.write().get_mut(&key) {
            take_out(values, value);
        }
    }

    fn replace(&mut self, key: u64, value: u64) {
        let mut map = self.write();
        let values = map.entry(key).or_default();
        values.clear();
        values.push(value);
    }
}

/// hashbrown's map of vectors on one thread, with no synchronisation: the lock is taken once for a whole pass.
pub(crate) struct AloneHash(Mutex<hashbrown::HashMap<u64, Vec<u64>, RandomState>>);

impl MultiPeer for AloneHash {
    const NAME: &'static str = "~hashbrown of Vec";
    const THREADS_MAX: usize = 1;
    type Session<'a> = MutexGuard<'a, hashbrown::HashMap<u64, Vec<u64>, RandomState>>;

    fn new() -> Self {
        Self(Mutex::default())
    }

    fn with_session<R>(&self, work: impl FnOnce(&mut Self::Session<'_>) -> R) -> R {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl MultiSession for MutexGuard<'_, hashbrown::HashMap<u64, Vec<u64>, RandomState>> {
    fn count(&self, key: u64) -> usize {
        self.get(&key).map_or(0, Vec::len)
    }

    fn sum(&self, key: u64) -> u64 {
        self.get(&key).map_or(0, |values| values.iter().sum())
    }

    fn sum_range(&self, _from: u64, _keys: usize) -> u64 {
        unreachable!("a HashMap has no order of keys")
    }

    fn add(&mut self, key: u64, value: u64) {
        self.entry(key).or_default().push(value);
    }

    fn remove(&mut self, key: u64, value: u64) {
        if let Some(values) = self.get_mut(&key) {
            take_out(values, value);
        }
    }

    fn replace(&mut self, key: u64, value: u64) {
        self.insert(key, vec![value]);
    }
}

/// `BTreeMap` of vectors on one thread, with no synchronisation: the lock is taken once for a whole pass.
pub(crate) struct AloneTree(Mutex<BTreeMap<u64, Vec<u64>>>);

impl MultiPeer for AloneTree {
    const NAME: &'static str = "~BTreeMap of Vec";
    const ORDERED: bool = true;
    const THREADS_MAX: usize = 1;
    type Session<'a> = MutexGuard<'a, BTreeMap<u64, Vec<u64>>>;

    fn new() -> Self {
        Self(Mutex::default())
    }

    fn with_session<R>(&self, work: impl FnOnce(&mut Self::Session<'_>) -> R) -> R {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl MultiSession for MutexGuard<'_, BTreeMap<u64, Vec<u64>>> {
    fn count(&self, key: u64) -> usize {
        self.get(&key).map_or(0, Vec::len)
    }

    fn sum(&self, key: u64) -> u64 {
        self.get(&key).map_or(0, |values| values.iter().sum())
    }

    fn sum_range(&self, from: u64, keys: usize) -> u64 {
        self.range(from..).take(keys).flat_map(|(_, values)| values).sum()
    }

    fn add(&mut self, key: u64, value: u64) {
        self.entry(key).or_default().push(value);
    }

    fn remove(&mut self, key: u64, value: u64) {
        if let Some(values) = self.get_mut(&key) {
            take_out(values, value);
        }
    }

    fn replace(&mut self, key: u64, value: u64) {
        self.insert(key, vec![value]);
    }
}
