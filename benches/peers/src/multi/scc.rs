//! `scc::HashMap` with a `Vec` as value.

use ahash::RandomState;

use super::{MultiPeer, MultiSession};

/// `scc::HashMap` of vectors.
pub(crate) struct HashMap(scc::HashMap<u64, Vec<u64>, RandomState>);

impl MultiPeer for HashMap {
    const NAME: &'static str = "scc::HashMap of Vec";
    type Session<'a> = &'a Self;

    fn new() -> Self {
        Self(scc::HashMap::default())
    }

    fn with_session<R>(&self, work: impl FnOnce(&mut &Self) -> R) -> R {
        work(&mut &*self)
    }
}

impl MultiSession for &HashMap {
    fn count(&self, key: u64) -> usize {
        self.0.read_sync(&key, |_, values| values.len()).unwrap_or(0)
    }

    fn sum(&self, key: u64) -> u64 {
        self.0.read_sync(&key, |_, values| values.iter().sum()).unwrap_or(0)
    }

    fn sum_range(&self, _from: u64, _keys: usize) -> u64 {
        unreachable!("scc::HashMap has no order of keys")
    }

    fn add(&mut self, key: u64, value: u64) {
        self.0.entry_sync(key).or_default().get_mut().push(value);
    }

    fn remove(&mut self, key: u64, value: u64) {
        self.0.update_sync(&key, |_, values| super::locked::take_out(values, value));
    }

    fn replace(&mut self, key: u64, value: u64) {
        let mut entry = self.0.entry_sync(key).or_default();
        let values = entry.get_mut();
        values.clear();
        values.push(value);
    }
}
