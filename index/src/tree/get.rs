//! Lookups.

use std::borrow::Borrow;

use smallvec::SmallVec;

use super::node::{self, Inner, Leaf, Node, Probe};
use super::raw::RawTree;
use super::store::Store;
use crate::guard::Guard;
use crate::key::IndexKey;

/// Keys that are looked up side by side, so that their cache misses overlap.
const LANES: usize = 16;

impl<S: Store, const ORDER: usize> RawTree<S, ORDER> {
    /// What is stored under the key.
    #[inline]
    pub(crate) fn get<'g, Q>(&'g self, key: &Q, guard: &'g Guard) -> Option<S::Slot>
    where
        S::Key: Borrow<Q>,
        Q: IndexKey + ?Sized,
    {
        let mut probe = Probe::new(key);
        let leaf = self.descend(&mut probe, guard)?;
        leaf.find(leaf.snapshot(), &mut probe).map(|slot| leaf.slot(slot))
    }

    /// Calls `found` with the index of each key and what is stored under it.
    pub(crate) fn get_many<'g, 'k, Q>(
        &'g self,
        keys: impl ExactSizeIterator<Item = &'k Q>,
        mut found: impl FnMut(usize, Option<S::Slot>),
        guard: &'g Guard,
    ) where
        S::Key: Borrow<Q>,
        Q: IndexKey + ?Sized + 'k,
    {
        let mut keys = keys.enumerate();
        loop {
            let (indexes, mut probes): (SmallVec<[usize; LANES]>, SmallVec<[Probe<'k, Q>; LANES]>) =
                keys.by_ref().take(LANES).map(|(index, key)| (index, Probe::new(key))).unzip();
            if indexes.is_empty() {
                return;
            }
            let Some(root) = self.root(guard) else {
                indexes.iter().for_each(|&index| found(index, None));
                continue;
            };
            let leaves = Self::descend_lanes(root, &mut probes);
            for (&leaf, probe) in leaves.iter().zip(&mut probes) {
                // SAFETY: the way down ends at leaves; read under the guard.
                let leaf = unsafe { node::leaf::<S>(leaf) };
                if let Some(slot) = leaf.candidate(probe) {
                    S::prefetch(leaf.slot(slot));
                }
            }
            for ((&leaf, probe), &index) in leaves.iter().zip(&mut probes).zip(&indexes) {
                // SAFETY: the way down ends at leaves; read under the guard.
                let leaf = unsafe { node::leaf::<S>(leaf) };
                found(index, leaf.find(leaf.snapshot(), probe).map(|slot| leaf.slot(slot)));
            }
        }
    }

    /// Goes down from the root with every probe, one level at a time.
    fn descend_lanes<Q>(root: &Inner<S>, probes: &mut [Probe<'_, Q>]) -> [*mut Node; LANES]
    where
        S::Key: Borrow<Q>,
        Q: IndexKey + ?Sized,
    {
        let mut nodes = [root.as_node(); LANES];
        for _ in 0..root.level {
            for (place, probe) in nodes.iter_mut().zip(&mut *probes) {
                // SAFETY: all lanes are at the same level above the leaves, as they started from the same root.
                let inner = unsafe { node::inner::<S>(*place) };
                *place = inner.child(inner.child_index(probe));
                node::prefetch(*place);
            }
        }
        nodes
    }
}

impl<S: Store> Leaf<S> {
    /// A slot that probably holds the key.
    fn candidate<Q>(&self, probe: &mut Probe<'_, Q>) -> Option<usize>
    where
        S::Key: Borrow<Q>,
        Q: IndexKey + ?Sized,
    {
        let word = probe.word(self.skip);
        (0..self.words.len()).find(|&slot| S::ENTRY_BYTES > 0 && self.word(slot) == word)
    }
}
