//! Reading in order.
//!
//! A scan keeps the way to its leaf and a snapshot of it. The next leaf is found by climbing that way to the first node that
//! has another child and going down again: there are no sibling pointers, and both directions are the same code.
//!
//! Nodes on the way may have been replaced since. That does no harm: an old node still names all leaves of its key range,
//! each either live or as it was when it was replaced, which was after the scan began. So an entry that is there throughout
//! is given exactly once, in order; one that comes or goes meanwhile may or may not be.
//!
//! A scan that goes on takes more and more leaves in one step, up to all below one node ([`Stretch`]), and asks for the memory
//! of as many that come next, so that it waits for bandwidth and not for each miss.

use std::borrow::Borrow;
use std::marker::PhantomData;
use std::ops::Bound;

use super::meta::Meta;
use super::node::{self, Inner, LEVELS_MAX, Leaf, Place, Probe};
use super::store::Store;
use crate::key::IndexKey;

/// How many leaves a scan takes at once behind the one where it begins.
const NEAR: usize = 2;

/// Which way a scan runs.
pub(crate) trait Way {
    const FORWARD: bool;
}

/// Smallest key first.
pub(crate) struct Forward;
/// Largest key first.
pub(crate) struct Backward;

/// The other way.
pub(super) struct Opposite<W>(PhantomData<W>);

impl<W: Way> Way for Opposite<W> {
    const FORWARD: bool = !W::FORWARD;
}

impl Way for Forward {
    const FORWARD: bool = true;
}

impl Way for Backward {
    const FORWARD: bool = false;
}

/// A place in the tree: the way to a leaf, and a snapshot of it.
pub(super) struct Position<'g, S: Store> {
    /// The nodes on the way, the lowest first, and which child it takes.
    nodes: [Option<&'g Inner<S>>; LEVELS_MAX],
    indexes: [u8; LEVELS_MAX],
    /// The node above the leaf that comes after this one, and which child that is, if the way up to it was already taken.
    coming: Option<(&'g Inner<S>, usize)>,
    pub(super) leaf: Option<&'g Leaf<S>>,
    pub(super) meta: Meta,
}

impl<S: Store> Clone for Position<'_, S> {
    fn clone(&self) -> Self {
        Self { ..*self }
    }
}

impl<'g, S: Store> Position<'g, S> {
    pub(super) fn nowhere() -> Self {
        Self { nodes: [None; LEVELS_MAX], indexes: [0; LEVELS_MAX], coming: None, leaf: None, meta: Meta::sorted(0) }
    }

    /// Goes to the leaf where `bound`, the one that the scan starts from, lies, and gives the number of its entries that come
    /// before the gap which the bound means.
    pub(super) fn seek<Q, W: Way>(&mut self, root: Option<&'g Inner<S>>, bound: Bound<&Q>) -> usize
    where
        S::Key: Borrow<Q>,
        Q: IndexKey + ?Sized,
    {
        let Some(root) = root else { return 0 };
        let (Bound::Included(key) | Bound::Excluded(key)) = bound else {
            self.go_down::<W>(root);
            return if W::FORWARD { 0 } else { self.meta.len() };
        };
        let mut probe = Probe::new(key);
        let mut inner = root;
        let leaf = loop {
            let index = inner.child_index(&mut probe);
            let child = self.step(inner, index);
            if inner.level == 1 {
                // SAFETY: below level 1 are leaves; read under the guard.
                break unsafe { node::leaf(child) };
            }
            // SAFETY: above level 1 are inner nodes; read under the guard.
            inner = unsafe { node::inner(child) };
        };
        self.look_around::<W>();
        self.enter(leaf);
        let place = leaf.locate(self.meta, &mut probe);
        // The key itself belongs to a forward scan if it is included, and is passed by a backward scan if not.
        let past = matches!(place, Place::Found { .. }) && W::FORWARD != matches!(bound, Bound::Included(_));
        place.rank() + usize::from(past)
    }

    /// Records a step down and gives the child.
    fn step(&mut self, inner: &'g Inner<S>, index: usize) -> *mut node::Node {
        let level = usize::from(inner.level);
        self.nodes[level - 1] = Some(inner);
        self.indexes[level - 1] = index as u8;
        let child = inner.child(index);
        node::prefetch(child);
        child
    }

    fn enter(&mut self, leaf: &'g Leaf<S>) {
        self.meta = leaf.snapshot();
        self.leaf = Some(leaf);
    }

    /// Goes down to the first leaf below `inner`, in the way's order.
    fn go_down<W: Way>(&mut self, inner: &'g Inner<S>) {
        let parent = self.go_down_to_parent::<W>(inner);
        let child = self.step(parent, if W::FORWARD { 0 } else { parent.count.into() });
        self.look_around::<W>();
        // SAFETY: below level 1 are leaves; read under the guard that the position was made with.
        self.enter(unsafe { node::leaf(child) });
    }

    /// Goes down to the first node above leaves at or below `inner`, in the way's order.
    fn go_down_to_parent<W: Way>(&mut self, mut inner: &'g Inner<S>) -> &'g Inner<S> {
        while inner.level > 1 {
            let child = self.step(inner, if W::FORWARD { 0 } else { inner.count.into() });
            // SAFETY: above level 1 are inner nodes; read under the guard that the position was made with.
            inner = unsafe { node::inner(child) };
        }
        inner
    }

    /// Goes on by the nearest leaves below the same node, which were asked for in `seek`, and calls `visit` with each and its
    /// snapshot. Where there is none it takes the last one again, without entries: that costs less than a mispredicted branch.
    #[inline]
    pub(super) fn near_leaves<W: Way>(&mut self, mut visit: impl FnMut(&'g Leaf<S>, Meta)) {
        let Some(parent) = self.nodes[0] else { return };
        for _ in 0..NEAR {
            let index = usize::from(self.indexes[0]);
            let next = parent.after::<W>(index, 1);
            // SAFETY: below level 1 are leaves; read under the guard that the position was made with.
            let leaf: &'g Leaf<S> = unsafe { node::leaf(parent.child(next)) };
            let meta = leaf.snapshot();
            visit(leaf, if next == index { Meta::sorted(0) } else { meta });
            self.indexes[0] = next as u8;
        }
    }

    /// Goes to the next leaf; says false, and stays, at the end of the tree.
    pub(super) fn next_leaf<W: Way>(&mut self) -> bool {
        self.next_leaves::<W>(1, |_, _| {})
    }

    /// Goes on by as many leaves as one node has, `most` at most, and calls `visit` with each and its snapshot; says false, and
    /// stays, at the end of the tree. A scan that turns round takes one leaf at a time.
    #[inline]
    pub(super) fn next_leaves<W: Way>(&mut self, most: usize, mut visit: impl FnMut(&'g Leaf<S>, Meta)) -> bool {
        let Some((parent, first)) = self.coming.take().or_else(|| {
            let (parent, first) = self.next_child::<W>()?;
            parent.prefetch::<W>(first, most);
            Some((parent, first))
        }) else {
            return false;
        };
        let count = usize::from(parent.count);
        let (low, high) =
            if W::FORWARD { (first, count.min(first + most - 1)) } else { ((first + 1).saturating_sub(most), first) };
        self.nodes[0] = Some(parent);
        self.indexes[0] = (if W::FORWARD { high } else { low }) as u8;
        self.look_ahead::<W>(most);
        for index in low..=high {
            let index = if W::FORWARD { index } else { low + high - index };
            // SAFETY: below level 1 are leaves; read under the guard that the position was made with.
            self.enter(unsafe { node::leaf(parent.child(index)) });
            if let Some(leaf) = self.leaf {
                visit(leaf, self.meta);
            }
        }
        true
    }

    /// The node above the next leaf, and which child of it that is.
    #[inline]
    fn next_child<W: Way>(&mut self) -> Option<(&'g Inner<S>, usize)> {
        if let Some(index) = self.neighbour::<W>(0) {
            return Some((self.nodes[0]?, index));
        }
        for level in 1..LEVELS_MAX {
            let inner = self.nodes[level]?;
            let Some(index) = self.neighbour::<W>(level) else { continue };
            let child = self.step(inner, index);
            // SAFETY: above level 1 are inner nodes; read under the guard that the position was made with.
            let parent = self.go_down_to_parent::<W>(unsafe { node::inner(child) });
            return Some((parent, if W::FORWARD { 0 } else { parent.count.into() }));
        }
        None
    }

    /// The index of the next child, if the node at `level` has it.
    #[inline]
    fn neighbour<W: Way>(&self, level: usize) -> Option<usize> {
        let inner = self.nodes[level]?;
        let index = usize::from(self.indexes[level]);
        if W::FORWARD { Some(index + 1).filter(|&index| index <= inner.count.into()) } else { index.checked_sub(1) }
    }

    /// Asks for the memory of some `leaves` that come next: those below the same node, or else those below the next one, if
    /// the scan goes on by many at a time.
    #[inline]
    fn look_ahead<W: Way>(&mut self, leaves: usize) {
        if let (Some(parent), Some(index)) = (self.nodes[0], self.neighbour::<W>(0)) {
            parent.prefetch::<W>(index, leaves.max(NEAR));
        } else if leaves > 1 {
            self.coming = self.next_child::<W>();
            if let Some((parent, index)) = self.coming {
                parent.prefetch::<W>(index, leaves);
                self.look_beyond::<W>();
            }
        }
    }

    /// Asks for the memory of the leaves that [`near_leaves`](Self::near_leaves) takes, and of the node after the one above.
    #[inline]
    fn look_around<W: Way>(&self) {
        if let Some(parent) = self.nodes[0] {
            parent.prefetch::<W>(parent.after::<W>(self.indexes[0].into(), 1), NEAR);
        }
        self.look_beyond::<W>();
    }

    /// Asks for the memory of the node after the one above this leaf, or of one on the way there.
    #[inline]
    fn look_beyond<W: Way>(&self) {
        let next = |level: usize| Some(self.nodes[level]?.child(self.neighbour::<W>(level)?));
        if let Some(node) = next(1).or_else(|| next(2)) {
            node::prefetch(node);
        }
    }

    /// The entry of one rank of the snapshot.
    #[inline]
    pub(super) fn item(&self, rank: usize) -> Option<S::Item<'g>> {
        // SAFETY: the snapshot named the slot, under the guard that the position was made with.
        Some(unsafe { self.leaf?.item(self.meta.slot(rank)) })
    }
}

impl<S: Store> Inner<S> {
    /// Asks for the memory of `children` children from `index` on, as far as there are.
    #[inline]
    fn prefetch<W: Way>(&self, index: usize, children: usize) {
        // Loads that decide nothing would only give the model checkers more to explore.
        if cfg!(any(loom, feature = "shuttle")) {
            return;
        }
        (0..children).for_each(|distance| node::prefetch(self.child(self.after::<W>(index, distance))));
    }

    /// The index of the child `distance` after that at `index`, or of the last one.
    #[inline]
    fn after<W: Way>(&self, index: usize, distance: usize) -> usize {
        if W::FORWARD { usize::from(self.count).min(index + distance) } else { index.saturating_sub(distance) }
    }
}
