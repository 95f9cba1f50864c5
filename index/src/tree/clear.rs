//! Removing everything at once.
//!
//! The root is unlinked by one store. Writers that are below it already are then stopped node by node, from the top, so that
//! the children of a stopped node can change no more: what is counted and reclaimed is final.

use super::lock::Wait;
use super::node::{self, Inner, Leaf};
use super::raw::{RawTree, free_below};
use super::store::Store;
use crate::guard::Guard;
use crate::sync::Ordering;

/// What was unlinked.
#[derive(Default)]
struct Sealed {
    entries: usize,
    leaves: u64,
    inners: u64,
}

impl<S: Store, const ORDER: usize> RawTree<S, ORDER> {
    /// Removes every entry that is there when it begins.
    pub(crate) fn clear(&self, guard: &Guard) {
        if !self.root_lock.lock() {
            return;
        }
        // Relaxed: changed under the lock that we hold; Release pairs with the Acquire load of every way down.
        let root = self.root.load(Ordering::Relaxed);
        self.root.store(std::ptr::null_mut(), Ordering::Release);
        self.root_lock.unlock();
        if root.is_null() {
            return;
        }
        let mut sealed = Sealed::default();
        // SAFETY: the root is an inner node, read under the guard.
        seal::<S>(unsafe { node::inner(root) }, &mut sealed, guard);
        self.count.subtract(sealed.entries);
        // Relaxed: the counts order nothing.
        self.nodes.leaves.fetch_sub(sealed.leaves, Ordering::Relaxed);
        self.nodes.inners.fetch_sub(sealed.inners, Ordering::Relaxed);
        guard.flush();
    }

    /// Bytes of nodes and entries.
    pub(crate) fn memory_usage(&self) -> usize {
        // Relaxed: the counts order nothing.
        let leaves = self.nodes.leaves.load(Ordering::Relaxed) as usize;
        let inners = self.nodes.inners.load(Ordering::Relaxed) as usize;
        size_of::<Self>()
            + leaves * size_of::<Leaf<S>>()
            + inners * size_of::<Inner<S>>()
            + self.count.get() * S::ENTRY_BYTES
    }
}

/// Stops all writers in and below `inner`, which nobody can reach from the root, and retires it.
fn seal<S: Store>(inner: &Inner<S>, sealed: &mut Sealed, guard: &Guard) {
    inner.lock.lock();
    inner.lock.retire();
    sealed.inners += 1;
    for index in 0..inner.child_count() {
        let child = inner.child(index);
        if inner.level > 1 {
            // SAFETY: above level 1 are inner nodes, read under the guard.
            seal::<S>(unsafe { node::inner(child) }, sealed, guard);
            continue;
        }
        // SAFETY: below level 1 are leaves, read under the guard.
        let leaf = unsafe { node::leaf::<S>(child) };
        sealed.leaves += 1;
        sealed.entries += freeze(leaf);
    }
    if inner.level > 1 {
        for &separator in &inner.separators[..inner.count.into()] {
            // SAFETY: the node owned it; keys are inserted under the bounds that this asks for.
            unsafe { S::retire_separator(separator, guard) };
        }
        // SAFETY: the node is unlinked, and nothing changes it any more.
        unsafe { node::retire::<Inner<S>>(inner.as_node(), guard) };
        return;
    }
    let node = inner.as_node();
    // SAFETY: the node and all below it are unlinked and final.
    let reclaim = move || unsafe { free_below::<S>(node) };
    // SAFETY: no new reader can reach them; entries are inserted under the bounds that this asks for.
    unsafe { guard.defer(reclaim) };
}

/// Makes the content of a leaf final; gives the number of its entries.
fn freeze<S: Store>(leaf: &Leaf<S>) -> usize {
    let mut wait = Wait::new();
    loop {
        let meta = leaf.settled();
        if meta.is_frozen() || leaf.exchange(meta, meta.frozen()) {
            return meta.len();
        }
        wait.turn();
    }
}
