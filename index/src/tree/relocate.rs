//! Moving nodes together, so that the memory between them can be given back.
//!
//! Removals leave chunks of memory behind that hold one node or two. Whoever removes from a leaf in which few entries
//! are left looks, every other time, at the chunks of that leaf, of its neighbours and of the nodes above, and copies those
//! nodes elsewhere whose chunk is sparse: new nodes go to the fullest chunks. The neighbours matter: a chunk is freed only
//! when its last node goes, and some nodes are seldom written. Nothing depends on a move: where another writer is in the way, it is left to the next removal.

use super::grow::{Loose, Run};
use super::node::{self, Leaf};
use super::plan::{Bottom, Plan};
use super::raw::{Path, RawTree};
use super::store::Store;
use crate::guard::Guard;

impl<S: Store, const ORDER: usize> RawTree<S, ORDER> {
    /// Moves the nodes of the path, and the neighbours of its leaf, out of sparse chunks.
    pub(super) fn relocate<'g>(&'g self, path: &Path<'g, S>, guard: &'g Guard) {
        let Some(step) = path.step(1) else { return };
        for index in 0..step.node.child_count() {
            // SAFETY: the leaf was read under the guard.
            if unsafe { node::is_sparse(step.node.child(index)) } {
                self.move_leaf(path, index, guard);
            }
        }
        for level in 1..=path.height {
            // SAFETY: the node was read under the guard.
            let sparse = path.step(level).is_some_and(|step| unsafe { node::is_sparse(step.node.as_node()) });
            // A move makes the path wrong for the level below alone, and that was looked at.
            if sparse {
                self.move_inner(path, level, guard);
            }
        }
    }

    /// Replaces the leaf of the path by a copy, if no other writer is in the way.
    pub(super) fn renew<'g>(&'g self, path: &Path<'g, S>, guard: &'g Guard) {
        if let Some(step) = path.step(1) {
            self.move_leaf(path, step.index, guard);
        }
    }

    fn move_leaf<'g>(&'g self, path: &Path<'g, S>, index: usize, guard: &'g Guard) {
        let Some(step) = path.step(1) else { return };
        let child = step.node.child(index);
        // SAFETY: below level 1 are leaves; read under the guard.
        let leaf = unsafe { node::leaf::<S>(child) };
        let meta = leaf.snapshot();
        if meta.is_locked() || meta.is_frozen() {
            return;
        }
        let mut run = Run::new(Loose::NONE);
        run.extend(leaf.run(meta));
        let mut plan =
            Plan::packed(Bottom { expected: [Some(child), None], frozen: [Some((leaf, meta)), None], merged: None });
        plan.add(Leaf::of(&run, path.fences(1).around(step.node, index)));
        plan.raise::<ORDER>(path, 1, index..index + 1);
        plan.commit(self, guard);
    }

    fn move_inner<'g>(&'g self, path: &Path<'g, S>, level: usize, guard: &'g Guard) {
        let Some(step) = path.step(level) else { return };
        let child = step.node.child(step.index);
        let bottom = Bottom { expected: [Some(child), None], frozen: [None, None], merged: None };
        let mut plan = Plan::packed(bottom);
        plan.fresh.push(child);
        plan.copy::<ORDER>(path, level);
        plan.commit(self, guard);
    }
}
