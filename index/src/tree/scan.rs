//! Reading in order.
//!
//! A scan keeps the way to its leaf and a snapshot of it. The next leaf is found by climbing that way to the first node that
//! has another child and going down again: there are no sibling pointers, and both directions are the same code.
//!
//! Nodes on the way may have been replaced since. That does no harm: an old node still names all leaves of its key range,
//! each either live or as it was when it was replaced, which was after the scan began. So an entry that is there throughout
//! is given exactly once, in order; one that comes or goes meanwhile may or may not be.
//!
//! Memory is asked for two leaves ahead, so that a scan waits for bandwidth and not for each miss.

use std::borrow::Borrow;
use std::cmp::Ordering as KeyOrder;
use std::marker::PhantomData;
use std::ops::{Bound, RangeBounds};

use super::meta::Meta;
use super::node::{self, Inner, KEYS_MAX, LEVELS_MAX, Leaf, Place, Probe};
use super::raw::RawTree;
use super::store::Store;
use crate::guard::Guard;
use crate::key::IndexKey;

/// Which way a scan runs.
pub(crate) trait Way {
    const FORWARD: bool;
}

/// Smallest key first.
pub(crate) struct Forward;
/// Largest key first.
pub(crate) struct Backward;

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
    pub(super) fn seek<Q, W: Way, const ORDER: usize>(
        tree: &'g RawTree<S, ORDER>,
        bound: Bound<&Q>,
        guard: &'g Guard,
    ) -> Self
    where
        S::Key: Borrow<Q>,
        Q: IndexKey + ?Sized,
    {
        let mut position = Self::nowhere();
        let Some(root) = tree.root(guard) else { return position };
        let (Bound::Included(key) | Bound::Excluded(key)) = bound else {
            position.go_down::<W>(root);
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
        position.look_ahead::<W>();
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
                self.enter(unsafe { node::leaf(child) });
                return self.look_ahead::<W>();
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
                self.look_ahead::<W>();
            } else {
                // SAFETY: above level 1 are inner nodes; read under the guard that the position was made with.
                self.go_down::<W>(unsafe { node::inner(child) });
            }
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

    /// Asks for the nodes that come next.
    #[inline]
    fn look_ahead<W: Way>(&self) {
        let Some(parent) = self.nodes[0] else { return };
        if let Some(index) = self.neighbour::<W>(0, 2) {
            node::prefetch(parent.child(index));
        } else if let (Some(grandparent), Some(index)) = (self.nodes[1], self.neighbour::<W>(1, 1)) {
            // SAFETY: above level 1 are inner nodes; read under the guard that the position was made with.
            let next = unsafe { node::inner::<S>(grandparent.child(index)) };
            let first = if W::FORWARD { 0 } else { usize::from(next.count) };
            let second = if W::FORWARD { next.child_count().min(2) - 1 } else { first.saturating_sub(1) };
            let near = if self.neighbour::<W>(0, 1).is_some() { first } else { second };
            node::prefetch(next.child(near));
        }
        match self.neighbour::<W>(0, 1) {
            Some(index) if S::ENTRY_BYTES > 0 => {
                // SAFETY: below level 1 are leaves; read under the guard that the position was made with.
                let next = unsafe { node::leaf::<S>(parent.child(index)) };
                (0..KEYS_MAX).for_each(|slot| S::prefetch(next.slot(slot)));
            }
            _ => {}
        }
        if usize::from(self.indexes[0]) == if W::FORWARD { 0 } else { usize::from(parent.count) } {
            if let (Some(grandparent), Some(index)) = (self.nodes[1], self.neighbour::<W>(1, 1)) {
                node::prefetch(grandparent.child(index));
            }
            if let Some(index) = self.neighbour::<W>(0, 1) {
                node::prefetch(parent.child(index));
            }
        }
    }

    /// Gives the entry of the next rank.
    #[inline]
    fn take<W: Way>(&mut self) -> Option<S::Item<'g>> {
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

/// Some ranks of a snapshot of a leaf.
pub(super) struct Ranks<'g, S: Store> {
    pub(super) leaf: &'g Leaf<S>,
    pub(super) meta: Meta,
    pub(super) low: usize,
    pub(super) high: usize,
}

/// The entries between two bounds, in the way's order.
pub(crate) struct RawRange<'g, S: Store, Q: ?Sized, R, W> {
    position: Position<'g, S>,
    bounds: R,
    /// Whether the far bound was met.
    finished: bool,
    _way: PhantomData<W>,
    _bound: PhantomData<fn(&Q)>,
    // As shareable as the entries are.
    _entries: PhantomData<(&'g S::Key, &'g S::Value)>,
}

impl<S: Store, Q: ?Sized, R: Clone, W> Clone for RawRange<'_, S, Q, R, W> {
    fn clone(&self) -> Self {
        Self {
            position: self.position.clone(),
            bounds: self.bounds.clone(),
            finished: self.finished,
            _way: PhantomData,
            _bound: PhantomData,
            _entries: PhantomData,
        }
    }
}

impl<'g, S, Q, R, W> RawRange<'g, S, Q, R, W>
where
    S: Store,
    S::Key: Borrow<Q>,
    Q: IndexKey + ?Sized,
    R: RangeBounds<Q>,
    W: Way,
{
    pub(crate) fn new<const ORDER: usize>(tree: &'g RawTree<S, ORDER>, bounds: R, guard: &'g Guard) -> Self {
        let near = if W::FORWARD { bounds.start_bound() } else { bounds.end_bound() };
        let position = Position::seek::<Q, W, ORDER>(tree, near, guard);
        let mut range =
            Self { position, bounds, finished: false, _way: PhantomData, _bound: PhantomData, _entries: PhantomData };
        range.heed_far_bound();
        range
    }

    /// The next entry.
    #[inline]
    pub(crate) fn next(&mut self) -> Option<S::Item<'g>> {
        loop {
            if let Some(item) = self.position.take::<W>() {
                return Some(item);
            }
            if !self.next_leaf() {
                return None;
            }
        }
    }

    /// The ranks of this leaf that are still to be given; none in an empty tree.
    pub(super) fn ranks(&self) -> Option<Ranks<'g, S>> {
        let Position { leaf, meta, low, high, .. } = self.position;
        leaf.map(|leaf| Ranks { leaf, meta, low, high })
    }

    /// The entries of this leaf that are still to be given.
    pub(super) fn leaf_items(&self) -> impl Iterator<Item = S::Item<'g>> {
        (self.position.low..self.position.high).filter_map(|rank| self.position.item(rank))
    }

    /// Goes to the next leaf; says false behind the far bound.
    pub(super) fn next_leaf(&mut self) -> bool {
        if self.finished || !self.position.next_leaf::<W>() {
            self.finished = true;
            self.position.high = self.position.low;
            return false;
        }
        self.heed_far_bound();
        true
    }

    /// How many entries are left. O(leaves).
    pub(crate) fn count(mut self) -> usize {
        let mut count = self.position.high.saturating_sub(self.position.low);
        while self.next_leaf() {
            count += self.position.high.saturating_sub(self.position.low);
        }
        count
    }

    /// Leaves out the ranks of this leaf that lie behind the far bound.
    fn heed_far_bound(&mut self) {
        let Some(leaf) = self.position.leaf else { return };
        let meta = self.position.meta;
        let far = if W::FORWARD { self.bounds.end_bound() } else { self.bounds.start_bound() };
        let (Bound::Included(key) | Bound::Excluded(key)) = far else { return };
        let before = if W::FORWARD { KeyOrder::Less } else { KeyOrder::Greater };
        let inside = |rank: usize| match leaf.compare(meta.slot(rank), key) {
            KeyOrder::Equal => matches!(far, Bound::Included(_)),
            order => order == before,
        };
        let position = &mut self.position;
        if W::FORWARD {
            while position.high > position.low && !inside(position.high - 1) {
                position.high -= 1;
                self.finished = true;
            }
        } else {
            while position.high > position.low && !inside(position.low) {
                position.low += 1;
                self.finished = true;
            }
        }
    }
}

impl<S: Store> Leaf<S> {
    /// Compares the key in `slot`, which a snapshot named, with any key.
    fn compare<Q>(&self, slot: usize, key: &Q) -> KeyOrder
    where
        S::Key: Borrow<Q>,
        Q: IndexKey + ?Sized,
    {
        if S::Key::EXACT { self.word(slot).cmp(&key.word(0)) } else { self.key(slot).borrow().cmp(key) }
    }
}
