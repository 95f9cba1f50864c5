//! [`Zeroed`]: memory full of zeros.
//!
//! Large pieces are regions (`regions.rs`): fresh pages of the kernel are zero when they are first touched, and what was used
//! before is written over. Either takes a while, up to milliseconds for a huge page, so a piece can be *prepared* in portions
//! before it is used, where an allocator would write all of it out of one operation's time.

use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Every piece begins at a multiple of a cache line.
const LINE: usize = 64;
/// Whether large pieces are regions. A sanitizer has to see what they refer to.
const MAPS: bool = cfg!(all(target_os = "linux", target_pointer_width = "64", not(any(miri, crossbeam_sanitize))));
/// Pieces from this size are regions.
const MAPPED_MIN: usize = 512 << 10;
/// Pieces from this size ask for huge pages.
const HUGE_MIN: usize = 4 << 20;
/// The size of a huge page.
const HUGE_PAGE: usize = 2 << 20;
/// The size of a small page, at least.
const SMALL_PAGE: usize = 4 << 10;
/// Small pages that are prepared at a time.
const SMALL_PAGES: usize = 32;

/// Bytes of all pieces that came from the kernel.
static MAPPED: AtomicUsize = AtomicUsize::new(0);

/// Bytes of the tables of all hash indexes in this process that do not come from the program's allocator: on Linux, those of
/// tables from 512 KiB on.
#[must_use]
pub fn table_memory() -> usize {
    // Relaxed: a statistic.
    MAPPED.load(Ordering::Relaxed)
}

/// A piece of memory that is zero at first.
pub(crate) struct Zeroed {
    /// What was asked for, with room for the alignment where it came from the allocator.
    whole: NonNull<u8>,
    start: NonNull<u8>,
    bytes: usize,
    /// Whether a portion is to be written over, because something was there before.
    is_used: bool,
}

impl Zeroed {
    /// So many bytes, all of them zero.
    ///
    /// # Panics
    ///
    /// Panics when that is more than the address space holds.
    pub(crate) fn new(bytes: usize) -> Self {
        let piece = Self::unprepared(bytes);
        if piece.is_used {
            // SAFETY: nobody has the piece yet.
            (0..piece.portions()).for_each(|portion| unsafe { piece.prepare(portion) });
        }
        piece
    }

    /// So many bytes, which nobody may use before all [portions](Self::portions) are [prepared](Self::prepare).
    ///
    /// # Panics
    ///
    /// Panics when that is more than the address space holds.
    pub(crate) fn unprepared(bytes: usize) -> Self {
        if !is_mapped(bytes) {
            let whole = allocate(bytes);
            let skipped = whole.align_offset(LINE);
            // SAFETY: the whole has room for the alignment.
            let start = unsafe { whole.add(skipped) };
            return Self { whole, start, bytes, is_used: false };
        }
        // Relaxed: a statistic.
        MAPPED.fetch_add(bytes, Ordering::Relaxed);
        let (whole, is_used) = mapped::take(bytes);
        Self { whole, start: whole, bytes, is_used }
    }

    /// Where the bytes begin.
    pub(crate) fn start(&self) -> NonNull<u8> {
        self.start
    }

    /// How many portions there are to prepare.
    pub(crate) fn portions(&self) -> usize {
        if is_mapped(self.bytes) { self.bytes.div_ceil(self.portion_bytes()) } else { 0 }
    }

    fn portion_bytes(&self) -> usize {
        if is_huge(self.bytes) { HUGE_PAGE } else { SMALL_PAGES * SMALL_PAGE }
    }

    /// Sees to it that a portion is zero and that its pages are there. Where the kernel has no huge page, most stay away; that
    /// costs those who come first some time, and nothing else.
    ///
    /// # Safety
    ///
    /// Nobody uses the portion meanwhile.
    pub(crate) unsafe fn prepare(&self, portion: usize) {
        let begin = portion * self.portion_bytes();
        let end = self.bytes.min(begin + self.portion_bytes());
        // SAFETY: the offset lies within the piece.
        let first = unsafe { self.start.add(begin) };
        if self.is_used {
            // SAFETY: these bytes are the piece's, and nobody uses them, says the caller.
            return unsafe { first.write_bytes(0, end - begin) };
        }
        let page = if is_huge(self.bytes) { HUGE_PAGE } else { SMALL_PAGE };
        for offset in (0..end - begin).step_by(page) {
            // SAFETY: the offset lies within the portion.
            let byte = unsafe { first.add(offset) };
            // SAFETY: nobody uses it, says the caller.
            unsafe { byte.write_volatile(0) };
        }
    }
}

impl Drop for Zeroed {
    fn drop(&mut self) {
        if is_mapped(self.bytes) {
            // Relaxed: a statistic.
            MAPPED.fetch_sub(self.bytes, Ordering::Relaxed);
            // SAFETY: it came from `take` with this very size, and goes with us.
            unsafe { mapped::give_back(self.whole, self.bytes) }
        } else {
            // SAFETY: it came from `allocate` with this very layout.
            unsafe { dealloc(self.whole.as_ptr(), layout(self.bytes)) }
        }
    }
}

/// Whether a piece of so many bytes is regions.
fn is_mapped(bytes: usize) -> bool {
    MAPS && bytes >= MAPPED_MIN
}

/// Whether a piece of so many bytes is to lie in huge pages.
fn is_huge(bytes: usize) -> bool {
    MAPS && bytes >= HUGE_MIN
}

/// A piece of the program's allocator.
fn allocate(bytes: usize) -> NonNull<u8> {
    let layout = layout(bytes);
    // SAFETY: the layout is not empty, since there is room for the alignment.
    NonNull::new(unsafe { alloc_zeroed(layout) }).unwrap_or_else(|| handle_alloc_error(layout))
}

/// The bytes with room for the alignment and the allocator's own one: for a larger one it would write the zeros.
fn layout(bytes: usize) -> Layout {
    let words = bytes.checked_add(LINE).map(|whole| whole.div_ceil(size_of::<u128>()));
    let layout = words.and_then(|words| Layout::array::<u128>(words).ok());
    layout.expect("the piece fits the address space")
}

#[cfg(all(target_os = "linux", target_pointer_width = "64", not(miri)))]
mod mapped {
    use std::ptr::NonNull;

    use crate::memory::regions::{self, Content, PageSize, REGION_BYTES};

    /// A piece, and whether something was there before.
    pub(super) fn take(bytes: usize) -> (NonNull<u8>, bool) {
        let (start, content) = regions::take(bytes.div_ceil(REGION_BYTES), page_size(bytes));
        (NonNull::new(start).expect("a region is not at address 0"), content == Content::Old)
    }

    /// Takes a piece back.
    ///
    /// # Safety
    ///
    /// It came from [`take`], and nobody will touch it again.
    pub(super) unsafe fn give_back(start: NonNull<u8>, bytes: usize) {
        // SAFETY: as the caller guarantees.
        unsafe { regions::give_back(start.as_ptr(), bytes.div_ceil(REGION_BYTES), page_size(bytes)) }
    }

    fn page_size(bytes: usize) -> PageSize {
        if super::is_huge(bytes) { PageSize::Huge } else { PageSize::Small }
    }
}

#[cfg(not(all(target_os = "linux", target_pointer_width = "64", not(miri))))]
mod mapped {
    use std::ptr::NonNull;

    pub(super) fn take(_bytes: usize) -> (NonNull<u8>, bool) {
        unreachable!("no piece is that large here")
    }

    pub(super) unsafe fn give_back(_start: NonNull<u8>, _bytes: usize) {}
}
