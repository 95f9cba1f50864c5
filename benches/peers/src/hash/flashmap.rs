//! flashmap: a left-right map for one writer, which here publishes every 1,000 writes.

use std::sync::{Mutex, MutexGuard, PoisonError};

use ahash::RandomState;
use flashmap::{Builder, ReadGuard, ReadHandle, TrustedHashEq, View, WriteHandle};

use crate::key::Key;
use crate::point::{PointPeer, PointSession, Writers};

/// Writes after which the writer publishes.
const BATCH: usize = 1000;

/// `flashmap`.
pub(super) struct Flashmap<K: Key + TrustedHashEq> {
    writer: Mutex<WriteHandle<K, u64, RandomState>>,
    reader: ReadHandle<K, u64, RandomState>,
}

/// One write that waits for its batch.
enum Write<K> {
    Put(K, u64),
    Remove(K),
}

/// A read handle and what it pins.
pub(super) struct Handle<'a, K: Key + TrustedHashEq> {
    writer: &'a Mutex<WriteHandle<K, u64, RandomState>>,
    reader: &'a ReadHandle<K, u64, RandomState>,
    view: Option<View<ReadGuard<'a, K, u64, RandomState>>>,
    pending: Vec<Write<K>>,
}

impl<K: Key + TrustedHashEq> PointPeer<K> for Flashmap<K> {
    const NAME: &'static str = "flashmap";
    const WRITERS: Writers = Writers::One;
    const GUARDED: bool = true;
    type Session<'a> = Handle<'a, K>;

    fn new() -> Self {
        // SAFETY: ahash's RandomState gives the same hasher for as long as it lives, and so do its clones.
        let builder = unsafe { Builder::new().with_hasher(RandomState::new()) };
        let (writer, reader) = builder.build();
        Self { writer: Mutex::new(writer), reader }
    }

    fn with_session<R>(&self, work: impl FnOnce(&mut Handle<'_, K>) -> R) -> R {
        let reader = self.reader.clone();
        let view = Some(reader.guard());
        let pending = Vec::with_capacity(BATCH);
        work(&mut Handle { writer: &self.writer, reader: &reader, view, pending })
    }
}

impl<K: Key + TrustedHashEq> Handle<'_, K> {
    fn writer(&self) -> MutexGuard<'_, WriteHandle<K, u64, RandomState>> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&mut self, write: Write<K>) {
        self.pending.push(write);
        if self.pending.len() == BATCH {
            self.finish();
        }
    }
}

impl<K: Key + TrustedHashEq> PointSession<K> for Handle<'_, K> {
    fn get(&self, key: &K) -> Option<u64> {
        self.view.as_ref().and_then(|view| view.get(key)).copied()
    }

    fn get_pinned(&self, key: &K) -> Option<u64> {
        self.reader.guard().get(key).copied()
    }

    fn insert(&mut self, key: K, value: u64) {
        self.write(Write::Put(key, value));
    }

    fn upsert(&mut self, key: K, value: u64) {
        self.insert(key, value);
    }

    fn remove(&mut self, key: &K) -> bool {
        self.write(Write::Remove(key.clone()));
        true
    }

    /// Lets go of what this thread reads, or the writer would wait for itself, and writes the batch under one guard.
    fn finish(&mut self) {
        self.view = None;
        let batch = std::mem::take(&mut self.pending);
        {
            let mut writer = self.writer();
            let mut map = writer.guard();
            for write in batch {
                match write {
                    Write::Put(key, value) => drop(map.insert(key, value)),
                    Write::Remove(key) => drop(map.remove(key)),
                }
            }
            map.publish();
        }
        self.view = Some(self.reader.guard());
    }
}
