//! What a writer takes out does not pile up. A process of its own: a guard of another test would hold it back, and rightly.

use std::sync::atomic::{AtomicUsize, Ordering};

use manicule_index::{HashIndex, pin};

static LIVE: AtomicUsize = AtomicUsize::new(0);

/// A value that is counted.
struct Counted;

impl Counted {
    fn new() -> Self {
        LIVE.fetch_add(1, Ordering::Relaxed);
        Self
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        LIVE.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A writer that pins once and repins frees what it replaced as it goes.
#[test]
fn values_replaced_under_a_repinned_guard_are_dropped() {
    let index = HashIndex::new();
    let mut guard = pin();
    let mut most = 0;
    for step in 0..20_000_u64 {
        index.insert(step % 10, Counted::new(), &guard);
        if step % 64 == 63 {
            guard.repin();
            most = most.max(LIVE.load(Ordering::Relaxed));
        }
    }
    assert!(most < 1000, "{most} values were live at once, of which 10 were in the index");
}
