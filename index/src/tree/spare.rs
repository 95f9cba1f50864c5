//! Nodes that a thread freed, kept for its splits to come.
//!
//! What the splits of a writer replace is freed soon after, mostly by itself, and is in its cache then; the memory that the
//! slab would give is not. So a thread keeps as many freed nodes as its splits lately asked for. Who moves or merges nodes
//! asks the slab for the fullest chunk instead, and each time one node less is kept: a tree that shrinks keeps none.

#[cfg(any(loom, feature = "shuttle", crossbeam_sanitize))]
pub(super) use super::slab::{allocate, allocate as allocate_packed, free};
#[cfg(not(any(loom, feature = "shuttle", crossbeam_sanitize)))]
pub(super) use kept::{allocate, allocate_packed, free};

#[cfg(not(any(loom, feature = "shuttle", crossbeam_sanitize)))]
mod kept {
    use std::cell::RefCell;

    use super::super::node::Node;
    use super::super::slab;

    /// Nodes of one size that a thread keeps, at most: what it retires between two collections is fewer.
    const KEPT_MAX: usize = 256;
    const LINE: usize = 64;
    /// Nodes of two, three and four lines.
    const CLASSES: usize = 3;

    thread_local! {
        static SPARES: RefCell<Spares> = const { RefCell::new(Spares([const { Shelf { nodes: Vec::new(), wanted: 0 } }; CLASSES])) };
    }

    struct Spares([Shelf; CLASSES]);

    /// Freed nodes of one size.
    struct Shelf {
        nodes: Vec<*mut Node>,
        /// How many are worth keeping.
        wanted: usize,
    }

    const fn class_of<N>() -> usize {
        size_of::<N>().div_ceil(LINE) - 2
    }

    /// Does `change` to the shelf of `N`; nothing in a thread that is ending.
    #[inline]
    fn with_shelf<N, T>(change: impl FnOnce(&mut Shelf) -> T) -> Option<T> {
        SPARES.try_with(|spares| Some(change(&mut spares.try_borrow_mut().ok()?.0[const { class_of::<N>() }]))).ok()?
    }

    /// Moves `value` into memory that this thread freed, or else into any.
    #[inline]
    pub(in super::super) fn allocate<N>(value: N) -> *mut Node {
        let spare = with_shelf::<N, _>(|shelf| {
            shelf.wanted = KEPT_MAX.min(shelf.wanted + 1);
            shelf.nodes.pop()
        });
        let Some(Some(node)) = spare else { return slab::allocate(value) };
        // SAFETY: the node was a freed one of this size, and is ours.
        unsafe { node.cast::<N>().write(value) };
        node
    }

    /// Moves `value` into the fullest chunk that has room.
    pub(in super::super) fn allocate_packed<N>(value: N) -> *mut Node {
        let surplus = with_shelf::<N, _>(|shelf| {
            shelf.wanted = shelf.wanted.saturating_sub(1);
            if shelf.nodes.len() > shelf.wanted { shelf.nodes.pop() } else { None }
        });
        if let Some(Some(node)) = surplus {
            // SAFETY: the node was a freed one of this size, and is ours.
            unsafe { slab::free::<N>(node) };
        }
        slab::allocate(value)
    }

    /// Frees the memory of a node, without dropping it.
    ///
    /// # Safety
    ///
    /// As [`slab::free`].
    #[inline]
    pub(in super::super) unsafe fn free<N>(node: *mut Node) {
        let kept = with_shelf::<N, _>(|shelf| {
            let has_room = shelf.nodes.len() < shelf.wanted;
            if has_room {
                shelf.nodes.push(node);
            }
            has_room
        });
        if kept != Some(true) {
            // SAFETY: as the caller guarantees.
            unsafe { slab::free::<N>(node) };
        }
    }

    impl Drop for Spares {
        fn drop(&mut self) {
            let [two, three, four] = &self.0;
            // SAFETY: the nodes are freed ones of this size, and ours.
            two.nodes.iter().for_each(|&node| unsafe { slab::free::<[u64; 16]>(node) });
            // SAFETY: as above.
            three.nodes.iter().for_each(|&node| unsafe { slab::free::<[u64; 24]>(node) });
            // SAFETY: as above.
            four.nodes.iter().for_each(|&node| unsafe { slab::free::<[u64; 32]>(node) });
        }
    }
}
