//! Publishing a plan: locks, freezes, one store, and what becomes of the replaced nodes.

use std::ptr::NonNull;

use super::node::{self, CHILDREN_MAX, Inner, Leaf, Node};
use super::plan::{Bottom, Owner, Plan, Rebuild};
use super::raw::RawTree;
use super::row::Row;
use super::store::Store;
use crate::guard::Guard;
use crate::reclaim;
use crate::sync::Ordering;

impl<S: Store> Plan<'_, S> {
    /// Publishes the plan, if the tree is still as the plan found it.
    pub(super) fn commit<const ORDER: usize>(&mut self, tree: &RawTree<S, ORDER>, guard: &Guard) -> bool {
        if !self.lock(tree) {
            return false;
        }
        self.fill_merged();
        for index in 0..self.rebuilds.len() {
            self.rebuilds[index].fill(self.below(index));
        }
        let top = self.below(self.rebuilds.len());
        let published = match self.crown {
            Some(crown) => {
                // SAFETY: the crown is an inner node of this plan.
                unsafe { node::inner::<S>(crown) }.set_children(top.iter().copied());
                crown
            }
            None => *top.first().expect("a plan puts at least one node"),
        };
        self.owner.publish(tree, published);
        self.committed = true;
        self.unlock_published(tree);
        self.retire(tree, guard);
        true
    }

    /// The new nodes below rebuild `index`.
    fn below(&self, index: usize) -> &[*mut Node] {
        match self.rebuilds[..index].iter().rev().find(|rebuild| !rebuild.parts.is_empty()) {
            None => &self.fresh,
            Some(rebuild) => &rebuild.parts,
        }
    }

    /// Gives a merged inner node the children of both.
    fn fill_merged(&self) {
        let (Some([left, right]), Some(&node)) = (self.bottom.merged, self.fresh.first()) else { return };
        let mut children = Row::<*mut Node, CHILDREN_MAX>::new(std::ptr::null_mut());
        for node in [left, right] {
            children.extend((0..node.child_count()).map(|index| node.child(index)));
        }
        // SAFETY: the new node of a merge of inner nodes is an inner node of this plan.
        unsafe { node::inner::<S>(node) }.set_children(children.iter().copied());
    }

    /// Locks everything that will change, from the leaves up, and freezes the leaves.
    fn lock<const ORDER: usize>(&self, tree: &RawTree<S, ORDER>) -> bool {
        if !self.bottom.lock() {
            return false;
        }
        for (index, rebuild) in self.rebuilds.iter().enumerate() {
            if !rebuild.old.lock.lock() {
                self.unlock(index);
                return false;
            }
        }
        if !self.owner.lock(tree) {
            self.unlock(self.rebuilds.len());
            return false;
        }
        if self.is_current(tree) && self.bottom.freeze() {
            return true;
        }
        self.owner.unlock(tree);
        self.unlock(self.rebuilds.len());
        false
    }

    fn unlock(&self, count: usize) {
        self.rebuilds[..count].iter().for_each(|rebuild| rebuild.old.lock.unlock());
        self.bottom.unlock();
    }

    /// Whether every locked node still has the child that the path went through.
    fn is_current<const ORDER: usize>(&self, tree: &RawTree<S, ORDER>) -> bool {
        let mut expected = self.bottom.expected;
        for rebuild in &self.rebuilds {
            let mut children = (rebuild.from..).zip(expected.iter().flatten());
            if !children.all(|(index, &child)| rebuild.old.child(index) == child) {
                return false;
            }
            expected = [Some(rebuild.old.as_node()), None];
        }
        expected[0] == Some(self.owner.child(tree))
    }

    fn unlock_published<const ORDER: usize>(&self, tree: &RawTree<S, ORDER>) {
        for rebuild in &self.rebuilds {
            rebuild.old.lock.retire();
        }
        for merged in self.bottom.merged.iter().flatten() {
            merged.lock.retire();
        }
        self.owner.unlock(tree);
    }

    /// Retires the nodes that were replaced, most often all by one note to the collector, which holds three words.
    fn retire_nodes(&self, guard: &Guard) {
        let mut inners =
            self.rebuilds.iter().map(|rebuild| rebuild.old).chain(self.bottom.merged.into_iter().flatten());
        // A node is not at address 0: so each is one word, where an `Option` of a pointer is two.
        let [first, second] =
            self.bottom.frozen.map(|frozen| frozen.and_then(|(leaf, _)| NonNull::new(leaf.as_node())));
        let inner = inners.next().and_then(|inner| NonNull::new(inner.as_node()));
        let reclaim = move || {
            for leaf in [first, second].into_iter().flatten() {
                // SAFETY: the leaf was unlinked; its entries live on in the copies.
                unsafe { node::free::<Leaf<S>>(leaf.as_ptr()) };
            }
            if let Some(inner) = inner {
                // SAFETY: the node was unlinked; its separators live on in the copies.
                unsafe { node::free::<Inner<S>>(inner.as_ptr()) };
            }
        };
        // SAFETY: no new reader can reach the nodes, which are plain memory that any thread may free.
        unsafe { reclaim::retire(reclaim, guard) };
        for inner in inners {
            // SAFETY: as above.
            unsafe { node::retire::<Inner<S>>(inner.as_node(), guard) };
        }
    }

    /// Retires what was replaced.
    fn retire<const ORDER: usize>(&self, tree: &RawTree<S, ORDER>, guard: &Guard) {
        self.retire_nodes(guard);
        if let Some(separator) = self.dropped {
            // SAFETY: the copies do not hold it; keys are inserted under the bounds that this asks for.
            unsafe { S::retire_separator(separator, guard) };
        }
        let gone = self.bottom.expected.iter().flatten().count();
        let parts = self.rebuilds.iter().map(|rebuild| rebuild.parts.len()).sum::<usize>();
        let inners = parts + usize::from(self.crown.is_some());
        let (leaves, inners) = match self.bottom.merged {
            None => (self.fresh.len().wrapping_sub(gone), inners),
            Some(_) => (0, (inners + self.fresh.len()).wrapping_sub(gone)),
        };
        tree.nodes.change(leaves, inners.wrapping_sub(self.rebuilds.len()));
    }
}

impl<S: Store> Bottom<'_, S> {
    /// Locks the inner nodes that are to be merged, if they are free.
    fn lock(&self) -> bool {
        let Some([left, right]) = self.merged else { return true };
        if !left.lock.try_lock() {
            return false;
        }
        if !right.lock.try_lock() {
            left.lock.unlock();
            return false;
        }
        true
    }

    fn unlock(&self) {
        self.merged.iter().flatten().for_each(|node| node.lock.unlock());
    }

    /// Makes the content of the leaves final, if it is as the plan read it.
    pub(super) fn freeze(&self) -> bool {
        for (index, (leaf, meta)) in self.frozen.iter().flatten().enumerate() {
            if leaf.exchange(*meta, meta.frozen()) {
                continue;
            }
            for (leaf, meta) in self.frozen.iter().flatten().take(index) {
                // Release pairs with the Acquire load of the next writer. Nobody changed what was frozen, so it is as before.
                leaf.meta.store(meta.0, Ordering::Release);
            }
            return false;
        }
        true
    }
}

impl<S: Store> Rebuild<'_, S> {
    /// Gives the copies their children: those of the old node, with `below` in the place of what was taken.
    fn fill(&self, below: &[*mut Node]) {
        let old = |range: std::ops::Range<usize>| range.map(|index| self.old.child(index));
        let mut children = Row::<*mut Node, { 2 * CHILDREN_MAX }>::new(std::ptr::null_mut());
        children.extend(old(0..self.from));
        children.extend(below.iter().copied());
        children.extend(old(self.from + self.taken..self.old.child_count()));
        let mut rest = &children[..];
        for &part in &*self.parts {
            // SAFETY: the parts are inner nodes of this plan.
            let part = unsafe { node::inner::<S>(part) };
            let (own, others) = rest.split_at(part.child_count().min(rest.len()));
            part.set_children(own.iter().copied());
            rest = others;
        }
    }
}

impl<S: Store> Owner<'_, S> {
    fn lock<const ORDER: usize>(&self, tree: &RawTree<S, ORDER>) -> bool {
        match self {
            Self::Root => tree.root_lock.lock(),
            Self::Child(node, _) => node.lock.lock(),
        }
    }

    fn unlock<const ORDER: usize>(&self, tree: &RawTree<S, ORDER>) {
        match self {
            Self::Root => tree.root_lock.unlock(),
            Self::Child(node, _) => node.lock.unlock(),
        }
    }

    fn child<const ORDER: usize>(&self, tree: &RawTree<S, ORDER>) -> *mut Node {
        match self {
            // Relaxed: changed under the lock that we hold.
            Self::Root => tree.root.load(Ordering::Relaxed),
            Self::Child(node, index) => node.child(*index),
        }
    }

    fn publish<const ORDER: usize>(&self, tree: &RawTree<S, ORDER>, node: *mut Node) {
        // Release pairs with the Acquire load of every way down: who sees the node sees its content.
        match self {
            Self::Root => tree.root.store(node, Ordering::Release),
            Self::Child(parent, index) => parent.children[*index].store(node, Ordering::Release),
        }
    }
}
