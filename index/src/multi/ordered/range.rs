//! Scans: from one position to another, from either end.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::fmt;
use std::iter::FusedIterator;
use std::ops::{Bound, RangeBounds};
use std::slice;

use super::{OrderedDirectory, Path, Step};
use crate::IndexKey;

/// Leaves that an estimate counts one by one before it starts to guess.
const COUNTED_LEAVES: usize = 8;

/// The entries between two positions of an ordered index, in order; from the back, in descending order.
///
/// `front` and `back` are the leaves that are being read from the two ends; once they are one leaf, what is left is in
/// `front_run` alone.
pub struct Range<'a, K, T> {
    tree: &'a OrderedDirectory<K, T>,
    front: Path,
    back: Path,
    front_run: slice::Iter<'a, Option<(K, T)>>,
    back_run: slice::Iter<'a, Option<(K, T)>>,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// There may be leaves between front and back.
    Apart,
    /// Front and back are one leaf.
    Met,
}

impl<'a, K, T> Range<'a, K, T> {
    pub(super) fn new(tree: &'a OrderedDirectory<K, T>, front: Path, back: Path) -> Self {
        let stage = if front.leaf == back.leaf { Stage::Met } else { Stage::Apart };
        let front_leaf = tree.leaf(&front);
        let (front_end, back_run) = match stage {
            Stage::Met => (back.slot as usize, [].iter()),
            Stage::Apart => (front_leaf.len(), tree.leaf(&back).run(0, back.slot as usize).iter()),
        };
        let front_run = front_leaf.run(front.slot as usize, front_end).iter();
        Self { tree, front, back, front_run, back_run, stage }
    }

    fn empty(tree: &'a OrderedDirectory<K, T>) -> Self {
        Self::new(tree, tree.first_path(), tree.first_path())
    }

    /// Moves the front to the next leaf. Whether there is one.
    fn advance_front(&mut self) -> bool {
        if self.stage == Stage::Met || !self.tree.next_leaf(&mut self.front) {
            return false;
        }
        if self.front.leaf == self.back.leaf {
            self.stage = Stage::Met;
            self.front_run = std::mem::replace(&mut self.back_run, [].iter());
        } else {
            let leaf = self.tree.leaf(&self.front);
            self.front_run = leaf.run(0, leaf.len()).iter();
        }
        true
    }

    /// Moves the back to the previous leaf. Whether it is another one than the front.
    fn retreat_back(&mut self) -> bool {
        if self.stage == Stage::Met || !self.tree.previous_leaf(&mut self.back) {
            return false;
        }
        if self.front.leaf == self.back.leaf {
            self.stage = Stage::Met;
            return false;
        }
        let leaf = self.tree.leaf(&self.back);
        self.back_run = leaf.run(0, leaf.len()).iter();
        true
    }
}

impl<'a, K, T> Iterator for Range<'a, K, T> {
    type Item = (&'a K, &'a T);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(Some((key, value))) = self.front_run.next() {
                return Some((key, value));
            }
            if !self.advance_front() {
                return None;
            }
        }
    }
}

impl<K, T> DoubleEndedIterator for Range<'_, K, T> {
    #[inline]
    fn next_back(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(Some((key, value))) = self.back_run.next_back() {
                return Some((key, value));
            }
            if !self.retreat_back() {
                return match self.front_run.next_back() {
                    Some(Some((key, value))) => Some((key, value)),
                    _ => None,
                };
            }
        }
    }
}

impl<K, T> FusedIterator for Range<'_, K, T> {}

impl<K, T> Clone for Range<'_, K, T> {
    fn clone(&self) -> Self {
        Self {
            tree: self.tree,
            front: self.front.clone(),
            back: self.back.clone(),
            front_run: self.front_run.clone(),
            back_run: self.back_run.clone(),
            stage: self.stage,
        }
    }
}

impl<K, T> fmt::Debug for Range<'_, K, T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Range").field("stage", &self.stage).finish_non_exhaustive()
    }
}

impl<K, T> OrderedDirectory<K, T> {
    /// Moves the path to the start of the next leaf, or leaves it alone at the last one.
    fn next_leaf(&self, path: &mut Path) -> bool {
        let room = |step: &Step| step.child as usize + 1 < self.inners[step.node].len();
        let Some(level) = path.steps[..self.height].iter().position(room) else { return false };
        path.steps[level].child += 1;
        self.descend_from(path, level, |_| 0);
        path.slot = 0;
        true
    }

    /// Moves the path to the end of the previous leaf, or leaves it alone at the first one.
    fn previous_leaf(&self, path: &mut Path) -> bool {
        let Some(level) = path.steps[..self.height].iter().position(|step| step.child > 0) else { return false };
        path.steps[level].child -= 1;
        self.descend_from(path, level, |len| len - 1);
        path.slot = self.leaf(path).len() as u32;
        true
    }

    /// Follows the step of a level down to a leaf.
    fn descend_from(&self, path: &mut Path, level: usize, choose: impl Fn(usize) -> usize) {
        for level in (0..=level).rev() {
            let step = path.steps[level];
            let node = self.inners[step.node].children[step.child as usize];
            match level.checked_sub(1) {
                Some(below) => {
                    path.steps[below] = Step { node, child: choose(self.inners[node].len()) as u32 };
                }
                None => path.leaf = node,
            }
        }
    }

    /// About how much of the tree lies before the path, between 0 and 1.
    fn fraction(&self, path: &Path) -> f64 {
        let within = f64::from(path.slot) / self.leaf(path).len().max(1) as f64;
        path.steps[..self.height]
            .iter()
            .fold(within, |below, step| (f64::from(step.child) + below) / self.inners[step.node].len() as f64)
    }
}

impl<K: IndexKey, T> OrderedDirectory<K, T> {
    /// The entries within bounds, in order. Bounds that exclude everything, inverted ones too, give no entry.
    pub(in crate::multi) fn range<Q: IndexKey + ?Sized>(&self, bounds: &impl RangeBounds<Q>) -> Range<'_, K, T>
    where
        K: Borrow<Q>,
    {
        match self.limits(bounds) {
            Some((front, back)) => Range::new(self, front, back),
            None => Range::empty(self),
        }
    }

    /// About how many keys are within bounds: exact for up to about eight leaves, guessed from the shape of the
    /// tree beyond. O(log n).
    pub(in crate::multi) fn estimate<Q: IndexKey + ?Sized>(&self, bounds: &impl RangeBounds<Q>) -> usize
    where
        K: Borrow<Q>,
    {
        let Some((front, back)) = self.limits(bounds) else { return 0 };
        let mut path = front.clone();
        let mut counted = 0;
        for _ in 0..COUNTED_LEAVES {
            if path.leaf == back.leaf {
                return (counted + back.slot as usize).saturating_sub(path.slot as usize);
            }
            counted += self.leaf(&path).len() - path.slot as usize;
            if !self.next_leaf(&mut path) {
                return counted;
            }
        }
        let guessed = (self.fraction(&back) - self.fraction(&front)) * self.len as f64;
        counted.max(guessed as usize)
    }

    /// The positions of the first entry within bounds and behind the last one.
    fn limits<Q: IndexKey + ?Sized>(&self, bounds: &impl RangeBounds<Q>) -> Option<(Path, Path)>
    where
        K: Borrow<Q>,
    {
        if is_empty(bounds.start_bound(), bounds.end_bound()) {
            return None;
        }
        let front = match bounds.start_bound() {
            Bound::Unbounded => self.first_path(),
            Bound::Included(key) => self.before(key),
            Bound::Excluded(key) => self.behind(key),
        };
        let back = match bounds.end_bound() {
            Bound::Unbounded => self.end_path(),
            Bound::Included(key) => self.behind(key),
            Bound::Excluded(key) => self.before(key),
        };
        Some((front, back))
    }

    /// The position of the first entry that is not less than the key.
    fn before<Q: IndexKey + ?Sized>(&self, key: &Q) -> Path
    where
        K: Borrow<Q>,
    {
        self.position_of(key.word(0), key).0
    }

    /// The position of the first entry that is greater than the key.
    fn behind<Q: IndexKey + ?Sized>(&self, key: &Q) -> Path
    where
        K: Borrow<Q>,
    {
        let (mut path, found) = self.position_of(key.word(0), key);
        path.slot += u32::from(found);
        path
    }
}

/// Whether bounds exclude every key.
fn is_empty<Q: Ord + ?Sized>(start: Bound<&Q>, end: Bound<&Q>) -> bool {
    match (start, end) {
        (Bound::Unbounded, _) | (_, Bound::Unbounded) => false,
        (Bound::Included(start), Bound::Included(end)) => start.cmp(end) == Ordering::Greater,
        (Bound::Included(start) | Bound::Excluded(start), Bound::Included(end) | Bound::Excluded(end)) => {
            start.cmp(end) != Ordering::Less
        }
    }
}
