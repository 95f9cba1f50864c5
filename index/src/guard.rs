//! The proof that a reader is pinned.
//!
//! Every read of an index takes a [`Guard`]. While it lives, nothing that the read may have handed out is freed. One
//! guard serves any number of reads of any number of indexes; pinning costs some 6 ns, so pin once a query, not once
//! a lookup. A guard that lives long delays reclamation everywhere: call [`Guard::repin`] now and then.

use std::fmt;

/// A pinned reader: what an index hands out under it stays valid until it is dropped.
///
/// Made by [`pin`] alone, so that a guard always belongs to the collector that the indexes use. It cannot leave its
/// thread.
pub struct Guard {
    epoch: crossbeam_epoch::Guard,
}

/// Pins the current thread and gives the guard that every read takes.
///
/// Costs one store and one fence on a line of this thread's own; 1 to 2 ns when the thread is pinned already.
#[must_use = "the thread is unpinned as soon as the guard is dropped"]
#[inline]
pub fn pin() -> Guard {
    Guard { epoch: crossbeam_epoch::pin() }
}

impl Guard {
    /// Lets go of everything read so far and pins again, so that memory can be reclaimed. While the thread has another guard,
    /// a cursor's for instance, it stays pinned where it was and nothing happens.
    ///
    /// What was read before cannot be used any more:
    ///
    /// ```compile_fail,E0502
    /// use manicule_index::{HashIndex, pin};
    ///
    /// let index = HashIndex::<u64, u64>::new();
    /// let mut guard = pin();
    /// let value = index.get(&1, &guard);
    /// guard.repin();
    /// assert_eq!(value, None);
    /// ```
    pub fn repin(&mut self) {
        self.epoch.repin();
    }

    /// Hands this thread's deferred destructors to the collector and runs those that are due.
    pub fn flush(&self) {
        self.epoch.flush();
    }

    /// Runs `reclaim` once no guard that is live now is left.
    ///
    /// # Safety
    ///
    /// `reclaim` runs on any thread, after any time: what it touches must be unreachable for new readers, `Send`, and
    /// free of borrowed data.
    pub(crate) unsafe fn defer(&self, reclaim: impl FnOnce()) {
        // A model's atomics cannot be dropped outside of the run that made them, so a model leaks what it retires.
        if cfg!(loom) {
            std::mem::forget(reclaim);
            return;
        }
        // SAFETY: the caller guarantees what `defer_unchecked` asks for.
        unsafe { self.epoch.defer_unchecked(reclaim) }
    }
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Guard")
    }
}
