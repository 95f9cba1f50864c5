//! [`Anchors`]: where a node probably lies, told before its slot is read.
//!
//! Nodes of one size that are made one after the other lie one after the other, and most arrays are filled in order of id.
//! So the place of the first node of each 1024 ids, its *anchor*, tells where the other nodes are, unless they were made in another
//! order or size, or have been replaced since. A reader who asks the processor for that line and reads the slot meanwhile has waited
//! for one miss instead of two; where the anchor leads astray it has asked for a line in vain. Nothing is ever read through
//! an anchor.

use std::sync::OnceLock;
// Not the model's atomics: an anchor is a hint, which no protocol rests on.
use std::sync::atomic::{AtomicUsize, Ordering};

use super::{FIRST_SEGMENT_LOG2, SEGMENT_COUNT, segment_len};
use crate::memory::cells::CellPlace;

/// Ids to an anchor.
const IDS: usize = 1 << FIRST_SEGMENT_LOG2;

/// The first segment with anchors; what lies before is a few thousand ids, which are in the cache anyway.
const FIRST_SEGMENT: usize = 3;

/// The anchors of an array, segment by segment as its slots.
pub(super) struct Anchors {
    /// Those of segment `k + FIRST_SEGMENT`: words of [`CellPlace`], or zero; none before the segment has a node.
    segments: [OnceLock<Box<[AtomicUsize]>>; SEGMENT_COUNT - FIRST_SEGMENT],
}

impl Anchors {
    pub(super) const fn new() -> Self {
        Self { segments: [const { OnceLock::new() }; SEGMENT_COUNT - FIRST_SEGMENT] }
    }

    /// Where the newest node of a slot lies, if the nodes around it are the first of theirs and were made in order.
    #[inline]
    pub(super) fn probable(&self, (segment, slot): (usize, usize)) -> Option<*const u8> {
        let anchor = self.segments.get(segment.checked_sub(FIRST_SEGMENT)?)?.get()?.get(slot / IDS)?;
        // Relaxed: a hint.
        let anchor = CellPlace::from_word(anchor.load(Ordering::Relaxed))?;
        Some(anchor.nth_after(slot % IDS))
    }

    /// Notes that a node in `cell`, if it is in one, becomes the newest of a slot, and the first or not.
    #[inline]
    pub(super) fn note(
        &self,
        (segment, slot): (usize, usize),
        is_first: bool,
        cell: impl FnOnce() -> Option<CellPlace>,
    ) {
        if segment < FIRST_SEGMENT || !slot.is_multiple_of(IDS) {
            return;
        }
        let anchors = self.segments[segment - FIRST_SEGMENT]
            .get_or_init(|| (0..segment_len(segment) / IDS).map(|_| AtomicUsize::new(0)).collect());
        // Where the anchor's own node is replaced, so are others.
        let word = if is_first { cell().map_or(0, CellPlace::to_word) } else { 0 };
        // Relaxed: a hint.
        anchors[slot / IDS].store(word, Ordering::Relaxed);
    }

    /// Bytes that they take.
    pub(super) fn memory_usage(&self) -> usize {
        self.segments.iter().filter_map(OnceLock::get).map(|anchors| size_of_val(&**anchors)).sum()
    }
}

#[cfg(all(test, not(any(loom, feature = "shuttle", crossbeam_sanitize))))]
mod tests {
    use std::alloc::Layout;
    use std::ptr::NonNull;

    use super::*;
    use crate::memory::cells::{CELL_ALIGN, Cells};

    #[test]
    fn nodes_made_in_order_are_where_their_anchors_say() {
        static CELLS: Cells = Cells::new();
        let layout = Layout::from_size_align(70, CELL_ALIGN).unwrap();
        // SAFETY: the layout's size is not zero.
        let nodes: Vec<NonNull<u8>> = (0..8 * IDS).map(|_| unsafe { CELLS.allocate(layout) }).collect();
        let anchors = Anchors::new();
        let note =
            |slot: usize, is_first| anchors.note((FIRST_SEGMENT, slot), is_first, || Cells::place(nodes[slot], layout));
        (0..nodes.len()).for_each(|slot| note(slot, true));
        for (slot, node) in nodes.iter().enumerate() {
            assert_eq!(anchors.probable((FIRST_SEGMENT, slot)), Some(node.as_ptr().cast_const()));
        }
        note(IDS + 1, false);
        assert!(anchors.probable((FIRST_SEGMENT, IDS + 2)).is_some(), "only the anchor itself counts");
        note(IDS, false);
        assert_eq!(anchors.probable((FIRST_SEGMENT, IDS + 2)), None, "its node is not the first any more");
        assert!(anchors.probable((FIRST_SEGMENT, 0)).is_some());
        assert_eq!(anchors.probable((FIRST_SEGMENT - 1, 0)), None);
        assert_eq!(anchors.probable((FIRST_SEGMENT + 1, 0)), None);
        // SAFETY: each came from `allocate` for this layout, and is freed once.
        nodes.into_iter().for_each(|node| unsafe { CELLS.free(node, layout) });
    }
}
