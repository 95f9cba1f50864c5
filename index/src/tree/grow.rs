//! Making room: a leaf without an unused slot is rewritten, or shares its entries with a neighbour, or is split in two.
//!
//! Sharing costs what a split costs, and leaves fuller leaves: some 80 % after random insertions instead of 72 %.

use std::borrow::Borrow;

use super::meta::Meta;
use super::node::{self, KEYS_MAX, Leaf, Place, Probe};
use super::plan::{Bottom, Plan};
use super::raw::{Fences, Path, RawTree};
use super::row::Row;
use super::store::{Cell, Store};
use crate::guard::Guard;
use crate::key::IndexKey;
use crate::sync::AtomicU64;

/// An entry on its way into a leaf.
pub(super) struct Loose<S: Store> {
    pub(super) slot: S::Slot,
    /// Its word after `skip` bytes.
    pub(super) word: u64,
    pub(super) skip: usize,
}

impl<S: Store> Clone for Loose<S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S: Store> Copy for Loose<S> {}

impl<S: Store> Loose<S> {
    /// What unused places of a run hold.
    pub(super) const NONE: Self = Self { slot: S::EMPTY, word: 0, skip: 0 };

    #[inline]
    pub(super) fn word(&self, skip: usize) -> u64 {
        if S::Key::EXACT || skip == self.skip {
            return self.word;
        }
        // SAFETY: the entry comes from a snapshot under the guard of the plan, or is about to be inserted.
        unsafe { S::key(self.slot) }.word(skip)
    }
}

/// Entries in order.
pub(super) type Run<S> = Row<Loose<S>, { 2 * KEYS_MAX }>;

impl<S: Store, const ORDER: usize> RawTree<S, ORDER> {
    /// Inserts an entry whose leaf is full. Says false, and does nothing, if the leaf is not as it was.
    pub(super) fn grow<'g, Q>(
        &'g self,
        path: &Path<'g, S>,
        probe: &mut Probe<'_, Q>,
        slot: S::Slot,
        guard: &'g Guard,
    ) -> bool
    where
        S::Key: Borrow<Q>,
        Q: IndexKey + ?Sized,
    {
        let Some(leaf) = path.leaf else { return false };
        let meta = leaf.snapshot();
        if meta.is_locked() || meta.is_frozen() || meta.used() < Self::LEAF_MAX {
            return false;
        }
        let Place::Absent { rank } = leaf.locate(meta, probe) else { return false };
        Self::prefetch_neighbours(path);
        let mut run = Run::new(Loose::NONE);
        run.extend(leaf.run(meta));
        run.insert(rank, Loose { slot, word: probe.word(leaf.skip), skip: leaf.skip });

        let mut plan = Plan::new(Bottom {
            expected: [Some(leaf.as_node()), None],
            frozen: [Some((leaf, meta)), None],
            merged: None,
        });
        let parent = path.step(1).map_or(0, |step| step.index);
        let fences = path.fences(0);
        let is_last = fences.high.is_none();
        let may_share = run.len() > Self::LEAF_MAX && Self::ordered(meta, rank, is_last).is_none();
        if may_share && let Some(shared) = self.share(path, &run, (leaf, meta), guard) {
            return shared;
        }
        let Some(middle) = Self::middle(meta, rank, &run, is_last) else {
            plan.add(Leaf::of(&run, fences));
            plan.raise::<ORDER>(path, 1, parent..parent + 1);
            return plan.commit(self, guard);
        };
        // SAFETY: the entry comes from a snapshot under this guard, or is the new one.
        let separator = unsafe { plan.fork(&run[middle]) };
        let Fences { low, high } = fences;
        if S::Key::EXACT && high.is_none() && middle == meta.len() && rank == middle && meta.len() == Self::LEAF_MAX {
            // An append: the full last leaf stays as it is.
            plan.keep(leaf);
        } else {
            plan.add(Leaf::of(&run[..middle], Fences { low, high: Some(separator) }));
        }
        plan.add(Leaf::of(&run[middle..], Fences { low: Some(separator), high }));
        plan.raise::<ORDER>(path, 1, parent..parent + 1);
        plan.commit(self, guard)
    }

    /// Asks for the leaves that may be shared with.
    fn prefetch_neighbours(path: &Path<'_, S>) {
        let Some(step) = path.step(1) else { return };
        let neighbours = [step.index.saturating_sub(1), (step.index + 1).min(step.node.count.into())];
        neighbours.into_iter().for_each(|index| node::prefetch(step.node.child(index)));
    }

    /// Where to split; none if the entries fit a new leaf with room for more.
    fn middle(meta: Meta, rank: usize, run: &Run<S>, is_last: bool) -> Option<usize> {
        match run.len() {
            len if len < Self::LEAF_MAX => None,
            len if len > Self::LEAF_MAX => Some(Self::ordered(meta, rank, is_last).unwrap_or(len / 2)),
            len => Some(len / 2),
        }
    }

    /// Where to split a full leaf whose keys came in order. They are not torn apart, so that ordered insertions leave full
    /// leaves.
    fn ordered(meta: Meta, rank: usize, is_last: bool) -> Option<usize> {
        if rank == meta.len() && (is_last || meta.is_sorted()) {
            return Some(rank);
        }
        (rank == 0 && meta.is_reversed()).then_some(1)
    }

    /// Divides `run`, the entries of a full leaf and a new one, between this leaf and a neighbour that has room. None if no
    /// neighbour has; else whether it was done.
    fn share<'g>(
        &'g self,
        path: &Path<'g, S>,
        run: &Run<S>,
        full: (&'g Leaf<S>, Meta),
        guard: &'g Guard,
    ) -> Option<bool> {
        let step = path.step(1)?;
        let index = step.index;
        let neighbours = [index.checked_sub(1), Some(index + 1).filter(|&index| index <= step.node.count.into())];
        let (neighbour, other, other_meta) = neighbours.into_iter().flatten().find_map(|neighbour| {
            // SAFETY: below level 1 are leaves; read under the guard.
            let leaf: &'g Leaf<S> = unsafe { node::leaf(step.node.child(neighbour)) };
            let meta = leaf.snapshot();
            let fits = meta.len() <= Self::LEAF_MAX / 2 + 1 && !meta.is_locked() && !meta.is_frozen();
            fits.then_some((neighbour, leaf, meta))
        })?;
        let left = neighbour.min(index);
        let mut both = Run::new(Loose::NONE);
        let pair = if neighbour < index {
            both.extend(other.run(other_meta));
            both.extend(run.iter().copied());
            [(other, other_meta), full]
        } else {
            both.extend(run.iter().copied());
            both.extend(other.run(other_meta));
            [full, (other, other_meta)]
        };
        let mut plan = Plan::new(Bottom {
            expected: pair.map(|(leaf, _)| Some(leaf.as_node())),
            frozen: pair.map(Some),
            merged: None,
        });
        let middle = both.len() / 2;
        // SAFETY: the entry comes from a snapshot under this guard, or is the new one.
        let separator = unsafe { plan.fork(&both[middle]) };
        let Fences { low, high } = path.fences(1).around_both(step.node, left);
        plan.add(Leaf::of(&both[..middle], Fences { low, high: Some(separator) }));
        plan.add(Leaf::of(&both[middle..], Fences { low: Some(separator), high }));
        plan.drop_separator(step.node.separators[left]);
        plan.raise::<ORDER>(path, 1, left..left + 2);
        Some(plan.commit(self, guard))
    }
}

impl<S: Store> Leaf<S> {
    /// A leaf between `fences` with these entries.
    #[inline]
    pub(super) fn of(run: &[Loose<S>], fences: Fences<S>) -> Self {
        let skip = fences.shared();
        let (mut words, mut slots) = ([0; KEYS_MAX], [S::EMPTY; KEYS_MAX]);
        for ((loose, word), slot) in run.iter().zip(&mut words).zip(&mut slots) {
            *word = loose.word(skip);
            *slot = loose.slot;
        }
        let meta = AtomicU64::new(Meta::sorted(run.len()).0);
        Self { meta, words: AtomicU64::each(words), slots: S::Cell::each(slots), skip }
    }

    /// The entries that `meta` names, in order.
    #[inline]
    pub(super) fn run(&self, meta: Meta) -> impl ExactSizeIterator<Item = Loose<S>> {
        (0..meta.len()).map(move |rank| {
            let slot = meta.slot(rank);
            Loose { slot: self.slot(slot), word: self.word(slot), skip: self.skip }
        })
    }
}
