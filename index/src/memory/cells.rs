//! [`Cells`]: memory for small things of any size, in cells of a slab, so that they lie close together in huge pages; large
//! things get theirs from the program's allocator.
//!
//! Model checkers and sanitizers see each thing as an allocation of its own.

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::num::NonZeroUsize;
use std::ptr::{self, NonNull};

use super::pages::PAGE_BYTES;
use super::slab::{FIRST_CELL, Slab};

/// What cells are aligned to at least.
pub(crate) const CELL_ALIGN: usize = 16;

/// Small steps while things are small; then such that little of a page is left over.
const CELL_BYTES: [usize; 21] =
    [32, 48, 64, 80, 96, 112, 128, 144, 160, 176, 192, 208, 224, 240, 256, 304, 352, 400, 496, 672, 1008];

/// How many cells of each size a page has room for.
const CELLS_PER_PAGE: [u32; CELL_BYTES.len()] = {
    let mut counts = [0; CELL_BYTES.len()];
    let mut class = 0;
    while class < counts.len() {
        counts[class] = ((PAGE_BYTES - FIRST_CELL) / CELL_BYTES[class]) as u32;
        class += 1;
    }
    counts
};

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

/// Where a cell lies: its page, its number in it and its class, in one word that is not zero.
///
/// ```text
/// [page][number: 7][class: 5]
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CellPlace(NonZeroUsize);

const CLASS_BITS: u32 = 5;

const _: () = {
    assert!(CELL_BYTES.len() <= 1 << CLASS_BITS);
    assert!((PAGE_BYTES / CELL_BYTES[0]) << CLASS_BITS <= PAGE_BYTES, "the number and the class fit below the page");
};

impl CellPlace {
    pub(crate) fn to_word(self) -> usize {
        self.0.get()
    }

    /// What [`to_word`](Self::to_word) gave; `None` for zero.
    #[inline]
    pub(crate) fn from_word(word: usize) -> Option<Self> {
        NonZeroUsize::new(word).map(Self)
    }

    /// Where the cell lies that was carved so many cells later, if the pages in between are neighbours. It may be anywhere,
    /// and is for a prefetch only.
    #[inline]
    pub(crate) fn nth_after(self, count: usize) -> *const u8 {
        let word = self.0.get();
        let (page, below) = (word & !(PAGE_BYTES - 1), word % PAGE_BYTES);
        let (number, class) = (below >> CLASS_BITS, below % (1 << CLASS_BITS));
        // 32 bits: a division of 64 takes a processor longer.
        let (number, per_page) = ((number + count) as u32, CELLS_PER_PAGE[class]);
        let (pages, number) = ((number / per_page) as usize, (number % per_page) as usize);
        ptr::without_provenance(page + pages * PAGE_BYTES + FIRST_CELL + number * CELL_BYTES[class])
    }
}

/// Memory for things of one kind.
pub(crate) struct Cells {
    slab: Slab<{ CELL_BYTES.len() }>,
}

impl Cells {
    /// Cells without memory.
    pub(crate) const fn new() -> Self {
        Self { slab: Slab::new(CELL_BYTES) }
    }

    /// The class of things of this layout; `None` if the program's allocator has them.
    #[inline]
    fn class_of(layout: Layout) -> Option<usize> {
        if cfg!(any(loom, feature = "shuttle", crossbeam_sanitize)) || layout.align() > CELL_ALIGN {
            return None;
        }
        CLASSES.get(layout.size().div_ceil(CELL_ALIGN)).map(|class| usize::from(*class))
    }

    /// Bytes that the slab holds, with the room between cells in use.
    pub(crate) fn held(&self) -> usize {
        self.slab.held()
    }

    /// Bytes of the memory that a thing of this layout gets.
    #[inline]
    pub(crate) fn taken(layout: Layout) -> usize {
        Self::class_of(layout).map_or(layout.size(), |class| CELL_BYTES[class])
    }

    /// Where a thing of this layout lies, if it is in a cell.
    pub(crate) fn place(memory: NonNull<u8>, layout: Layout) -> Option<CellPlace> {
        let class = Self::class_of(layout)?;
        let (page, below) = (memory.addr().get() & !(PAGE_BYTES - 1), memory.addr().get() % PAGE_BYTES);
        let number = (below - FIRST_CELL) / CELL_BYTES[class];
        NonZeroUsize::new(page | number << CLASS_BITS | class).map(CellPlace)
    }

    /// Memory for a thing, with whatever is in it.
    ///
    /// # Safety
    ///
    /// The layout's size is not zero.
    pub(crate) unsafe fn allocate(&'static self, layout: Layout) -> NonNull<u8> {
        let memory = match Self::class_of(layout) {
            Some(class) => self.slab.allocate(class),
            // SAFETY: the caller guarantees that the size is not zero.
            None => unsafe { alloc(layout) },
        };
        NonNull::new(memory).unwrap_or_else(|| handle_alloc_error(layout))
    }

    /// Takes the memory of a thing back.
    ///
    /// # Safety
    ///
    /// `memory` came from [`allocate`](Self::allocate) of the same cells for a layout of the same alignment that takes as much
    /// memory, and nobody will touch it again.
    pub(crate) unsafe fn free(&'static self, memory: NonNull<u8>, layout: Layout) {
        match Self::class_of(layout) {
            // SAFETY: as the caller guarantees; things of that layout come from the slab.
            Some(_) => unsafe { self.slab.free(memory.as_ptr()) },
            // SAFETY: as the caller guarantees; things of that layout come from the allocator, with this layout.
            None => unsafe { dealloc(memory.as_ptr(), layout) },
        }
    }
}
