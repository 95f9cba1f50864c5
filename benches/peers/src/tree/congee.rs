//! congee, an adaptive radix tree for words; it copies ranges into a buffer and goes forward only.

use congee::U64Congee;
use crossbeam_epoch::Guard;

use super::{Met, TreePeer, TreeSession};
use crate::point::{PointPeer, PointSession};

/// Entries that a full scan copies at a time.
const BLOCK: usize = 1024;

/// `congee::U64Congee`.
pub(super) struct Congee(U64Congee<usize>);

/// The tree and the guard of the thread that reads it.
pub(super) struct Pinned<'a> {
    tree: &'a U64Congee<usize>,
    guard: Guard,
}

impl PointPeer<u64> for Congee {
    const NAME: &'static str = "congee";
    const GUARDED: bool = true;
    type Session<'a> = Pinned<'a>;

    fn new() -> Self {
        Self(U64Congee::new())
    }

    fn with_session<R>(&self, work: impl FnOnce(&mut Pinned<'_>) -> R) -> R {
        work(&mut Pinned { tree: &self.0, guard: crossbeam_epoch::pin() })
    }
}

impl TreePeer<u64> for Congee {
    const REVERSE: bool = false;
}

impl PointSession<u64> for Pinned<'_> {
    fn get(&self, key: &u64) -> Option<u64> {
        self.tree.get(*key, &self.guard).map(|value| value as u64)
    }

    fn get_pinned(&self, key: &u64) -> Option<u64> {
        self.tree.get(*key, &crossbeam_epoch::pin()).map(|value| value as u64)
    }

    fn insert(&mut self, key: u64, value: u64) {
        self.tree.insert(key, value as usize, &self.guard).expect("memory for an entry");
    }

    fn upsert(&mut self, key: u64, value: u64) {
        self.insert(key, value);
    }

    fn remove(&mut self, key: &u64) -> bool {
        self.tree.remove(*key, &self.guard).is_some()
    }

    fn refresh(&mut self) {
        self.guard.repin();
    }
}

impl TreeSession<u64> for Pinned<'_> {
    fn range(&self, from: &u64, limit: usize) -> Met {
        let mut buffer = [([0; 8], 0); 128];
        let copied = self.tree.range(*from, u64::MAX, &mut buffer[..limit], &self.guard);
        buffer[..copied].iter().map(|(_, value)| *value as u64).collect()
    }

    fn range_back(&self, _from: &u64, _limit: usize) -> Met {
        unreachable!("congee goes forward only")
    }

    fn scan(&self) -> Met {
        let mut buffer = vec![([0; 8], 0); BLOCK];
        let (mut met, mut from) = (Met::default(), 0);
        loop {
            let copied = self.tree.range(from, u64::MAX, &mut buffer, &self.guard);
            buffer[..copied].iter().for_each(|(_, value)| met.add(*value as u64));
            if copied < BLOCK {
                return met;
            }
            from = u64::from_be_bytes(buffer[copied - 1].0) + 1;
        }
    }
}
