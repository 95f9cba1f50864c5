//! arctic, a lock-free adaptive radix tree; it pins by itself, and each kind of key has its own conversion.

use arctic::key::{BoxedStr, NonNull, Str};
use arctic::{ConcurrentMap, Order};

use super::{Met, TreePeer, TreeSession};
use crate::point::{PointPeer, PointSession};

/// `arctic::ConcurrentMap` with words as keys.
pub(super) struct Words(ConcurrentMap<u64, u64>);

/// `arctic::ConcurrentMap` with strings as keys.
pub(super) struct Strings(ConcurrentMap<BoxedStr<NonNull>, u64>);

/// The string in the form that the tree takes; it looks for a zero byte.
fn checked(key: &str) -> &Str<NonNull> {
    Str::new(key).expect("the keys hold no zero byte")
}

impl PointPeer<u64> for Words {
    const NAME: &'static str = "arctic";
    type Session<'a> = &'a Self;

    fn new() -> Self {
        Self(ConcurrentMap::default())
    }

    fn with_session<R>(&self, work: impl FnOnce(&mut &Self) -> R) -> R {
        work(&mut &*self)
    }
}

impl TreePeer<u64> for Words {}

impl PointSession<u64> for &Words {
    fn get(&self, key: &u64) -> Option<u64> {
        self.0.get(key).map(|value| *value)
    }

    fn insert(&mut self, key: u64, value: u64) {
        self.0.upsert(key, value);
    }

    fn upsert(&mut self, key: u64, value: u64) {
        self.0.upsert(key, value);
    }

    fn remove(&mut self, key: &u64) -> bool {
        self.0.remove(key).is_some()
    }
}

impl TreeSession<u64> for &Words {
    fn range(&self, from: &u64, limit: usize) -> Met {
        self.0.range(*from..=u64::MAX).values(Order::Ascend).take(limit).collect()
    }

    fn range_back(&self, from: &u64, limit: usize) -> Met {
        self.0.range(0..=*from).values(Order::Descend).take(limit).collect()
    }

    fn scan(&self) -> Met {
        self.0.all().values(Order::Ascend).collect()
    }
}

impl PointPeer<String> for Strings {
    const NAME: &'static str = "arctic";
    type Session<'a> = &'a Self;

    fn new() -> Self {
        Self(ConcurrentMap::default())
    }

    fn with_session<R>(&self, work: impl FnOnce(&mut &Self) -> R) -> R {
        work(&mut &*self)
    }
}

impl TreePeer<String> for Strings {}

impl PointSession<String> for &Strings {
    fn get(&self, key: &String) -> Option<u64> {
        self.0.get(checked(key)).map(|value| *value)
    }

    fn insert(&mut self, key: String, value: u64) {
        self.0.upsert(checked(&key), value);
    }

    fn upsert(&mut self, key: String, value: u64) {
        self.0.upsert(checked(&key), value);
    }

    fn remove(&mut self, key: &String) -> bool {
        self.0.remove(checked(key)).is_some()
    }
}

impl TreeSession<String> for &Strings {
    fn range(&self, from: &String, limit: usize) -> Met {
        self.0.range(checked(from)..).values(Order::Ascend).take(limit).collect()
    }

    fn range_back(&self, from: &String, limit: usize) -> Met {
        self.0.range(..=checked(from)).values(Order::Descend).take(limit).collect()
    }

    fn scan(&self) -> Met {
        self.0.all().values(Order::Ascend).collect()
    }
}
