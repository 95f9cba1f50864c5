//! concurrent-map: each thread has its own clone of the handle; reads clone what they find.

use std::sync::{Mutex, PoisonError};

use concurrent_map::Minimum;

use super::{Met, TreePeer, TreeSession};
use crate::key::Key;
use crate::point::{PointPeer, PointSession};

/// `concurrent_map::ConcurrentMap`; the handle to be cloned by each thread.
pub(super) struct ConcurrentMap<K: Key + Minimum>(Mutex<concurrent_map::ConcurrentMap<K, u64>>);

impl<K: Key + Minimum> PointPeer<K> for ConcurrentMap<K> {
    const NAME: &'static str = "concurrent-map";
    const IS_SLOW: bool = true;
    type Session<'a> = concurrent_map::ConcurrentMap<K, u64>;

    fn new() -> Self {
        Self(Mutex::default())
    }

    fn with_session<R>(&self, work: impl FnOnce(&mut concurrent_map::ConcurrentMap<K, u64>) -> R) -> R {
        let mut handle = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        work(&mut handle)
    }
}

impl<K: Key + Minimum> TreePeer<K> for ConcurrentMap<K> {}

impl<K: Key + Minimum> PointSession<K> for concurrent_map::ConcurrentMap<K, u64> {
    fn get(&self, key: &K) -> Option<u64> {
        Self::get(self, key)
    }

    fn insert(&mut self, key: K, value: u64) {
        Self::insert(self, key, value);
    }

    fn upsert(&mut self, key: K, value: u64) {
        Self::insert(self, key, value);
    }

    fn remove(&mut self, key: &K) -> bool {
        Self::remove(self, key).is_some()
    }
}

impl<K: Key + Minimum> TreeSession<K> for concurrent_map::ConcurrentMap<K, u64> {
    fn range(&self, from: &K, limit: usize) -> Met {
        Self::range::<K, _>(self, from..).take(limit).map(|(_, value)| value).collect()
    }

    fn range_back(&self, from: &K, limit: usize) -> Met {
        Self::range::<K, _>(self, ..=from).rev().take(limit).map(|(_, value)| value).collect()
    }

    fn scan(&self) -> Met {
        self.iter().map(|(_, value)| value).collect()
    }
}
