//! Making room: a leaf without an unused slot is rewritten, or split in two.

use std::borrow::Borrow;

use smallvec::SmallVec;

use super::meta::Meta;
use super::node::{KEYS_MAX, Leaf, Place, Probe};
use super::plan::{Bottom, Fork, Plan};
use super::raw::{Fences, RawTree};
use super::store::{Cell, Store};
use crate::guard::Guard;
use crate::key::IndexKey;
use crate::sync::{AtomicU64, Ordering};

/// An entry on its way into a leaf.
pub(super) struct Loose<S: Store> {
    pub(super) slot: S::Slot,
    /// Its word after `skip` bytes.
    pub(super) word: u64,
    pub(super) skip: usize,
}

impl<S: Store> Loose<S> {
    pub(super) fn word(&self, skip: usize) -> u64 {
        if S::Key::EXACT || skip == self.skip {
            return self.word;
        }
        // SAFETY: the entry comes from a snapshot under the guard of the plan, or is about to be inserted.
        unsafe { S::key(self.slot) }.word(skip)
    }
}

/// Entries in order.
pub(super) type Run<S> = SmallVec<[Loose<S>; 2 * KEYS_MAX]>;

impl<S: Store, const ORDER: usize> RawTree<S, ORDER> {
    /// Inserts an entry whose leaf is full. Says false, and does nothing, if the leaf is not as it was.
    pub(super) fn grow<'g, Q>(&'g self, probe: &mut Probe<'_, Q>, slot: S::Slot, guard: &'g Guard) -> bool
    where
        S::Key: Borrow<Q>,
        Q: IndexKey + ?Sized,
    {
        let Some(path) = self.path(probe, guard) else { return false };
        let leaf = path.leaf;
        let meta = leaf.snapshot();
        if meta.is_locked() || meta.is_frozen() || meta.used() < Self::LEAF_MAX {
            return false;
        }
        let Place::Absent { rank } = leaf.locate(meta, probe) else { return false };
        let mut run: Run<S> = leaf.run(meta).collect();
        run.insert(rank, Loose { slot, word: probe.word(leaf.skip), skip: leaf.skip });

        let mut plan = Plan::new(Bottom {
            expected: [Some(leaf.as_node()), None],
            fresh: [None, None],
            frozen: [Some((leaf, meta)), None],
            merged: None,
        });
        let parent = path.step(1).map_or(0, |step| step.index);
        let Some(middle) = Self::middle(meta, rank, &run, path.fences.high.is_none()) else {
            plan.add(0, Leaf::of(&run, path.fences));
            plan.raise::<ORDER>(&path, 1, parent..parent + 1, None);
            return plan.commit(self, guard);
        };
        // SAFETY: the entry comes from a snapshot under this guard, or is the new one.
        let separator = unsafe { plan.separate(run[middle].slot) };
        let fork = Fork { separator, word: run[middle].word, skip: run[middle].skip };
        let Fences { low, high } = path.fences;
        if S::Key::EXACT && high.is_none() && middle == meta.len() && rank == middle && meta.len() == Self::LEAF_MAX {
            // An append: the full last leaf stays as it is.
            plan.keep(leaf);
        } else {
            plan.add(0, Leaf::of(&run[..middle], Fences { low, high: Some(separator) }));
        }
        plan.add(1, Leaf::of(&run[middle..], Fences { low: Some(separator), high }));
        plan.raise::<ORDER>(&path, 1, parent..parent + 1, Some(fork));
        plan.commit(self, guard)
    }

    /// Where to split; none if the entries fit a new leaf with room for more. Keys that came in order are not torn apart,
    /// so that ordered insertions leave full leaves.
    fn middle(meta: Meta, rank: usize, run: &Run<S>, is_last: bool) -> Option<usize> {
        if run.len() < Self::LEAF_MAX {
            return None;
        }
        let last = run.len() - 1;
        if run.len() > Self::LEAF_MAX && rank == last && (is_last || meta.is_sorted()) {
            return Some(last);
        }
        if run.len() > Self::LEAF_MAX && rank == 0 && meta.is_reversed() {
            return Some(1);
        }
        Some(run.len() / 2)
    }
}

impl<S: Store> Leaf<S> {
    /// A leaf between `fences` with these entries.
    pub(super) fn of(run: &[Loose<S>], fences: Fences<S>) -> Self {
        let mut leaf = Self::empty();
        leaf.skip = fences.shared();
        for (index, loose) in run.iter().enumerate() {
            leaf.words[index] = AtomicU64::new(loose.word(leaf.skip));
            leaf.slots[index] = S::Cell::new(loose.slot);
        }
        // Relaxed: published with the node.
        leaf.meta.store(Meta::sorted(run.len()).0, Ordering::Relaxed);
        leaf
    }

    /// The entries that `meta` names, in order.
    pub(super) fn run(&self, meta: Meta) -> impl Iterator<Item = Loose<S>> {
        (0..meta.len()).map(move |rank| {
            let slot = meta.slot(rank);
            Loose { slot: self.slot(slot), word: self.word(slot), skip: self.skip }
        })
    }
}
