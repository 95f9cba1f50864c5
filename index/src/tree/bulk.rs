//! Building a tree from sorted entries: leaves first, then level by level, with plain stores.

use super::grow::{Loose, Run};
use super::node::{self, Inner, Leaf, Node};
use super::plan::{Fork, Forks};
use super::raw::{Fences, RawTree};
use super::store::Store;
use crate::sync::Ordering;

/// A finished node and the separator before it; the first of a level has none.
struct Part<S: Store> {
    node: *mut Node,
    fork: Option<Fork<S>>,
}

/// Entries that come in ascending order and belong to nobody yet. Dropping it frees them.
pub(super) struct Builder<S: Store, const ORDER: usize> {
    run: Run<S>,
    /// The separator before `run`.
    fork: Option<Fork<S>>,
    /// The separator behind `run`, while that becomes a leaf.
    next: Option<Fork<S>>,
    leaves: Vec<Part<S>>,
    inners: Vec<*mut Node>,
    count: usize,
}

impl<S: Store, const ORDER: usize> Builder<S, ORDER> {
    pub(super) fn new() -> Self {
        Self { run: Run::new(Loose::NONE), fork: None, next: None, leaves: Vec::new(), inners: Vec::new(), count: 0 }
    }

    /// The entry that came last.
    pub(super) fn last(&self) -> Option<(u64, S::Slot)> {
        self.run.last().map(|loose| (loose.word, loose.slot))
    }

    /// Takes an entry over whose key is larger than the last.
    pub(super) fn push(&mut self, word: u64, slot: S::Slot) {
        let loose = Loose { slot, word, skip: 0 };
        if self.run.len() == RawTree::<S, ORDER>::LEAF_MAX {
            // SAFETY: the entry is the caller's, and lives.
            let separator = unsafe { S::separate(slot) };
            self.next = Some(Fork { separator, word, skip: 0 });
            self.finish_leaf();
        }
        self.run.push(loose);
    }

    /// Takes an entry over that replaces the last one, which it gives back.
    pub(super) fn replace_last(&mut self, slot: S::Slot) -> Option<S::Slot> {
        self.run.last_mut().map(|last| std::mem::replace(&mut last.slot, slot))
    }

    fn finish_leaf(&mut self) {
        let [low, high] = [self.fork, self.next].map(|fork| fork.map(|fork| fork.separator));
        let leaf = Leaf::of(&self.run, Fences { low, high });
        self.leaves.push(Part { node: node::allocate(leaf), fork: self.fork });
        self.fork = self.next.take();
        self.count += self.run.len();
        self.run.clear();
    }

    /// Puts everything into `tree`, which is empty and nobody else's.
    pub(super) fn finish(mut self, tree: &mut RawTree<S, ORDER>) {
        if self.run.is_empty() {
            return;
        }
        self.finish_leaf();
        let mut parts = Self::level_above(1, &self.leaves, &mut self.inners);
        for level in 2.. {
            if parts.len() == 1 {
                break;
            }
            parts = Self::level_above(level, &parts, &mut self.inners);
        }
        // Relaxed: `&mut` proves that the tree is not shared yet.
        tree.root.store(parts[0].node, Ordering::Relaxed);
        tree.nodes.leaves.fetch_add(self.leaves.len() as u64, Ordering::Relaxed);
        tree.nodes.inners.fetch_add(self.inners.len() as u64, Ordering::Relaxed);
        tree.count.add(self.count);
        self.leaves.clear();
        self.inners.clear();
    }

    /// Nodes over `parts`, each with as many as it can have.
    fn level_above(level: u8, parts: &[Part<S>], inners: &mut Vec<*mut Node>) -> Vec<Part<S>> {
        let mut above = Vec::with_capacity(parts.len().div_ceil(ORDER));
        for (index, group) in parts.chunks(ORDER).enumerate() {
            let mut forks = Forks::new(Fork::NONE);
            forks.extend(group.iter().skip(1).filter_map(|part| part.fork));
            let separator = |part: &Part<S>| part.fork.map(|fork| fork.separator);
            let low = separator(&group[0]);
            let high = parts.get((index + 1) * ORDER).and_then(separator);
            let inner = Inner::of(level, &forks, Fences { low, high });
            inner.set_children(group.iter().map(|part| part.node));
            let node = node::allocate(inner);
            inners.push(node);
            above.push(Part { node, fork: group[0].fork });
        }
        above
    }
}

impl<S: Store, const ORDER: usize> Drop for Builder<S, ORDER> {
    /// Frees what was not put into a tree, because the caller or a key panicked.
    fn drop(&mut self) {
        // A separator that stands before a run belongs to nobody else until the run is a leaf.
        let open = [self.fork.filter(|_| !self.run.is_empty()), self.next];
        let forks = self.leaves.iter().filter_map(|part| part.fork).chain(open.into_iter().flatten());
        for fork in forks {
            // SAFETY: the separator is the builder's.
            unsafe { S::free_separator(fork.separator) };
        }
        for part in &self.leaves {
            // SAFETY: the leaf is the builder's.
            unsafe { super::raw::free_leaf::<S>(part.node) };
        }
        for &node in &self.inners {
            // SAFETY: the node is the builder's.
            unsafe { node::free::<Inner<S>>(node) };
        }
        for loose in &*self.run {
            // SAFETY: the entry is the builder's.
            unsafe { S::free_entry(loose.slot) };
        }
    }
}
