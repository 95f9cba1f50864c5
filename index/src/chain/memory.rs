//! Memory for nodes: cells of a slab for those of the usual sizes, so that they lie close together in huge pages; the
//! program's allocator for large ones.
//!
//! Model checkers and sanitizers see each node as an allocation of its own.

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::ptr::NonNull;

use crate::memory::slab::Slab;

/// What nodes are aligned to at least.
pub(super) const CELL_ALIGN: usize = 16;

/// Small steps while nodes are small; then such that little of a page is left over.
const CELL_BYTES: [usize; 21] =
    [32, 48, 64, 80, 96, 112, 128, 144, 160, 176, 192, 208, 224, 240, 256, 304, 352, 400, 496, 672, 1008];

/// The class for each multiple of the alignment, the first that is large enough.
const CLASSES: [u8; CELL_BYTES[CELL_BYTES.len() - 1] / CELL_ALIGN + 1] = {
    let mut classes = [0; CELL_BYTES[CELL_BYTES.len() - 1] / CELL_ALIGN + 1];
    let mut units = 0;
    while units < classes.len() {
        let mut class = 0;
        while CELL_BYTES[class] < units * CELL_ALIGN {
            class += 1;
        }
        classes[units] = class as u8;
        units += 1;
    }
    classes
};

static NODES: Slab<{ CELL_BYTES.len() }> = Slab::new(CELL_BYTES);

/// The class of nodes that large; `None` if the program's allocator has them.
#[inline]
fn class_of(bytes: usize) -> Option<usize> {
    if cfg!(any(loom, feature = "shuttle", crossbeam_sanitize)) {
        return None;
    }
    CLASSES.get(bytes.div_ceil(CELL_ALIGN)).map(|class| usize::from(*class))
}

/// What a node of so many bytes takes.
pub(super) fn taken(bytes: usize) -> usize {
    class_of(bytes).map_or(bytes, |class| CELL_BYTES[class])
}

/// Memory for a node, with whatever is in it.
pub(super) fn allocate(bytes: usize) -> NonNull<u8> {
    let layout = layout(bytes);
    let memory = match class_of(bytes) {
        Some(class) => NODES.allocate(class),
        // SAFETY: a node has a head, so the size is not zero.
        None => unsafe { alloc(layout) },
    };
    NonNull::new(memory).unwrap_or_else(|| handle_alloc_error(layout))
}

/// Takes the memory of a node back.
///
/// # Safety
///
/// `node` came from [`allocate`] with as many bytes, and nobody will touch it again.
pub(super) unsafe fn free(node: NonNull<u8>, bytes: usize) {
    match class_of(bytes) {
        // SAFETY: as the caller guarantees; nodes of that size come from the slab.
        Some(_) => unsafe { NODES.free(node.as_ptr()) },
        // SAFETY: as the caller guarantees; nodes of that size come from the allocator, with this layout.
        None => unsafe { dealloc(node.as_ptr(), layout(bytes)) },
    }
}

fn layout(bytes: usize) -> Layout {
    Layout::from_size_align(bytes, CELL_ALIGN).expect("four gibibytes and a little are a valid layout")
}
