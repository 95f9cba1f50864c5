//! How many entries a range has, guessed from two ways down.
//!
//! Leaves all lie at one depth, and nodes are between half full and full, so the place of a key in its node, at every
//! level, says about which part of all entries lies before it. Two such places make a guess in O(log n) that is good
//! enough to choose between two indexes; a short range is counted instead.

use std::borrow::Borrow;
use std::ops::{Bound, RangeBounds};

use super::boxed::TreeIndex;
use super::node::Probe;
use super::raw::{Path, RawTree};
use super::store::Store;
use super::words::WordTreeIndex;
use crate::guard::Guard;
use crate::key::{IndexKey, OrderedWord};
use crate::word::Word;

/// Ranges that seem shorter than this are counted.
const COUNTED_BELOW: usize = 64;

impl<S: Store, const ORDER: usize> RawTree<S, ORDER> {
    /// About which part of all entries lies before the key, from 0 to 1.
    fn part_before<Q>(&self, key: &Q, guard: &Guard) -> f64
    where
        S::Key: Borrow<Q>,
        Q: IndexKey + ?Sized,
    {
        let mut probe = Probe::new(key);
        let mut path = Path::new();
        let Some(leaf) = self.find(&mut probe, &mut path, guard) else { return 0.0 };
        let (mut before, mut width) = (0.0, 1.0);
        for step in (1..=path.height).rev().filter_map(|level| path.step(level)) {
            width /= step.node.child_count() as f64;
            before += width * step.index as f64;
        }
        let meta = leaf.snapshot();
        before + width * leaf.locate(meta, &mut probe).rank() as f64 / meta.len().max(1) as f64
    }

    /// About how many entries lie inside the bounds.
    fn estimate<Q>(&self, bounds: &impl RangeBounds<Q>, guard: &Guard) -> usize
    where
        S::Key: Borrow<Q>,
        Q: IndexKey + ?Sized,
    {
        let part = |bound: Bound<&Q>, unbounded| match bound {
            Bound::Unbounded => unbounded,
            Bound::Included(key) | Bound::Excluded(key) => self.part_before(key, guard),
        };
        let share: f64 = part(bounds.end_bound(), 1.0) - part(bounds.start_bound(), 0.0);
        (share.max(0.0) * self.count.get() as f64) as usize
    }
}

impl<K: IndexKey + Clone, V, const ORDER: usize> TreeIndex<K, V, ORDER> {
    /// About how many entries lie inside `bounds`: exact for short ranges, otherwise a guess that may be off by half.
    /// O(log n).
    pub fn estimate_range<Q, R>(&self, bounds: R, guard: &Guard) -> usize
    where
        K: Borrow<Q>,
        Q: IndexKey + ?Sized,
        R: RangeBounds<Q>,
    {
        match self.tree.estimate(&bounds, guard) {
            guess if guess < COUNTED_BELOW => self.range(bounds, guard).take(4 * COUNTED_BELOW).count(),
            guess => guess,
        }
    }
}

impl<K: OrderedWord, V: Word, const ORDER: usize> WordTreeIndex<K, V, ORDER> {
    /// About how many entries lie inside `bounds`: exact for short ranges, otherwise a guess that may be off by half.
    /// O(log n).
    pub fn estimate_range<Q, R>(&self, bounds: R, guard: &Guard) -> usize
    where
        K: Borrow<Q>,
        Q: IndexKey + ?Sized,
        R: RangeBounds<Q>,
    {
        match self.tree.estimate(&bounds, guard) {
            guess if guess < COUNTED_BELOW => self.range(bounds, guard).take(4 * COUNTED_BELOW).count(),
            guess => guess,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guard::pin;

    #[test]
    fn guesses_are_within_a_factor_of_two_and_short_ranges_exact() {
        let (tree, guard) = (WordTreeIndex::<u64, u64>::new(), pin());
        for key in 0..50_000_u64 {
            tree.insert(key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 44, key, &guard);
        }
        for (start, end) in [(0, 1 << 20), (1 << 18, 1 << 19), (1000, 1200), (5, 5), (9, 3), (1 << 19, 1 << 30)] {
            let exact = tree.count_range::<u64, _>(start..end, &guard);
            let guess = tree.estimate_range::<u64, _>(start..end, &guard);
            let close = exact / 2 <= guess && guess <= exact * 2 + 1;
            assert!(if exact < 32 { guess == exact } else { close }, "{start}..{end}: {guess} for {exact}");
        }
        assert_eq!(WordTreeIndex::<u64, u64>::new().estimate_range::<u64, _>(.., &guard), 0);
    }
}
