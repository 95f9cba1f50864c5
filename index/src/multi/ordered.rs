//! The ordered directory: a sequential B+ tree of order 8.
//!
//! ```text
//!                 [ w0 | w1 ]                inner nodes: up to 8 children, and between two neighbours the word of the
//!               /     |      \               smallest key on the right; the key itself only where words can be equal
//!   [k0 k1 k2]   [k3 k4]   [k5 k6 k7]        leaves: up to 8 words and 8 entries
//! ```
//!
//! A search compares [`IndexKey::word`]s, eight at a time and without branches, and looks at a key only where two words
//! are equal. The words of a node pass over what all its keys share, so that long common prefixes do not make them equal; a search
//! then compares its key with one of them first. Nodes live in two arenas and name each other by number, so there is nothing to follow but the path
//! from the root: a scan climbs it and descends again, in either direction, and needs no sibling pointers.
//!
//! A full leaf is shared with a neighbour that has room; nodes split where there is none, and merge when two neighbours fit
//! into one; a node that no key is left in goes away. Every step of an insertion or removal is a move, except that sharing
//! and splitting clone one key, before anything has moved.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::fmt;

use super::directory::{Directory, Hint, Seek, Stored};
use crate::IndexKey;
use crate::tree::{LevelShape, TreeShape};
use arena::Arena;
use inner::Inner;
use leaf::Leaf;
pub(super) use merge::{key_order, merge};
pub use range::Range;

mod arena;
mod inner;
mod insert;
mod leaf;
mod merge;
mod range;
mod remove;
mod skip;

/// Children of an inner node and entries of a leaf.
const ORDER: usize = 8;
/// How full a tree is built from sorted entries.
const FILL: usize = 7;
/// The bit of a hint that says that its slot was vacant.
const VACANT: u64 = 1 << 31;
/// More levels than any memory holds: each takes at least three splits of the level below.
const HEIGHT_MAX: usize = 24;

/// A map from keys to `T` in key order.
#[derive(Clone)]
pub struct OrderedDirectory<K, T> {
    leaves: Arena<Leaf<K, T>>,
    inners: Arena<Inner<K>>,
    /// An inner node, or a leaf when the height is 0.
    root: u32,
    /// Levels of inner nodes.
    height: usize,
    len: usize,
}

/// One step down from an inner node.
#[derive(Clone, Copy, Debug, Default)]
struct Step {
    node: u32,
    child: u32,
}

/// A slot of a leaf: where a key is, or would go.
#[derive(Clone, Copy, Debug)]
pub struct Spot {
    leaf: u32,
    slot: u32,
}

/// A position in key order: a slot of a leaf, and how the leaf is reached. `steps[0]` is the leaf's parent.
///
/// Only what leaves its leaf needs it: a scan, a split, a merge.
#[derive(Clone, Debug)]
struct Path {
    steps: [Step; HEIGHT_MAX],
    leaf: u32,
    slot: u32,
}

impl<K, T> OrderedDirectory<K, T> {
    fn leaf(&self, path: &Path) -> &Leaf<K, T> {
        &self.leaves[path.leaf]
    }

    /// The path to the leaf that `choose` leads to.
    #[inline]
    fn descend(&self, choose: impl Fn(&Inner<K>) -> usize) -> Path {
        let mut path = Path { steps: [Step::default(); HEIGHT_MAX], leaf: self.root, slot: 0 };
        for level in (0..self.height).rev() {
            let inner = &self.inners[path.leaf];
            let child = choose(inner);
            path.steps[level] = Step { node: path.leaf, child: child as u32 };
            path.leaf = inner.children[child];
        }
        path
    }

    /// Every node, level by level.
    pub(super) fn shape(&self) -> TreeShape {
        let mut levels = Vec::with_capacity(self.height + 1);
        let mut nodes = vec![self.root];
        for _ in 0..self.height {
            let mut level = LevelShape::new(ORDER);
            nodes.iter().for_each(|node| level.push(self.inners[*node].len()));
            levels.push(level);
            let children = |node: u32| self.inners[node].children.iter().copied().take(self.inners[node].len());
            nodes = nodes.into_iter().flat_map(children).collect();
        }
        let mut leaves = LevelShape::new(ORDER);
        nodes.iter().for_each(|leaf| leaves.push(self.leaves[*leaf].len()));
        levels.push(leaves);
        levels.reverse();
        TreeShape { levels }
    }

    /// The position of the first entry.
    fn first_path(&self) -> Path {
        self.descend(|_| 0)
    }

    /// The position behind the last entry.
    fn end_path(&self) -> Path {
        let mut path = self.descend(|inner| inner.len() - 1);
        path.slot = self.leaf(&path).len() as u32;
        path
    }
}

impl<K: IndexKey, T> OrderedDirectory<K, T> {
    /// The leaf that a key is in, or would go to.
    #[inline]
    fn leaf_of<Q: IndexKey + ?Sized>(&self, word: u64, key: &Q) -> u32
    where
        K: Borrow<Q>,
    {
        let mut node = self.root;
        for _ in 0..self.height {
            let inner = &self.inners[node];
            node = inner.children[inner.child_of(word, key)];
        }
        node
    }

    /// The path to the leaf that a key is in, or would go to.
    fn path_of<Q: IndexKey + ?Sized>(&self, word: u64, key: &Q) -> Path
    where
        K: Borrow<Q>,
    {
        self.descend(|inner| inner.child_of(word, key))
    }

    /// The position of the first entry that is not less than the key, and whether it is the key's.
    fn position_of<Q: IndexKey + ?Sized>(&self, word: u64, key: &Q) -> (Path, bool)
    where
        K: Borrow<Q>,
    {
        let mut path = self.path_of(word, key);
        let (slot, found) = self.leaf(&path).search(word, key);
        path.slot = slot as u32;
        (path, found)
    }

    /// The entry of a key. O(log n).
    #[inline]
    pub(super) fn get<Q: IndexKey + ?Sized>(&self, key: &Q) -> Option<(&K, &T)>
    where
        K: Borrow<Q>,
    {
        let word = key.word(0);
        let leaf = &self.leaves[self.leaf_of(word, key)];
        let (slot, found) = leaf.search(word, key);
        if found { leaf.entry(slot) } else { None }
    }

    pub(super) fn seek<Q: IndexKey + ?Sized>(&self, key: &Q) -> Seek<Spot>
    where
        K: Borrow<Q>,
    {
        let word = key.word(0);
        let leaf = self.leaf_of(word, key);
        let (slot, found) = self.leaves[leaf].search(word, key);
        let spot = Spot { leaf, slot: slot as u32 };
        if found { Seek::Found(spot) } else { Seek::Vacant(spot) }
    }

    /// [`seek`](Self::seek), first in the leaf that a hint names: a key between two keys of a leaf is in no other one.
    pub(super) fn seek_near<Q: IndexKey + ?Sized>(&self, key: &Q, hint: Hint) -> Seek<Spot>
    where
        K: Borrow<Q>,
    {
        let number = (hint.0 >> 32) as u32;
        if let Some(leaf) = self.leaves.get(number) {
            let (slot, found) = leaf.search(key.word(0), key);
            let spot = Spot { leaf: number, slot: slot as u32 };
            if found {
                return Seek::Found(spot);
            }
            if slot > 0 && slot < leaf.len() {
                return Seek::Vacant(spot);
            }
        }
        self.seek(key)
    }
}

impl<K: IndexKey + Clone, T> OrderedDirectory<K, T> {
    /// Builds a tree from so many entries in strictly ascending key order. O(n).
    pub(super) fn build(len: usize, entries: impl Iterator<Item = (K, T)>) -> Self {
        let mut tree = Self::default();
        tree.leaves.reserve(len.div_ceil(FILL));
        let mut level: Vec<(u64, Option<K>, u32)> = Vec::new();
        for (key, value) in entries {
            let leaf = match level.last() {
                Some((_, _, last)) if tree.leaves[*last].len() < FILL => *last,
                Some(_) => tree.leaves.insert(Leaf::default()),
                None => tree.root,
            };
            let (slot, word) = (tree.leaves[leaf].len(), key.word(0));
            if slot == 0 {
                let (word, gap) = gap_of(word, &key);
                level.push((word, gap, leaf));
            }
            tree.leaves[leaf].insert(slot, word, (key, value));
            tree.len += 1;
        }
        while level.len() > 1 {
            let mut children = level.into_iter().peekable();
            level = Vec::new();
            while let Some((word, key, first)) = children.next() {
                let mut inner = Inner::new(first);
                while inner.len() < FILL
                    && let Some((word, key, child)) = children.next()
                {
                    inner.insert(inner.len(), word, key, child);
                }
                level.push((word, key, tree.inners.insert(inner)));
            }
            tree.height += 1;
            tree.root = level.first().map_or(tree.root, |(_, _, root)| *root);
        }
        tree
    }
}

/// What an inner node keeps of the smallest key under a child: the word where that says everything, else the key, whose word
/// depends on the node.
fn gap_of<K: IndexKey + Clone>(word: u64, key: &K) -> (u64, Option<K>) {
    if K::EXACT { (word, None) } else { (0, Some(key.clone())) }
}

impl<K, T> Default for OrderedDirectory<K, T> {
    fn default() -> Self {
        let mut leaves = Arena::default();
        let root = leaves.insert(Leaf::default());
        Self { leaves, inners: Arena::default(), root, height: 0, len: 0 }
    }
}

impl<K: Stored + IndexKey, T: Stored> Directory<K, T> for OrderedDirectory<K, T> {
    type Spot = Spot;
    type Iter<'a> = Range<'a, K, T>;

    fn with_capacity(_key_count: usize) -> Self {
        Self::default()
    }

    fn duplicate(&self) -> Self {
        if !self.is_wasteful() {
            return self.clone();
        }
        Self::build(self.len, self.iter().map(|(key, value)| (key.clone(), value.clone())))
    }

    fn empty_like(&self) -> Self {
        Self::default()
    }

    fn len(&self) -> usize {
        self.len
    }

    fn memory_usage(&self) -> usize {
        self.leaves.memory_usage() + self.inners.memory_usage()
    }

    fn is_wasteful(&self) -> bool {
        self.leaves.len() > 128 && self.len * 2 < self.leaves.len() * ORDER
    }

    #[inline]
    fn entry(&self, spot: &Spot) -> (&K, &T) {
        self.leaves[spot.leaf].entry(spot.slot as usize).expect("a key was found in this slot")
    }

    #[inline]
    fn hint_of(spot: &Spot) -> Hint {
        Hint(u64::from(spot.leaf) << 32 | u64::from(spot.slot))
    }

    #[inline]
    fn hint_of_vacant(spot: &Spot) -> Hint {
        Hint(Self::hint_of(spot).0 | VACANT)
    }

    #[inline]
    fn spot_at(&self, hint: Hint) -> Option<Spot> {
        let spot = Spot { leaf: (hint.0 >> 32) as u32, slot: hint.0 as u32 };
        self.leaves.get(spot.leaf)?.entry(spot.slot as usize).map(|_| spot)
    }

    #[inline]
    fn prefetch(&self, hint: Hint) {
        let Some(leaf) = self.leaves.get((hint.0 >> 32) as u32) else { return };
        leaf.prefetch((hint.0 & (VACANT - 1)) as usize);
        if hint.0 & VACANT != 0 {
            leaf.prefetch_words();
        }
    }

    #[inline]
    fn value_mut(&mut self, spot: &Spot) -> &mut T {
        self.leaves[spot.leaf].value_mut(spot.slot as usize).expect("a key was found in this slot")
    }

    fn insert(&mut self, spot: Spot, key: K, value: T) {
        self.insert_at(spot, key, value);
    }

    fn remove(&mut self, spot: Spot) -> (K, T) {
        self.remove_at(spot)
    }

    fn iter(&self) -> Range<'_, K, T> {
        Range::new(self, self.first_path(), self.end_path())
    }
}

impl<K: fmt::Debug, T: fmt::Debug> fmt::Debug for OrderedDirectory<K, T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("OrderedDirectory").field("height", &self.height).field("len", &self.len).finish()
    }
}

/// Compares a key of the tree with a borrowed one whose word is equal.
fn compare<K: IndexKey + Borrow<Q>, Q: IndexKey + ?Sized>(key: &K, other: &Q) -> Ordering {
    if K::EXACT && Q::EXACT { Ordering::Equal } else { key.borrow().cmp(other) }
}

#[cfg(test)]
mod tests;
