//! Building a tree from sorted entries, with plain stores and from left to right: at each level one node is open.
//!
//! ```text
//!            ┌ open ┐                 a node is closed when a child comes for which it has no room: what separates it from
//!       done │      │                 the next one is known then, and so how many bytes all its keys share
//!   done done│ open │
//!  ▪▪▪ ▪▪▪ ▪▪▪ ▪▪  leaf ◀── entries
//! ```

use super::grow::Loose;
use super::node::{self, CHILDREN_MAX, Inner, KEYS_MAX, Leaf, Node};
use super::plan::Fork;
use super::raw::{self, Fences, RawTree};
use super::row::Row;
use super::store::Store;
use crate::sync::Ordering;

/// An inner node that is not made yet, or what is left of it when it was.
struct Open<S: Store> {
    /// The separator before the first child; the first node of a level has none.
    low: Option<Fork<S>>,
    /// One more than a node holds closes it.
    children: Row<*mut Node, { CHILDREN_MAX + 1 }>,
    /// What stands between the children.
    forks: Row<Fork<S>, CHILDREN_MAX>,
}

/// Entries that come in ascending order and belong to nobody yet. Dropping it frees them.
pub(super) struct Builder<S: Store, const ORDER: usize> {
    /// The open leaf.
    run: Row<Loose<S>, KEYS_MAX>,
    /// The separator before it.
    fork: Option<Fork<S>>,
    /// The separator behind it, while it is closed.
    next: Option<Fork<S>>,
    /// The open inner nodes, the lowest first.
    levels: Vec<Open<S>>,
    counts: Counts,
}

#[derive(Default)]
struct Counts {
    entries: usize,
    leaves: usize,
    inners: usize,
}

impl<S: Store> Open<S> {
    fn new(low: Option<Fork<S>>) -> Self {
        Self { low, children: Row::new(std::ptr::null_mut()), forks: Row::new(Fork::NONE) }
    }

    /// Makes a node of the first `count` children, which `high` ends.
    fn close(&self, level: usize, count: usize, high: Option<Fork<S>>) -> *mut Node {
        let fences = Fences { low: self.low.map(|fork| fork.separator), high: high.map(|fork| fork.separator) };
        let inner = Inner::of(level as u8, &self.forks[..count - 1], fences);
        inner.set_children(self.children[..count].iter().copied());
        node::allocate(inner)
    }
}

impl<S: Store, const ORDER: usize> Builder<S, ORDER> {
    pub(super) fn new() -> Self {
        let (run, counts) = (Row::new(Loose::NONE), Counts::default());
        Self { run, fork: None, next: None, levels: Vec::new(), counts }
    }

    /// The entry that came last.
    #[inline]
    pub(super) fn last(&self) -> Option<(u64, S::Slot)> {
        self.run.last().map(|loose| (loose.word, loose.slot))
    }

    /// Takes an entry over whose key is larger than the last.
    #[inline]
    pub(super) fn push(&mut self, word: u64, slot: S::Slot) {
        if self.run.len() == RawTree::<S, ORDER>::LEAF_MAX {
            // SAFETY: the entry is the caller's, and lives.
            let separator = unsafe { S::separate(slot) };
            self.next = Some(Fork { separator, word, skip: 0 });
            self.close_leaf();
        }
        self.run.push(Loose { slot, word, skip: 0 });
    }

    /// Takes an entry over that replaces the last one, which it gives back.
    pub(super) fn replace_last(&mut self, slot: S::Slot) -> Option<S::Slot> {
        self.run.last_mut().map(|last| std::mem::replace(&mut last.slot, slot))
    }

    fn close_leaf(&mut self) {
        let [low, high] = [self.fork, self.next].map(|fork| fork.map(|fork| fork.separator));
        let leaf = node::allocate(Leaf::of(&self.run, Fences { low, high }));
        self.counts.entries += self.run.len();
        self.counts.leaves += 1;
        self.run.clear();
        let before = std::mem::replace(&mut self.fork, self.next.take());
        self.attach(0, leaf, before);
    }

    /// Adds a child, and the separator before it, to the open node that is `above` levels above the lowest ones.
    fn attach(&mut self, mut above: usize, mut child: *mut Node, mut before: Option<Fork<S>>) {
        loop {
            if above == self.levels.len() {
                self.levels.push(Open::new(before.take()));
            }
            // All of it belongs to the open node before user code runs, so that a panic finds it.
            let open = &mut self.levels[above];
            open.forks.extend(before.iter().copied());
            open.children.push(child);
            if open.children.len() <= ORDER {
                return;
            }
            let fork = open.forks[ORDER - 1];
            let node = open.close(above + 1, ORDER, Some(fork));
            self.counts.inners += 1;
            let mut next = Open::new(Some(fork));
            next.children.push(child);
            let closed = std::mem::replace(open, next);
            (above, child, before) = (above + 1, node, closed.low);
        }
    }

    /// Puts everything into `tree`, which is empty and nobody else's.
    pub(super) fn finish(mut self, tree: &mut RawTree<S, ORDER>) {
        if self.run.is_empty() {
            return;
        }
        self.close_leaf();
        let mut above = 0;
        let root = loop {
            let open = &mut self.levels[above];
            let node = open.close(above + 1, open.children.len(), None);
            let closed = std::mem::replace(open, Open::new(None));
            self.counts.inners += 1;
            above += 1;
            if above == self.levels.len() {
                break node;
            }
            self.attach(above, node, closed.low);
        };
        // Relaxed: `&mut` proves that the tree is not shared yet.
        tree.root.store(root, Ordering::Relaxed);
        tree.nodes.change(self.counts.leaves, self.counts.inners);
        tree.count.add(self.counts.entries);
    }
}

impl<S: Store, const ORDER: usize> Drop for Builder<S, ORDER> {
    /// Frees what was not put into a tree, because the caller or a key panicked.
    fn drop(&mut self) {
        for (above, open) in self.levels.iter().enumerate() {
            for &child in &*open.children {
                if above == 0 {
                    // SAFETY: the leaf is the builder's.
                    unsafe { raw::free_leaf::<S>(child) };
                } else {
                    // SAFETY: the inner node and all below it are the builder's.
                    unsafe { raw::free_below::<S>(child) };
                }
            }
        }
        // A separator that stands before a run belongs to nobody else until the run is a leaf.
        let between = self.levels.iter().flat_map(|open| open.low.into_iter().chain(open.forks.iter().copied()));
        for fork in between.chain(self.fork).chain(self.next) {
            // SAFETY: the separator is the builder's.
            unsafe { S::free_separator(fork.separator) };
        }
        for loose in &*self.run {
            // SAFETY: the entry is the builder's.
            unsafe { S::free_entry(loose.slot) };
        }
    }
}
