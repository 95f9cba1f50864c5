//! A count that many threads change at once without sharing a cache line.

use std::cell::Cell;
#[cfg(not(any(loom, feature = "shuttle")))]
use std::sync::OnceLock;

use parking_lot::Mutex;

use crate::sync::{AtomicUsize, Ordering};

/// Stripes at most: a sum reads this many cache lines.
const STRIPES_MAX: usize = 16;

/// One stripe in a line of its own.
#[repr(align(64))]
struct Stripe(AtomicUsize);

/// The number of entries, spread over stripes; each thread changes its own.
pub(super) struct Counter {
    stripes: Box<[Stripe]>,
}

impl Counter {
    pub(super) fn new() -> Self {
        Self { stripes: (0..stripe_count()).map(|_| Stripe(AtomicUsize::new(0))).collect() }
    }

    /// Counts `added` more entries; gives the new value of this thread's stripe, which serves to sample.
    #[inline]
    pub(super) fn add(&self, added: usize) -> usize {
        // Relaxed: a statistic; it orders nothing.
        self.stripe().fetch_add(added, Ordering::Relaxed).wrapping_add(added)
    }

    /// Counts `removed` fewer entries; gives the new value of this thread's stripe.
    #[inline]
    pub(super) fn subtract(&self, removed: usize) -> usize {
        self.stripe().fetch_sub(removed, Ordering::Relaxed).wrapping_sub(removed)
    }

    /// The sum. Exact when nobody writes; otherwise within the number of operations under way.
    pub(super) fn sum(&self) -> usize {
        let sum = self.stripes.iter().fold(0_usize, |sum, stripe| sum.wrapping_add(stripe.0.load(Ordering::Relaxed)));
        // An entry may be added in a stripe that was read already and removed in one that was not.
        if sum > isize::MAX.cast_unsigned() { 0 } else { sum }
    }

    /// Bytes that the stripes occupy.
    pub(super) fn memory_usage(&self) -> usize {
        size_of_val(&*self.stripes)
    }

    #[inline]
    fn stripe(&self) -> &AtomicUsize {
        // The number of stripes is a power of two.
        &self.stripes[thread_number() & (self.stripes.len() - 1)].0
    }
}

/// A small number that differs between threads started one after another.
#[inline]
fn thread_number() -> usize {
    static NEXT: Mutex<usize> = Mutex::new(0);
    thread_local!(static NUMBER: Cell<usize> = const { Cell::new(usize::MAX) });
    NUMBER
        .try_with(|number| {
            if number.get() == usize::MAX {
                let mut next = NEXT.lock();
                number.set(*next);
                *next += 1;
            }
            number.get()
        })
        .unwrap_or(0)
}

/// As many stripes as processors, as a power of two.
#[cfg(not(any(loom, feature = "shuttle")))]
fn stripe_count() -> usize {
    static COUNT: OnceLock<usize> = OnceLock::new();
    *COUNT.get_or_init(|| {
        std::thread::available_parallelism().map_or(1, usize::from).next_power_of_two().min(STRIPES_MAX)
    })
}

/// One: a model checker has no use for more.
#[cfg(any(loom, feature = "shuttle"))]
fn stripe_count() -> usize {
    1.min(STRIPES_MAX)
}
