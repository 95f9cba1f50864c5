//! The allocator of every peer: the system's, with a count of the bytes in use.
//!
//! The count is what a program asked for, not what the system's allocator keeps beside it, and so the same for every
//! peer. It is striped by thread, because one shared counter would slow down exactly those peers that allocate.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

/// Stripe 0 is the main thread's; the others are handed out in turn. Two live threads share one only if 511 threads
/// were started between them, which no suite does; a shared stripe would miscount, nothing worse.
const STRIPES: usize = 512;

#[repr(align(128))]
struct Stripe(AtomicI64);

static LIVE: [Stripe; STRIPES] = [const { Stripe(AtomicI64::new(0)) }; STRIPES];
static THREADS: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static MINE: Cell<usize> = const { Cell::new(usize::MAX) };
}

/// The system's allocator, counting.
pub(crate) struct Counting;

/// The bytes that are allocated now, over all threads.
pub(crate) fn live_bytes() -> i64 {
    LIVE.iter().map(|stripe| stripe.0.load(Ordering::Relaxed)).sum()
}

fn my_stripe() -> usize {
    let mine = MINE.get();
    if mine != usize::MAX {
        return mine;
    }
    let thread = THREADS.fetch_add(1, Ordering::Relaxed);
    let stripe = if thread == 0 { 0 } else { 1 + (thread - 1) % (STRIPES - 1) };
    MINE.set(stripe);
    stripe
}

/// A load and a store instead of a read-modify-write: nobody else writes this stripe.
fn count(bytes: i64) {
    let counter = &LIVE[my_stripe()].0;
    counter.store(counter.load(Ordering::Relaxed) + bytes, Ordering::Relaxed);
}

// SAFETY: every call is handed to the system's allocator unchanged; counting touches no memory of the caller and
// allocates nothing, because the thread-local cell needs neither initialisation nor a destructor.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as i64);
        // SAFETY: the caller keeps `GlobalAlloc`'s contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as i64);
        // SAFETY: the caller keeps `GlobalAlloc`'s contract.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(-(layout.size() as i64));
        // SAFETY: the caller keeps `GlobalAlloc`'s contract.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size as i64 - layout.size() as i64);
        // SAFETY: the caller keeps `GlobalAlloc`'s contract.
        unsafe { System.realloc(pointer, layout, size) }
    }
}
