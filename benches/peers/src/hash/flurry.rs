//! flurry, Java's ConcurrentHashMap in Rust.

use ahash::RandomState;
use flurry::{Guard, HashMap};

use crate::key::Key;
use crate::point::{PointPeer, PointSession};

/// `flurry::HashMap`.
pub(super) struct Flurry<K>(HashMap<K, u64, RandomState>);

/// The map and the guard of the thread that reads it.
pub(super) struct Pinned<'a, K> {
    map: &'a HashMap<K, u64, RandomState>,
    guard: Guard<'a>,
}

impl<K: Key> PointPeer<K> for Flurry<K> {
    const NAME: &'static str = "flurry";
    const IS_SLOW: bool = true;
    const GUARDED: bool = true;
    type Session<'a> = Pinned<'a, K>;

    fn new() -> Self {
        Self(HashMap::with_hasher(RandomState::new()))
    }

    fn with_session<R>(&self, work: impl FnOnce(&mut Pinned<'_, K>) -> R) -> R {
        work(&mut Pinned { map: &self.0, guard: self.0.guard() })
    }
}

impl<K: Key> PointSession<K> for Pinned<'_, K> {
    fn get(&self, key: &K) -> Option<u64> {
        self.map.get(key, &self.guard).copied()
    }

    fn get_pinned(&self, key: &K) -> Option<u64> {
        self.map.get(key, &self.map.guard()).copied()
    }

    fn insert(&mut self, key: K, value: u64) {
        self.map.insert(key, value, &self.guard);
    }

    fn upsert(&mut self, key: K, value: u64) {
        self.map.insert(key, value, &self.guard);
    }

    fn remove(&mut self, key: &K) -> bool {
        self.map.remove(key, &self.guard).is_some()
    }

    fn refresh(&mut self) {
        self.guard = self.map.guard();
    }
}
