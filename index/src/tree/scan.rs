//! Reading in order.
//!
//! A scan keeps the way to its leaf and a snapshot of it. The next leaf is found by climbing that way to the first node that
//! has another child and going down again: there are no sibling pointers, and both directions are the same code.
//!
//! Nodes on the way may have been replaced since. That does no harm: an old node still names all leaves of its key range,
//! each either live or as it was when it was replaced, which was after the scan began. So an entry that is there throughout
//! is given exactly once, in order; one that comes or goes meanwhile may or may not be.
//!
//! Memory is asked for three leaves ahead, so that a scan waits for bandwidth and not for each miss.

use std::borrow::Borrow;
use std::marker::PhantomData;
use std::ops::Bound;

use super::meta::Meta;
use super::node::{self, Inner, KEYS_MAX, LEVELS_MAX, Leaf, Place, Probe};
use super::store::Store;
use crate::key::IndexKey;

/// How many leaves ahead memory is asked for; entries one leaf less.
const LOOK_AHEAD: usize = 3;

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

/// A place in the tree: the way to a leaf and some of its ranks.
pub(super) struct Position<'g, S: Store> {
    /// The nodes on the way, the lowest first, and which child it takes.
    nodes: [Option<&'g Inner<S>>; LEVELS_MAX],
    indexes: [u8; LEVELS_MAX],
    pub(super) leaf: Option<&'g Leaf<S>>,
    pub(super) meta: Meta,
    /// The ranks that are still to be given.
    pub(super) low: usize,
    pub(super) high: usize,
}

impl<S: Store> Clone for Position<'_, S> {
    fn clone(&self) -> Self {
        Self { ..*self }
    }
}

impl<'g, S: Store> Position<'g, S> {
    pub(super) fn nowhere() -> Self {
        let meta = Meta::sorted(0);
        Self { nodes: [None; LEVELS_MAX], indexes: [0; LEVELS_MAX], leaf: None, meta, low: 0, high: 0 }
    }

    /// Goes to the leaf where `bound`, the one that the scan starts from, lies. All entries behind it are to be given.
    pub(super) fn seek<Q, W: Way>(root: Option<&'g Inner<S>>, bound: Bound<&Q>) -> Self
    where
        S::Key: Borrow<Q>,
        Q: IndexKey + ?Sized,
    {
        let mut position = Self::nowhere();
        let Some(root) = root else { return position };
        let (Bound::Included(key) | Bound::Excluded(key)) = bound else {
            position.go_down::<W>(root);
            position.look_around::<W>();
            return position;
        };
        let mut probe = Probe::new(key);
        let mut inner = root;
        loop {
            let index = inner.child_index(&mut probe);
            let child = position.step(inner, index);
            if inner.level == 1 {
                // SAFETY: below level 1 are leaves; read under the guard.
                position.enter(unsafe { node::leaf(child) });
                break;
            }
            // SAFETY: above level 1 are inner nodes; read under the guard.
            inner = unsafe { node::inner(child) };
        }
        position.look_around::<W>();
        if let Some(leaf) = position.leaf {
            let place = leaf.locate(position.meta, &mut probe);
            // The key itself belongs to a forward scan if it is included, and is passed by a backward scan if not.
            let past = matches!(place, Place::Found { .. }) && W::FORWARD != matches!(bound, Bound::Included(_));
            let rank = place.rank() + usize::from(past);
            *(if W::FORWARD { &mut position.low } else { &mut position.high }) = rank;
        }
        position
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
        self.low = 0;
        self.high = self.meta.len();
    }

    /// Goes down to the first leaf below `inner`, in the way's order.
    fn go_down<W: Way>(&mut self, mut inner: &'g Inner<S>) {
        loop {
            let child = self.step(inner, if W::FORWARD { 0 } else { inner.count.into() });
            if inner.level == 1 {
                // SAFETY: below level 1 are leaves; read under the guard that the position was made with.
                return self.enter(unsafe { node::leaf(child) });
            }
            // SAFETY: above level 1 are inner nodes; read under the guard that the position was made with.
            inner = unsafe { node::inner(child) };
        }
    }

    /// Goes to the next leaf; says false at the end of the tree.
    pub(super) fn next_leaf<W: Way>(&mut self) -> bool {
        for level in 0..LEVELS_MAX {
            let Some(inner) = self.nodes[level] else { return false };
            let Some(index) = self.neighbour::<W>(level, 1) else { continue };
            let child = self.step(inner, index);
            if level == 0 {
                // SAFETY: below level 1 are leaves; read under the guard that the position was made with.
                self.enter(unsafe { node::leaf(child) });
            } else {
                // SAFETY: above level 1 are inner nodes; read under the guard that the position was made with.
                self.go_down::<W>(unsafe { node::inner(child) });
            }
            self.look_ahead::<W>();
            return true;
        }
        false
    }

    /// The index of the child `distance` further on, if the node at `level` has it.
    fn neighbour<W: Way>(&self, level: usize, distance: usize) -> Option<usize> {
        let inner = self.nodes[level]?;
        let index = usize::from(self.indexes[level]);
        if W::FORWARD {
            Some(index + distance).filter(|&index| index <= inner.count.into())
        } else {
            index.checked_sub(distance)
        }
    }

    /// The leaf `distance` further on, if it lies below the same node or the next one.
    #[inline]
    fn ahead<W: Way>(&self, distance: usize) -> Option<*mut node::Node> {
        let parent = self.nodes[0]?;
        if let Some(index) = self.neighbour::<W>(0, distance) {
            return Some(parent.child(index));
        }
        let index = usize::from(self.indexes[0]);
        let rest = if W::FORWARD { usize::from(parent.count) - index } else { index };
        let beyond = distance - rest - 1;
        let next = self.nodes[1]?.child(self.neighbour::<W>(1, 1)?);
        // SAFETY: above level 1 are inner nodes; read under the guard that the position was made with.
        let next = unsafe { node::inner::<S>(next) };
        let count = usize::from(next.count);
        (beyond <= count).then(|| next.child(if W::FORWARD { beyond } else { count - beyond }))
    }

    /// Asks for the nodes and entries that come first.
    fn look_around<W: Way>(&self) {
        self.look_beyond::<W>();
        (1..LOOK_AHEAD).filter_map(|distance| self.ahead::<W>(distance)).for_each(node::prefetch);
        self.look_into::<W>(1);
    }

    /// Asks for the nodes and entries that come a little later.
    #[inline]
    fn look_ahead<W: Way>(&self) {
        if self.neighbour::<W>(0, 1).is_some() && self.neighbour::<Opposite<W>>(0, 1).is_none() {
            self.look_beyond::<W>();
        }
        if let Some(leaf) = self.ahead::<W>(LOOK_AHEAD) {
            node::prefetch(leaf);
        }
        self.look_into::<W>(LOOK_AHEAD - 1);
    }

    /// Asks for the node after the one above this leaf.
    fn look_beyond<W: Way>(&self) {
        if let (Some(grandparent), Some(index)) = (self.nodes[1], self.neighbour::<W>(1, 1)) {
            node::prefetch(grandparent.child(index));
        }
    }

    /// Asks for the entries of the leaf `distance` further on.
    #[inline]
    fn look_into<W: Way>(&self, distance: usize) {
        if S::ENTRY_BYTES > 0
            && let Some(leaf) = self.ahead::<W>(distance)
        {
            // SAFETY: below level 1 are leaves; read under the guard that the position was made with.
            let leaf = unsafe { node::leaf::<S>(leaf) };
            (0..KEYS_MAX).for_each(|slot| S::prefetch(leaf.slot(slot)));
        }
    }

    /// Gives the entry of the next rank.
    #[inline]
    pub(super) fn take<W: Way>(&mut self) -> Option<S::Item<'g>> {
        if self.low >= self.high {
            return None;
        }
        let rank = if W::FORWARD {
            self.low += 1;
            self.low - 1
        } else {
            self.high -= 1;
            self.high
        };
        self.item(rank)
    }

    /// The entry of one rank of the snapshot.
    #[inline]
    pub(super) fn item(&self, rank: usize) -> Option<S::Item<'g>> {
        let leaf = self.leaf?;
        let slot = self.meta.slot(rank);
        // SAFETY: the snapshot named the slot, under the guard that the position was made with.
        Some(unsafe { S::item(leaf.word(slot), leaf.slot(slot)) })
    }
}
