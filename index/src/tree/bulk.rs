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

/// Entries that come in ascending order and belong to nobody yet.
pub(super) struct Builder<S: Store, const ORDER: usize> {
    run: Run<S>,
    /// The separator before `run`.
    fork: Option<Fork<S>>,
    leaves: Vec<Part<S>>,
    count: usize,
}

impl<S: Store, const ORDER: usize> Builder<S, ORDER> {
    pub(super) fn new() -> Self {
        Self { run: Run::new(), fork: None, leaves: Vec::new(), count: 0 }
    }

    /// The entry that came last.
    pub(super) fn last(&self) -> Option<(u64, S::Slot)> {
        self.run.last().map(|loose| (loose.word, loose.slot))
    }

    /// Takes an entry over whose key is larger than the last.
    pub(super) fn push(&mut self, word: u64, slot: S::Slot) {
        let loose = Loose { slot, word, skip: 0 };
        if self.run.len() < RawTree::<S, ORDER>::LEAF_MAX {
            self.run.push(loose);
            return;
        }
        // SAFETY: the entry is the caller's, and lives.
        let separator = unsafe { S::separate(slot) };
        let fork = Fork { separator, word, skip: 0 };
        self.finish_leaf(Some(separator));
        self.run.push(loose);
        self.fork = Some(fork);
    }

    /// Takes an entry over that replaces the last one, which it gives back.
    pub(super) fn replace_last(&mut self, slot: S::Slot) -> Option<S::Slot> {
        self.run.last_mut().map(|last| std::mem::replace(&mut last.slot, slot))
    }

    fn finish_leaf(&mut self, high: Option<S::Separator>) {
        let low = self.fork.map(|fork| fork.separator);
        let leaf = Leaf::of(&self.run, Fences { low, high });
        self.leaves.push(Part { node: node::allocate(leaf), fork: self.fork });
        self.count += self.run.len();
        self.run.clear();
    }

    /// Puts everything into `tree`, which is empty and nobody else's.
    pub(super) fn finish(mut self, tree: &mut RawTree<S, ORDER>) {
        if self.run.is_empty() {
            return;
        }
        self.finish_leaf(None);
        let mut parts = std::mem::take(&mut self.leaves);
        // Relaxed: `&mut` proves that the tree is not shared yet.
        tree.nodes.leaves.fetch_add(parts.len() as u64, Ordering::Relaxed);
        let mut level = 1;
        loop {
            parts = Self::level_above(level, &parts);
            tree.nodes.inners.fetch_add(parts.len() as u64, Ordering::Relaxed);
            level += 1;
            if let [root] = &parts[..] {
                tree.root.store(root.node, Ordering::Relaxed);
                break;
            }
        }
        tree.count.add(self.count);
    }

    /// Nodes over `parts`, each with as many as it can have.
    fn level_above(level: u8, parts: &[Part<S>]) -> Vec<Part<S>> {
        let mut above = Vec::with_capacity(parts.len().div_ceil(ORDER));
        for (index, group) in parts.chunks(ORDER).enumerate() {
            let forks: Forks<S> = group.iter().skip(1).filter_map(|part| part.fork).collect();
            let separator = |part: &Part<S>| part.fork.map(|fork| fork.separator);
            let low = separator(&group[0]);
            let high = parts.get((index + 1) * ORDER).and_then(separator);
            let inner = Inner::of(level, &forks, Fences { low, high });
            inner.set_children(group.iter().map(|part| part.node));
            above.push(Part { node: node::allocate(inner), fork: group[0].fork });
        }
        above
    }
}

impl<S: Store, const ORDER: usize> Drop for Builder<S, ORDER> {
    /// Frees what was not put into a tree, because an entry or its key panicked.
    fn drop(&mut self) {
        for part in self.leaves.drain(..) {
            // SAFETY: the leaf is the builder's.
            unsafe { super::raw::free_leaf::<S>(part.node) };
            if let Some(fork) = part.fork {
                // SAFETY: the separator is the builder's.
                unsafe { S::free_separator(fork.separator) };
            }
        }
        if let Some(fork) = self.fork.take().filter(|_| !self.run.is_empty()) {
            // SAFETY: the separator is the builder's.
            unsafe { S::free_separator(fork.separator) };
        }
        for loose in self.run.drain(..) {
            // SAFETY: the entry is the builder's.
            unsafe { S::free_entry(loose.slot) };
        }
    }
}
