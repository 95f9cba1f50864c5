//! kovan-map's two tables; a get clones the value, there is no guard to hold.

use ahash::RandomState;
use kovan_map::{HashMap, HopscotchMap};

use crate::key::Key;
use crate::point::{PointPeer, PointSession};

/// The chained table.
pub(super) struct Chained<K: Key>(HashMap<K, u64, RandomState>);

/// The hopscotch table.
pub(super) struct Hopscotch<K: Key>(HopscotchMap<K, u64, RandomState>);

impl<K: Key> PointPeer<K> for Chained<K> {
    const NAME: &'static str = "kovan::HashMap";
    type Session<'a> = &'a Self;

    fn new() -> Self {
        Self(HashMap::with_hasher(RandomState::new()))
    }

    fn with_session<R>(&self, work: impl FnOnce(&mut &Self) -> R) -> R {
        work(&mut &*self)
    }
}

impl<K: Key> PointSession<K> for &Chained<K> {
    fn get(&self, key: &K) -> Option<u64> {
        self.0.get(key)
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

impl<K: Key> PointPeer<K> for Hopscotch<K> {
    const NAME: &'static str = "kovan::Hopscotch";
    type Session<'a> = &'a Self;

    fn new() -> Self {
        Self(HopscotchMap::with_hasher(RandomState::new()))
    }

    fn with_session<R>(&self, work: impl FnOnce(&mut &Self) -> R) -> R {
        work(&mut &*self)
    }
}

impl<K: Key> PointSession<K> for &Hopscotch<K> {
    fn get(&self, key: &K) -> Option<u64> {
        self.0.get(key)
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
