//! The standard map behind a lock, and hashbrown's without one.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};

use ahash::RandomState;

use crate::key::Key;
use crate::point::{PointPeer, PointSession};

/// `RwLock<HashMap>`: every operation locks, because a lock that is held over many gets stops the writers.
pub(super) struct Locked<K>(RwLock<HashMap<K, u64, RandomState>>);

impl<K: Key> PointPeer<K> for Locked<K> {
    const NAME: &'static str = "RwLock<HashMap>";
    type Session<'a> = &'a Self;

    fn new() -> Self {
        Self(RwLock::default())
    }

    fn with_session<R>(&self, work: impl FnOnce(&mut &Self) -> R) -> R {
        work(&mut &*self)
    }
}

impl<K: Key> PointSession<K> for &Locked<K> {
    fn get(&self, key: &K) -> Option<u64> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(key).copied()
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

/// hashbrown on one thread, with no synchronisation at all: the lock is taken once for a whole pass.
pub(super) struct Alone<K>(Mutex<hashbrown::HashMap<K, u64, RandomState>>);

impl<K: Key> PointPeer<K> for Alone<K> {
    const NAME: &'static str = "~hashbrown";
    const THREADS_MAX: usize = 1;
    type Session<'a> = MutexGuard<'a, hashbrown::HashMap<K, u64, RandomState>>;

    fn new() -> Self {
        Self(Mutex::default())
    }

    fn with_session<R>(&self, work: impl FnOnce(&mut Self::Session<'_>) -> R) -> R {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<K: Key> PointSession<K> for MutexGuard<'_, hashbrown::HashMap<K, u64, RandomState>> {
    fn get(&self, key: &K) -> Option<u64> {
        hashbrown::HashMap::get(self, key).copied()
    }

    fn insert(&mut self, key: K, value: u64) {
        hashbrown::HashMap::insert(self, key, value);
    }

    fn upsert(&mut self, key: K, value: u64) {
        hashbrown::HashMap::insert(self, key, value);
    }

    fn remove(&mut self, key: &K) -> bool {
        hashbrown::HashMap::remove(self, key).is_some()
    }
}
