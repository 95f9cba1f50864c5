//! Memory for nodes: cells of two, three and four cache lines. What lingers in a sparse chunk is moved (`relocate.rs`).
//!
//! Model checkers and sanitizers see each node as an allocation of its own.

#[cfg(any(loom, feature = "shuttle", crossbeam_sanitize))]
pub(crate) use plain::{allocate, free, is_sparse};
#[cfg(not(any(loom, feature = "shuttle", crossbeam_sanitize)))]
pub(crate) use pooled::{allocate, free, is_sparse};

/// Bytes that the nodes of all trees hold, with the room between them.
pub(super) fn held() -> usize {
    NODES.held()
}

use crate::memory::slab::Slab;

const LINE: usize = 64;
const CLASSES: usize = 3;

static NODES: Slab<CLASSES> = Slab::new([2 * LINE, 3 * LINE, 4 * LINE]);

#[cfg(any(loom, feature = "shuttle", crossbeam_sanitize))]
mod plain {
    use crate::tree::node::Node;

    /// Moves `value` into memory of its own.
    pub(crate) fn allocate<N>(value: N) -> *mut Node {
        let node = Box::into_raw(Box::new(value));
        // For `as_node`.
        node.expose_provenance();
        node.cast()
    }

    /// Whether a node should move elsewhere: always, so that the models see it move.
    ///
    /// # Safety
    ///
    /// None, but in the other module.
    pub(crate) unsafe fn is_sparse(_node: *mut Node) -> bool {
        true
    }

    /// Frees the memory of a node, without dropping it.
    ///
    /// # Safety
    ///
    /// `node` came from [`allocate`] with the same type, and nobody will touch it again.
    pub(crate) unsafe fn free<N>(node: *mut Node) {
        // SAFETY: the caller guarantees that this is the box made by `allocate` and that we are its last user.
        drop(unsafe { Box::from_raw(node.cast::<N>()) });
    }
}

#[cfg(not(any(loom, feature = "shuttle", crossbeam_sanitize)))]
mod pooled {
    use std::ptr;

    use super::{CLASSES, LINE, NODES};
    use crate::tree::node::Node;

    const fn class_of<N>() -> usize {
        let lines = size_of::<N>().div_ceil(LINE);
        assert!(align_of::<N>() <= LINE && lines >= 2 && lines < 2 + CLASSES);
        lines - 2
    }

    /// Moves `value` into memory of its own.
    #[inline]
    pub(crate) fn allocate<N>(value: N) -> *mut Node {
        let cell = NODES.allocate(const { class_of::<N>() }).cast::<N>();
        // SAFETY: the cell is ours, large enough and aligned for `N`.
        unsafe { ptr::write(cell, value) };
        // For `as_node`.
        cell.expose_provenance();
        cell.cast()
    }

    /// Whether the memory around a node is so empty that the node should move, and there is a fuller chunk to move to.
    ///
    /// # Safety
    ///
    /// `node` came from [`allocate`] and is not freed meanwhile.
    pub(crate) unsafe fn is_sparse(node: *mut Node) -> bool {
        // SAFETY: as the caller guarantees.
        unsafe { NODES.is_sparse(node.cast()) }
    }

    /// Frees the memory of a node, without dropping it.
    ///
    /// # Safety
    ///
    /// `node` came from [`allocate`] with the same type, and nobody will touch it again.
    pub(crate) unsafe fn free<N>(node: *mut Node) {
        const { assert!(!std::mem::needs_drop::<N>()) };
        // SAFETY: as the caller guarantees.
        unsafe { NODES.free(node.cast()) };
    }
}
