//! A small number for each thread, so that threads mostly stay out of each other's way.

/// How many numbers there are; threads beyond that share them.
#[cfg(not(any(loom, feature = "shuttle")))]
pub(crate) const STRIPES: usize = 8;
#[cfg(any(loom, feature = "shuttle"))]
pub(crate) const STRIPES: usize = 1;

/// The number of this thread, below [`STRIPES`].
#[cfg(not(any(loom, feature = "shuttle")))]
pub(crate) fn stripe() -> usize {
    use std::sync::atomic::{AtomicUsize, Ordering};

    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        // Relaxed: only distinct numbers matter.
        static MINE: usize = NEXT.fetch_add(1, Ordering::Relaxed) % STRIPES;
    }
    MINE.try_with(|mine| *mine).unwrap_or(0)
}

#[cfg(any(loom, feature = "shuttle"))]
pub(crate) fn stripe() -> usize {
    0
}
