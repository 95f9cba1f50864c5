//! Changes of structure: prepared without locks, then published by one store.
//!
//! ```text
//!        owner                     owner ── the one store that publishes
//!          │                         │
//!          P         ──▶             P'     a copy of P with other children
//!        ╱ │ ╲                     ╱ │ ╲
//!       …  L  …                   …  A B  … L split in two, or rewritten, or merged with its neighbour
//! ```
//!
//! A plan builds every new node first. It may: the keys of a published node never change, and a leaf has not changed if its
//! version has not. All user code (comparisons, `Clone`) runs here, and a panic just drops the plan. The commit then
//!
//! 1. locks what is to be copied from the leaves up, and the owner, and checks that the path still holds;
//! 2. freezes the leaves by a compare-exchange against the versions that the plan read: their content is final;
//! 3. copies the child pointers, publishes, marks the copied nodes obsolete, and retires them.
//!
//! A reader that still walks an old node finds what was there when it was replaced, which lies inside its own operation. A
//! writer is stopped by the freeze or by the mark and starts again from the root.
//!
//! Invariants: the key range of a node never changes while it is reachable; child pointers change only under the lock of
//! their node; an inner node owns its separators until it is copied, then the copy does. The one exception to the first:
//! an append to a full last leaf gives it a neighbour without copying it. Every slot of that leaf was claimed, so nothing
//! can be inserted where it no longer belongs.

use std::ptr::NonNull;

use smallvec::SmallVec;

use super::meta::Meta;
use super::node::{self, CHILDREN_MAX, Inner, KEYS_MAX, Leaf, Node, Window};
use super::raw::{Fences, Path, RawTree, Step};
use super::reclaim;
use super::row::Row;
use super::store::Store;
use crate::guard::Guard;
use crate::key::IndexKey;
use crate::sync::Ordering;

/// A separator on its way into a node.
pub(super) struct Fork<S: Store> {
    pub(super) separator: S::Separator,
    /// Its word after `skip` bytes.
    pub(super) word: u64,
    pub(super) skip: usize,
}

impl<S: Store> Clone for Fork<S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S: Store> Copy for Fork<S> {}

/// Separators in order: those of two nodes and the one between them, at most.
pub(super) type Forks<S> = Row<Fork<S>, { 2 * KEYS_MAX + 1 }>;

impl<S: Store> Fork<S> {
    /// What unused places hold.
    pub(super) const NONE: Self = Self { separator: S::NO_SEPARATOR, word: 0, skip: 0 };

    fn word(&self, skip: usize) -> u64 {
        if S::Key::EXACT || skip == self.skip { self.word } else { self.key().word(skip) }
    }

    fn key(&self) -> &S::Key {
        // SAFETY: a fork comes from a node on the path or from a separator that the plan owns; both live as long as it.
        unsafe { S::separator_key(self.separator) }
    }
}

/// What a plan replaces and what it puts there.
pub(super) struct Bottom<'g, S: Store> {
    /// The child pointers that must still be there.
    pub(super) expected: [Option<*mut Node>; 2],
    /// What takes their place; the first may be the first expected one.
    pub(super) fresh: [Option<*mut Node>; 2],
    /// Leaves to freeze, as the plan read them.
    pub(super) frozen: [Option<(&'g Leaf<S>, Meta)>; 2],
    /// Inner nodes that become one.
    pub(super) merged: Option<[&'g Inner<S>; 2]>,
}

/// A copy of an inner node with other children.
struct Rebuild<'g, S: Store> {
    old: &'g Inner<S>,
    /// The children that are replaced: `taken` from `from` on.
    from: usize,
    taken: usize,
    /// The copy, or its two halves; none where the tree loses a level.
    parts: [Option<*mut Node>; 2],
}

/// A node that is to be copied.
struct Site<'g, S: Store> {
    step: Step<'g, S>,
    /// What encloses the node.
    fences: Fences<S>,
    is_root: bool,
}

/// Where the new nodes are published.
enum Owner<'g, S: Store> {
    Root,
    Child(&'g Inner<S>, usize),
}

/// A change of structure that nobody sees yet. Dropping it undoes it.
pub(super) struct Plan<'g, S: Store> {
    bottom: Bottom<'g, S>,
    rebuilds: SmallVec<[Rebuild<'g, S>; 4]>,
    crown: Option<*mut Node>,
    owner: Owner<'g, S>,
    /// A separator that the plan made.
    made: Option<S::Separator>,
    /// A separator that nobody needs any more.
    dropped: Option<S::Separator>,
    committed: bool,
}

impl<'g, S: Store> Plan<'g, S> {
    /// A plan that is to be given its new nodes.
    pub(super) fn new(bottom: Bottom<'g, S>) -> Self {
        Self {
            bottom,
            rebuilds: SmallVec::new(),
            crown: None,
            owner: Owner::Root,
            made: None,
            dropped: None,
            committed: false,
        }
    }

    /// Makes the separator that is equal to the key in `slot`.
    ///
    /// # Safety
    ///
    /// As [`Store::separate`].
    pub(super) unsafe fn separate(&mut self, slot: S::Slot) -> S::Separator {
        // SAFETY: as the caller guarantees.
        let separator = unsafe { S::separate(slot) };
        self.made = Some(separator);
        separator
    }

    /// Adds a new node as the `index`th that takes the place of the old ones.
    #[inline]
    pub(super) fn add<N>(&mut self, index: usize, node: N) {
        self.bottom.fresh[index] = Some(node::allocate(node));
    }

    /// Leaves the one old leaf where it is, as the first of the new ones.
    pub(super) fn keep(&mut self, leaf: &Leaf<S>) {
        self.bottom.fresh[0] = Some(leaf.as_node());
        self.bottom.frozen = [None, None];
    }

    pub(super) fn drop_separator(&mut self, separator: S::Separator) {
        self.dropped = Some(separator);
    }

    /// Prepares the copies of the nodes above: `taken` children from `from` on, of the node at `level`, give way to the
    /// new ones, between which `fork` stands if they are two.
    pub(super) fn raise<const ORDER: usize>(
        &mut self,
        path: &Path<'g, S>,
        level: usize,
        taken: std::ops::Range<usize>,
        mut fork: Option<Fork<S>>,
    ) {
        let (mut level, mut taken) = (level, taken);
        loop {
            let step = path.step(level);
            if taken.len() == 1 && fork.is_none() {
                self.owner = step.map_or(Owner::Root, |step| Owner::Child(step.node, taken.start));
                return;
            }
            match (step, fork) {
                (Some(step), _) => {
                    let site = Site { step, fences: path.fences(level), is_root: level == path.height };
                    fork = self.rebuild::<ORDER>(site, taken, fork);
                }
                (None, Some(root_fork)) => {
                    self.crown = Some(node::allocate(Inner::of(level as u8, &[root_fork], Fences::NONE)));
                    return;
                }
                (None, None) => return,
            }
            level += 1;
            let from = path.step(level).map_or(0, |step| step.index);
            taken = from..from + 1;
        }
    }

    /// Prepares a copy of the node at `level` as it is.
    pub(super) fn copy<const ORDER: usize>(&mut self, path: &Path<'g, S>, level: usize) {
        let Some(step) = path.step(level) else { return };
        let site = Site { step, fences: path.fences(level), is_root: false };
        self.rebuild::<ORDER>(site, step.index..step.index + 1, None);
        let from = path.step(level + 1).map_or(0, |step| step.index);
        self.raise::<ORDER>(path, level + 1, from..from + 1, None);
    }

    /// Prepares the copy of one node; gives the separator between the halves if it had to be split.
    fn rebuild<const ORDER: usize>(
        &mut self,
        site: Site<'g, S>,
        taken: std::ops::Range<usize>,
        fork: Option<Fork<S>>,
    ) -> Option<Fork<S>> {
        let Site { step: Step { node: old, .. }, fences, is_root } = site;
        let mut forks = Forks::new(Fork::NONE);
        forks.extend(old.forks(0..taken.start));
        forks.extend(fork.into_iter());
        forks.extend(old.forks(taken.end - 1..usize::from(old.count)));
        let appended = taken.end == old.child_count() && fences.high.is_none();
        self.rebuilds.push(Rebuild { old, from: taken.start, taken: taken.len(), parts: [None, None] });
        let level = old.level;
        if forks.is_empty() && is_root && level > 1 {
            return None;
        }
        if forks.len() < ORDER {
            self.add_part(0, Inner::of(level, &forks, fences));
            return None;
        }
        // Ascending insertions leave full nodes behind.
        let middle = if appended { ORDER - 1 } else { forks.len() / 2 };
        let up = forks[middle];
        let Fences { low, high } = fences;
        self.add_part(0, Inner::of(level, &forks[..middle], Fences { low, high: Some(up.separator) }));
        self.add_part(1, Inner::of(level, &forks[middle + 1..], Fences { low: Some(up.separator), high }));
        Some(up)
    }

    fn add_part(&mut self, index: usize, part: Inner<S>) {
        if let Some(rebuild) = self.rebuilds.last_mut() {
            rebuild.parts[index] = Some(node::allocate(part));
        }
    }

    /// Publishes the plan, if the tree is still as the plan found it.
    pub(super) fn commit<const ORDER: usize>(&mut self, tree: &RawTree<S, ORDER>, guard: &Guard) -> bool {
        if !self.lock(tree) {
            return false;
        }
        self.bottom.fill();
        for index in 0..self.rebuilds.len() {
            let below = self.below(index);
            self.rebuilds[index].fill(below);
        }
        let top = self.below(self.rebuilds.len());
        let published = match self.crown {
            Some(crown) => {
                // SAFETY: the crown is an inner node of this plan.
                unsafe { node::inner::<S>(crown) }.set_children(top.iter().flatten().copied());
                crown
            }
            None => top[0].expect("a plan puts at least one node"),
        };
        self.owner.publish(tree, published);
        self.committed = true;
        self.unlock_published(tree);
        self.retire(tree, guard);
        reclaim::collect(guard);
        true
    }

    /// The new nodes below rebuild `index`.
    fn below(&self, index: usize) -> [Option<*mut Node>; 2] {
        match index.checked_sub(1) {
            None => self.bottom.fresh,
            Some(index) if self.rebuilds[index].parts[0].is_none() => self.below(index),
            Some(index) => self.rebuilds[index].parts,
        }
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
        let [first, second] = self.bottom.frozen.map(|frozen| frozen.map(|(leaf, _)| NonNull::from(leaf)));
        let inner = inners.next().map(NonNull::from);
        let reclaim = move || {
            for leaf in [first, second].into_iter().flatten() {
                // SAFETY: the leaf was unlinked; its entries live on in the copies.
                unsafe { node::free::<Leaf<S>>(leaf.as_ptr().cast()) };
            }
            if let Some(inner) = inner {
                // SAFETY: the node was unlinked; its separators live on in the copies.
                unsafe { node::free::<Inner<S>>(inner.as_ptr().cast()) };
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
        let mut inners = usize::from(self.crown.is_some());
        for rebuild in &self.rebuilds {
            inners += rebuild.parts.iter().flatten().count();
        }
        self.retire_nodes(guard);
        if let Some(separator) = self.dropped {
            // SAFETY: the copies do not hold it; keys are inserted under the bounds that this asks for.
            unsafe { S::retire_separator(separator, guard) };
        }
        let gone = self.bottom.expected.iter().flatten().count();
        let fresh = self.bottom.fresh.iter().flatten().count();
        let (leaves, inners_gone) = match self.bottom.merged {
            None => (fresh as u64, self.rebuilds.len()),
            Some(_) => (gone as u64, self.rebuilds.len() + gone - fresh),
        };
        // Relaxed: the counts order nothing.
        tree.nodes.leaves.fetch_add(leaves.wrapping_sub(gone as u64), Ordering::Relaxed);
        tree.nodes.inners.fetch_add((inners as u64).wrapping_sub(inners_gone as u64), Ordering::Relaxed);
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
    fn freeze(&self) -> bool {
        for (index, (leaf, meta)) in self.frozen.iter().flatten().enumerate() {
            if leaf.exchange(*meta, meta.frozen()) {
                continue;
            }
            for (leaf, meta) in self.frozen.iter().flatten().take(index) {
                // Release pairs with the Acquire load of the next writer. Nobody changed what is frozen.
                leaf.meta.store(meta.touched().0, Ordering::Release);
            }
            return false;
        }
        true
    }

    /// Gives a merged inner node the children of both.
    fn fill(&self) {
        if let (Some([left, right]), Some(node)) = (self.merged, self.fresh[0]) {
            let children = |node: &'_ Inner<S>| -> SmallVec<[*mut Node; 8]> {
                (0..node.child_count()).map(|index| node.child(index)).collect()
            };
            // SAFETY: the new node of a merge of inner nodes is an inner node of this plan.
            let merged = unsafe { node::inner::<S>(node) };
            merged.set_children(children(left).into_iter().chain(children(right)));
        }
    }
}

impl<S: Store> Rebuild<'_, S> {
    /// Gives the copies their children: those of the old node, with `below` in the place of what was taken.
    fn fill(&self, below: [Option<*mut Node>; 2]) {
        let old = |range: std::ops::Range<usize>| range.map(|index| self.old.child(index));
        let mut children = Row::<*mut Node, { CHILDREN_MAX + 1 }>::new(std::ptr::null_mut());
        children.extend(old(0..self.from));
        children.extend(below.into_iter().flatten());
        children.extend(old(self.from + self.taken..self.old.child_count()));
        let mut rest = &children[..];
        for &part in self.parts.iter().flatten() {
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

impl<S: Store> Inner<S> {
    /// A node between `fences` with these separators; its children are to be filled in.
    #[inline]
    pub(super) fn of(level: u8, forks: &[Fork<S>], fences: Fences<S>) -> Self {
        let window = match (forks, fences.low, fences.high) {
            _ if S::Key::EXACT => Window::fenced(0),
            (_, Some(_), Some(_)) => Window::fenced(fences.shared()),
            ([first, .., last], ..) => Window::open(first.key().common(last.key())),
            _ => Window::open(0),
        };
        let skip = window.skip();
        let mut node = Self::new(level, window);
        node.count = forks.len() as u8;
        for ((word, separator), fork) in node.words.iter_mut().zip(&mut node.separators).zip(forks) {
            *word = fork.word(skip);
            *separator = fork.separator;
        }
        node
    }

    pub(super) fn forks(&self, range: std::ops::Range<usize>) -> impl Iterator<Item = Fork<S>> {
        let skip = self.window.skip();
        range.map(move |index| Fork { separator: self.separators[index], word: self.words[index], skip })
    }

    /// Fills in the children of a node that is not published.
    pub(super) fn set_children(&self, children: impl Iterator<Item = *mut Node>) {
        for (place, child) in self.children.iter().zip(children) {
            // Relaxed: published with the node.
            place.store(child, Ordering::Relaxed);
        }
    }
}

impl<S: Store> Drop for Plan<'_, S> {
    fn drop(&mut self) {
        if self.committed {
            return;
        }
        let inners = self.rebuilds.iter().flat_map(|rebuild| rebuild.parts).chain([self.crown]).flatten();
        for node in inners {
            // SAFETY: the plan was not published: its nodes are its own.
            unsafe { node::free::<Inner<S>>(node) };
        }
        for node in self.bottom.fresh.into_iter().flatten().filter(|&node| Some(node) != self.bottom.expected[0]) {
            match self.bottom.merged {
                // SAFETY: as above.
                None => unsafe { node::free::<Leaf<S>>(node) },
                // SAFETY: as above.
                Some(_) => unsafe { node::free::<Inner<S>>(node) },
            }
        }
        if let Some(separator) = self.made {
            // SAFETY: as above.
            unsafe { S::free_separator(separator) };
        }
    }
}
