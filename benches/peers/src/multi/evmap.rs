//! evmap: a left-right map to bags of values, for one writer.

use std::sync::{Mutex, MutexGuard, PoisonError};

use ahash::RandomState;
use evmap::handles::{ReadHandle, WriteHandle};
use evmap::refs::MapReadRef;

use super::{MultiPeer, MultiSession};

/// `evmap`.
pub(crate) struct Evmap {
    writer: Mutex<WriteHandle<u64, u64, (), RandomState>>,
    /// To be cloned by each thread.
    reader: Mutex<ReadHandle<u64, u64, (), RandomState>>,
}

/// A read handle and what it pins.
pub(crate) struct Handle<'a> {
    writer: &'a Mutex<WriteHandle<u64, u64, (), RandomState>>,
    reader: &'a ReadHandle<u64, u64, (), RandomState>,
    map: Option<MapReadRef<'a, u64, u64, (), RandomState>>,
    /// The writer, from one publication to the next.
    writing: Option<MutexGuard<'a, WriteHandle<u64, u64, (), RandomState>>>,
}

impl MultiPeer for Evmap {
    const NAME: &'static str = "evmap";
    const PUBLISHES: bool = true;
    type Session<'a> = Handle<'a>;

    fn new() -> Self {
        // SAFETY: ahash's RandomState gives the same hasher for as long as it lives, and so do its clones.
        let options = unsafe { evmap::Options::default().with_hasher(RandomState::new()) };
        let (mut writer, reader) = options.construct();
        writer.publish();
        Self { writer: Mutex::new(writer), reader: Mutex::new(reader) }
    }

    fn with_session<R>(&self, work: impl FnOnce(&mut Handle<'_>) -> R) -> R {
        let reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner).clone();
        work(&mut Handle { writer: &self.writer, reader: &reader, map: reader.enter(), writing: None })
    }
}

impl Handle<'_> {
    fn writer(&mut self) -> &mut WriteHandle<u64, u64, (), RandomState> {
        self.writing.get_or_insert_with(|| self.writer.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl MultiSession for Handle<'_> {
    fn count(&self, key: u64) -> usize {
        self.map.as_ref().and_then(|map| map.get(&key)).map_or(0, |values| values.len())
    }

    fn count_fresh(&mut self, key: u64) -> usize {
        self.reader.get(&key).map_or(0, |values| values.len())
    }

    fn sum(&self, key: u64) -> u64 {
        self.map.as_ref().and_then(|map| map.get(&key)).map_or(0, |values| values.iter().sum())
    }

    fn sum_fresh(&mut self, key: u64) -> u64 {
        self.reader.get(&key).map_or(0, |values| values.iter().sum())
    }

    fn sum_range(&self, _from: u64, _keys: usize) -> u64 {
        unreachable!("evmap has no order of keys")
    }

    fn add(&mut self, key: u64, value: u64) {
        self.writer().insert(key, value);
    }

    fn remove(&mut self, key: u64, value: u64) {
        self.writer().remove_value(key, value);
    }

    fn replace(&mut self, key: u64, value: u64) {
        self.writer().update(key, value);
    }

    fn publish(&mut self) {
        self.map = None;
        self.writer().publish();
        self.writing = None;
    }

    fn release(&mut self) {
        self.map = None;
    }
}
