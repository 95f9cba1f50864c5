//! Insertion: into the leaf, sharing a full one with a neighbour, or splitting full nodes from the leaf towards the root.

use super::inner::Inner;
use super::leaf::Leaf;
use super::{ORDER, OrderedDirectory, Path, Spot, gap_of};
use crate::IndexKey;

/// Where a full node is split when the new one does not come last.
const MIDDLE: usize = ORDER / 2;

/// On which side of a leaf another one is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Neighbour {
    Left,
    Right,
}

impl<K: IndexKey + Clone, T> OrderedDirectory<K, T> {
    pub(super) fn insert_at(&mut self, spot: Spot, key: K, value: T) {
        let word = key.word(0);
        if self.leaves[spot.leaf].len() < ORDER {
            self.leaves[spot.leaf].insert(spot.slot as usize, word, (key, value));
        } else {
            // Searched anew: a key whose order is no order may lead elsewhere this time.
            let (path, _) = self.position_of(word, &key);
            self.insert_on(&path, word, key, value);
        }
        self.len += 1;
    }

    /// Puts an entry at the end of a path, splitting the leaf if it is full.
    fn insert_on(&mut self, path: &Path, word: u64, key: K, value: T) {
        let slot = path.slot as usize;
        if self.leaf(path).len() < ORDER {
            self.leaves[path.leaf].insert(slot, word, (key, value));
            return;
        }
        if slot == ORDER && self.is_last(path) {
            // Ascending keys: the full leaf stays full, and the new one is filled next.
            let (_, gap) = gap_of(word, &key);
            let mut right = Leaf::default();
            right.insert(0, word, (key, value));
            self.add_right_leaf(path, word, gap, right);
        } else if let Some(neighbour) = self.roomy_neighbour(path) {
            self.share(path, neighbour, word, (key, value));
        } else {
            let full = self.leaf(path);
            let (gap_word, gap) = full.entry(MIDDLE).map_or((word, None), |(key, _)| gap_of(full.word(MIDDLE), key));
            let left = &mut self.leaves[path.leaf];
            let mut right = left.split(MIDDLE);
            if slot > MIDDLE {
                right.insert(slot - MIDDLE, word, (key, value));
            } else {
                left.insert(slot, word, (key, value));
            }
            self.add_right_leaf(path, gap_word, gap, right);
        }
    }

    /// A neighbour of the path's leaf under the same parent that has room for two entries or more.
    fn roomy_neighbour(&self, path: &Path) -> Option<Neighbour> {
        let step = path.steps.first().filter(|_| self.height > 0)?;
        let (children, at) = (&self.inners[step.node], step.child as usize);
        let has_room = |child: usize| self.leaves[children.children[child]].len() + 2 <= ORDER;
        if at + 1 < children.len() && has_room(at + 1) {
            Some(Neighbour::Right)
        } else if at > 0 && has_room(at - 1) {
            Some(Neighbour::Left)
        } else {
            None
        }
    }

    /// Puts an entry into a full leaf, half of what the neighbour has room for into the neighbour: leaves are fuller than if
    /// they were split, and fewer.
    fn share(&mut self, path: &Path, neighbour: Neighbour, word: u64, entry: (K, T)) {
        let Path { steps: [step, ..], leaf, slot } = *path;
        let slot = slot as usize;
        let gap = step.child as usize - usize::from(neighbour == Neighbour::Left);
        let other = self.inners[step.node].children[if neighbour == Neighbour::Left { gap } else { gap + 1 }];
        let moved = (ORDER - self.leaves[other].len()) / 2;
        // The entries with the new one among them: those from `first` on go to the right leaf.
        let first = if neighbour == Neighbour::Left { moved } else { ORDER + 1 - moved };
        let kept = first - usize::from(slot < first);
        let full = &self.leaves[leaf];
        let (gap_word, separator) = match full.entry(kept) {
            Some((key, _)) if slot != first => gap_of(full.word(kept), key),
            _ => gap_of(word, &entry.0),
        };
        let mut right = self.leaves[leaf].split(kept);
        if slot < first {
            self.leaves[leaf].insert(slot, word, entry);
        } else {
            right.insert(slot - kept, word, entry);
        }
        match neighbour {
            Neighbour::Left => {
                let left = std::mem::replace(&mut self.leaves[leaf], right);
                self.leaves[other].append(left);
            }
            Neighbour::Right => {
                let behind = std::mem::take(&mut self.leaves[other]);
                right.append(behind);
                self.leaves[other] = right;
            }
        }
        self.inners[step.node].set_gap(gap, gap_word, separator);
    }

    /// Whether the leaf of the path is the last one of the tree.
    fn is_last(&self, path: &Path) -> bool {
        path.steps[..self.height].iter().all(|step| step.child as usize + 1 == self.inners[step.node].len())
    }

    /// Adds a leaf to the right of the path's, and splits every full inner node on the way up.
    fn add_right_leaf(&mut self, path: &Path, word: u64, gap: Option<K>, leaf: Leaf<K, T>) {
        let (mut word, mut gap) = (word, gap);
        let is_last = self.is_last(path);
        let mut right = self.leaves.insert(leaf);
        for level in 0..self.height {
            let step = path.steps[level];
            let at = step.child as usize + 1;
            let inner = &mut self.inners[step.node];
            if inner.len() < ORDER {
                inner.insert(at, word, gap, right);
                return;
            }
            if at == ORDER && is_last {
                right = self.inners.insert(Inner::new(right));
                continue;
            }
            let (middle_word, middle_gap, mut half) = inner.split(MIDDLE);
            if at > MIDDLE {
                half.insert(at - MIDDLE, word, gap, right);
            } else {
                inner.insert(at, word, gap, right);
            }
            (word, gap) = (middle_word, middle_gap);
            right = self.inners.insert(half);
        }
        let mut root = Inner::new(self.root);
        root.insert(1, word, gap, right);
        self.root = self.inners.insert(root);
        self.height += 1;
    }
}
