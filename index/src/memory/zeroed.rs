//! [`Zeroed`]: memory full of zeros.
//!
//! Large pieces come from the kernel itself, whose pages are zero when they are first touched. An allocator that has a freed
//! piece at hand would write all zeros at once: milliseconds for the table of a million entries, and out of one operation's
//! time. The kernel takes its time for them too, half a millisecond for one huge page, so a piece can be touched in portions
//! before it is used.

use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use super::prefer_huge_pages;

/// Every piece begins at a multiple of a cache line.
const LINE: usize = 64;
/// Whether large pieces come from the kernel. A sanitizer has to see what they refer to.
const MAPS: bool = cfg!(all(target_os = "linux", target_pointer_width = "64", not(any(miri, crossbeam_sanitize))));
/// Pieces from this size come from the kernel.
const MAPPED_MIN: usize = 512 << 10;
/// Pieces from this size ask for huge pages, and begin where one does.
const HUGE_MIN: usize = 4 << 20;
/// The size of a huge page.
const HUGE_PAGE: usize = 2 << 20;
/// The size of a small page, at least.
const SMALL_PAGE: usize = 4 << 10;
/// Small pages that are touched at a time.
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
    /// What was asked for, with room for the alignment.
    whole: NonNull<u8>,
    whole_bytes: usize,
    start: NonNull<u8>,
    bytes: usize,
}

impl Zeroed {
    /// So many bytes.
    ///
    /// # Panics
    ///
    /// Panics when that is more than the address space holds.
    pub(crate) fn new(bytes: usize) -> Self {
        // A start rounded up by hand: for an alignment larger than its own, an allocator would write the zeros.
        let alignment = if is_huge(bytes) { HUGE_PAGE } else { LINE };
        let whole_bytes = bytes.checked_add(alignment).expect("the piece fits the address space");
        let whole = if is_mapped(bytes) { mapped::take(whole_bytes) } else { allocate(whole_bytes) };
        let skipped = whole.align_offset(alignment);
        // SAFETY: the whole is `alignment` bytes longer than what follows the skipped ones.
        let start = unsafe { whole.add(skipped) };
        if is_mapped(bytes) {
            // Relaxed: a statistic.
            MAPPED.fetch_add(bytes, Ordering::Relaxed);
        }
        if is_huge(bytes) {
            // SAFETY: the piece has these bytes, and they are zero.
            prefer_huge_pages(unsafe { NonNull::slice_from_raw_parts(start, bytes).as_ref() });
        }
        Self { whole, whole_bytes, start, bytes }
    }

    /// Where the bytes begin.
    pub(crate) fn start(&self) -> NonNull<u8> {
        self.start
    }

    /// How many portions there are to touch.
    pub(crate) fn portions(&self) -> usize {
        if is_mapped(self.bytes) { self.bytes.div_ceil(self.portion_bytes()) } else { 0 }
    }

    fn portion_bytes(&self) -> usize {
        if is_huge(self.bytes) { HUGE_PAGE } else { SMALL_PAGES * SMALL_PAGE }
    }

    /// Has the kernel bring the pages of a portion. Where it has no huge page, most of them stay away; that costs those who
    /// come first some time, and nothing else.
    ///
    /// # Safety
    ///
    /// Whoever uses the piece meanwhile uses its words of eight bytes as atomics of that size.
    pub(crate) unsafe fn touch(&self, portion: usize) {
        let page = if is_huge(self.bytes) { HUGE_PAGE } else { SMALL_PAGE };
        let begin = portion * self.portion_bytes();
        for offset in (begin..self.bytes.min(begin + self.portion_bytes())).step_by(page) {
            // SAFETY: the offset lies within the piece.
            let word = unsafe { self.start.add(offset) };
            // SAFETY: it is at a multiple of a page; others use it as the caller guarantees.
            let word = unsafe { AtomicU64::from_ptr(word.cast().as_ptr()) };
            // A store that changes nothing, whatever is there. Relaxed: it orders nothing.
            _ = word.compare_exchange(0, 0, Ordering::Relaxed, Ordering::Relaxed);
        }
    }
}

impl Drop for Zeroed {
    fn drop(&mut self) {
        if is_mapped(self.bytes) {
            // Relaxed: a statistic.
            MAPPED.fetch_sub(self.bytes, Ordering::Relaxed);
            // SAFETY: it came from `take` with this very size, and goes with us.
            unsafe { mapped::give_back(self.whole, self.whole_bytes) }
        } else {
            // SAFETY: it came from `allocate` with this very layout.
            unsafe { dealloc(self.whole.as_ptr(), layout(self.whole_bytes)) }
        }
    }
}

/// Whether a piece of so many bytes comes from the kernel.
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

/// The bytes with the allocator's own alignment.
fn layout(bytes: usize) -> Layout {
    Layout::array::<u128>(bytes.div_ceil(size_of::<u128>())).expect("the piece fits the address space")
}

#[cfg(target_os = "linux")]
mod mapped {
    use std::alloc::handle_alloc_error;
    use std::ptr::{NonNull, null_mut};

    /// Fresh pages.
    pub(super) fn take(bytes: usize) -> NonNull<u8> {
        const PROTECTION: i32 = libc::PROT_READ | libc::PROT_WRITE;
        const FLAGS: i32 = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
        // SAFETY: a new mapping of its own, at no given address.
        let start = unsafe { libc::mmap(null_mut(), bytes, PROTECTION, FLAGS, -1, 0) };
        if start == libc::MAP_FAILED {
            handle_alloc_error(super::layout(bytes));
        }
        NonNull::new(start.cast()).expect("a mapping is not at address 0")
    }

    /// Gives pages to the kernel.
    ///
    /// # Safety
    ///
    /// They came from [`take`], and nobody will touch them again.
    pub(super) unsafe fn give_back(start: NonNull<u8>, bytes: usize) {
        // SAFETY: as the caller guarantees.
        unsafe { libc::munmap(start.as_ptr().cast(), bytes) };
    }
}

#[cfg(not(target_os = "linux"))]
mod mapped {
    use std::ptr::NonNull;

    pub(super) fn take(_bytes: usize) -> NonNull<u8> {
        unreachable!("no piece is that large here")
    }

    pub(super) unsafe fn give_back(_start: NonNull<u8>, _bytes: usize) {}
}
