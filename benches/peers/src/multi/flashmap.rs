//! flashmap with a `Vec` as value: every write of a list copies it.

use std::sync::{Mutex, MutexGuard, PoisonError};

use ahash::RandomState;
use flashmap::{Builder, ReadGuard, ReadHandle, View, WriteGuard, WriteHandle};

use super::{MultiPeer, MultiSession};

/// `flashmap` of vectors.
pub(crate) struct Flashmap {
    writer: Mutex<WriteHandle<u64, Vec<u64>, RandomState>>,
    reader: ReadHandle<u64, Vec<u64>, RandomState>,
}

/// One write that waits to be published.
#[derive(Clone, Copy)]
enum Write {
    Add,
    Remove,
    Replace,
}

/// A read handle and what it pins.
pub(crate) struct Handle<'a> {
    writer: &'a Mutex<WriteHandle<u64, Vec<u64>, RandomState>>,
    reader: &'a ReadHandle<u64, Vec<u64>, RandomState>,
    view: Option<View<ReadGuard<'a, u64, Vec<u64>, RandomState>>>,
    pending: Vec<(Write, u64, u64)>,
}

impl MultiPeer for Flashmap {
    const NAME: &'static str = "flashmap";
    const PUBLISHES: bool = true;
    type Session<'a> = Handle<'a>;

    fn new() -> Self {
        // SAFETY: ahash's RandomState gives the same hasher for as long as it lives, and so do its clones.
        let builder = unsafe { Builder::new().with_hasher(RandomState::new()) };
        let (writer, reader) = builder.build();
        Self { writer: Mutex::new(writer), reader }
    }

    fn with_session<R>(&self, work: impl FnOnce(&mut Handle<'_>) -> R) -> R {
        let reader = self.reader.clone();
        let view = Some(reader.guard());
        work(&mut Handle { writer: &self.writer, reader: &reader, view, pending: Vec::new() })
    }
}

impl Handle<'_> {
    fn writer(&self) -> MutexGuard<'_, WriteHandle<u64, Vec<u64>, RandomState>> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn write(map: &mut View<WriteGuard<'_, u64, Vec<u64>, RandomState>>, write: Write, key: u64, value: u64) {
    let list = map.get(&key).map_or(&[][..], Vec::as_slice);
    let list = match write {
        Write::Add => list.iter().copied().chain([value]).collect(),
        Write::Remove => list.iter().copied().filter(|other| *other != value).collect(),
        Write::Replace => vec![value],
    };
    // What comes back is dropped by the map when the readers are gone.
    let _evicted = map.insert(key, list);
}

impl MultiSession for Handle<'_> {
    fn count(&self, key: u64) -> usize {
        self.view.as_ref().and_then(|view| view.get(&key)).map_or(0, Vec::len)
    }

    fn count_fresh(&mut self, key: u64) -> usize {
        self.reader.guard().get(&key).map_or(0, Vec::len)
    }

    fn sum(&self, key: u64) -> u64 {
        self.view.as_ref().and_then(|view| view.get(&key)).map_or(0, |values| values.iter().sum())
    }

    fn sum_fresh(&mut self, key: u64) -> u64 {
        self.reader.guard().get(&key).map_or(0, |values| values.iter().sum())
    }

    fn sum_range(&self, _from: u64, _keys: usize) -> u64 {
        unreachable!("flashmap has no order of keys")
    }

    fn add(&mut self, key: u64, value: u64) {
        self.pending.push((Write::Add, key, value));
    }

    fn remove(&mut self, key: u64, value: u64) {
        self.pending.push((Write::Remove, key, value));
    }

    fn replace(&mut self, key: u64, value: u64) {
        self.pending.push((Write::Replace, key, value));
    }

    fn publish(&mut self) {
        self.view = None;
        let mut pending = std::mem::take(&mut self.pending);
        {
            let mut writer = self.writer();
            let mut map = writer.guard();
            pending.drain(..).for_each(|(kind, key, value)| write(&mut map, kind, key, value));
            map.publish();
        }
        self.pending = pending;
    }

    fn release(&mut self) {
        self.view = None;
    }
}
