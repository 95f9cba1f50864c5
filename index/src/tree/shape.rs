//! What a tree looks like from outside: its levels, its parts of equal size, its leaves.

use std::borrow::Borrow;
use std::ops::{Bound, RangeBounds};

use smallvec::SmallVec;

use super::node::{self, CHILDREN_MAX, Inner, KEYS_MAX, Leaf, Node};
use super::range::RawRange;
use super::raw::RawTree;
use super::scan::Forward;
use super::store::Store;
use crate::guard::Guard;
use crate::key::IndexKey;

/// One level of a tree.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LevelStats {
    /// Nodes of the level.
    pub nodes: usize,
    /// Their entries, or their children.
    pub filled: usize,
    /// Entries or children that they have room for.
    pub capacity: usize,
}

/// The shape of a tree index at some moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TreeStats {
    /// Entries.
    pub entries: usize,
    /// Every level, the leaves first.
    pub levels: Vec<LevelStats>,
    /// Bytes of nodes and entries.
    pub memory_bytes: usize,
}

/// Every node of a tree index at some moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TreeShape {
    /// Every level, the leaves first.
    pub levels: Vec<LevelShape>,
}

/// Every node of one level.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LevelShape {
    /// Entries or children that one node has room for.
    pub node_capacity: usize,
    /// How many each node has, in key order.
    pub filled: Vec<u8>,
}

impl LevelShape {
    /// A level without nodes, whose nodes have room for so many.
    pub(crate) fn new(node_capacity: usize) -> Self {
        Self { node_capacity, filled: Vec::new() }
    }

    /// Adds the next node.
    pub(crate) fn push(&mut self, filled: usize) {
        self.filled.push(u8::try_from(filled).unwrap_or(u8::MAX));
    }
}

/// Bytes of memory that the nodes of all trees in this process hold, with the room between them. Most of it does not come
/// from the program's allocator.
#[must_use]
pub fn node_memory() -> usize {
    super::slab::held()
}

impl<S: Store, const ORDER: usize> RawTree<S, ORDER> {
    /// Levels, that of the leaves included; 0 if nothing was ever inserted.
    pub(crate) fn depth(&self, guard: &Guard) -> usize {
        Self::level_count(self.root(guard))
    }

    pub(crate) fn stats(&self, guard: &Guard) -> TreeStats {
        let mut stats = TreeStats { memory_bytes: self.memory_usage(), ..TreeStats::default() };
        // Read once: it may grow meanwhile.
        let root = self.root(guard);
        stats.levels.resize(Self::level_count(root), LevelStats::default());
        Self::for_each_node(root, |level, filled| {
            let level_stats = &mut stats.levels[level];
            level_stats.nodes += 1;
            level_stats.filled += filled;
            level_stats.capacity += Self::node_capacity(level);
        });
        stats.entries = stats.levels.first().map_or(0, |leaves| leaves.filled);
        stats
    }

    pub(crate) fn shape(&self, guard: &Guard) -> TreeShape {
        let root = self.root(guard);
        let level = |level| LevelShape::new(Self::node_capacity(level));
        let mut levels: Vec<LevelShape> = (0..Self::level_count(root)).map(level).collect();
        Self::for_each_node(root, |level, filled| levels[level].push(filled));
        TreeShape { levels }
    }

    /// Entries of a leaf or children of an inner node, at most.
    fn node_capacity(level: usize) -> usize {
        if level == 0 { Self::LEAF_MAX } else { ORDER }
    }

    /// Calls `visit` with the level of every node and how many entries or children it has; in key order within a level.
    fn for_each_node(root: Option<&Inner<S>>, mut visit: impl FnMut(usize, usize)) {
        if let Some(root) = root {
            Self::for_each_below(root, &mut visit);
        }
    }

    fn level_count(root: Option<&Inner<S>>) -> usize {
        root.map_or(0, |root| usize::from(root.level) + 1)
    }

    fn for_each_below(inner: &Inner<S>, visit: &mut impl FnMut(usize, usize)) {
        visit(usize::from(inner.level), inner.child_count());
        for child in Self::children(inner) {
            if inner.level > 1 {
                // SAFETY: above level 1 are inner nodes, read under the caller's guard.
                Self::for_each_below(unsafe { node::inner(child) }, visit);
            } else {
                // SAFETY: below level 1 are leaves, read under the caller's guard.
                let leaf = unsafe { node::leaf::<S>(child) };
                visit(0, leaf.snapshot().len());
            }
        }
    }

    fn children(inner: &Inner<S>) -> impl Iterator<Item = *mut Node> {
        (0..inner.child_count()).map(|index| inner.child(index))
    }

    /// First entries of parts of nearly equal size: at most `parts - 1` of them, ascending.
    pub(crate) fn split_points<'g>(&'g self, parts: usize, guard: &'g Guard) -> Vec<S::Item<'g>> {
        let Some(root) = self.root(guard) else { return Vec::new() };
        let mut level = usize::from(root.level);
        let mut nodes = vec![root.as_node()];
        // Four nodes a part keep the parts within a quarter of each other.
        while level > 0 && nodes.len() < parts.saturating_mul(4) {
            nodes = nodes
                .into_iter()
                // SAFETY: at this level are inner nodes, read under the guard.
                .flat_map(|node| Self::children(unsafe { node::inner::<S>(node) }))
                .collect();
            level -= 1;
        }
        let count = nodes.len();
        let parts = parts.min(count);
        let mut chosen: Vec<usize> = (1..parts).map(|part| part * count / parts).filter(|&index| index > 0).collect();
        chosen.dedup();
        chosen.into_iter().filter_map(|index| Self::first_below(nodes[index], level)).collect()
    }

    /// The first entry of the first leaf below `node`, which is at `level`.
    fn first_below<'g>(mut node: *mut Node, level: usize) -> Option<S::Item<'g>>
    where
        S: 'g,
    {
        for _ in 0..level {
            // SAFETY: above the leaves are inner nodes, read under the guard of `'g`.
            node = unsafe { node::inner::<S>(node) }.child(0);
        }
        // SAFETY: below level 1 are leaves, read under the guard of `'g`.
        let leaf: &'g Leaf<S> = unsafe { node::leaf(node) };
        let meta = leaf.snapshot();
        let slot = meta.slot(0);
        // SAFETY: the snapshot named the slot, under the guard of `'g`.
        (meta.len() > 0).then(|| unsafe { S::item(leaf.word(slot), leaf.slot(slot)) })
    }

    /// Calls `visit` with the entries inside `bounds`, those of some neighbouring leaves at a time.
    pub(crate) fn for_each_leaf<'g, Q, R>(&'g self, bounds: R, mut visit: impl FnMut(&[S::Item<'g>]), guard: &'g Guard)
    where
        S::Key: Borrow<Q>,
        Q: IndexKey + ?Sized,
        R: RangeBounds<Q>,
    {
        let mut range = RawRange::<S, Q, R, Forward>::new(self, bounds, guard);
        loop {
            let items: SmallVec<[S::Item<'g>; CHILDREN_MAX * KEYS_MAX]> = range.items().collect();
            if !items.is_empty() {
                visit(&items);
            }
            if !range.advance() {
                return;
            }
        }
    }
}

/// The bounds of all keys that start with a prefix: from the prefix on.
pub(crate) type FromPrefix<'q, Q> = (Bound<&'q Q>, Bound<&'q Q>);

/// A key that can start with another.
pub trait PrefixKey: IndexKey {
    /// Whether this key starts with `prefix`. The keys that do must follow `prefix` without a gap.
    fn starts_with_key(&self, prefix: &Self) -> bool;
}

impl PrefixKey for str {
    fn starts_with_key(&self, prefix: &Self) -> bool {
        self.starts_with(prefix)
    }
}

impl PrefixKey for [u8] {
    fn starts_with_key(&self, prefix: &Self) -> bool {
        self.starts_with(prefix)
    }
}
