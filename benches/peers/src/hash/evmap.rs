//! evmap with one value a key: a left-right map for one writer, which here publishes every 1,000 writes.

use std::sync::{Mutex, MutexGuard, PoisonError};

use ahash::RandomState;
use evmap::StableHashEq;
use evmap::handles::{ReadHandle, WriteHandle};
use evmap::refs::MapReadRef;

use crate::key::Key;
use crate::point::{PointPeer, PointSession, Writers};

/// Writes after which the writer publishes.
const BATCH: usize = 1000;

/// `evmap`, used as a map.
pub(super) struct Evmap<K: Key + StableHashEq> {
    writer: Mutex<WriteHandle<K, u64, (), RandomState>>,
    /// To be cloned by each thread.
    reader: Mutex<ReadHandle<K, u64, (), RandomState>>,
}

/// A read handle and what it pins.
pub(super) struct Handle<'a, K: Key + StableHashEq> {
    writer: &'a Mutex<WriteHandle<K, u64, (), RandomState>>,
    reader: &'a ReadHandle<K, u64, (), RandomState>,
    map: Option<MapReadRef<'a, K, u64, (), RandomState>>,
    pending: usize,
}

impl<K: Key + StableHashEq> PointPeer<K> for Evmap<K> {
    const NAME: &'static str = "evmap";
    const IS_SLOW: bool = true;
    const WRITERS: Writers = Writers::One;
    const GUARDED: bool = true;
    type Session<'a> = Handle<'a, K>;

    fn new() -> Self {
        // SAFETY: ahash's RandomState gives the same hasher for as long as it lives, and so do its clones.
        let options = unsafe { evmap::Options::default().with_hasher(RandomState::new()) };
        let (mut writer, reader) = options.construct();
        writer.publish();
        Self { writer: Mutex::new(writer), reader: Mutex::new(reader) }
    }

    fn with_session<R>(&self, work: impl FnOnce(&mut Handle<'_, K>) -> R) -> R {
        let reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner).clone();
        work(&mut Handle { writer: &self.writer, reader: &reader, map: reader.enter(), pending: 0 })
    }
}

impl<K: Key + StableHashEq> Handle<'_, K> {
    fn writer(&self) -> MutexGuard<'_, WriteHandle<K, u64, (), RandomState>> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Publishes when a batch is full; lets go of what this thread reads, or the writer would wait for itself.
    fn wrote(&mut self) {
        self.pending += 1;
        if self.pending == BATCH {
            self.finish();
        }
    }
}

impl<K: Key + StableHashEq> PointSession<K> for Handle<'_, K> {
    fn get(&self, key: &K) -> Option<u64> {
        self.map.as_ref().and_then(|map| map.get_one(key)).copied()
    }

    fn get_pinned(&self, key: &K) -> Option<u64> {
        self.reader.get_one(key).map(|value| *value)
    }

    fn insert(&mut self, key: K, value: u64) {
        self.writer().update(key, value);
        self.wrote();
    }

    fn upsert(&mut self, key: K, value: u64) {
        self.insert(key, value);
    }

    fn remove(&mut self, key: &K) -> bool {
        self.writer().remove_entry(key.clone());
        self.wrote();
        true
    }

    fn finish(&mut self) {
        self.map = None;
        self.writer().publish();
        self.pending = 0;
        self.map = self.reader.enter();
    }
}
