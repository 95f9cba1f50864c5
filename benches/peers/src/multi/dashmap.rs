//! dashmap with a `Vec` as value.

use ahash::RandomState;

use super::{MultiPeer, MultiSession};

/// `dashmap::DashMap` of vectors.
pub(crate) struct DashMap(dashmap::DashMap<u64, Vec<u64>, RandomState>);

impl MultiPeer for DashMap {
    const NAME: &'static str = "dashmap of Vec";
    type Session<'a> = &'a Self;

    fn new() -> Self {
        Self(dashmap::DashMap::with_hasher(RandomState::new()))
    }

    fn with_session<R>(&self, work: impl FnOnce(&mut &Self) -> R) -> R {
        work(&mut &*self)
    }
}

impl MultiSession for &DashMap {
    fn count(&self, key: u64) -> usize {
        self.0.get(&key).map_or(0, |values| values.len())
    }

    fn sum(&self, key: u64) -> u64 {
        self.0.get(&key).map_or(0, |values| values.iter().sum())
    }

    fn sum_range(&self, _from: u64, _keys: usize) -> u64 {
        unreachable!("dashmap has no order of keys")
    }

    fn add(&mut self, key: u64, value: u64) {
        self.0.entry(key).or_default().push(value);
    }

    fn remove(&mut self, key: u64, value: u64) {
        if let Some(mut values) = self.0.get_mut(&key) {
            super::locked::take_out(&mut values, value);
        }
    }

    fn replace(&mut self, key: u64, value: u64) {
        let mut values = self.0.entry(key).or_default();
        values.clear();
        values.push(value);
    }
}
