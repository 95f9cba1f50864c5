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
//! an append to a full last leaf gives it neighbours without copying it. Every slot of that leaf was claimed, so nothing
//! can be inserted where it no longer belongs.

use smallvec::SmallVec;

use super::grow::Loose;
use super::meta::Meta;
use super::node::{self, CHILDREN_MAX, Inner, KEYS_MAX, Leaf, Node, Window};
use super::raw::{Fences, Path, Step};
use super::row::Row;
use super::store::Store;
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

    #[inline]
    fn word(&self, skip: usize) -> u64 {
        if S::Key::EXACT || skip == self.skip { self.word } else { self.key().word(skip) }
    }

    fn key(&self) -> &S::Key {
        // SAFETY: a fork comes from a node on the path or from a separator that the plan owns; both live as long as it.
        unsafe { S::separator_key(self.separator) }
    }
}

/// What a plan replaces.
pub(super) struct Bottom<'g, S: Store> {
    /// The child pointers that must still be there.
    pub(super) expected: [Option<*mut Node>; 2],
    /// Leaves to freeze, as the plan read them.
    pub(super) frozen: [Option<(&'g Leaf<S>, Meta)>; 2],
    /// Inner nodes that become one.
    pub(super) merged: Option<[&'g Inner<S>; 2]>,
}

/// A copy of an inner node with other children.
pub(super) struct Rebuild<'g, S: Store> {
    pub(super) old: &'g Inner<S>,
    /// The children that are replaced: `taken` from `from` on.
    pub(super) from: usize,
    pub(super) taken: usize,
    /// The copy, or its two halves; none where the tree loses a level.
    pub(super) parts: Row<*mut Node, 2>,
}

/// A node that is to be copied.
struct Site<'g, S: Store> {
    step: Step<'g, S>,
    /// What encloses the node.
    fences: Fences<S>,
    is_root: bool,
}

/// Where the new nodes are published.
pub(super) enum Owner<'g, S: Store> {
    Root,
    Child(&'g Inner<S>, usize),
}

/// Where a plan takes memory from.
#[derive(Clone, Copy)]
enum Source {
    /// What this thread freed, as it is in the cache.
    Spare,
    /// The fullest chunk, so that sparse ones run empty.
    Fullest,
}

/// A change of structure that nobody sees yet. Dropping it undoes it.
pub(super) struct Plan<'g, S: Store> {
    pub(super) bottom: Bottom<'g, S>,
    /// What takes the place of the expected nodes; the first may be the first of them.
    pub(super) fresh: Row<*mut Node, { CHILDREN_MAX + 1 }>,
    /// What stands between the fresh nodes: made by the plan.
    pub(super) forks: Row<Fork<S>, CHILDREN_MAX>,
    pub(super) rebuilds: SmallVec<[Rebuild<'g, S>; 2]>,
    pub(super) crown: Option<*mut Node>,
    pub(super) owner: Owner<'g, S>,
    /// Where new nodes come from.
    source: Source,
    /// A separator that nobody needs any more.
    pub(super) dropped: Option<S::Separator>,
    pub(super) committed: bool,
}

impl<'g, S: Store> Plan<'g, S> {
    /// A plan that is to be given its new nodes, in memory that this thread freed.
    #[inline]
    pub(super) fn new(bottom: Bottom<'g, S>) -> Self {
        Self::from(bottom, Source::Spare)
    }

    /// A plan whose nodes go to the fullest chunks.
    #[inline]
    pub(super) fn packed(bottom: Bottom<'g, S>) -> Self {
        Self::from(bottom, Source::Fullest)
    }

    #[inline]
    fn from(bottom: Bottom<'g, S>, source: Source) -> Self {
        Self {
            bottom,
            fresh: Row::new(std::ptr::null_mut()),
            forks: Row::new(Fork::NONE),
            rebuilds: SmallVec::new(),
            crown: None,
            owner: Owner::Root,
            source,
            dropped: None,
            committed: false,
        }
    }

    /// Makes the separator between the fresh node that was added last and the next, which begins with `first`.
    ///
    /// # Safety
    ///
    /// The entry comes from a snapshot under the guard of the plan, or is about to be inserted.
    pub(super) unsafe fn fork(&mut self, first: &Loose<S>) -> S::Separator {
        // SAFETY: as the caller guarantees.
        let separator = unsafe { S::separate(first.slot) };
        self.forks.push(Fork { separator, word: first.word, skip: first.skip });
        separator
    }

    /// Adds a new node to those that take the place of the old ones.
    #[inline]
    pub(super) fn add<N>(&mut self, node: N) {
        self.fresh.push(self.source.allocate(node));
    }

    /// Leaves the one old leaf where it is, as the first of the new ones.
    pub(super) fn keep(&mut self, leaf: &Leaf<S>) {
        self.fresh.push(leaf.as_node());
        self.bottom.frozen = [None, None];
    }

    pub(super) fn drop_separator(&mut self, separator: S::Separator) {
        self.dropped = Some(separator);
    }

    /// Prepares the copies of the nodes above: `taken` children from `from` on, of the node at `level`, give way to the
    /// new ones.
    pub(super) fn raise<const ORDER: usize>(
        &mut self,
        path: &Path<'g, S>,
        level: usize,
        taken: std::ops::Range<usize>,
    ) {
        let Some(lowest) = path.step(level) else { return };
        if taken.len() == 1 && self.forks.is_empty() {
            self.owner = Owner::Child(lowest.node, taken.start);
            return;
        }
        let forks = self.forks;
        let mut fork = self.rebuild::<ORDER>(Site::on(path, level, lowest), taken, &forks);
        for level in level + 1.. {
            match (path.step(level), fork) {
                (Some(step), None) => {
                    self.owner = Owner::Child(step.node, step.index);
                    return;
                }
                (Some(step), Some(_)) => {
                    let site = Site::on(path, level, step);
                    fork = self.rebuild::<ORDER>(site, step.index..step.index + 1, fork.as_slice());
                }
                (None, None) => return,
                (None, Some(root_fork)) => {
                    self.crown = Some(self.source.allocate(Inner::of(level as u8, &[root_fork], Fences::NONE)));
                    return;
                }
            }
        }
    }

    /// Prepares a copy of the node at `level` as it is.
    pub(super) fn copy<const ORDER: usize>(&mut self, path: &Path<'g, S>, level: usize) {
        let Some(step) = path.step(level) else { return };
        let site = Site { is_root: false, ..Site::on(path, level, step) };
        self.rebuild::<ORDER>(site, step.index..step.index + 1, &[]);
        if let Some(above) = path.step(level + 1) {
            self.owner = Owner::Child(above.node, above.index);
        }
    }

    /// Prepares the copy of one node; gives the separator between the halves if it had to be split.
    fn rebuild<const ORDER: usize>(
        &mut self,
        site: Site<'g, S>,
        taken: std::ops::Range<usize>,
        between: &[Fork<S>],
    ) -> Option<Fork<S>> {
        let Site { step: Step { node: old, .. }, fences, is_root } = site;
        let mut forks = Forks::new(Fork::NONE);
        forks.extend(old.forks(0..taken.start));
        forks.extend(between.iter().copied());
        forks.extend(old.forks(taken.end - 1..usize::from(old.count)));
        let appended = taken.end == old.child_count() && fences.high.is_none();
        let parts = Row::new(std::ptr::null_mut());
        self.rebuilds.push(Rebuild { old, from: taken.start, taken: taken.len(), parts });
        let level = old.level;
        if forks.is_empty() && is_root && level > 1 {
            return None;
        }
        if forks.len() < ORDER {
            self.add_part(Inner::of(level, &forks, fences));
            return None;
        }
        // Ascending insertions leave full nodes behind.
        let middle = if appended { ORDER - 1 } else { forks.len() / 2 };
        let up = forks[middle];
        let Fences { low, high } = fences;
        self.add_part(Inner::of(level, &forks[..middle], Fences { low, high: Some(up.separator) }));
        self.add_part(Inner::of(level, &forks[middle + 1..], Fences { low: Some(up.separator), high }));
        Some(up)
    }

    fn add_part(&mut self, part: Inner<S>) {
        if let Some(rebuild) = self.rebuilds.last_mut() {
            rebuild.parts.push(self.source.allocate(part));
        }
    }
}

impl Source {
    #[inline]
    fn allocate<N>(self, node: N) -> *mut Node {
        match self {
            Self::Spare => node::allocate(node),
            Self::Fullest => node::allocate_packed(node),
        }
    }
}

impl<'g, S: Store> Site<'g, S> {
    fn on(path: &Path<'g, S>, level: usize, step: Step<'g, S>) -> Self {
        Self { step, fences: path.fences(level), is_root: level == path.height }
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

    #[inline]
    pub(super) fn forks(&self, range: std::ops::Range<usize>) -> impl ExactSizeIterator<Item = Fork<S>> {
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
        let inners = self.rebuilds.iter().flat_map(|rebuild| rebuild.parts.iter().copied()).chain(self.crown);
        for node in inners {
            // SAFETY: the plan was not published: its nodes are its own.
            unsafe { node::free::<Inner<S>>(node) };
        }
        for &node in self.fresh.iter().filter(|&&node| Some(node) != self.bottom.expected[0]) {
            match self.bottom.merged {
                // SAFETY: as above.
                None => unsafe { node::free::<Leaf<S>>(node) },
                // SAFETY: as above.
                Some(_) => unsafe { node::free::<Inner<S>>(node) },
            }
        }
        for fork in &*self.forks {
            // SAFETY: as above.
            unsafe { S::free_separator(fork.separator) };
        }
    }
}
