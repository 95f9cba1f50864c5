//! Removing many entries leaf by leaf.

use std::borrow::Borrow;
use std::ops::RangeBounds;

use smallvec::SmallVec;

use super::edit::Edit;
use super::grow::Loose;
use super::node::{KEYS_MAX, Probe};
use super::range::{Ranks, RawRange};
use super::raw::RawTree;
use super::scan::Forward;
use super::store::Store;
use crate::guard::Guard;
use crate::key::IndexKey;
use crate::reclaim;

/// What a sweep asks of each entry, and how it finds its leaf again.
pub(crate) trait Broom<S: Store> {
    /// A key of its own, or a reference to one.
    type Key: Borrow<S::Key>;
    /// Whether to remove the entry.
    fn takes(&mut self, word: u64, slot: S::Slot) -> bool;
    /// The key of the entry.
    fn key(&self, word: u64, slot: S::Slot) -> Self::Key;
}

impl<S: Store, const ORDER: usize> RawTree<S, ORDER> {
    /// Removes the entries inside `bounds` that `broom` takes: those of a leaf in one step, if no writer interferes. Gives
    /// their number.
    pub(crate) fn sweep<Q, R, B>(&self, bounds: R, broom: &mut B, guard: &Guard) -> usize
    where
        S::Key: Borrow<Q>,
        Q: IndexKey + ?Sized,
        R: RangeBounds<Q>,
        B: Broom<S>,
    {
        let mut range = RawRange::<S, Q, R, Forward>::of_leaves(self, bounds, guard);
        let mut removed = 0;
        // A leaf is merged only when its successor was swept, which the merge might replace.
        let mut sparse: Option<B::Key> = None;
        while let Some(ranks) = range.ranks() {
            let swept = self.sweep_leaf(&ranks, broom, guard);
            removed += swept.0;
            if let Some(key) = std::mem::replace(&mut sparse, swept.1) {
                self.merge::<S::Key>(&mut Probe::new(key.borrow()), guard);
            }
            if !range.next_leaf() {
                break;
            }
        }
        if let Some(key) = sparse {
            self.merge::<S::Key>(&mut Probe::new(key.borrow()), guard);
        }
        removed
    }

    /// Sweeps one leaf; gives the number of entries that went, and a key of the leaf if few are left.
    fn sweep_leaf<B: Broom<S>>(&self, ranks: &Ranks<'_, S>, broom: &mut B, guard: &Guard) -> (usize, Option<B::Key>) {
        let Ranks { leaf, meta, ref ranks } = *ranks;
        let run: SmallVec<[Loose<S>; KEYS_MAX]> = leaf.run(meta).collect();
        let taken: SmallVec<[usize; KEYS_MAX]> =
            ranks.clone().filter(|&rank| broom.takes(run[rank].word, run[rank].slot)).collect();
        let Some(&first) = taken.first() else { return (0, None) };
        let first_key = broom.key(run[first].word, run[first].slot);
        let after = taken.iter().rev().fold(meta, |meta, &rank| meta.removed(rank));
        if !meta.is_frozen() && !meta.is_locked() && !meta.is_worn() && leaf.exchange(meta, after) {
            self.count.subtract(taken.len());
            for &rank in &taken {
                // SAFETY: the exchange took the entry out of the leaf, so it is ours; entries are inserted under the
                // bounds that this asks for.
                unsafe { S::retire_entry(run[rank].slot, guard) };
            }
            reclaim::collect(guard);
            return (taken.len(), (after.len() <= Self::SPARSE).then_some(first_key));
        }
        let removed = taken.iter().filter(|&&rank| {
            let key = broom.key(run[rank].word, run[rank].slot);
            self.sweep_one(key.borrow(), run[rank].word, broom, guard)
        });
        (removed.count(), None)
    }

    /// Asks about one entry again and removes it, wherever it is now.
    fn sweep_one<B: Broom<S>>(&self, key: &S::Key, word: u64, broom: &mut B, guard: &Guard) -> bool {
        let mut takes = false;
        let decide = |current: Option<S::Slot>| {
            takes = current.is_some_and(|slot| broom.takes(word, slot));
            if takes { Edit::Remove } else { Edit::Keep }
        };
        self.edit(key, decide, guard).is_some() && takes
    }
}
