//! Who reads at which timestamp: the registry that tells vacuum what may go.
//!
//! Every reader owns a *slot*, an atomic on a cache line of its own. A snapshot begins without touching shared memory
//! for writing:
//!
//! ```text
//! reader                                   vacuum
//! slot = PINNING                           visible = visible_ts
//! fence(SeqCst)                            fence(SeqCst)
//! timestamp = visible_ts                   read all slots; a PINNING one: reclaim nothing this time
//! slot = timestamp (release)
//! ```
//!
//! Of the two fences one comes first. If the reader's does, vacuum sees its slot. If vacuum's does, the reader loads
//! `visible_ts` after vacuum did, so its timestamp is no older than the `visible` that vacuum counts as read too.

use std::ops::Deref;
use std::sync::Arc;

use smallvec::SmallVec;

use crate::ids::Timestamp;
use crate::sync::{AtomicU64, Mutex, Ordering, fence};

/// The slot's owner has no snapshot.
const IDLE: u64 = u64::MAX;
/// The slot's owner is about to have one.
const PINNING: u64 = u64::MAX - 1;

/// A reader's place; two lines wide, because processors fetch lines in pairs.
#[derive(Debug)]
#[repr(align(128))]
pub(crate) struct Slot {
    timestamp: AtomicU64,
}

impl Slot {
    /// Begins a snapshot at what is visible now.
    #[inline]
    pub(crate) fn pin(&self, visible: &AtomicU64) -> Timestamp {
        // Relaxed, then the fence that `ActiveSnapshots::gather` has the partner of.
        self.timestamp.store(PINNING, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        // Acquire pairs with the commit's release store: who sees the timestamp sees its versions and index entries.
        let timestamp = visible.load(Ordering::Acquire);
        // Release: pairs with the acquire load in `gather`.
        self.timestamp.store(timestamp, Ordering::Release);
        Timestamp(timestamp)
    }

    /// Ends the snapshot.
    #[inline]
    pub(crate) fn unpin(&self) {
        // Release: pairs with the acquire load in `gather`, so that all reads of the snapshot are over before.
        self.timestamp.store(IDLE, Ordering::Release);
    }
}

/// The slots of all readers.
#[derive(Debug, Default)]
pub(crate) struct SnapshotRegistry {
    slots: Arc<Mutex<Slots>>,
}

#[derive(Debug, Default)]
struct Slots {
    all: Vec<Arc<Slot>>,
    /// Those that nobody owns.
    free: Vec<Arc<Slot>>,
}

/// A slot until its reader leaves it: then it is idle, and another reader's.
#[derive(Debug)]
pub(crate) struct OwnedSlot {
    slot: Arc<Slot>,
    slots: Arc<Mutex<Slots>>,
}

impl Deref for OwnedSlot {
    type Target = Slot;

    #[inline]
    fn deref(&self) -> &Slot {
        &self.slot
    }
}

impl Drop for OwnedSlot {
    fn drop(&mut self) {
        self.slot.unpin();
        self.slots.lock().free.push(Arc::clone(&self.slot));
    }
}

impl SnapshotRegistry {
    /// A slot for a new reader; one that a former reader left is used again. Constant time.
    pub(crate) fn register(&self) -> OwnedSlot {
        let mut slots = self.slots.lock();
        let slot = slots.free.pop().unwrap_or_else(|| {
            let slot = Arc::new(Slot { timestamp: AtomicU64::new(IDLE) });
            slots.all.push(Arc::clone(&slot));
            slot
        });
        OwnedSlot { slot, slots: Arc::clone(&self.slots) }
    }

    /// The timestamps that are being read, or `None` while somebody is just beginning. O(most readers that there ever were
    /// at one time).
    pub(crate) fn active(&self, visible: &AtomicU64) -> Option<ActiveSnapshots> {
        // Relaxed: only the number matters, and one that has grown since is counted as the older one. The fence pairs
        // with the one in `pin`.
        let visible = visible.load(Ordering::Relaxed);
        let mut timestamps = SmallVec::from_slice(&[visible]);
        fence(Ordering::SeqCst);
        let slots = self.slots.lock();
        for slot in &slots.all {
            // Acquire: pairs with the release stores of `pin` and `unpin`.
            match slot.timestamp.load(Ordering::Acquire) {
                IDLE => {}
                PINNING => return None,
                timestamp => timestamps.push(timestamp),
            }
        }
        timestamps.sort_unstable();
        Some(ActiveSnapshots { visible: Timestamp(visible), timestamps, slot_count: slots.all.len() })
    }
}

/// The timestamps that somebody reads at, or may begin to.
///
/// It goes on being right: who began since reads at `visible` or later, and who has left only makes more seem needed.
#[derive(Debug)]
pub(crate) struct ActiveSnapshots {
    /// Every commit after it may become visible, and readable, at any time.
    visible: Timestamp,
    timestamps: SmallVec<[u64; 16]>,
    /// How many slots were looked at.
    slot_count: usize,
}

impl ActiveSnapshots {
    /// How many slots were looked at to know them.
    pub(crate) fn slot_count(&self) -> usize {
        self.slot_count
    }

    /// Whether some snapshot sees a version that begins at `begin` and ends at `end`.
    pub(crate) fn sees(&self, begin: Timestamp, end: Timestamp) -> bool {
        if end > self.visible {
            return true;
        }
        let first = self.timestamps.partition_point(|timestamp| *timestamp < begin.0);
        self.timestamps.get(first).is_some_and(|timestamp| *timestamp < end.0)
    }

    /// The watermark: the oldest timestamp that is still readable.
    pub(crate) fn oldest(&self) -> Timestamp {
        Timestamp(self.timestamps.first().copied().unwrap_or(0))
    }
}

/// Under loom, the fences: `pin` against `active`.
#[cfg(all(test, loom))]
mod models {
    use loom::sync::atomic::AtomicBool;
    use loom::thread;

    use super::*;

    /// A commit replaces the version of timestamp 1 by that of 2, and vacuum takes the old one away if nobody sees it,
    /// while a reader begins.
    #[test]
    fn loom_vacuum_takes_nothing_from_a_reader_that_begins() {
        loom::model(|| {
            let registry = SnapshotRegistry::default();
            let slot = registry.register();
            let visible = Arc::new(AtomicU64::new(1));
            let is_gone = Arc::new(AtomicBool::new(false));
            let vacuum = thread::spawn({
                let (visible, is_gone) = (Arc::clone(&visible), Arc::clone(&is_gone));
                move || {
                    visible.store(2, Ordering::Release);
                    let active = registry.active(&visible);
                    if active.is_some_and(|active| !active.sees(Timestamp(1), Timestamp(2))) {
                        is_gone.store(true, Ordering::Release);
                    }
                }
            });
            if slot.pin(&visible) < Timestamp(2) {
                assert!(!is_gone.load(Ordering::Acquire), "the reader sees the old version");
            }
            slot.unpin();
            vacuum.join().expect("the vacuum does not panic");
        });
    }

    /// Who sees the timestamp sees what was installed before it; and the slot of a reader that came and went holds nothing.
    #[test]
    fn loom_reader_sees_what_its_timestamp_promises() {
        loom::model(|| {
            let registry = SnapshotRegistry::default();
            let slot = registry.register();
            let visible = Arc::new(AtomicU64::new(1));
            let installed = Arc::new(AtomicU64::new(1));
            let writer = thread::spawn({
                let (visible, installed) = (Arc::clone(&visible), Arc::clone(&installed));
                move || {
                    installed.store(2, Ordering::Relaxed);
                    visible.store(2, Ordering::Release);
                }
            });
            let timestamp = slot.pin(&visible);
            assert!(installed.load(Ordering::Relaxed) >= timestamp.0);
            slot.unpin();
            writer.join().expect("the writer does not panic");
            assert_eq!(registry.active(&visible).map(|active| active.oldest()), Some(Timestamp(2)));
        });
    }
}

#[cfg(all(test, not(loom), not(feature = "shuttle")))]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_needed_while_a_snapshot_lies_in_its_interval() {
        let registry = SnapshotRegistry::default();
        let (old, visible) = (registry.register(), AtomicU64::new(5));
        old.pin(&visible);
        visible.store(9, Ordering::Release);
        let active = registry.active(&visible).unwrap();
        assert!(active.sees(Timestamp(3), Timestamp(6)), "the old snapshot reads it");
        assert!(!active.sees(Timestamp(6), Timestamp(9)), "nobody reads between 5 and 9");
        assert!(active.sees(Timestamp(9), Timestamp(10)), "a new reader begins at 9");
        assert_eq!(active.oldest(), Timestamp(5));
        old.unpin();
        assert_eq!(registry.active(&visible).unwrap().oldest(), Timestamp(9));
    }

    #[test]
    fn slots_of_readers_that_are_gone_are_used_again() {
        let registry = SnapshotRegistry::default();
        for _ in 0..1000 {
            drop(registry.register());
        }
        assert_eq!(registry.slots.lock().all.len(), 1);
        let (one, other) = (registry.register(), registry.register());
        assert!(!Arc::ptr_eq(&one.slot, &other.slot));
        assert_eq!(registry.slots.lock().all.len(), 2);
    }
}
