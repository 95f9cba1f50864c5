//! Giving space back: a leaf with few entries is merged with a neighbour, and so is an inner node with few children.
//!
//! Nothing depends on a merge: where another writer is in the way, it is left to the next removal.

use std::borrow::Borrow;

use super::grow::{Loose, Run};
use super::meta::Meta;
use super::node::{self, Inner, Leaf, Probe};
use super::plan::{Bottom, Fork, Forks, Plan};
use super::raw::{Fences, Path, RawTree};
use super::store::Store;
use crate::guard::Guard;
use crate::key::IndexKey;

impl<S: Store, const ORDER: usize> RawTree<S, ORDER> {
    /// A leaf with so few entries looks for a neighbour to merge with.
    pub(super) const SPARSE: usize = Self::LEAF_MAX / 2;
    /// As few children of an inner node.
    const SPARSE_CHILDREN: usize = if ORDER / 4 < 2 { 1 } else { ORDER / 4 };

    /// Whether the leaf that a removal left like this is to be looked at.
    pub(super) fn is_sparse(after: Meta) -> bool {
        after.len() <= Self::SPARSE || (after.len() == Self::SPARSE + 1 && after.is_due())
    }

    /// Merges the leaf of the key with a neighbour, if it is sparse and both fit one leaf.
    pub(super) fn merge<'g, Q>(&'g self, probe: &mut Probe<'_, Q>, guard: &'g Guard)
    where
        S::Key: Borrow<Q>,
        Q: IndexKey + ?Sized,
    {
        let mut path = Path::new();
        if self.find(probe, &mut path, guard).is_some() {
            self.merge_at(&path, probe, guard);
        }
    }

    /// As [`merge`](Self::merge), where the path to the leaf is known.
    pub(super) fn merge_at<'g, Q>(&'g self, path: &Path<'g, S>, probe: &mut Probe<'_, Q>, guard: &'g Guard)
    where
        S::Key: Borrow<Q>,
        Q: IndexKey + ?Sized,
    {
        let Some(step) = path.step(1) else { return };
        if step.node.count == 0 {
            return self.merge_inner(probe, 1, guard);
        }
        let neighbours = [step.index.checked_sub(1), Some(step.index).filter(|&index| index < step.node.count.into())];
        for left in neighbours.into_iter().flatten() {
            if self.merge_leaves(path, left, guard) {
                if step.node.child_count() - 1 <= Self::SPARSE_CHILDREN {
                    self.merge_inner(probe, 1, guard);
                }
                return;
            }
        }
        if path.leaf.is_some_and(|leaf| leaf.snapshot().is_due()) {
            self.relocate(path, guard);
        }
    }

    /// Merges children `left` and `left + 1` of the lowest inner node on the path.
    fn merge_leaves<'g>(&'g self, path: &Path<'g, S>, left: usize, guard: &'g Guard) -> bool {
        let Some(step) = path.step(1) else { return false };
        let leaves = [left, left + 1].map(|index| {
            let child = step.node.child(index);
            // SAFETY: below level 1 are leaves; read under the guard.
            unsafe { node::leaf::<S>(child) }
        });
        let metas = leaves.map(Leaf::snapshot);
        let lens = metas.map(|meta| meta.len());
        let settled = metas.iter().all(|meta| !meta.is_locked() && !meta.is_frozen());
        // Room for one more entry, so that the next insertion does not split again; but an empty leaf always goes.
        let room = if lens.contains(&0) { Self::LEAF_MAX } else { Self::LEAF_MAX - 1 };
        if !settled || lens.iter().min() > Some(&Self::SPARSE) || lens.iter().sum::<usize>() > room {
            return false;
        }
        let mut run = Run::new(Loose::NONE);
        run.extend(leaves[0].run(metas[0]));
        run.extend(leaves[1].run(metas[1]));
        let mut plan = Plan::packed(Bottom {
            expected: leaves.map(|leaf| Some(leaf.as_node())),
            frozen: [Some((leaves[0], metas[0])), Some((leaves[1], metas[1]))],
            merged: None,
        });
        plan.add(Leaf::of(&run, path.fences(1).around_both(step.node, left)));
        plan.drop_separator(step.node.separators[left]);
        plan.raise::<ORDER>(path, 1, left..left + 2);
        plan.commit(self, guard)
    }

    /// Merges the inner node at `level` above the key with a neighbour, if it has few children and both fit one node.
    fn merge_inner<'g, Q>(&'g self, probe: &mut Probe<'_, Q>, level: usize, guard: &'g Guard)
    where
        S::Key: Borrow<Q>,
        Q: IndexKey + ?Sized,
    {
        let mut path = Path::new();
        if self.find(probe, &mut path, guard).is_none() {
            return;
        }
        let (Some(step), Some(parent)) = (path.step(level), path.step(level + 1)) else { return };
        if step.node.child_count() > Self::SPARSE_CHILDREN {
            return;
        }
        if parent.node.count == 0 {
            return self.merge_inner(probe, level + 1, guard);
        }
        let index = parent.index;
        let neighbours = [index.checked_sub(1), Some(index).filter(|&index| index < parent.node.count.into())];
        for left in neighbours.into_iter().flatten() {
            if self.merge_inners(&path, level, left, guard) {
                if parent.node.child_count() - 1 <= Self::SPARSE_CHILDREN {
                    self.merge_inner(probe, level + 1, guard);
                }
                return;
            }
        }
    }

    /// Merges children `left` and `left + 1` of the node above `level` on the path.
    fn merge_inners<'g>(&'g self, path: &Path<'g, S>, level: usize, left: usize, guard: &'g Guard) -> bool {
        let Some(parent) = path.step(level + 1) else { return false };
        let nodes = [left, left + 1].map(|index| {
            let child = parent.node.child(index);
            // SAFETY: above level 1 are inner nodes; read under the guard.
            unsafe { node::inner::<S>(child) }
        });
        if nodes[0].child_count() + nodes[1].child_count() >= ORDER {
            return false;
        }
        let mut forks = Forks::new(Fork::NONE);
        forks.extend(nodes[0].forks(0..nodes[0].count.into()));
        forks.extend(parent.node.forks(left..left + 1));
        forks.extend(nodes[1].forks(0..nodes[1].count.into()));
        let mut plan = Plan::packed(Bottom {
            expected: nodes.map(|node| Some(node.as_node())),
            frozen: [None, None],
            merged: Some(nodes),
        });
        plan.add(Inner::of(level as u8, &forks, path.fences(level + 1).around_both(parent.node, left)));
        plan.raise::<ORDER>(path, level + 1, left..left + 2);
        plan.commit(self, guard)
    }
}

impl<S: Store> Fences<S> {
    /// What encloses children `left` and `left + 1` of `node`, which these enclose.
    pub(super) fn around_both(self, node: &Inner<S>, left: usize) -> Self {
        Self { low: self.around(node, left).low, high: self.around(node, left + 1).high }
    }
}
