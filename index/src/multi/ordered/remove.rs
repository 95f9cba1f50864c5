//! Removal: from the leaf, then merging nodes with few children from the leaf towards the root.

use super::{OrderedDirectory, Path, Spot};
use crate::IndexKey;

/// A node with more children or entries than this is left alone.
const SPARSE_MAX: usize = 3;
/// Two neighbours merge if the result has at most this many, so that the next insertion does not split it again.
const MERGED_MAX: usize = 6;

/// Which nodes are being merged.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Leaf,
    Inner,
}

impl<K: IndexKey + Clone, T> OrderedDirectory<K, T> {
    pub(super) fn remove_at(&mut self, spot: Spot) -> (K, T) {
        let leaf = &self.leaves[spot.leaf];
        let (key, _) = leaf.entry(spot.slot as usize).expect("a key was found in this slot");
        // Before anything has changed: it compares keys.
        let path = (leaf.len() <= SPARSE_MAX + 1).then(|| self.path_of(key.word(0), key));
        let removed = self.leaves[spot.leaf].remove(spot.slot as usize).expect("a key was found in this slot");
        self.len -= 1;
        if let Some(path) = path {
            self.shrink_path(&path);
        }
        removed
    }

    /// Merges the nodes of the path with their neighbours, from the leaf up, as long as they are sparse.
    fn shrink_path(&mut self, path: &Path) {
        let mut kind = Kind::Leaf;
        for level in 0..self.height {
            if !self.shrink_child(kind, path.steps[level].node, path.steps[level].child as usize) {
                break;
            }
            kind = Kind::Inner;
        }
        if self.len == 0 {
            *self = Self::default();
        }
        while self.height > 0 && self.inners[self.root].len() == 1 {
            let child = self.inners[self.root].children[0];
            self.inners.remove(self.root);
            self.root = child;
            self.height -= 1;
        }
    }

    /// Removes an empty child of the node, or merges a sparse one with a neighbour. Whether the node has lost a child.
    fn shrink_child(&mut self, kind: Kind, node: u32, child: usize) -> bool {
        let parent = &self.inners[node];
        let len_of = |at: usize| self.len_of(kind, parent.children[at]);
        let own = len_of(child);
        if own > SPARSE_MAX {
            return false;
        }
        if own == 0 {
            let empty = parent.children[child];
            self.inners[node].remove(child);
            self.free(kind, empty);
            return true;
        }
        let right = if child + 1 < parent.len() && own + len_of(child + 1) <= MERGED_MAX {
            child + 1
        } else if child > 0 && own + len_of(child - 1) <= MERGED_MAX {
            child
        } else {
            return false;
        };
        self.merge(kind, node, right);
        true
    }

    fn len_of(&self, kind: Kind, node: u32) -> usize {
        match kind {
            Kind::Leaf => self.leaves[node].len(),
            Kind::Inner => self.inners[node].len(),
        }
    }

    fn free(&mut self, kind: Kind, node: u32) {
        match kind {
            Kind::Leaf => drop(self.leaves.remove(node)),
            Kind::Inner => drop(self.inners.remove(node)),
        }
    }

    /// Merges the child at `right` into its left neighbour.
    fn merge(&mut self, kind: Kind, parent: u32, right: usize) {
        let [left_node, right_node] = [right - 1, right].map(|at| self.inners[parent].children[at]);
        let (word, separator) = self.inners[parent].remove(right);
        match kind {
            Kind::Leaf => {
                let moved = self.leaves.remove(right_node);
                self.leaves[left_node].append(moved);
            }
            Kind::Inner => {
                let moved = self.inners.remove(right_node);
                self.inners[left_node].append(word, separator, moved);
            }
        }
    }
}
