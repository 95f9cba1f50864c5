//! What can be removed, and when: entries that commits have removed, and the snapshots that may still need them.

use std::collections::{BTreeMap, HashMap, VecDeque};

use super::definition::{IndexId, RowId};
use super::error::SnapshotTooOld;
use super::key::Key;

/// The entries that commits removed, oldest first.
///
/// One that is inserted again before it is vacuumed has to stay, also while the host does not know of its row yet. So
/// what is queued counts only if `live` has its serial.
#[derive(Debug)]
pub(super) struct Garbage<R, T> {
    queue: VecDeque<Removed<R, T>>,
    live: HashMap<Entry<R>, u64>,
    serial: u64,
}

/// An entry.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Entry<R> {
    pub(super) index: IndexId,
    pub(super) key: Key,
    pub(super) row: R,
}

/// An entry that snapshots before `since` may still need.
#[derive(Debug)]
pub(super) struct Removed<R, T> {
    pub(super) since: T,
    pub(super) entry: Entry<R>,
    serial: u64,
}

impl<R: RowId, T: Copy + Ord> Garbage<R, T> {
    pub(super) fn new() -> Self {
        Self { queue: VecDeque::new(), live: HashMap::new(), serial: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.queue.len()
    }

    /// Notes an entry that nobody needs who reads at `since` or later.
    pub(super) fn push(&mut self, since: T, entry: Entry<R>) {
        self.serial += 1;
        self.live.insert(entry.clone(), self.serial);
        self.queue.push_back(Removed { since, entry, serial: self.serial });
    }

    /// Notes that an entry is needed again.
    pub(super) fn keep(&mut self, index: IndexId, key: &Key, row: R) {
        if !self.live.is_empty() {
            self.live.remove(&Entry { index, key: key.clone(), row });
        }
    }

    /// The oldest entry that nobody needs who reads at `watermark` or later.
    pub(super) fn pop(&mut self, watermark: T) -> Option<Removed<R, T>> {
        loop {
            let removed = self.queue.pop_front_if(|removed| removed.since <= watermark)?;
            if self.live.get(&removed.entry) == Some(&removed.serial) {
                self.live.remove(&removed.entry);
                return Some(removed);
            }
        }
    }
}

/// Which timestamps are being read, and which can be no more.
#[derive(Debug)]
pub(super) struct Moments<T> {
    /// How many snapshots there are at each timestamp.
    pinned: BTreeMap<T, usize>,
    /// What nobody needs who reads here or later may be gone.
    watermark: Option<T>,
}

impl<T: Copy + Ord> Moments<T> {
    pub(super) fn new() -> Self {
        Self { pinned: BTreeMap::new(), watermark: None }
    }

    pub(super) fn pin(&mut self, timestamp: T) -> Result<(), SnapshotTooOld> {
        if self.watermark.is_some_and(|watermark| timestamp < watermark) {
            return Err(SnapshotTooOld);
        }
        *self.pinned.entry(timestamp).or_default() += 1;
        Ok(())
    }

    pub(super) fn unpin(&mut self, timestamp: T) {
        if let Some(count) = self.pinned.get_mut(&timestamp) {
            *count -= 1;
            if *count == 0 {
                self.pinned.remove(&timestamp);
            }
        }
    }

    /// Gives up all before the watermark, or before the oldest snapshot that is there: which of them it is.
    pub(super) fn retire(&mut self, watermark: T) -> T {
        let oldest = self.pinned.keys().next().map_or(watermark, |oldest| watermark.min(*oldest));
        let watermark = self.watermark.map_or(oldest, |before| before.max(oldest));
        self.watermark = Some(watermark);
        watermark
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_that_are_gone_take_no_memory() {
        let mut garbage = Garbage::<u64, u64>::new();
        let entry = |row| Entry { index: IndexId(0), key: Key::Word(row), row };
        (0..100).for_each(|row| garbage.push(row, entry(row)));
        (0..50).for_each(|row| garbage.keep(IndexId(0), &Key::Word(row), row));
        assert_eq!(std::iter::from_fn(|| garbage.pop(100)).count(), 50);
        assert!(garbage.live.is_empty() && garbage.queue.is_empty());
    }
}
