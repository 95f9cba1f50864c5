//! The lock of an inner node, and how to wait for one.
//!
//! A node that was replaced stays marked for ever: whoever gets to lock it learns that its path is out of date. Locks are
//! taken from the leaves up, neighbours only if they are free, and no user code runs under one.

use crate::sync::{AtomicU32, Ordering, spin_hint, yield_now};

const FREE: u32 = 0;
const LOCKED: u32 = 1;
const OBSOLETE: u32 = 2;

/// Locks a node until it is replaced.
pub(crate) struct Lock(AtomicU32);

impl Lock {
    #[cfg(not(any(loom, feature = "shuttle")))]
    pub(crate) const fn new() -> Self {
        Self(AtomicU32::new(FREE))
    }

    #[cfg(any(loom, feature = "shuttle"))]
    pub(crate) fn new() -> Self {
        Self(AtomicU32::new(FREE))
    }

    /// Takes the lock, or says that the node was replaced.
    pub(crate) fn lock(&self) -> bool {
        let mut wait = Wait::new();
        loop {
            // Acquire pairs with the Release of the holder before: its child pointers are seen; and on failure with that of
            // `retire`: who learns that the node was replaced finds what took its place.
            match self.0.compare_exchange(FREE, LOCKED, Ordering::Acquire, Ordering::Acquire) {
                Ok(_) => return true,
                Err(OBSOLETE) => return false,
                Err(_) => wait.turn(),
            }
        }
    }

    /// Takes the lock if it is free.
    pub(crate) fn try_lock(&self) -> bool {
        // Acquire as in `lock`.
        self.0.compare_exchange(FREE, LOCKED, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    pub(crate) fn unlock(&self) {
        // Release pairs with the Acquire of the next holder.
        self.0.store(FREE, Ordering::Release);
    }

    /// Lets go of the lock of a node that was replaced.
    pub(crate) fn retire(&self) {
        // Release pairs with the Acquire of a writer that came too late.
        self.0.store(OBSOLETE, Ordering::Release);
    }
}

/// Waits for another thread: first a little, then by giving up the processor.
pub(crate) struct Wait {
    turns: u32,
}

impl Wait {
    pub(crate) fn new() -> Self {
        Self { turns: 0 }
    }

    pub(crate) fn turn(&mut self) {
        const SPINS_MAX: u32 = 64;
        self.turns += 1;
        if self.turns < SPINS_MAX { spin_hint() } else { yield_now() }
    }
}
