//! A count that writers of several threads change without meeting.

use crate::stripe::{STRIPES, stripe};
use crate::sync::{AtomicUsize, Ordering};

/// One counter, spread over cache lines.
pub(crate) struct Count {
    stripes: [Stripe; STRIPES],
}

#[repr(align(64))]
struct Stripe(AtomicUsize);

impl Count {
    #[cfg(not(any(loom, feature = "shuttle")))]
    pub(crate) const fn new() -> Self {
        Self { stripes: [const { Stripe(AtomicUsize::new(0)) }; STRIPES] }
    }

    #[cfg(any(loom, feature = "shuttle"))]
    pub(crate) fn new() -> Self {
        Self { stripes: [Stripe(AtomicUsize::new(0))] }
    }

    pub(crate) fn add(&self, more: usize) {
        // Relaxed: the count orders nothing.
        self.stripes[stripe()].0.fetch_add(more, Ordering::Relaxed);
    }

    pub(crate) fn subtract(&self, less: usize) {
        // Relaxed as above. One stripe may fall below zero: only the sum means something.
        self.stripes[stripe()].0.fetch_sub(less, Ordering::Relaxed);
    }

    /// The count: exact when nobody writes, otherwise somewhere near.
    pub(crate) fn get(&self) -> usize {
        let sum = self.stripes.iter().map(|stripe| stripe.0.load(Ordering::Relaxed)).fold(0, usize::wrapping_add);
        // A removal may be seen before its insertion.
        if sum > usize::MAX / 2 { 0 } else { sum }
    }
}
