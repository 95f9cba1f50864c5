//! dashmap: sharded locks, no guard but the reference itself.

use ahash::RandomState;

use crate::key::Key;
use crate::point::{PointPeer, PointSession};

/// `dashmap::DashMap`.
pub(super) struct DashMap<K: Key>(dashmap::DashMap<K, u64, RandomState>);

impl<K: Key> PointPeer<K> for DashMap<K> {
    const NAME: &'static str = "dashmap";
    type Session<'a> = &'a Self;

    fn new() -> Self {
        Self(dashmap::DashMap::with_hasher(RandomState::new()))
    }

    fn with_session<R>(&self, work: impl FnOnce(&mut &Self) -> R) -> R {
        work(&mut &*self)
    }
}

impl<K: Key> PointSession<K> for &DashMap<K> {
    fn get(&self, key: &K) -> Option<u64> {
        self.0.get(key).map(|value| *value)
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
