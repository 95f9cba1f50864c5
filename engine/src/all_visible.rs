//! Whether a snapshot sees every row of a table as its only version is: then an index's entries are exact, and an answer
//! that needs no more than the index has need not look at a row.
//!
//! A table is *all-visible* since its last commit once vacuum has taken everything older away: each row has one version,
//! which is no tombstone, so each index has one entry for it, the right one. A snapshot not older than that commit sees
//! all of them. The word is that commit's timestamp, or [`CHANGING`], and is used like the counter of a seqlock, which
//! nobody waits for:
//!
//! ```text
//! commit                                   reader
//! since = CHANGING                         before = since (acquire); CHANGING or too new: look at the rows
//! fence(release)                           read the index
//! entries, versions, vacuum                fence(acquire)
//! since = timestamp (release)              since is still before: what was read is exact
//! ```
//!
//! A timestamp never comes back: only a commit, which has a later one, makes a table that is all-visible change.

use crate::ids::Timestamp;
use crate::sync::{AtomicU64, Ordering, fence};

/// Rows are being changed, or have older versions.
const CHANGING: u64 = u64::MAX;

/// Since which commit a table is all-visible.
#[derive(Debug)]
pub(crate) struct AllVisible {
    since: AtomicU64,
}

/// That a table was all-visible to a snapshot at some moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Since(u64);

impl AllVisible {
    /// That of a table which has no older versions, and whose rows every snapshot sees.
    pub(crate) fn new() -> Self {
        Self { since: AtomicU64::new(0) }
    }

    /// A commit is about to change rows or entries. Its caller holds the commit lock.
    pub(crate) fn begin_change(&self) {
        // Relaxed, then the fence that `still` has the partner of: who reads anything that is stored from here on finds
        // this too.
        self.since.store(CHANGING, Ordering::Relaxed);
        fence(Ordering::Release);
    }

    /// All changes up to that commit are in place, also in what is published, and nothing older is left. The caller holds
    /// the commit lock.
    pub(crate) fn end_change(&self, last_commit: Timestamp) {
        // Release: pairs with the acquire load in `to`.
        self.since.store(last_commit.0, Ordering::Release);
    }

    /// Whether a snapshot at `timestamp` sees all rows now.
    #[inline]
    pub(crate) fn to(&self, timestamp: Timestamp) -> Option<Since> {
        // Acquire: pairs with the release store in `end_change`: what the commits up to it have done is seen. It is not
        // older than the snapshot's last commit, whose `visible` the snapshot has read after it was stored.
        let since = self.since.load(Ordering::Acquire);
        (since <= timestamp.0).then_some(Since(since))
    }

    /// Whether nothing has changed since; then all that was read of the indexes in between is exact.
    #[inline]
    pub(crate) fn still(&self, since: Since) -> bool {
        // Pairs with the fence in `begin_change`: had a read found what a commit stored after it, this load would find
        // CHANGING or something later.
        fence(Ordering::Acquire);
        self.since.load(Ordering::Relaxed) == since.0
    }
}

impl Default for AllVisible {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(all(test, loom))]
mod models {
    use std::sync::Arc;

    use loom::thread;

    use super::*;

    /// Commit 1 put one entry under each of two keys, and all is vacuumed. Commit 2 moves the first to a third key and,
    /// after it is visible, its vacuum takes the old entry away, while a reader counts the entries.
    #[test]
    fn loom_reader_counts_what_its_snapshot_sees() {
        loom::model(|| {
            let all_visible = Arc::new(AllVisible::new());
            all_visible.end_change(Timestamp(1));
            let visible = Arc::new(AtomicU64::new(1));
            let keys = Arc::new([AtomicU64::new(1), AtomicU64::new(1), AtomicU64::new(0)]);
            let writer = thread::spawn({
                let (all_visible, visible, keys) = (Arc::clone(&all_visible), Arc::clone(&visible), Arc::clone(&keys));
                move || {
                    all_visible.begin_change();
                    keys[2].store(1, Ordering::Relaxed);
                    visible.store(2, Ordering::Release);
                    keys[0].store(0, Ordering::Relaxed);
                    all_visible.end_change(Timestamp(2));
                }
            });
            let snapshot = Timestamp(visible.load(Ordering::Acquire));
            if let Some(since) = all_visible.to(snapshot) {
                let found = [0, 1, 2].map(|key| keys[key].load(Ordering::Relaxed));
                if all_visible.still(since) {
                    assert_eq!(found, if snapshot == Timestamp(1) { [1, 1, 0] } else { [0, 1, 1] });
                }
            }
            writer.join().expect("the writer does not panic");
            assert!(all_visible.to(Timestamp(2)).is_some() && all_visible.to(Timestamp(1)).is_none());
        });
    }
}
