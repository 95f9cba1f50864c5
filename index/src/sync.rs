//! The one file that names the standard library's atomics, so that a model checker can take their place.
//!
//! * default: std;
//! * `--cfg loom`: loom, which explores weak memory orders on small models;
//! * feature `shuttle`: shuttle, which explores schedules of larger ones (every ordering counts as `SeqCst` there).

#[cfg(loom)]
mod model;

#[cfg(loom)]
pub(crate) use model::{AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence};

#[cfg(all(not(loom), feature = "shuttle"))]
pub(crate) use shuttle::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence};

#[cfg(all(not(loom), not(feature = "shuttle")))]
pub(crate) use std::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence};

/// Tells the scheduler that this thread waits for another one.
pub(crate) fn spin_hint() {
    #[cfg(loom)]
    loom::thread::yield_now();
    #[cfg(all(not(loom), feature = "shuttle"))]
    shuttle::thread::yield_now();
    #[cfg(all(not(loom), not(feature = "shuttle")))]
    std::hint::spin_loop();
}

/// Lets other threads run: for one that has waited long.
pub(crate) fn yield_now() {
    #[cfg(any(loom, feature = "shuttle"))]
    spin_hint();
    #[cfg(not(any(loom, feature = "shuttle")))]
    std::thread::yield_now();
}
