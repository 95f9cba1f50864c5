//! What writers take out of an index, and when it is freed.
//!
//! The collector frees garbage when a thread pins for the 128th time. A writer that works under one guard and repins it now
//! and then never does: half a million insertions into a tree would leave behind three times the memory that they fill, and
//! replacing the values of a hash would never free one. So each thread counts what it retires, and collects a bounded portion
//! whenever that has become a bagful. It does so before the next operation changes anything: the destructors are the user's,
//! and one that panics must not undo what is done.

use crate::guard::Guard;

/// Objects that a thread retires between two collections: what the collector's own bag holds.
#[cfg(not(any(loom, feature = "shuttle")))]
const PORTION: usize = 64;

/// Runs `reclaim` once no guard that is live now is left.
///
/// # Safety
///
/// As [`Guard::defer`].
pub(crate) unsafe fn retire(reclaim: impl FnOnce(), guard: &Guard) {
    // SAFETY: as the caller guarantees.
    unsafe { guard.defer(reclaim) };
    #[cfg(not(any(loom, feature = "shuttle")))]
    // A thread that is ending keeps no count, and hands its garbage over anyway.
    let _ = RETIRED.try_with(|retired| retired.set(retired.get() + 1));
}

/// Frees some of what was retired long enough ago, if this thread has retired much. For the beginning of an operation.
#[inline]
pub(crate) fn collect(guard: &Guard) {
    #[cfg(not(any(loom, feature = "shuttle")))]
    if RETIRED.try_with(|retired| retired.get() >= PORTION && retired.replace(0) > 0) == Ok(true) {
        guard.flush();
    }
    #[cfg(any(loom, feature = "shuttle"))]
    let _ = guard;
}

#[cfg(not(any(loom, feature = "shuttle")))]
thread_local! {
    static RETIRED: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}
