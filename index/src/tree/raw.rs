//! The tree under both public types: its root, the way down, and its end.

use std::borrow::Borrow;
use std::marker::PhantomData;
use std::ptr;

use super::count::Count;
use super::lock::{Lock, Wait};
use super::node::{self, CHILDREN_MAX, Inner, KEYS_MAX, LEVELS_MAX, Leaf, Node, Probe, Window};
use super::store::Store;
use crate::guard::Guard;
use crate::key::IndexKey;
use crate::sync::{AtomicPtr, AtomicU64, Ordering};

/// A tree of entries kept by `S`, of order `ORDER`: that many children an inner node, one entry less a leaf.
pub(crate) struct RawTree<S: Store, const ORDER: usize> {
    /// An inner node; null until the first insertion.
    pub(super) root: AtomicPtr<Node>,
    /// Guards `root` as the lock of an inner node guards its children.
    pub(super) root_lock: Lock,
    pub(super) count: Count,
    pub(super) nodes: NodeCounts,
    // Owns keys and values, and is invariant in both.
    _entries: PhantomData<(S, S::Key, S::Value)>,
}

/// How many nodes of each kind there are.
pub(super) struct NodeCounts {
    pub(super) leaves: AtomicU64,
    pub(super) inners: AtomicU64,
}

/// The way to a leaf: an inner node for each level, the lowest first, and which child it takes.
pub(super) struct Path<'g, S: Store> {
    nodes: [Option<&'g Inner<S>>; LEVELS_MAX],
    indexes: [u8; LEVELS_MAX],
    pub(super) height: usize,
    pub(super) leaf: Option<&'g Leaf<S>>,
}

/// One inner node on the way down.
pub(super) struct Step<'g, S: Store> {
    pub(super) node: &'g Inner<S>,
    /// Which child the way takes.
    pub(super) index: usize,
}

/// The separators that enclose a node: all its keys are at least `low` and below `high`.
pub(super) struct Fences<S: Store> {
    pub(super) low: Option<S::Separator>,
    pub(super) high: Option<S::Separator>,
}

impl NodeCounts {
    /// Adds so many, or, wrapping round, so few.
    pub(super) fn change(&self, leaves: usize, inners: usize) {
        for (count, change) in [(&self.leaves, leaves), (&self.inners, inners)] {
            if change != 0 {
                // Relaxed: the counts order nothing.
                count.fetch_add(change as u64, Ordering::Relaxed);
            }
        }
    }
}

impl<S: Store> Clone for Fences<S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S: Store> Copy for Fences<S> {}

impl<S: Store> Clone for Step<'_, S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S: Store> Copy for Step<'_, S> {}

impl<S: Store> Fences<S> {
    /// What encloses the root.
    pub(super) const NONE: Self = Self { low: None, high: None };

    /// What encloses child `index` of `node`, which these enclose.
    pub(super) fn around(self, node: &Inner<S>, index: usize) -> Self {
        Self {
            low: if index > 0 { Some(node.separators[index - 1]) } else { self.low },
            high: if index < usize::from(node.count) { Some(node.separators[index]) } else { self.high },
        }
    }

    /// How many bytes every key inside shares.
    pub(super) fn shared(self) -> usize {
        match (self.low, self.high) {
            (Some(low), Some(high)) if !S::Key::EXACT => {
                // SAFETY: fences come from nodes on a path, whose separators live as long as the guard of the path, or
                // from a plan that owns them.
                let low = unsafe { S::separator_key(low) };
                // SAFETY: as above.
                let high = unsafe { S::separator_key(high) };
                low.common(high)
            }
            _ => 0,
        }
    }
}

impl<'g, S: Store> Path<'g, S> {
    /// A path that [`RawTree::find`] is to fill in.
    #[inline]
    pub(super) fn new() -> Self {
        Self { nodes: [None; LEVELS_MAX], indexes: [0; LEVELS_MAX], height: 0, leaf: None }
    }

    /// The inner node at `level`, if the tree is that high.
    #[inline]
    pub(super) fn step(&self, level: usize) -> Option<Step<'g, S>> {
        let node = self.nodes[..self.height].get(level - 1).copied().flatten()?;
        Some(Step { node, index: self.indexes[level - 1].into() })
    }

    /// What encloses the node of the way at `level`; at 0, the leaf.
    pub(super) fn fences(&self, level: usize) -> Fences<S> {
        let mut fences = Fences::NONE;
        for step in (level + 1..=self.height).map_while(|level| self.step(level)) {
            let closer = Fences::NONE.around(step.node, step.index);
            fences = Fences { low: fences.low.or(closer.low), high: fences.high.or(closer.high) };
            if fences.low.is_some() && fences.high.is_some() {
                break;
            }
        }
        fences
    }
}

impl<S: Store, const ORDER: usize> RawTree<S, ORDER> {
    /// Entries of a leaf, at most.
    pub(super) const LEAF_MAX: usize = {
        assert!(ORDER >= 4 && ORDER <= CHILDREN_MAX, "the order is 4 to 8");
        ORDER - 1
    };

    #[cfg(not(any(loom, feature = "shuttle")))]
    pub(crate) const fn new() -> Self {
        Self {
            root: AtomicPtr::new(ptr::null_mut()),
            root_lock: Lock::new(),
            count: Count::new(),
            nodes: NodeCounts { leaves: AtomicU64::new(0), inners: AtomicU64::new(0) },
            _entries: PhantomData,
        }
    }

    #[cfg(any(loom, feature = "shuttle"))]
    pub(crate) fn new() -> Self {
        Self {
            root: AtomicPtr::new(ptr::null_mut()),
            root_lock: Lock::new(),
            count: Count::new(),
            nodes: NodeCounts { leaves: AtomicU64::new(0), inners: AtomicU64::new(0) },
            _entries: PhantomData,
        }
    }

    /// The root, if anything was ever inserted.
    #[inline]
    pub(super) fn root<'g>(&'g self, _guard: &'g Guard) -> Option<&'g Inner<S>> {
        // Pairs with the Release store that published the root.
        let root = self.root.load(Ordering::Acquire);
        // SAFETY: the root is null or an inner node, read under the guard.
        if root.is_null() { None } else { Some(unsafe { node::inner(root) }) }
    }

    /// The leaf that may hold the key.
    #[inline]
    pub(super) fn descend<'g, Q>(&'g self, probe: &mut Probe<'_, Q>, guard: &'g Guard) -> Option<&'g Leaf<S>>
    where
        S::Key: Borrow<Q>,
        Q: IndexKey + ?Sized,
    {
        let mut inner = self.root(guard)?;
        loop {
            let child = inner.child(inner.child_index(probe));
            node::prefetch(child);
            if inner.level == 1 {
                // SAFETY: below level 1 are leaves; read under the guard.
                return Some(unsafe { node::leaf(child) });
            }
            // SAFETY: above level 1 are inner nodes; read under the guard.
            inner = unsafe { node::inner(child) };
        }
    }

    /// The leaf that may hold the key; writes down the way to it.
    #[inline]
    pub(super) fn find<'g, Q>(
        &'g self,
        probe: &mut Probe<'_, Q>,
        path: &mut Path<'g, S>,
        guard: &'g Guard,
    ) -> Option<&'g Leaf<S>>
    where
        S::Key: Borrow<Q>,
        Q: IndexKey + ?Sized,
    {
        let mut inner = self.root(guard)?;
        path.height = inner.level.into();
        loop {
            let index = inner.child_index(probe);
            let child = inner.child(index);
            node::prefetch(child);
            let level = usize::from(inner.level);
            path.nodes[level - 1] = Some(inner);
            path.indexes[level - 1] = index as u8;
            if level == 1 {
                // SAFETY: below level 1 are leaves; read under the guard.
                path.leaf = Some(unsafe { node::leaf(child) });
                return path.leaf;
            }
            // SAFETY: above level 1 are inner nodes; read under the guard.
            inner = unsafe { node::inner(child) };
        }
    }

    /// Gives an empty tree its first, empty leaf.
    pub(super) fn plant(&self) {
        let mut wait = Wait::new();
        while !self.root_lock.try_lock() {
            wait.turn();
        }
        if self.root.load(Ordering::Relaxed).is_null() {
            let leaf = node::allocate(Leaf::<S>::empty());
            let root = Inner::<S>::new(1, Window::fenced(0));
            // Relaxed: published with the root.
            root.children[0].store(leaf, Ordering::Relaxed);
            // Release pairs with the Acquire load of every way down.
            self.root.store(node::allocate(root), Ordering::Release);
            self.nodes.change(1, 1);
        }
        self.root_lock.unlock();
    }
}

impl<S: Store> Leaf<S> {
    pub(super) fn empty() -> Self {
        Self::of(&[], Fences::NONE)
    }
}

impl<S: Store> Inner<S> {
    /// An inner node without separators; the one child is to be filled in.
    #[inline]
    pub(super) fn new(level: u8, window: Window) -> Self {
        let none = || AtomicPtr::new(ptr::null_mut());
        let children = [none(), none(), none(), none(), none(), none(), none(), none()];
        Self {
            count: 0,
            level,
            window,
            lock: Lock::new(),
            words: [u64::MAX; KEYS_MAX],
            children,
            separators: [S::NO_SEPARATOR; KEYS_MAX],
        }
    }
}

/// Frees the entries, separators and nodes below and with `node`, which is an inner node.
///
/// # Safety
///
/// Nobody else can reach the node, now or later.
pub(super) unsafe fn free_below<S: Store>(node: *mut Node) {
    // SAFETY: the caller owns the node.
    let inner = unsafe { node::inner::<S>(node) };
    for index in 0..inner.child_count() {
        let child = inner.child(index);
        if inner.level == 1 {
            // SAFETY: below level 1 are leaves, and the caller owns them.
            unsafe { free_leaf::<S>(child) };
        } else {
            // SAFETY: above level 1 are inner nodes, and the caller owns them.
            unsafe { free_below::<S>(child) };
        }
    }
    for &separator in &inner.separators[..usize::from(inner.count)] {
        // SAFETY: each separator belongs to one node.
        unsafe { S::free_separator(separator) };
    }
    // SAFETY: nothing below needs the node any more.
    unsafe { node::free::<Inner<S>>(node) };
}

/// # Safety
///
/// As [`free_below`], for a leaf.
pub(super) unsafe fn free_leaf<S: Store>(node: *mut Node) {
    // SAFETY: the caller owns the leaf.
    let leaf = unsafe { node::leaf::<S>(node) };
    let meta = leaf.snapshot();
    for rank in 0..meta.len() {
        // SAFETY: an entry that a live leaf names belongs to it.
        unsafe { S::free_entry(leaf.slot(meta.slot(rank))) };
    }
    // SAFETY: the caller owns the leaf.
    unsafe { node::free::<Leaf<S>>(node) };
}

impl<S: Store, const ORDER: usize> Drop for RawTree<S, ORDER> {
    fn drop(&mut self) {
        let root = self.root.load(Ordering::Relaxed);
        if !root.is_null() {
            // SAFETY: `&mut self` proves that no reader is left; what was unlinked before is freed by the collector.
            unsafe { free_below::<S>(root) };
        }
    }
}
