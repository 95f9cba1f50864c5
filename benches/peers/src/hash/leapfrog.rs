//! leapfrog: keys that are `Copy` only, two values reserved.

use ahash::RandomState;
use leapfrog::LeapMap;

use crate::point::{PointPeer, PointSession};

/// `leapfrog::LeapMap`.
pub(super) struct Leapfrog(LeapMap<u64, u64, RandomState>);

impl PointPeer<u64> for Leapfrog {
    const NAME: &'static str = "leapfrog";
    type Session<'a> = &'a Self;

    fn new() -> Self {
        // Its own `new` starts at this capacity; it offers no constructor with a hasher alone.
        Self(LeapMap::with_capacity_and_hasher(8, RandomState::new()))
    }

    fn with_session<R>(&self, work: impl FnOnce(&mut &Self) -> R) -> R {
        work(&mut &*self)
    }
}

impl PointSession<u64> for &Leapfrog {
    fn get(&self, key: &u64) -> Option<u64> {
        self.0.get(key).and_then(|mut found| found.value())
    }

    fn insert(&mut self, key: u64, value: u64) {
        self.0.insert(key, value);
    }

    fn upsert(&mut self, key: u64, value: u64) {
        self.0.update(&key, value);
    }

    fn remove(&mut self, key: &u64) -> bool {
        self.0.remove(key).is_some()
    }
}
