//! Inserting many entries behind the largest key: some leaves' worth in one step.
//!
//! ```text
//!        P                P' ─── P"             the last leaf L gives way to L' and as many full leaves as the batch fills;
//!      ╱ │ ╲      ──▶   ╱ │ ╲     ╲             they are published by one store, as a split is
//!     …  …  L          …  …  L'…   …
//! ```

use std::borrow::Borrow;

use super::edit::Edit;
use super::grow::Loose;
use super::node::{CHILDREN_MAX, KEYS_MAX, Leaf, Place, Probe};
use super::plan::{Bottom, Plan};
use super::raw::{Fences, Path, RawTree};
use super::row::Row;
use super::store::Store;
use crate::guard::Guard;
use crate::key::IndexKey;
use crate::reclaim;

/// Entries of the leaves that one step adds, at most, and those of the last leaf that is there.
const STEP_MAX: usize = (CHILDREN_MAX + 1) * KEYS_MAX;

/// Entries that come in ascending order, on their way into a tree. Dropping it frees those that did not get there.
pub(super) struct Batch<'g, S: Store, const ORDER: usize> {
    tree: &'g RawTree<S, ORDER>,
    guard: &'g Guard,
    entries: Row<Loose<S>, { CHILDREN_MAX * KEYS_MAX }>,
    /// How many of the entries are in the tree.
    placed: usize,
}

impl<'g, S: Store, const ORDER: usize> Batch<'g, S, ORDER> {
    /// As many entries as fill one inner node, so that a step replaces one node and adds one, at most.
    const ENTRIES_MAX: usize = ORDER * RawTree::<S, ORDER>::LEAF_MAX;

    pub(super) fn new(tree: &'g RawTree<S, ORDER>, guard: &'g Guard) -> Self {
        Self { tree, guard, entries: Row::new(Loose::NONE), placed: 0 }
    }

    /// The entry that came last, if it is not in the tree yet.
    #[inline]
    pub(super) fn last(&self) -> Option<(u64, S::Slot)> {
        self.entries.last().map(|loose| (loose.word, loose.slot))
    }

    #[inline]
    pub(super) fn is_full(&self) -> bool {
        self.entries.len() == Self::ENTRIES_MAX
    }

    /// Takes an entry over whose key is larger than the last; there is room.
    #[inline]
    pub(super) fn push(&mut self, word: u64, slot: S::Slot) {
        self.entries.push(Loose { slot, word, skip: 0 });
    }

    /// Inserts all entries; `key` gives the key of one.
    pub(super) fn insert<K: Borrow<S::Key>>(&mut self, key: impl Fn(u64, S::Slot) -> K) {
        // Before anything else: destructors are the user's and may panic.
        reclaim::collect(self.guard);
        while let Some(&Loose { word, slot, .. }) = self.entries.get(self.placed) {
            let key = key(word, slot);
            let rest = &self.entries[self.placed..];
            if self.tree.append(Probe::new(key.borrow()), rest, self.guard) {
                self.placed = self.entries.len();
            } else {
                self.tree.edit(key.borrow(), |_| Edit::Put(slot), self.guard);
                self.placed += 1;
            }
        }
        self.entries.clear();
        self.placed = 0;
    }
}

impl<S: Store, const ORDER: usize> Drop for Batch<'_, S, ORDER> {
    fn drop(&mut self) {
        for loose in &self.entries[self.placed..] {
            // SAFETY: the entry is the batch's, as it is not in the tree.
            unsafe { S::free_entry(loose.slot) };
        }
    }
}

impl<S: Store, const ORDER: usize> RawTree<S, ORDER> {
    /// Inserts ascending entries, of which `probe` is the first, in one step. Says false, and does nothing, if not all keys
    /// in the tree are smaller, or another writer is in the way.
    fn append<'g>(&'g self, mut probe: Probe<'_, S::Key>, entries: &[Loose<S>], guard: &'g Guard) -> bool {
        let mut path = Path::new();
        let Some(leaf) = self.find(&mut probe, &mut path, guard) else { return false };
        let meta = leaf.snapshot();
        let Fences { low, high } = path.fences(0);
        if high.is_some() || meta.is_locked() || meta.is_frozen() {
            return false;
        }
        if !matches!(leaf.locate(meta, &mut probe), Place::Absent { rank } if rank == meta.len()) {
            return false;
        }
        let mut plan = Plan::new(Bottom {
            expected: [Some(leaf.as_node()), None],
            frozen: [Some((leaf, meta)), None],
            merged: None,
        });
        let mut run = Row::<Loose<S>, STEP_MAX>::new(Loose::NONE);
        let mut low = low;
        if S::Key::EXACT && meta.len() == Self::LEAF_MAX {
            // The full last leaf stays as it is.
            plan.keep(leaf);
            // SAFETY: the entry is about to be inserted.
            low = Some(unsafe { plan.fork(&entries[0]) });
        } else {
            run.extend(leaf.run(meta));
        }
        run.extend(entries.iter().copied());
        let mut leaves = run.chunks(Self::LEAF_MAX).peekable();
        while let Some(entries) = leaves.next() {
            // SAFETY: the entry is about to be inserted.
            let high = leaves.peek().map(|next| unsafe { plan.fork(&next[0]) });
            plan.add(Leaf::of(entries, Fences { low, high }));
            low = high;
        }
        let last = path.step(1).map_or(0, |step| step.index);
        plan.raise::<ORDER>(&path, 1, last..last + 1);
        if !plan.commit(self, guard) {
            return false;
        }
        self.count.add(entries.len());
        true
    }
}
